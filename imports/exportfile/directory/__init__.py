"""An export as files of a directory, made for git, and archives of it. Pure.

`splitting` makes the files of an item and `joining` the item of them again; `archive` reads the
files of an archive, and `reading` makes the one-file export of them, or says what is wrong by file
and line.
"""
