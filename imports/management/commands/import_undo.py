"""Undo an import: the command of imports.undo.service."""

from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from flows.conf import ziggy
from flows.texts import quote
from imports.errors import UndoRefused
from imports.management import console
from imports.management.files import read_file
from imports.management.plan_display import PlanDisplay, add_plan_text_argument
from imports.management.run_command import RunCommand
from imports.management.undo_text import (
    digest_undo_warnings,
    format_undo_counts,
    format_undo_summary,
    word_undo,
)
from imports.models import Door
from imports.report import make_answer, make_undo_data
from imports.undo.plans.decision_file import read_decision_file
from imports.undo.plans.plan import ConflictResolution, Decisions, UndoPlan
from imports.undo.request import UndoRequest
from imports.undo.service import examine_undo, preview_undo, undo_import
from imports.undo.states import read_undo_states

_EPILOG = """\
examples:
  see what would happen, write nothing:
    manage.py import_undo 12 --dry-run
  undo after a question, with a backup of the database before:
    manage.py import_undo 12 --server production
  leave alone what somebody edited since, in a pipeline:
    manage.py import_undo 12 --server production --keep --no-prompt
  bring back what an undo took away (13 is the record of that undo):
    manage.py import_undo 13

Rows that the import overwrote become exactly what their named save "Pre import" holds, rows that it
made are soft-deleted. What somebody did to a row since is a conflict: it is told with who and when,
and refused unless --keep, --restore or a decision says what to do. Decisions are for single rows:
  {"decisions": {"c4492541-118e-4e23-9450-f2d28204ebee": "keep", "secret:UUID": "restore"}}
Every row that is written first gets a named save "Pre undo". No secret value is ever touched.

stdout carries one JSON object, stderr everything for people. exit codes: 0 done or declined,
2 usage, 3 the undo is refused, 4 another import is running, 5 the plan is stale, 6 the backup
failed, 7 not permitted, 8 wrong or unknown server, 10 nothing to do (--detailed-exitcode),
1 anything else.
"""

_DECIDE = (
    "Say --keep or --restore for all conflicts, or --decisions F for single rows (see --help)."
)
_KEEP_SOME = (
    "Some rows can only be kept. Say --keep for all conflicts, or --decisions F for single rows "
    "(see --help)."
)
_KEEP = "Rows that are in conflict can only be kept here. Say --keep."


class Command(RunCommand):
    help = "Undo an import: every row that it wrote becomes what it was before."
    epilog = _EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "record", type=int, metavar="RECORD", help="the number of the import's record"
        )
        console.add_server_argument(parser, has_default=False)
        conflicts = parser.add_mutually_exclusive_group()
        conflicts.add_argument(
            "--keep", dest="conflicts", action="store_const", const=ConflictResolution.KEEP,
            help="leave rows alone that were changed since the import",
        )  # fmt: skip
        conflicts.add_argument(
            "--restore", dest="conflicts", action="store_const", const=ConflictResolution.RESTORE,
            help="bring back what was before the import, whatever was done to a row since",
        )  # fmt: skip
        parser.add_argument(
            "--decisions", metavar="F",
            help="a JSON file with decisions for single rows",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")
        add_plan_text_argument(parser)
        console.add_run_arguments(parser, verb="undo")

    def handle(self, *, dry_run: bool, no_prompt: bool, verbosity: int, **options: Any) -> None:
        path = Path(options["plan_text"]) if options["plan_text"] else None
        self.display = PlanDisplay(verbosity=verbosity, file=path)
        if not (dry_run or no_prompt):
            console.require_terminal()
        with console.refuse_errors(self, options["server"]):
            user = console.find_user(options["user"], options["server"])
            request = UndoRequest(
                record=options["record"],
                server=options["server"],
                door=Door.COMMAND,
                user=user,
                user_name=console.get_user_name(user),
                with_backup=not options["no_backup"],
                conflicts=options["conflicts"],
                decisions=_read_decisions(options["decisions"]),
                lock_wait=options["lock_wait"],
            )
            if not self.may_write_files(path, ask=not no_prompt):
                console.print_cancelled(self)
                return
            try:
                plan = self._preview(request) if dry_run else self._undo(request, ask=not no_prompt)
            except UndoRefused as refusal:
                if advice := _advise(refusal):
                    console.print_line(self, advice)
                raise
        self.exit_with_details(plan, is_wanted=options["detailed_exitcode"])

    def _preview(self, request: UndoRequest) -> UndoPlan:
        preview = examine_undo(request)
        self._show_plan(preview.plan)
        if preview.refusal:
            raise preview.refusal
        console.print_json(
            self, make_answer(HTTPStatus.OK, make_undo_data(preview.plan, done=False))
        )
        return preview.plan

    def _undo(self, request: UndoRequest, *, ask: bool) -> UndoPlan | None:
        """Undo, and return the plan that was done; None if the person declined."""
        confirmed = None
        if ask or self.display.file:
            confirmed = self._examine(request, ask=ask)
        if ask and confirmed and confirmed.writes:
            is_declined = not console.confirm(self, _make_question(confirmed))
        else:
            is_declined = False
        if is_declined:
            console.print_cancelled(self)
            return None
        return self.carry_out(
            partial(undo_import, request, confirmed=confirmed),
            counts=format_undo_summary,
            warnings=None if ask else digest_undo_warnings,
            data=make_undo_data,
        )

    def _examine(self, request: UndoRequest, *, ask: bool) -> UndoPlan:
        """Print the plan with all its conflicts, or only write it to its file; return it."""
        preview = examine_undo(request)
        if ask:
            self._show_plan(preview.plan)
        else:  # what is written to the file is done, or nothing
            self.display.write(word_undo(preview.plan), partial(read_undo_states, preview.plan))
        # With a refusal, this raises it, and so it is recorded.
        return preview_undo(request) if preview.refusal else preview.plan

    def _show_plan(self, plan: UndoPlan) -> None:
        self.display.show(word_undo(plan), partial(read_undo_states, plan))


def _read_decisions(file_path: str | None) -> Decisions:
    if file_path is None:
        return {}
    return read_decision_file(read_file(file_path), max_bytes=ziggy.MAX_IMPORT_BYTES)


def _advise(refusal: UndoRefused) -> str:
    """Return which options resolve the conflicts; "" where what is wrong is no conflict."""
    if not refusal.rows_to_keep:
        return _DECIDE if refusal.rows_to_decide else ""
    return _KEEP_SOME if refusal.rows_to_decide else _KEEP


def _make_question(plan: UndoPlan) -> str:
    return f"{plan.name.undoing} on the server {quote(plan.server)}: {format_undo_counts(plan)}?"
