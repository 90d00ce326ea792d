"""What bodies may hold, and what answers show."""
