"""Two graphs of a flow side by side: read, compared, laid out, drawn. Pure."""
