"""The pages of an undo."""
