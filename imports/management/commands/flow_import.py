"""Import an export file into a server: the command of imports.importing.service."""

import shlex
from argparse import ArgumentParser
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from flows.conf import ziggy
from flows.texts import quote
from imports.errors import UnableToImport
from imports.importing.acknowledging import accept_shown
from imports.importing.plan_markdown import make_plan_markdown
from imports.importing.prepare import Preview
from imports.importing.request import ImportRequest
from imports.importing.service import (
    make_plan_to_save,
    preview_for_review,
    preview_import,
    run_import,
)
from imports.importing.states import read_states
from imports.management import console
from imports.management.acknowledging import ask_to_acknowledge, show_unacknowledged
from imports.management.files import read_file, replace_file
from imports.management.import_arguments import EPILOG, PlanFormat, add_import_arguments
from imports.management.plan_display import PlanDisplay
from imports.management.plan_text import (
    digest_plan_warnings,
    format_plan_counts,
    format_summary,
    word_plan,
)
from imports.management.run_command import RunCommand
from imports.management.sources import name_source, read_source
from imports.models import Door
from imports.planfile.decisions import read_decisions
from imports.planfile.file import read_plan, write_plan
from imports.planfile.markdown.refusal_page import format_refusal_markdown
from imports.planfile.wording import format_prunable
from imports.plans.plan import PRUNE_LIMIT, Plan
from imports.report import make_answer, make_plan_data, make_unacknowledged_data

_HOW_TO_SEE_ALL = "flow_import --dry-run --plan-text FILE"
_READ_FILES = ("file_path", "decisions", "apply_plan")
_WRITTEN_FILES = ("plan_out", "plan_text")


class Command(RunCommand):
    help = "Import flows, with the connections and secrets that they use, from an export file."
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_import_arguments(parser)

    def handle(self, *, dry_run: bool, no_prompt: bool, verbosity: int, **options: Any) -> None:
        _check_combination(dry_run=dry_run, **options)
        plan_out, plan_text = (
            Path(options[given]) if options[given] else None for given in _WRITTEN_FILES
        )
        self.display = PlanDisplay(verbosity=verbosity, file=plan_text)
        self.format = PlanFormat(options["plan_format"] or PlanFormat.TEXT)
        if not (dry_run or plan_out or no_prompt):
            console.require_terminal()
        with console.refuse_errors(self, options["server"], self._find_printer(**options)):
            request = _make_request(**options)
            if not self.may_write_files(plan_out, plan_text, ask=not no_prompt):
                console.print_cancelled(self)
                plan = None
            elif plan_out:
                plan = self._save_plan(request, plan_out, _get_source(**options))
            elif dry_run:
                plan = self._preview(request)
            else:
                plan = self._import(request, ask=not no_prompt)
        self.exit_with_details(plan, is_wanted=options["detailed_exitcode"])

    def _save_plan(self, request: ImportRequest, path: Path, source: list[str]) -> Plan:
        """Write the plan, and return it. Raises the plan's refusal."""
        preview, saved = make_plan_to_save(request)
        with replace_file(path) as file:
            file.write(write_plan(saved))
        self._show(preview)
        if preview.refusal:
            console.print_line(self, _explain_undecided(path))
        else:
            console.print_line(self, _describe_next_step(request, path, source))
        return self._answer(request, preview)

    def _preview(self, request: ImportRequest) -> Plan:
        if self.format is PlanFormat.MARKDOWN:
            preview = preview_for_review(request)
        else:
            preview = preview_import(request, record_refusal=False)
        self._show(preview)
        return self._answer(request, preview)

    def _answer(self, request: ImportRequest, preview: Preview) -> Plan:
        """Print the plan on stdout, and return it. Raises its refusal."""
        if self.format is PlanFormat.MARKDOWN:
            whole = str(self.display.file or _HOW_TO_SEE_ALL)
            text = make_plan_markdown(preview, source=request.file_name, whole=whole)
            console.print_text(self, text)
            if preview.refusal:
                console.raise_refusal(preview.refusal)
        elif preview.refusal:
            raise preview.refusal
        else:
            console.print_json(self, make_answer(HTTPStatus.OK, _make_preview_data(preview)))
        return preview.plan

    def _find_printer(
        self, *, server: str, file_path: str | None, from_dir: str | None, **_options: Any
    ) -> console.PrintRefusal | None:
        """Return what prints the refusal of a file; None where that is printed as JSON."""
        if self.format is not PlanFormat.MARKDOWN:
            return None

        def print_refusal(error: UnableToImport) -> None:
            source = name_source(file_path=file_path, from_dir=from_dir)
            text = format_refusal_markdown(server=server, source=source, refusal=error)
            console.print_text(self, text)

        return print_refusal

    def _import(self, request: ImportRequest, *, ask: bool) -> Plan | None:
        """Import, and return the plan that was done; None if the person declined."""
        confirmed = None
        if ask or self.display.file:
            confirmed = preview_import(request)
        if confirmed and not ask:  # what is written to the file is done, or nothing
            self.display.write(word_plan(confirmed.plan), partial(read_states, confirmed.plan))
        elif confirmed:
            self._show(confirmed)
            codes = ask_to_acknowledge(self, confirmed.unacknowledged)
            question = _make_question(request, confirmed.plan)
            if codes is None or (confirmed.plan.writes and not console.confirm(self, question)):
                console.print_cancelled(self)
                return None
            request = accept_shown(request, confirmed.plan, codes)
        return self.carry_out(
            partial(run_import, request, confirmed=confirmed),
            counts=format_summary,
            warnings=None if ask else digest_plan_warnings,
            data=make_plan_data,
        )

    def _show(self, preview: Preview) -> None:
        plan = preview.plan
        if self.format is PlanFormat.JSON:
            self.display.write(word_plan(plan), partial(read_states, plan))
            return
        self.display.show(word_plan(plan), partial(read_states, plan))
        if hint := format_prunable(plan, how="--prune soft-deletes what left it"):
            console.print_line(self, hint)
        show_unacknowledged(preview.unacknowledged)


