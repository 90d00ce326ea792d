"""Tools for who works on the code, run on demand."""
