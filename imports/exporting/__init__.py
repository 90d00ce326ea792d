"""Making exports: `selection` chooses the rows, `write` writes them, `downloads` serves them.

`gzip_stream` packs what is written.
"""
