"""What every request has: an id, a body of a known length, a limit for its statements."""
