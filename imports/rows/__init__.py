"""The rows that a file touches: `read` reads them in batches, `hold` locks them to be written."""
