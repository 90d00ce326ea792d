"""manage.py database_check: check the stored documents of a server, or of a backup."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from flows.counting import format_count, format_list
from flows.documents.check import Checked, DamagedDocument
from imports.database.document_check import check_backup, check_database
from imports.management import console
from imports.report import make_answer

_SHOWN = 20
_DAMAGED = 2
"""The exit code where something is damaged or missing; other failures exit with 1."""


class Command(BaseCommand):
    help = (
        "Read every stored document of a server's flows and named saves, compare it with its "
        "digest, and look up every reference to one. Nothing is written. A damaged or missing "
        "document is named with all flows and named saves that have it, and the command then "
        "exits with 2. With --backup it does the same for a backup, without restoring it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        console.add_server_argument(parser)
        parser.add_argument(
            "--backup",
            type=Path,
            metavar="FILE",
            help="Check this backup of a server, and not the server.",
        )

    def handle(self, *, server: str, backup: Path | None, **options: Any) -> None:
        with console.refuse_errors(self, server), console.target_known_server(server):
            checked = check_backup(backup.resolve()) if backup else check_database()
        for each in checked.damaged[:_SHOWN]:
            console.print_line(self, _describe(each))
        if (more := len(checked.damaged) - _SHOWN) > 0:
            console.print_line(self, f"And {more} more: see the JSON.")
        summary = (
            f"{format_count(checked.documents, 'document')} and "
            f"{format_count(checked.references, 'reference')} checked, "
            f"{len(checked.damaged)} damaged or missing."
        )
        console.print_line(self, summary)
        console.print_json(self, make_answer(HTTPStatus.OK, _make_data(checked)))
        if checked.damaged:
            raise SystemExit(_DAMAGED)


def _describe(damaged: DamagedDocument) -> str:
    what = "is missing" if damaged.is_missing else "is damaged"
    users = [f"the flow {uuid}" for uuid in damaged.flows]
    users += [f"the save {number} of {name}" for number, name in damaged.saves]
    listed = format_list(users[:_SHOWN] or ["nothing"], more=max(len(users) - _SHOWN, 0))
    return f"Document {damaged.digest} {what}. It belongs to {listed}."


def _make_data(checked: Checked) -> dict[str, Any]:
    return {
        "documents": checked.documents,
        "references": checked.references,
        "damaged": [
            {
                "digest": each.digest,
                "isMissing": each.is_missing,
                "flows": list(each.flows),
                "saves": [{"number": number, "name": name} for number, name in each.saves],
            }
            for each in checked.damaged
        ],
    }
