"""Finding the jobs that a worker or the queue has lost, whatever they are for."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import QuerySet

from imports.jobs.job_lock import LockHandle, LockHeld
from imports.jobs.queue import end_in_queue, find_lost, find_queued

logger = logging.getLogger(__name__)


def heal_lost(
    task: str,
    waiting: QuerySet[Any],
    hold_lock: Callable[[int], AbstractContextManager[LockHandle]],
    heal: Callable[[int], None],
) -> None:
    """Call `heal` with the number of each lost job of the task, and end that job in the queue.

    Lost are those that a worker has and whose lock nobody holds, and those of `waiting` that the
    queue does not have. Each is healed and ended in one transaction, while its lock is held.
    """
    forgotten = sorted(_find_forgotten(task, waiting))
    for number, queue_number in [*find_lost(task), *((number, None) for number in forgotten)]:
        try:
            with hold_lock(number), transaction.atomic(using=DEFAULT_DB_ALIAS):
                heal(number)
                if queue_number is not None:
                    end_in_queue([queue_number])
        except LockHeld:
            continue
        logger.warning("%s %s was lost by its worker", task, number)


def _find_forgotten(task: str, waiting: QuerySet[Any]) -> set[int]:
    numbers = set(waiting.values_list("pk", flat=True))
    return numbers - find_queued(task) if numbers else set()
