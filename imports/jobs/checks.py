"""The system check of what workers and the site share beside the database: the backups."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS, DatabaseError

from flows.conf import ziggy
from imports.jobs.availability import may_queue
from imports.models import ImportRecord


def check_shared_backups(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Return a warning where the backup of the newest run is not in the directory of this machine.

    It was made by a worker, or by the site, on another machine: nobody would find it when it is
    needed, and each machine would keep and remove backups for itself.
    """
    if DEFAULT_DB_ALIAS not in (databases or ()) or not may_queue():
        return []
    try:
        return [*_find_missing_backup()]
    except DatabaseError:  # unreachable, or not migrated: other checks and the next query say so
        return []


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
