"""What an item refers to, and what refers to it."""
