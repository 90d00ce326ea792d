"""Carry out the work that was left to workers, until the process is told to stop."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from imports.jobs.availability import may_queue
from imports.jobs.checks import check_shared_backups

_NOT_HERE = (
    "There is no background work on this server: it needs PostgreSQL, the extra `background` and "
    "ZIGGY_BACKGROUND=true. Without, imports run where they are asked for."
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
        from imports.jobs.worker import work  # noqa: PLC0415 - of an extra

        os.nice(nice)
        work(once=once)
