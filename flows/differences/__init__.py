"""Pure: compare two states of an item, as values, lines and pictures of its graph."""
