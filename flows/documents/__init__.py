"""Documents stored once: the nodes and edges of flows and of their named saves, by digest.

A row and a named save hold the digest alone (`field.StoredDocumentField`), so that a save, a
comparison, a copy and a restore need no text. Public: `field.StoredDocumentField`,
`read.group_rows`, `store.keep_documents`.
"""
