"""Background work in tests has the queue of tests/support/queue_fixtures.py."""

from tests.support.queue_fixtures import _may_queue, _queue_tables, queue, shared_queue

__all__ = ["_may_queue", "_queue_tables", "queue", "shared_queue"]
