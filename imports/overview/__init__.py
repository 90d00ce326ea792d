"""A server as a whole, in a few figures and codes.

`figures` decides what is shown to whom, `read` reads it, and `readiness` asks whether the server
can take work now.
"""
