"""manage.py database_vacuum: purge soft-deleted rows, and reorganise the database."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from flows.content.fields import Kind
from flows.counting import format_count, format_list
from imports.database.vacuum import count_deleted, vacuum_database
from imports.management import console
from imports.report import make_answer


class Command(BaseCommand):
    help = (
        "Remove soft-deleted flows, connections and secrets of a server for good, and reorganise "
        "its database, which others must wait for. An import waits until it has finished, and it "
        "waits for an import. What was removed can come back from a backup only. Named saves of "
        "what was removed stay, and so do the documents that they hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        console.add_server_argument(parser)
        console.add_prompt_argument(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="count the deleted items that would be removed, write nothing",
        )

    def handle(self, *, server: str, no_prompt: bool, dry_run: bool, **options: Any) -> None:
        if not (dry_run or no_prompt):
            console.require_terminal()
        with console.refuse_errors(self, server), console.target_known_server(server):
            if dry_run:
                deleted = count_deleted()
                counts = {kind.plural: deleted[kind] for kind in Kind}
                console.print_line(self, f"Would be removed: {_format_deleted(deleted)}.")
                answer = make_answer(HTTPStatus.OK, {"isDone": False, **counts})
                console.print_json(self, answer)
                return
            if not (no_prompt or console.confirm(self, _make_question(server))):
                console.print_cancelled(self)
                return
            data = {"isDone": True, **vacuum_database().as_dict()}
        console.print_line(self, f"Vacuumed {server}.")
        console.print_json(self, make_answer(HTTPStatus.OK, data))


def _make_question(server: str) -> str:
    deleted = count_deleted()
    if not any(deleted.values()):
        return f"Nothing on {server} is deleted. Reorganise its database?"
    return f"Remove {_format_deleted(deleted)} of {server} for good?"


def _format_deleted(deleted: Mapping[Kind, int]) -> str:
    """Return the counts, such as `3 deleted items (2 flows and 1 secret)`."""
    items = format_count(sum(deleted.values()), "deleted item")
    kinds = [format_count(deleted[kind], kind) for kind in Kind if deleted[kind]]
    return f"{items} ({format_list(kinds)})" if kinds else items
