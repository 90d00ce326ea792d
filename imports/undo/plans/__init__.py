"""Pure: what a run wrote, and what is there now, to the plan of its undo."""
