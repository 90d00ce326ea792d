"""Errors in place of a run's statements, to see what a run leaves that is stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection as database


class Stop:
    """Raises an error in place of a run's statement, or of that one and all that follow it."""

    def __init__(self, number: int, error: BaseException, *, for_good: bool) -> None:
        self.seen = 0
        self.number, self.error, self.for_good = number, error, for_good

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        self.seen += 1
        if self.seen == self.number or (self.for_good and self.seen > self.number):
            raise self.error
        return execute(sql, params, many, context)


@contextmanager
def stopping_at(number: int, error: BaseException, *, for_good: bool = False) -> Iterator[Stop]:
    stop = Stop(number, error, for_good=for_good)
    with database.execute_wrapper(stop):
        yield stop
