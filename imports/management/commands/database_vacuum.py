"""manage.py database_vacuum: purge soft-deleted rows, and reorganise the database."""

from http import HTTPStatus
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from imports.database.vacuum import vacuum_database
from imports.management import console
from imports.report import make_answer


class Command(BaseCommand):
    help = (
        "Remove soft-deleted flows, connections and secrets of a server for good, and reorganise "
        "its database, which others must wait for. An import waits until it has finished, and it "
        "waits for an import. What was removed can come back from a backup only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        console.add_server_argument(parser)
        console.add_prompt_argument(parser)

    def handle(self, *, server: str, no_prompt: bool, **options: Any) -> None:
        if not no_prompt:
            console.require_terminal()
        with console.refuse_errors(self, server), console.target_known_server(server):
            question = f"Remove the deleted items of {server} for good?"
            if not (no_prompt or console.confirm(self, question)):
                console.print_cancelled(self)
                return
            data = vacuum_database().as_dict()
        console.print_line(self, f"Vacuumed {server}.")
        console.print_json(self, make_answer(HTTPStatus.OK, data))
