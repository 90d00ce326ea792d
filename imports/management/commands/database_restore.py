"""manage.py database_restore: a server's database, put back to a backup."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from imports.backup import make_backup
from imports.errors import ImportLocked, quoted
from imports.lock import LockHeld, import_lock
from imports.management import console
from imports.report import answer
from imports.restore import check_backup, restore_backup


class Command(BaseCommand):
    help = (
        "Put a server's whole database back to a backup. EVERYTHING that was written since then is "
        "lost, by whomever: to take back one item, restore its named save in its history. The "
        "backup is read through first, and a damaged one changes nothing. The database as it is "
        "now is backed up before, so that a restore can be taken back too. Run it with the version "
        "of the program that made the backup, and then migrate."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "path", type=Path, metavar="PATH", help="the backup, as database_backup named it"
        )
        console.add_server_argument(parser)
        parser.add_argument(
            "--no-prompt", action="store_true", help="do not ask for confirmation (automation)"
        )
        parser.add_argument(
            "--no-backup",
            action="store_true",
            help="do not back up the present state first. Needed where it is damaged",
        )

    def handle(
        self, *, path: Path, server: str, no_prompt: bool, no_backup: bool, **options: Any
    ) -> None:
        if not no_prompt:
            console.require_terminal()
        with console.refusals(self, server), console.on_server(server):
            check_backup(path)
            if not (no_prompt or self._confirmed(server, path)):
                console.print_cancelled(self)
                return
            safety_backup = _restore(path, backup_first=not no_backup)
        console.tell(self, f"Restored {server} from {path}.")
        data = {"restored": str(path), "safetyBackup": safety_backup and str(safety_backup)}
        console.print_json(self, answer(HTTPStatus.OK, data))

    def _confirmed(self, server: str, path: Path) -> bool:
        return console.confirm(
            self,
            f"Put the server {quoted(server)} back to {path}? What was written to it since then "
            "will be lost. Make sure that the file, which is named after the server that it was "
            "made on, is one of this server's.",
        )


def _restore(path: Path, *, backup_first: bool) -> Path | None:
    """Restore, with no import running. Returns the backup of the state before."""
    try:
        with import_lock(wait=settings.ZIGGY_LOCK_WAIT):
            safety_backup = make_backup(sparing=path).path if backup_first else None
            restore_backup(path)
            return safety_backup
    except LockHeld as error:
        message = "An import is running on this database: restore when it has finished."
        raise ImportLocked("locked", message) from error
