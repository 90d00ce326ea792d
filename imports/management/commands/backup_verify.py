"""manage.py backup_verify: restore a backup into a scratch database, and compare."""

import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from flows.counting import format_count, format_list
from imports.database.drill import Drill, Keys, Migrations, verify_backup
from imports.database.drill_results import DrillResult
from imports.errors import UnableToImport
from imports.jobs.drills import verify_if_due
from imports.management import console
from imports.report import make_answer

_UNSOUND = 2
"""The exit code where what was restored is not as it should be; other failures exit with 1."""
_SHOWN = 20


class Command(BaseCommand):
    help = (
        "The drill: restore a backup into a scratch database, which is removed afterwards, and say "
        "whether it holds what its note says, whether the current keys open its secrets, whether "
        "its migrations are known, and how long it took. The server's own database is not written. "
        "Exits with 2 where something is wrong with what was restored, and with 1 where the backup "
        "is damaged or could not be restored. The result of one in ZIGGY_BACKUP_DIR is kept "
        "there, for monitoring. On PostgreSQL, the database's user needs the right CREATEDB. A "
        "backup is restored with this user's rights: verify those of your own servers only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "path",
            nargs="?",
            metavar="FILE",
            help="the backup, as database_backup named it, or what `database_backup --to -` wrote; "
            "- reads it from standard input",
        )
        parser.add_argument(
            "--due",
            action="store_true",
            help="in place of FILE: the newest backup of ZIGGY_BACKUP_DIR, if the last drill was "
            "more than ZIGGY_DRILL_HOURS ago and no other process is at it, as workers do",
        )
        console.add_server_argument(parser)
        parser.add_argument("--json", action="store_true", help="print JSON instead of a text")

    def handle(
        self, *, path: str | None, due: bool, server: str, json: bool, **options: Any
    ) -> None:
        if due == (path is not None):
            raise CommandError("Say either FILE or --due.")
        if due:
            self._verify_if_due(server, in_json=json)
        elif path is not None:
            self._verify(path, server, in_json=json)

    def _verify(self, path: str, server: str, *, in_json: bool) -> None:
        source: Path | BinaryIO = sys.stdin.buffer if path == "-" else Path(path)
        print_refusal = None if in_json else _print_nothing
        with (
            console.refuse_errors(self, server, print_refusal),
            console.target_known_server(server),
        ):
            drill = verify_backup(source)
        if in_json:
            console.print_json(self, make_answer(HTTPStatus.OK, _make_data(drill)))
        else:
            console.print_text(self, "\n".join(_describe(drill)))
        if drill.problems:
            raise SystemExit(_UNSOUND)

    def _verify_if_due(self, server: str, *, in_json: bool) -> None:
        with console.target_known_server(server):
            result = verify_if_due()
        if in_json:
            console.print_json(self, make_answer(HTTPStatus.OK, _make_result_data(result)))
        else:
            console.print_text(self, _describe_result(result))
        if result and result.problems:
            raise SystemExit(_UNSOUND)


def _print_nothing(_error: UnableToImport) -> None:
    """Leave stdout empty: the message is on stderr."""


def _describe(drill: Drill) -> list[str]:
    took = f"{drill.seconds:.1f} seconds, {drill.restore_seconds:.1f} of them to restore it."
    verdict = "is sound" if not drill.problems else "is NOT sound"
    held = f"{format_count(drill.rows, 'row')} in {format_count(drill.tables, 'table')}"
    return [
        f"{drill.backup} {verdict}: {held}. It took {took}",
        f"Content: {_describe_content(drill)}",
        f"Secrets: {_KEYS[drill.keys]}",
        f"Migrations: {_describe_migrations(drill)}",
        f"Documents: {_describe_documents(drill)}",
    ]


_KEYS = {
    Keys.OPEN: "the configured keys open them.",
    Keys.WRONG: "the configured keys do not open them. Keep the keys of then: put them at the end "
    "of ZIGGY_ENCRYPTION_KEYS.",
    Keys.UNKNOWN: "not looked at: the backup is of a version that stored them elsewhere.",
}


def _describe_content(drill: Drill) -> str:
    if not drill.has_digests:
        return (
            "not compared, since the backup does not say what its tables hold. One that "
            "database_backup makes does."
        )
    if drill.differing:
        tables = format_list(drill.differing[:_SHOWN], more=max(len(drill.differing) - _SHOWN, 0))
        return f"{tables} hold something else than the backup says. Use another backup."
    return "every table holds what the backup says."


def _describe_migrations(drill: Drill) -> str:
    if drill.migrations is Migrations.LATER:
        names = format_list(
            drill.unknown_migrations[:_SHOWN],
            more=max(len(drill.unknown_migrations) - _SHOWN, 0),
        )
        return f"{names} are not known here. Restore it with the version that made it."
    if drill.migrations is Migrations.EARLIER:
        return "those of an earlier version. Run manage.py migrate after a restore."
    return "those of this version."


def _describe_documents(drill: Drill) -> str:
    if drill.damaged_documents is None:
        return "not looked at, since the backup is of another version."
    if drill.damaged_documents:
        return f"{drill.damaged_documents} damaged or missing: database_check --backup names them."
    return "all are whole."


def _describe_result(result: DrillResult | None) -> str:
    if result is None:
        return "No drill is due, or another process is at it."
    if result.problems:
        return f"{result.backup}: {format_list(result.problems)}. See the log."
    return f"{result.backup} is sound. It took {result.seconds:.1f} seconds."


def _make_result_data(result: DrillResult | None) -> dict[str, Any]:
    if result is None:
        return {"backup": None}
    return {
        "backup": result.backup,
        "isSound": not result.problems,
        "problems": list(result.problems),
        "seconds": result.seconds,
    }


def _make_data(drill: Drill) -> dict[str, Any]:
    return {
        "backup": drill.backup,
        "madeAt": drill.made_at and drill.made_at.isoformat(),
        "isSound": not drill.problems,
        "problems": list(drill.problems),
        "tables": drill.tables,
        "rows": drill.rows,
        "isCompared": drill.has_digests,
        "differing": list(drill.differing),
        "keys": drill.keys,
        "migrations": drill.migrations,
        "unknownMigrations": list(drill.unknown_migrations),
        "damagedDocuments": drill.damaged_documents,
        "restoreSeconds": round(drill.restore_seconds, 3),
        "seconds": round(drill.seconds, 3),
    }
