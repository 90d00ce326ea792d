"""Making exports: `selection` chooses the rows, `write` writes them, `downloads` serves them.

`gzip_stream` packs what is written, `limit_warnings` warns of what an import would not take.
"""
