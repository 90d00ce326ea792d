"""Uploads that wait in the admin for a confirmation.

`pending` stores and confirms them, `planning` makes their plans, `stored_file` packs their files,
`progress` has that of an import.
"""
