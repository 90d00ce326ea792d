"""Things that are done at once, in tests."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection as database


def at_once(actions: Sequence[Callable[[], Any]]) -> list[Any]:
    """What the actions return, which begin together, each in a thread and a connection of its own.

    The answers stand in the order in which they came.
    """
    start = threading.Barrier(len(actions))
    answers: list[Any] = []

    def act(action: Callable[[], Any]) -> None:
        start.wait()
        answers.append(action())
        database.close()

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
