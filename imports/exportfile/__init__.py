"""Pure: the bytes of an export file to its items, with every problem of the file at once.

For others: `document.parse`, `items.Item`, `companion` for the files beside it, `strict_json` and
`warnings`, the form in which a room tells what is to be known of an item.
"""
