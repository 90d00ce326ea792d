"""The import: `service` has the functions that doors call, `request` has their argument."""