def _check_combination(**options: Any) -> None:
    """Raise CommandError if an option contradicts the saved plan that is applied, or another."""
    _check_written_files(**options)
    if options["plan_format"] and not (options["dry_run"] or options["plan_out"]):
        raise CommandError(
            "--plan-format is of a plan that is not done: give it with --dry-run or --plan-out.",
            returncode=console.USAGE_ERROR,
        )
    _check_pruning(**options)
    if options["apply_plan"] is None:
        return
    for option in ("plan_out", "decisions", "only", "override_locks", "prune"):
        if options[option]:
            raise CommandError(
                f"--{option.replace('_', '-')} cannot be given with --apply-plan: "
                "the plan says what is done.",
                returncode=console.USAGE_ERROR,
            )


def _check_pruning(*, prune: bool, prune_limit: int | None, only: Any, **_options: Any) -> None:
    """Raise CommandError if the options for pruning contradict each other, or the others."""
    if prune_limit is not None and not prune:
        problem = "--prune-limit is for --prune, and says nothing without it."
    elif prune and only:
        problem = "--only cannot be given with --prune: a part does not say what left the whole."
    else:
        return
    raise CommandError(problem, returncode=console.USAGE_ERROR)


def _check_written_files(**options: Any) -> None:
    """Raise CommandError if a file would be written that the plan is made from, or one twice."""
    written = [given for given in _WRITTEN_FILES if options[given]]
    if not written:
        return
    used = {
        Path(options[given]).resolve(): "a file that the plan is made from"
        for given in _READ_FILES
        if options[given]
    }
    for given in written:
        option, path = f"--{given.replace('_', '-')}", Path(options[given]).resolve()
        if path in used:
            raise CommandError(
                f"{option} would replace {used[path]}. Give another name.",
                returncode=console.USAGE_ERROR,
            )
        used[path] = f"the file of {option}"


def _make_request(
    *,
    server: str,
    file_path: str | None,
    from_dir: str | None,
    apply_plan: str | None,
    decisions: str | None,
    only: list[str] | None,
    **options: Any,
) -> ImportRequest:
    """Return the request. Raises CommandError, and UnableToImport for a bad plan or decisions."""
    user = console.find_user(options["user"], server)
    limit = ziggy.MAX_IMPORT_BYTES
    source = read_source(file_path=file_path, from_dir=from_dir)
    plan = read_plan(read_file(apply_plan), max_bytes=limit) if apply_plan else None
    return ImportRequest(
        **source,
        server=server,
        mode=plan.mode if plan else options["mode"],
        door=Door.COMMAND,
        user=user,
        user_name=console.get_user_name(user),
        with_backup=not options["no_backup"],
        override_locks=plan.override_locks if plan else options["override_locks"],
        prune=plan.prune if plan else options["prune"],
        prune_limit=plan.prune_limit if plan else _get_limit(options["prune_limit"]),
        given_decisions=read_decisions(read_file(decisions), max_bytes=limit) if decisions else (),
        only=tuple(only or ()),
        accept=tuple(dict.fromkeys(options["accept"])),
        saved_plan=plan,
        lock_wait=options["lock_wait"],
    )


def _get_limit(given: int | None) -> int:
    return PRUNE_LIMIT if given is None else given


def _make_preview_data(preview: Preview) -> dict[str, Any]:
    return {
        **make_plan_data(preview.plan, done=False),
        **make_unacknowledged_data(preview.unacknowledged),
    }


def _get_source(*, file_path: str | None, from_dir: str | None, **_options: Any) -> list[str]:
    """Return the option that says what is imported, as words of the command line."""
    return ["--from-dir", from_dir] if from_dir else ["--file-path", str(file_path)]


def _describe_next_step(request: ImportRequest, path: Path, source: list[str]) -> str:
    words = ["manage.py", "flow_import", "--server", request.server]
    words += [*source, "--apply-plan", str(path)]
    return f"Plan written to {path}. Apply it with:\n  {shlex.join(words)}"


def _explain_undecided(path: Path) -> str:
    return (
        f"Plan written to {path}, with what stands against it. Decide on these "
        'items, by their "decision" there or in a file for --decisions.'
    )


def _make_question(request: ImportRequest, plan: Plan) -> str:
    server = quote(plan.server)
    return (
        f"Import {quote(request.file_name)} into the server {server}: {format_plan_counts(plan)}?"
    )
