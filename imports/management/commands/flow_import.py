"""Import an export file into a server: the command's door to imports.service."""

import getpass
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from imports.errors import UnableToImport, quoted
from imports.management.console import (
    USAGE_ERROR,
    confirm,
    find_user,
    print_cancelled,
    print_json,
    refuse,
    require_terminal,
    tell,
    unusable,
)
from imports.models import Door
from imports.plan import Mode, Plan
from imports.plan_text import plan_text, summary
from imports.report import answer, plan_data
from imports.request import ImportRequest
from imports.service import Outcome, preview_import, run_import

NOTHING_TO_DO = 10

_EPILOG = """\
examples:
  see what would happen, write nothing:
    manage.py flow_import --server production --overwrite --dry-run --file-path zexport.json
  import after a question, with a backup of the database before:
    manage.py flow_import --server production --overwrite --file-path zexport.json
  in a pipeline:
    manage.py flow_import -s production --skip --no-prompt -fp - < zexport.json

Items are matched by uuid, then by exact name. Every item that is overwritten first gets a named
save "Pre import" in its history. Nothing is ever deleted, and no secret value is touched.

stdout carries one JSON object, stderr everything for people. exit codes: 0 done or declined,
2 usage, 3 the file is refused, 4 another import is running, 5 the plan is stale, 6 the backup
failed, 7 not permitted, 8 wrong or unknown server, 10 nothing to do (--detailed-exitcode),
1 anything else.
"""


class Command(BaseCommand):
    help = "Import flows, with the connections and secrets that they use, from an export file."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=_EPILOG,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,  # `--over` must never be taken for a mode
            **kwargs,
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "-s",
            "--server",
            required=True,
            metavar="NAME",
            help="the friendly name of the target: this instance's (ZIGGY_SERVER_NAME) or a "
            "registered server's (ZIGGY_SERVERS); anything else is refused",
        )
        modes = parser.add_mutually_exclusive_group(required=True)
        modes.add_argument(
            "--skip", dest="mode", action="store_const", const=Mode.SKIP,
            help="leave items alone that exist already",
        )  # fmt: skip
        modes.add_argument(
            "--duplicate", dest="mode", action="store_const", const=Mode.DUPLICATE,
            help="make a copy of items that exist already, under a new uuid and name",
        )  # fmt: skip
        modes.add_argument(
            "--overwrite", dest="mode", action="store_const", const=Mode.OVERWRITE,
            help='replace the content of items that exist already, after a named save "Pre import"',
        )  # fmt: skip
        parser.add_argument(
            "-fp", "--file-path", required=True, metavar="F",
            help="the export file; - reads standard input",
        )  # fmt: skip
        parser.add_argument(
            "--no-prompt", action="store_true", help="do not ask for confirmation (automation)"
        )
        parser.add_argument(
            "--no-backup", action="store_true", help="do not back the database up first"
        )
        parser.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")
        parser.add_argument(
            "--override-locks", action="store_true", help="overwrite locked flows as well"
        )
        parser.add_argument(
            "--user", metavar="NAME",
            help="import as this user of the server: with their rights, and under their name in "
            "the record; without it, as the account of this shell, which may do everything",
        )  # fmt: skip
        parser.add_argument(
            "--detailed-exitcode",
            action="store_true",
            help=f"exit with {NOTHING_TO_DO} when there was nothing to do",
        )

    def handle(self, *, file_path: str, dry_run: bool, no_prompt: bool, **options: Any) -> None:
        if not (dry_run or no_prompt):
            require_terminal()
        user = find_user(options["user"], options["server"])
        request = ImportRequest(
            payload=_read(file_path),
            file_name="(standard input)" if file_path == "-" else Path(file_path).name,
            server=options["server"],
            mode=options["mode"],
            door=Door.COMMAND,
            user=user,
            user_name=user.get_username() if user else getpass.getuser(),
            with_backup=not options["no_backup"],
            override_locks=options["override_locks"],
        )
        try:
            plan = self._preview(request) if dry_run else self._import(request, ask=not no_prompt)
        except UnableToImport as error:
            refuse(self, error)
        except DatabaseError as error:
            refuse(self, unusable(error))
        if plan and options["detailed_exitcode"] and not plan.writes:
            sys.exit(NOTHING_TO_DO)

    def _preview(self, request: ImportRequest) -> Plan:
        plan = preview_import(request, record_refusal=False).plan
        _show(plan)
        print_json(self, answer(HTTPStatus.OK, plan_data(plan, done=False)))
        return plan

    def _import(self, request: ImportRequest, *, ask: bool) -> Plan | None:
        """The plan that was done; None where the person said no."""
        confirmed = None
        if ask:
            confirmed = preview_import(request)
            _show(confirmed.plan)
            if confirmed.plan.writes and not confirm(self, _question(request, confirmed.plan)):
                print_cancelled(self)
                return None
        with _progress() as progress:
            outcome = run_import(request, confirmed=confirmed, progress=progress)
        tell(self, _closing(outcome))
        print_json(self, answer(HTTPStatus.CREATED, plan_data(outcome.plan, done=True)))
        return outcome.plan


def _read(file_path: str) -> bytes:
    """The file, or as much of it as is needed to see that it is too large."""
    limit = settings.ZIGGY_MAX_IMPORT_BYTES + 1
    try:
        if file_path == "-":
            return sys.stdin.buffer.read(limit)
        with Path(file_path).open("rb") as file:
            return file.read(limit)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(
            f"The file {quoted(file_path)} cannot be read: {reason}.", returncode=USAGE_ERROR
        ) from None


def _show(plan: Plan) -> None:
    Console(stderr=True, highlight=False).print(plan_text(plan), soft_wrap=True)


def _question(request: ImportRequest, plan: Plan) -> str:
    counts = summary(plan).removeprefix("Plan: ").removesuffix(".")
    return f"Import {quoted(request.file_name)} into the server {quoted(plan.server)}: {counts}?"


def _closing(outcome: Outcome) -> str:
    record = outcome.record
    backup = f" The backup is {record.backup_path}." if record.backup_path else ""
    done = "Done" if outcome.plan.writes else "Nothing to do"
    return f"{summary(outcome.plan)} {done}: record {record.pk}.{backup}"


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while rows are written, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("Writing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("Writing", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)
