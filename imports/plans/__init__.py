"""Pure: an export document and what the server holds to a plan, which is data and does nothing.

For others: `build.build_plan`, and `plan` for what a plan is made of.
"""
