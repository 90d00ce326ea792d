"""Development tools, run on demand."""
