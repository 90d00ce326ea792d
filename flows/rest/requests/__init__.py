"""Common parts of requests: idempotency keys, conditions, pages, permissions; and refusals."""
