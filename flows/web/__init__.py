"""Middleware for every request: its id, the length of its body, a limit for its statements."""
