"""The import: `service` has what doors call, `preview_import`, `examine_import`, `plan_to_save` and
`run_import`. `request` is what they are asked.
"""
