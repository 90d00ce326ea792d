"""manage.py database_backup: make a verified backup."""

import time
from http import HTTPStatus
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from imports.database.backup import make_backup
from imports.management import console
from imports.report import make_answer


class Command(BaseCommand):
    help = (
        "Back up a server's whole database into ZIGGY_BACKUP_DIR and read the copy through. The "
        "newest ZIGGY_BACKUP_KEEP backups of a server and those of the last ZIGGY_BACKUP_DAYS days "
        "are kept, as far as ZIGGY_BACKUP_MAX_BYTES lets them. The answer "
        "on stdout is JSON and has the file's path; database_restore takes it. The "
        "secrets in a backup are encrypted: keep ZIGGY_ENCRYPTION_KEYS as well, elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        console.add_server_argument(parser)

    def handle(self, *, server: str, **options: Any) -> None:
        begun = time.monotonic()
        with console.refuse_errors(self, server), console.target_known_server(server):
            backup = make_backup()
        data = {
            "path": str(backup.path),
            "size": backup.size,
            "sha256": backup.sha256,
            "seconds": round(time.monotonic() - begun, 3),
        }
        console.print_line(self, f"Backed up {server} to {backup.path}.")
        console.print_json(self, make_answer(HTTPStatus.CREATED, data))
