"""Finding the jobs that a worker or the queue has lost, whatever they are for."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import QuerySet

from imports.jobs.job_lock import LockHandle, LockHeld
from imports.jobs.queue import (
    end_in_queue,
    find_lost,
    find_queued,
    may_be_lost,
)

logger = logging.getLogger(__name__)

_MOMENT_SECONDS = 2


def heal_lost(
    task: str,
    waiting: QuerySet[Any],
    hold_lock: Callable[[int], AbstractContextManager[LockHandle]],
    heal: Callable[[int, int | None], bool],
) -> None:
    """Call `heal` with each lost job of the task: its number, and that in the queue, if any.

    Lost are those that a worker has and whose lock nobody holds, and those of `waiting` that the
    queue does not have. `heal` puts the job back, or ends what it is for, and returns whether that
    was still to be done. Each is healed in one transaction, while its lock is held.
    """
    forgotten = sorted(_find_forgotten(task, waiting))
    done = []
    for number, queue_number in [*find_lost(task), *((number, None) for number in forgotten)]:
        try:
            with hold_lock(number), transaction.atomic(using=DEFAULT_DB_ALIAS):
                if not _is_lost(task, number, queue_number):
                    continue  # another sweep gave it back, and another worker has it, perhaps
                was_to_be_done = heal(number, queue_number)
                if was_to_be_done and queue_number is not None:
                    end_in_queue([queue_number])  # where it was not put back
        except LockHeld:
            continue
        if was_to_be_done:
            logger.warning("%s %s was lost by its worker", task, number)
        elif queue_number is not None:
            done.append(queue_number)
    _end_done(done)


def _end_done(queue_numbers: Sequence[int]) -> None:
    """End the jobs in the queue whose work is done, unless their workers do so in a moment.

    A worker does not that was killed, nor one whose connection was cut just then, though it lives.
    """
    if queue_numbers:
        time.sleep(_MOMENT_SECONDS)
        end_in_queue(queue_numbers)


def _is_lost(task: str, number: int, queue_number: int | None) -> bool:
    """Return whether it is so still, now that its lock is held."""
    if queue_number is None:
        return number not in find_queued(task)
    return may_be_lost(queue_number, task)


def _find_forgotten(task: str, waiting: QuerySet[Any]) -> set[int]:
    numbers = set(waiting.values_list("pk", flat=True))
    return numbers - find_queued(task) if numbers else set()
