"""Pure: plans that are saved, decided on and applied later, and their differences from later ones.

For others: `file.read_plan` and `write_plan`, `decisions.read_decisions`, `page` for the plan of a
page, `snapshot.PlanSnapshot` and `make_confirmation_token`, `changes.find_changes_since`, and
`markdown` for the text of a plan in a pull request.
"""
