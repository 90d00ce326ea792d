"""System checks of background work: its settings, and the backups, which machines must share."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS, DatabaseError

from flows.conf import ziggy
from flows.servers import QUEUE_APP
from flows.wrong_settings import find_wrong_settings
from imports.database.queue_migrations import lacks_queue_migrations
from imports.jobs.availability import QUEUE_PACKAGE, may_queue
from imports.models import ImportRecord


def check_background_settings(**_: Any) -> list[CheckMessage]:
    """Return what is wrong in the settings of background work, without asking a database."""
    return [] if find_wrong_settings() else [*_find_wrong_numbers(), *_find_missing_queue()]


def check_shared_backups(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Return a warning where the backup of the newest run is not in the directory of this machine.

    It was made by a worker, or by the site, on another machine: nobody would find it when it is
    needed, and each machine would keep and remove backups for itself.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()) or find_wrong_settings() or not may_queue():
        return []
    try:
        return [*_find_missing_backup()]
    except DatabaseError:  # unreachable, or not migrated: other checks and the next query say so
        return []


def check_queue_migrations(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Return an error where the queue's tables are there, and none of their migrations is recorded.

    That is after a restore, by a version that had no queue, of a backup of before it; `migrate`
    would fail in the middle.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()) or find_wrong_settings() or not may_queue():
        return []
    try:
        if not lacks_queue_migrations(DEFAULT_DB_ALIAS):
            return []
    except DatabaseError:  # unreachable: other checks and the next query say so
        return []
    return [
        checks.Error(
            "The tables of the queue are in the database, but their migrations are not recorded: "
            "it was restored from a backup of before the queue.",
            hint="Record them: manage.py migrate --fake --skip-checks " + QUEUE_APP,
            id="ziggy.E015",
        )
    ]


def _find_wrong_numbers() -> Iterator[CheckMessage]:
    for name in ("BACKGROUND_BYTES", "DRILL_HOURS"):
        if (number := getattr(ziggy, name)) < 0:
            yield checks.Error(
                f"ZIGGY_{name} is {number}: that must be 0 or more.",
                hint="In the setting ZIGGY, it has no ZIGGY_ before its name.",
                id="ziggy.E012",
            )


def _find_missing_queue() -> Iterator[CheckMessage]:
    if ziggy.BACKGROUND and not may_queue():
        yield checks.Warning(
            "ZIGGY_BACKGROUND is on, but there is no queue: imports run where they are asked for.",
            hint=f"It needs PostgreSQL, the extra `background`, and {QUEUE_PACKAGE} in "
            "INSTALLED_APPS. In the setting ZIGGY, it has no ZIGGY_ before its name.",
            id="ziggy.W010",
        )


def _find_missing_backup() -> Iterator[CheckMessage]:
    backups = ImportRecord.objects.filter(server=ziggy.SERVER_NAME).exclude(backup_path="")
    newest = backups.order_by("-started_at", "-pk").values_list("pk", "backup_path").first()
    if newest is None:
        return
    number, path = newest
    here = Path(ziggy.BACKUP_DIR) / PurePath(path).name
    if not here.is_file():
        yield checks.Warning(
            f"The backup of record {number} is not in BACKUP_DIR of this machine: {here}.",
            hint="The site and all workers need one BACKUP_DIR, on storage that their machines "
            "share. If the backup was removed by hand, the next import with a backup ends this.",
            id="ziggy.W011",
        )
