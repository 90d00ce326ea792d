"""Uploads that wait in the admin for a confirmation.

`pending` stores and confirms them, `planning` makes their plans, `progress` has that of an import.
"""
