"""Carry out the work that was left to workers, until the process is told to stop."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from flows.conf import ziggy
from imports.jobs.availability import has_queue, may_queue
from imports.jobs.checks import check_shared_backups

_NOT_HERE = (
    "There is no background work on this server: it needs PostgreSQL, the extra `background` and "
    "ZIGGY_BACKGROUND=true. Without, imports run where they are asked for."
)
_NO_TABLES = (
    "The queue's tables are not in the database: it is not migrated to this version. Run manage.py "
    "migrate, and start the worker again."
)


class Command(BaseCommand):
    help = (
        "Carry out the imports, undos, plannings and exports that were left to workers. Start as "
        "many as may read files at one time, on any machine; one run writes at a time. SIGTERM "
        "ends it after the run that is under way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="end when no work is left, as for cron"
        )
        parser.add_argument(
            "--nice",
            type=int,
            default=10,
            choices=range(20),
            metavar="N",
            help="how far others go before it for a processor, such as who waits for a page: 0 not "
            "at all, 19 the most (10)",
        )

    def handle(self, *, once: bool, nice: int, **_: Any) -> None:
        if not may_queue():
            raise CommandError(_NOT_HERE)
        for warning in check_shared_backups(databases=[DEFAULT_DB_ALIAS]):
            self.stderr.write(str(warning))
        if not has_queue():
            raise CommandError(_NO_TABLES)
        from imports.jobs.worker import work  # noqa: PLC0415 - of an extra

        os.nice(nice)
        with _serve_metrics():
            work(once=once)


@contextmanager
def _serve_metrics() -> Iterator[None]:
    """Serve what this worker counts while the block runs, if the settings say at what address."""
    if not ziggy.METRICS or not ziggy.WORKER_METRICS_BIND:
        yield
        return
    from imports.metrics.worker_server import WrongBind, read_bind, serve_counts  # noqa: PLC0415

    with ExitStack() as stack:
        try:
            stack.enter_context(serve_counts(*read_bind(ziggy.WORKER_METRICS_BIND)))
        except (WrongBind, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise CommandError(f"ZIGGY_WORKER_METRICS_BIND: {reason}.") from None
        yield
