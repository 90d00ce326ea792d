"""Show the status of a file on a server: the command of imports.status.service."""

import sys
from argparse import ArgumentParser
from http import HTTPStatus
from typing import IO, Any, cast

from django.core.management.base import BaseCommand
from rich.console import Console

from imports.importing.request import ImportRequest
from imports.management.console import (
    add_server_argument,
    find_user,
    get_user_name,
    make_help_options,
    print_json,
    refuse_errors,
    target_known_server,
)
from imports.management.sources import add_source_arguments, read_source
from imports.management.status_table import format_status, format_summary, make_status_data
from imports.models import Door
from imports.plans.plan import Mode
from imports.report import make_answer
from imports.status.decide import FileStatus, SyncState
from imports.status.service import read_status

DIFFERENT = 2

_UNLIMITED = 10_000
_HINT = " -v 2 lists what is in sync, too."
_EPILOG = """\
states:
  in sync              an overwrite with the file would change nothing
  changed here         the row was edited since its last import, which brought what the file has
  changed in the file  the row is as its last import left it; the file has something else
  both                 the row was edited, and the file has something else than was imported
  only here            the file does not have the row (of the kinds that the file has)
  only in the file     an import would create the item
  differs              row and file differ, and no import is known to tell which of them changed
  ambiguous            the name does not say which row the item is

What is in sync is a number, unless -v 2 lists it.

Items are matched as by an import: by uuid, then by exact name. A key that the file does not have
says nothing. Nothing is written.

exit codes: 0 in sync, 2 something differs, 3 the file is refused, 7 not permitted, 8 wrong or
unknown server, 1 anything else. A usage error is 2 as well, with nothing on stdout.
"""


class Command(BaseCommand):
    help = (
        "Compare an export file with a server, and both with what was imported last. Prints a "
        "table, or JSON with --json."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, **make_help_options(_EPILOG, allow_abbrev=True), **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_server_argument(parser)  # type: ignore[arg-type]
        add_source_arguments(parser)
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
        parser.add_argument(
            "--only-differences",
            action="store_true",
            help="list no items that are in sync, in the JSON or with -v 2",
        )
        parser.add_argument(
            "--ignore-only-here",
            action="store_true",
            help="do not tell of rows that the file does not have: the file is a selection",
        )
        parser.add_argument(
            "--user", metavar="NAME",
            help="look as this user of the server, with their rights; without it, as the account "
            "of this shell, which may see everything",
        )  # fmt: skip

    def handle(self, *, server: str, verbosity: int, **options: Any) -> None:
        with refuse_errors(self, server), target_known_server(server):
            source = read_source(file_path=options["file_path"], from_dir=options["from_dir"])
            user = find_user(options["user"], server)
            request = ImportRequest(
                **source,
                server=server,
                mode=Mode.OVERWRITE,
                door=Door.COMMAND,
                user=user,
                user_name=get_user_name(user),
                override_locks=True,  # a row's lock does not affect its status
            )
            status = read_status(request, with_only_here=not options["ignore_only_here"])
        lists_all = not options["only_differences"] and (options["json"] or verbosity > 1)
        without = set() if lists_all else {SyncState.IN_SYNC}
        if options["json"]:
            print_json(self, make_answer(HTTPStatus.OK, make_status_data(status, without=without)))
        else:
            self._print_table(status, without)
        if not status.is_in_sync:
            sys.exit(DIFFERENT)

    def _print_table(self, status: FileStatus, without: set[SyncState]) -> None:
        # A pipe has no width to fit into, and a cut uuid is useless.
        is_terminal = self.stdout.isatty()
        width = None if is_terminal else _UNLIMITED
        file = cast(IO[str], self.stdout)
        console = Console(file=file, highlight=False, markup=False, width=width)
        rows = format_status(status, without=without, width=console.width if is_terminal else None)
        if rows:
            console.print(rows)
        for issue in status.issues:
            console.print(f"! {issue.path}: {issue.message}", soft_wrap=True)
        is_unlisted = without and status.counts[SyncState.IN_SYNC]
        console.print(f"{format_summary(status)}{_HINT if is_unlisted else ''}")
