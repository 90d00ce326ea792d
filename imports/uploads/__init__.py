"""Files that wait in the admin for somebody to decide: `pending` keeps them and confirms them,
`planning` makes their plans, `progress` says how far an import is.
"""
