"""The rows that a file touches: `read` reads them in batches, `lock` locks them to be written."""
