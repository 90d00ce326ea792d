"""The undo of a run: `service` has the functions that doors call, `request` their argument."""
