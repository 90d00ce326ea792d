"""manage.py database_restore: restore a server's database from a backup."""

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from flows.conf import ziggy
from flows.encryption import WrongKeyError
from flows.secrets.canary import check_keys_open
from flows.servers import target_server
from flows.texts import quote
from imports.database.backup import Backup, find_other_server, make_backup
from imports.database.lock import LockHeld, hold_import_lock
from imports.database.restore import check_backup, lacks_migrations, restore_backup
from imports.database.restored_access import EndedAccess, end_access, read_access, record_restore
from imports.errors import ImportLocked
from imports.jobs.restored import discard_queued
from imports.management import console
from imports.models import ImportRecord
from imports.report import make_answer

_MIGRATE = (
    "The backup is of an earlier version of the program: run manage.py migrate on this database "
    "before anybody uses the server, or install that version again."
)


class Command(BaseCommand):
    help = (
        "Put a server's whole database back to a backup. EVERYTHING that was written since then is "
        "lost, by whomever: to take back one item, restore its named save in its history. The "
        "backup is read through first, and one that is damaged, or is not the one of its note, "
        "changes nothing. The database as it is now is backed up before, so that a restore can be "
        "taken back too. Sessions in the "
        "database end, and keys and logins of the apps that are registered for it are revoked "
        "where they are not valid now. Accounts and passwords are those of the backup, and who can "
        "sign in again is told. A backup that an earlier version of the program made is to be "
        "migrated afterwards: then that is said."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "path", type=Path, metavar="PATH", help="the backup, as database_backup named it"
        )
        console.add_server_argument(parser)
        console.add_prompt_argument(parser)
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
        with console.refuse_errors(self, server), console.target_known_server(server):
            check_backup(path)
            if not (no_prompt or self._confirm(server, path)):
                console.print_cancelled(self)
                return
            restored = _restore(path, server, backup_first=not no_backup)
        console.print_line(self, f"Restored {server} from {path}. {restored.ended}")
        for warning in (_warn_of_another_server(server, path), *restored.warnings):
            if warning:
                console.print_line(self, f"! {warning}")
        data = {
            "restored": str(path),
            "safetyBackup": restored.safety_backup and str(restored.safety_backup.path),
            "record": restored.record and restored.record.pk,
            "sessionsEnded": restored.ended.sessions.count or 0,
            "sessionsKeptBy": restored.ended.sessions.kept_by or None,
            "keysRevoked": restored.ended.revoked.keys,
            "loginsRevoked": restored.ended.revoked.logins,
            "tokenIssuers": list(restored.ended.issuers),
            "accountsActiveAgain": list(restored.ended.active_again),
            "needsMigration": restored.needs_migration,
        }
        console.print_json(self, make_answer(HTTPStatus.OK, data))

    def _confirm(self, server: str, path: Path) -> bool:
        question = (
            f"Put the server {quote(server)} back to {path}? What was written to it since then "
            "will be lost."
        )
        warning = _warn_of_another_server(server, path)
        return console.confirm(self, f"{question} {warning}".rstrip())


def _warn_of_another_server(server: str, path: Path) -> str:
    """Return a warning if the backup's name is another server's, else ""."""
    with target_server(server):
        other = find_other_server(path)
    if other is None:
        return ""
    return f"By its name, the backup is of the server {quote(other)}, not of {quote(server)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Restored:
    """What a restore did."""

    safety_backup: Backup | None
    ended: EndedAccess
    record: ImportRecord | None
    needs_migration: bool
    warnings: tuple[str, ...]


def _restore(path: Path, server: str, *, backup_first: bool) -> _Restored:
    """Restore the backup under the import lock, and end access that was ended since it was made.

    Raises ImportLocked while an import is running, and BackupFailed and RestoreFailed.
    """
    try:
        with hold_import_lock(wait=ziggy.LOCK_WAIT) as lock:
            safety_backup = make_backup(sparing=path) if backup_first else None
            lock.check()
            before = read_access()  # as late as possible
            restore_backup(path)
            ended = end_access(before)
            record = record_restore(
                path,
                ended,
                server=server,
                user_name=console.get_user_name(None),
                safety_backup=safety_backup,
            )
            needs_migration = lacks_migrations()
            if record is not None and not needs_migration:
                discard_queued()
            return _Restored(
                safety_backup=safety_backup,
                ended=ended,
                record=record,
                needs_migration=needs_migration,
                warnings=(_warn_of_wrong_key(), _MIGRATE if needs_migration else ""),
            )
    except LockHeld as error:
        message = "An import is running on this database: restore when it has finished."
        raise ImportLocked("locked", message) from error


def _warn_of_wrong_key() -> str:
    """Return a warning if the backup's secrets were encrypted with another key, else ""."""
    try:
        check_keys_open(may_write=False)
    except WrongKeyError as error:
        return str(error)
    except DatabaseError:  # of an earlier version, to be migrated next
        return ""
    return ""
