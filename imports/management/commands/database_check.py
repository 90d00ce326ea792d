"""manage.py database_check: check the stored documents of a server, or of a backup; mend them."""

from collections.abc import Collection, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from flows.content.documents import Document
from flows.counting import format_count, format_list
from flows.documents.check import Checked, DamagedDocument
from flows.texts import quote
from imports.database.backup_tables import is_backup
from imports.database.document_check import check_backup, check_database
from imports.database.document_mending import (
    mend_database,
    read_documents_of_backup,
    read_documents_of_export,
)
from imports.management import console
from imports.management.files import read_file
from imports.report import make_answer

_SHOWN = 20
_DAMAGED = 2
"""The exit code where something is damaged or missing; other failures exit with 1."""
_ADVICE = (
    "Mend them from an export or a backup of this server: --mend FILE. What no file has comes back "
    "by restoring a backup from before; what belongs to nothing is removed by database_vacuum, a "
    "day after it was stored."
)


class Command(BaseCommand):
    help = (
        "Read every stored document of a server's flows and named saves, compare it with its "
        "digest, and look up every reference to one. Nothing is written. A damaged or missing "
        "document is named with all flows and named saves that have it, and the command then "
        "exits with 2. With --backup it does the same for a backup, without restoring it. With "
        "--mend it writes those anew that a file has: the only thing that it ever writes. It then "
        "exits with 2 where some are left."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        console.add_server_argument(parser)
        files = parser.add_mutually_exclusive_group()
        files.add_argument(
            "--backup",
            type=Path,
            metavar="FILE",
            help="Check this backup of a server, and not the server.",
        )
        files.add_argument(
            "--mend",
            type=Path,
            metavar="FILE",
            help="Mend the server's damaged and missing documents from this export (in gzip too) "
            "or backup, after a question.",
        )
        console.add_prompt_argument(parser)

    def handle(
        self,
        *,
        server: str,
        backup: Path | None,
        mend: Path | None,
        no_prompt: bool,
        **options: Any,
    ) -> None:
        if mend and not no_prompt:
            console.require_terminal()
        mended: list[str] | None = None
        with console.refuse_errors(self, server), console.target_known_server(server):
            checked = check_backup(backup.resolve()) if backup else check_database()
            if mend:
                documents = _read_documents(mend, {each.digest for each in checked.damaged})
                if not (no_prompt or self._confirm(server, mend, checked, documents)):
                    console.print_cancelled(self)
                    return
                mended = mend_database(documents) if documents else []
                checked = check_database() if mended else checked
        self._report(checked, mended, is_of_server=backup is None)
        if checked.damaged:
            raise SystemExit(_DAMAGED)

    def _confirm(
        self, server: str, path: Path, checked: Checked, documents: Sequence[Document]
    ) -> bool:
        """Return whether to go on: asked only where there is something to write."""
        if not documents:
            return True
        wrong = format_count(len(checked.damaged), "damaged or missing document")
        question = f"Mend {len(documents)} of {wrong} of the server {quote(server)} from {path}?"
        return console.confirm(self, question)

    def _report(self, checked: Checked, mended: list[str] | None, *, is_of_server: bool) -> None:
        for each in checked.damaged[:_SHOWN]:
            console.print_line(self, _describe(each))
        if (more := len(checked.damaged) - _SHOWN) > 0:
            console.print_line(self, f"And {more} more: see the JSON.")
        if mended is not None:
            left = f"{len(checked.damaged)} left"
            console.print_line(self, f"{format_count(len(mended), 'document')} mended, {left}.")
        summary = (
            f"{format_count(checked.documents, 'document')} and "
            f"{format_count(checked.references, 'reference')} checked, "
            f"{len(checked.damaged)} damaged or missing."
        )
        console.print_line(self, summary)
        if checked.damaged and is_of_server:
            console.print_line(self, _ADVICE)
        data = _make_data(checked) if mended is None else {**_make_data(checked), "mended": mended}
        console.print_json(self, make_answer(HTTPStatus.OK, data))


def _read_documents(path: Path, digests: Collection[str]) -> list[Document]:
    """Return the documents of an export or a backup that have one of the digests."""
    if is_backup(path):
        return read_documents_of_backup(path, digests)
    return read_documents_of_export(read_file(str(path)), digests)


def _describe(damaged: DamagedDocument) -> str:
    what = "is missing" if damaged.is_missing else "is damaged"
    users = [f"the flow {quote(name)} ({uuid})" for uuid, name in damaged.flows]
    users += [f"the save {number} of {quote(name)}" for number, name in damaged.saves]
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
                "flows": [{"uuid": uuid, "name": name} for uuid, name in each.flows],
                "saves": [{"number": number, "name": name} for number, name in each.saves],
            }
            for each in checked.damaged
        ],
    }
