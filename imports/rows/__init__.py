"""The rows that a file's items match: `read` reads them in batches, `lock` locks them."""
