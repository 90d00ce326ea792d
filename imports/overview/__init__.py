"""The state of a server at a glance: `figures` decides what is shown to whom, `read` reads it."""
