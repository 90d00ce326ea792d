"""manage.py database_backup: make a verified backup."""

import sys
import time
from http import HTTPStatus
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from imports.database.backup import make_backup
from imports.database.streaming import stream_backup
from imports.errors import UnableToImport
from imports.management import console
from imports.report import make_answer


class Command(BaseCommand):
    help = (
        "Back up a server's whole database into ZIGGY_BACKUP_DIR and read the copy through. The "
        "newest ZIGGY_BACKUP_KEEP backups of a server and those of the last ZIGGY_BACKUP_DAYS days "
        "are kept, as far as ZIGGY_BACKUP_MAX_BYTES lets them. The answer "
        "on stdout is JSON and has the file's path; database_restore takes it. With `--to -` the "
        "backup and its note are written to standard output as a tar, when the copy was verified, "
        "and nothing is kept; of a failure comes no complete tar, and no exit code of 0. The "
        "secrets in a backup are encrypted: keep ZIGGY_ENCRYPTION_KEYS as well, elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        console.add_server_argument(parser)
        parser.add_argument(
            "--to",
            choices=["-"],
            help="write the backup to standard output, which may be no terminal, and keep none",
        )

    def handle(self, *, server: str, to: str | None, **options: Any) -> None:
        if to:
            self._stream(server)
            return
        begun = time.monotonic()
        with console.refuse_errors(self, server), console.target_known_server(server):
            backup = make_backup(with_digests=True)
        data = {
            "path": str(backup.path),
            "size": backup.size,
            "sha256": backup.sha256,
            "seconds": round(time.monotonic() - begun, 3),
        }
        console.print_line(self, f"Backed up {server} to {backup.path}.")
        console.print_json(self, make_answer(HTTPStatus.CREATED, data))

    def _stream(self, server: str) -> None:
        """Write the backup to stdout, and nothing else: what is for people goes to stderr."""
        if sys.stdout.isatty():
            raise CommandError(
                "Standard output is a terminal. Write the backup to a file or a program.",
                returncode=console.USAGE_ERROR,
            )
        with (
            console.refuse_errors(self, server, _print_nothing),
            console.target_known_server(server),
        ):
            backup = stream_backup(sys.stdout.buffer)
        size, sha256 = backup.note["size"], backup.note["sha256"]
        told = f"Wrote {backup.name} of {server}: {size} bytes with the SHA-256 {sha256}."
        console.print_line(self, told)


def _print_nothing(_error: UnableToImport) -> None:
    """Leave stdout as it is: what was written there is no complete archive."""
