"""The undo of a run: `service` has what doors call, `preview_undo`, `examine_undo`, `undo_import`.
`request` is what they are asked.
"""
