"""Pure: read the bytes of an export file into its items, or list every problem of the file.

For others: `document.parse`, `items.FileItem`, `companion` for the files given beside an export,
`strict_json`, `gzipped` and `size_limit` for the bytes of a file as it comes in, `warnings` with
the form of a plan's warnings, and `writing.format_export`, which makes the bytes of an export.
"""
