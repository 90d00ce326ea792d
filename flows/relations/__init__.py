"""The items that an item refers to, and those that refer to it."""
