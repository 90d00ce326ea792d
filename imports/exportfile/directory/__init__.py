"""An export as files of a directory, and archives of it. Pure."""
