"""What migrations share: a key that was unknown becomes a column, in rows and in named saves."""
