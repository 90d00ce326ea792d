"""Call off a run in the background: the command of imports.jobs.cancelling."""

from http import HTTPStatus
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from imports.jobs.cancelling import cancel_run
from imports.management import console
from imports.models import Status
from imports.report import make_answer

_EPILOG = """\
examples:
  call off the import of record 12, which waits for a worker:
    manage.py import_cancel 12
  in a script, as one of the server's users:
    manage.py import_cancel 12 --server production --user ada

A run that waits is never begun. One that a worker has stops before it writes, and its record says
so a moment later. What has begun to write is not stopped: undo it when it is done. A user may call
off their own runs, and with the right to undo imports those of others too. To call a run off twice
is no mistake. Nobody is asked first.

stdout carries one JSON object, stderr everything for people. exit codes: 0 called off, 2 usage,
3 there is no such record, or it is too late, 7 not permitted, 8 wrong or unknown server,
1 anything else.
"""


class Command(BaseCommand):
    help = "Call off an import or an undo in the background, before it writes."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, **console.make_help_options(_EPILOG), **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "record", type=int, metavar="RECORD", help="the number of the run's record"
        )
        console.add_server_argument(parser, has_default=False)
        parser.add_argument(
            "--user",
            metavar="NAME",
            help="as this user of the server, with their rights; without it, as the account of "
            "this shell, which may do everything",
        )

    def handle(self, *, record: int, server: str, user: str | None, **_: Any) -> None:
        with console.refuse_errors(self, server), console.target_known_server(server):
            run = cancel_run(console.find_user(user, server), record)
        if run.status == Status.RUNNING:
            status, end = HTTPStatus.ACCEPTED, "A worker has it, and stops before it writes."
        else:
            status, end = HTTPStatus.OK, "It wrote nothing."
        console.print_line(self, f"Import {run.pk} is called off. {end}")
        console.print_json(self, make_answer(status, {"record": run.pk, "status": run.status}))
