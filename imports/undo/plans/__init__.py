"""Pure: make the plan of an undo from the rows that the run wrote, then and now."""
