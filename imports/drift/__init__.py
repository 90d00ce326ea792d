"""What differs from what was imported last: `decide` says of one row, `read` finds the rows.

`states` reads both states of a row, and `edits` keeps the imported one when a row is edited.
"""
