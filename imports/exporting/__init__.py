"""Writing export files: `selection` is what is in one, `write` makes it, `downloads` sends it."""
