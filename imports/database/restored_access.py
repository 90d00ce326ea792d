"""Ending access after a restore: a backup has sessions and tokens that were ended since.

All sessions of the database are ended, and every token of a registered issuer is revoked that was
not valid in the state before the restore; all tokens, if that state cannot be read. Accounts and
passwords are the backup's: the accounts that are active again are listed, for a person to decide
on. The restored database may be of an earlier version: tables that it lacks are skipped.
"""

import logging
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path

from django.db import Error as DatabaseFault
from django.db import transaction
from django.utils import timezone

from flows.access import Revoked, list_issuers, read_valid_digests, revoke_all_but
from flows.counting import format_count, format_list
from flows.security_events import SecurityEvent, log_security_event
from flows.servers import get_current_database
from flows.texts import get_first_line, make_storable, quote
from flows.users import read_active_user_names
from imports.database.backup import Backup
from imports.database.restore import RestoreFailed
from imports.database.sessions import EndedSessions, end_sessions
from imports.models import RESTORE, Door, ImportRecord, Status

logger = logging.getLogger(__name__)

_NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The tokens and accounts that give access."""

    tokens: frozenset[str] = frozenset()
    """The digests of the valid ones."""
    accounts: frozenset[str] = frozenset()
    """The names of the active ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAccess:
    """What a restore ended, and whether the access before it could be read."""

    sessions: EndedSessions = field(default_factory=EndedSessions)
    revoked: Revoked = field(default_factory=Revoked)
    issuers: tuple[str, ...] = ()
    """The names of those whose tokens were looked at."""
    was_readable: bool = True
    active_again: tuple[str, ...] = ()
    """The names of the accounts that are active, and were not before the restore."""

    def __str__(self) -> str:
        return (
            f"Ended: {self._describe_counts()}.{self.sessions.describe_kept()}"
            f"{self._describe_issuers()}{self._describe_accounts()}"
        )

    def _describe_counts(self) -> str:
        counts, which = [], []
        if self.sessions.count is not None:
            counts.append(format_count(self.sessions.count, "session"))
            which.append(f"all sessions{' in the database' if self.sessions.kept_by else ''}")
        if self.issuers:
            counts.append(format_count(self.revoked.keys, "API key"))
            counts.append(format_count(self.revoked.logins, "API login"))
            which.append(
                "the keys and logins that were not valid before the restore"
                if self.was_readable
                else "all keys and logins, as the state before the restore could not be read"
            )
        return f"{', '.join(counts)} ({', and '.join(which)})" if counts else "nothing"

    def _describe_issuers(self) -> str:
        """Return whose tokens were looked at: this code knows of no others."""
        if not self.issuers:
            return (
                " No app has registered the keys and logins that it issues: those are the "
                "backup's, and may be valid again that were revoked since."
            )
        return (
            f" These are the keys and logins of {format_list(self.issuers)}; those of any other "
            "app are the backup's."
        )

    def _describe_accounts(self) -> str:
        if not self.was_readable:
            return " All accounts and passwords are those of the backup."
        if not self.active_again:
            return ""
        names = [quote(name) for name in self.active_again[:_NAMES_SHOWN]]
        accounts = format_count(len(self.active_again), "account")
        return (
            f" {accounts} can sign in that could not before the restore: "
            f"{format_list(names, more=len(self.active_again) - len(names))}. Deactivate again who "
            "should not."
        )


def read_access() -> Access | None:
    """Return the present access to the current database; None if it is unreadable."""
    try:
        return Access(tokens=read_valid_digests(), accounts=read_active_user_names())
    except (DatabaseFault, ValueError) as error:  # ValueError: a text or time is damaged
        logger.warning("Who may enter before the restore is unreadable: %s", type(error).__name__)
        return None


def end_access(before: Access | None) -> EndedAccess:
    """End the database's sessions, and revoke the tokens that were not valid before; all, for None.

    Raises RestoreFailed if that fails: the database has been restored by then.
    """
    try:
        with transaction.atomic(using=get_current_database(), durable=True):
            sessions = end_sessions()
            revoked = revoke_all_but(before.tokens if before else frozenset())
            again = sorted(read_active_user_names() - before.accounts) if before else ()
    except DatabaseFault as error:
        raise RestoreFailed(
            "access-not-ended",
            "The database was restored, but its sessions and keys could not be ended: "
            f"{get_first_line(error)}. Some may be valid again that were ended since. Run "
            "database_restore again before anybody uses the server.",
        ) from error
    return EndedAccess(
        sessions=sessions,
        revoked=revoked,
        issuers=list_issuers(),
        was_readable=before is not None,
        active_again=tuple(again),
    )


def record_restore(
    path: Path, ended: EndedAccess, *, server: str, user_name: str, safety_backup: Backup | None
) -> ImportRecord | None:
    """Write a record of the restore into the restored database. `user_name` is the shell's.

    Returns None if that version of the database cannot store it; the log has it in any case.
    """
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    now = timezone.now()
    record = ImportRecord(
        started_at=now,
        finished_at=now,
        status=Status.SUCCEEDED,
        door=Door.COMMAND,
        user_name=make_storable(user_name),
        server=make_storable(server),
        file_name=make_storable(path.name),
        file_size=path.stat().st_size,
        file_sha256=sha256,
        mode=RESTORE,
        with_backup=safety_backup is not None,
        override_locks=False,
        message=str(ended),
    )
    if safety_backup:
        record.backup_path = str(safety_backup.path)
        record.backup_size = safety_backup.size
        record.backup_sha256 = safety_backup.sha256
    _log_restore(ended, server, user_name)
    logger.warning("Restored %s from %s for %s. %s", server, path, user_name, ended)
    try:
        with transaction.atomic(using=get_current_database(), durable=True):
            record.save()
    except DatabaseFault as error:
        logger.warning("The restore could not be recorded: %s", get_first_line(error))
        return None
    return record


def _log_restore(ended: EndedAccess, server: str, user_name: str) -> None:
    log_security_event(
        SecurityEvent.DATABASE_RESTORED,
        system_user=user_name,
        server=server,
        sessions=ended.sessions.count,
        keys=ended.revoked.keys,
        logins=ended.revoked.logins,
    )
