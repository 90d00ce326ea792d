"""Pure: a plan kept to be looked at, decided on and applied later, and what changed since.

For others: `file.read_plan` and `write_plan`, `decisions.read_decisions`, `page` for the plan of a
page, `snapshot.PlanSnapshot` and `confirmation_token`, `changes.changes_since` for the differences.
"""
