"""Making exports: `selection` chooses the rows, `write` writes them, `downloads` serves them."""
