"""manage.py history_prune: remove the old history of a server's runs."""

from http import HTTPStatus
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from flows.content.representation import format_time
from flows.texts import make_printable
from imports.history.prune import PrunedHistory, preview_pruning, prune_history, read_kept_older
from imports.history.wording import format_kept_older, format_pruned
from imports.management import console
from imports.models import ImportRecord
from imports.report import make_answer


class Command(BaseCommand):
    help = (
        "Remove the old history of a server: the records of runs that are older than "
        "ZIGGY_HISTORY_DAYS, except the newest ZIGGY_HISTORY_KEEP_RUNS, with their items and their "
        "named saves. Runs of the last ZIGGY_UNDO_DAYS can still be undone, and so can their "
        "undos. What tells whether a row was edited since its last import stays, and so do named "
        "saves that people took. Every import and undo that wrote does a part of this by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        console.add_server_argument(parser, has_default=False)
        console.add_prompt_argument(parser)
        parser.add_argument(
            "--days",
            type=_read_days,
            metavar="DAYS",
            help="what is older goes, in place of ZIGGY_HISTORY_DAYS; at least ZIGGY_UNDO_DAYS. "
            "The newest runs stay whatever their age: see --keep-runs",
        )
        parser.add_argument(
            "--keep-runs",
            type=_read_keep_runs,
            metavar="N",
            help="how many of the newest runs stay whatever their age, in place of "
            "ZIGGY_HISTORY_KEEP_RUNS; with 0, the days alone decide",
        )
        parser.add_argument("--dry-run", action="store_true", help="list the runs, write nothing")

    def handle(
        self,
        *,
        server: str,
        no_prompt: bool,
        days: float | None,
        keep_runs: int | None,
        dry_run: bool,
        **options: Any,
    ) -> None:
        if not (dry_run or no_prompt):
            console.require_terminal()
        with console.refuse_errors(self, server), console.target_known_server(server):
            records: list[ImportRecord] = []
            if dry_run or not no_prompt:
                pruned, records = preview_pruning(days=days, keep_runs=keep_runs)
                self._show(pruned, records)
            kept = read_kept_older(days=days, keep_runs=keep_runs)
            if reasons := format_kept_older(kept):
                console.print_line(self, reasons)
            if not (dry_run or no_prompt) and not (pruned and self._confirm(server)):
                console.print_cancelled(self)
                return
            if not dry_run:
                pruned = prune_history(days=days, keep_runs=keep_runs)
                done = format_pruned(pruned.as_dict()) or "nothing to remove"
                console.print_line(self, f"History of {server}: {done}.")
        listed = {"runs": [_describe(record) for record in records]} if dry_run else {}
        older = {"keptOlder": kept.as_dict() if kept else None}
        data = {"isDone": not dry_run, **pruned.as_dict(), **older, **listed}
        console.print_json(self, make_answer(HTTPStatus.OK, data))

    def _show(self, pruned: PrunedHistory, records: list[ImportRecord]) -> None:
        for record in records:
            what = f"{format_time(record.started_at)} {record.mode} {record.file_name}"
            console.print_line(self, f"  - record {record.pk}: {make_printable(what)}")
        would = format_pruned(pruned.as_dict()) or "nothing to remove"
        console.print_line(self, f"Would be done: {would}.")

    def _confirm(self, server: str) -> bool:
        return console.confirm(self, f"Remove this history of {server} for good?")


def _read_days(text: str) -> float:
    return console.read_number(text, "a number of days")


def _read_keep_runs(text: str) -> int:
    return int(console.read_number(text, "a whole number of runs", of=int))


def _describe(record: ImportRecord) -> dict[str, Any]:
    return {
        "record": record.pk,
        "startedAt": format_time(record.started_at),
        "status": record.status,
        "mode": record.mode,
        "fileName": record.file_name,
        "user": record.user_name,
    }
