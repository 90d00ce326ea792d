"""Pure: make the plan of an import from an export document and the server's rows.

For others: `build.build_plan`, and `plan` with the parts of a plan.
"""
