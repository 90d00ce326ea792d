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
from imports.importing.request import ImportRequest
from imports.importing.service import make_plan_to_save, preview_import, run_import
from imports.management import console
from imports.management.files import may_write, read_file, read_standard_input, replace_file
from imports.management.import_arguments import EPILOG, add_import_arguments
from imports.management.plan_text import (
    digest_plan_warnings,
    format_plan,
    format_plan_counts,
    format_summary,
)
from imports.management.run_command import RunCommand
from imports.models import Door
from imports.planfile.decisions import read_decisions
from imports.planfile.file import read_plan, write_plan
from imports.plans.plan import Plan
from imports.report import make_answer, make_plan_data


class Command(RunCommand):
    help = "Import flows, with the connections and secrets that they use, from an export file."
    epilog = EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_import_arguments(parser)

    def handle(self, *, dry_run: bool, no_prompt: bool, verbosity: int, **options: Any) -> None:
        self.lists_all = verbosity > 1
        _check_combination(dry_run=dry_run, **options)
        plan_out = Path(options["plan_out"]) if options["plan_out"] else None
        if not (dry_run or plan_out or no_prompt):
            console.require_terminal()
        with console.refuse_errors(self, options["server"]):
            request = _make_request(**options)
            if plan_out:
                plan = self._save_plan(request, plan_out, options["file_path"], ask=not no_prompt)
            elif dry_run:
                plan = self._preview(request)
            else:
                plan = self._import(request, ask=not no_prompt)
        self.exit_with_details(plan, is_wanted=options["detailed_exitcode"])

    def _save_plan(
        self, request: ImportRequest, path: Path, file_path: str, *, ask: bool
    ) -> Plan | None:
        """Write the plan, and return it; None if the person declined. Raises the plan's refusal."""
        if not may_write(self, path, ask=ask):
            console.print_cancelled(self)
            return None
        preview, saved = make_plan_to_save(request)
        with replace_file(path) as file:
            file.write(write_plan(saved))
        console.show(format_plan(preview.plan, lists_all=self.lists_all))
        if preview.refusal:
            console.print_line(self, _explain_undecided(path))
            raise preview.refusal
        console.print_line(self, _describe_next_step(request, path, file_path))
        console.print_json(
            self, make_answer(HTTPStatus.OK, make_plan_data(preview.plan, done=False))
        )
        return preview.plan

    def _preview(self, request: ImportRequest) -> Plan:
        plan = preview_import(request, record_refusal=False).plan
        console.show(format_plan(plan, lists_all=self.lists_all))
        console.print_json(self, make_answer(HTTPStatus.OK, make_plan_data(plan, done=False)))
        return plan

    def _import(self, request: ImportRequest, *, ask: bool) -> Plan | None:
        """Import, and return the plan that was done; None if the person declined."""
        confirmed = None
        if ask:
            confirmed = preview_import(request)
            console.show(format_plan(confirmed.plan, lists_all=self.lists_all))
            question = _make_question(request, confirmed.plan)
            if confirmed.plan.writes and not console.confirm(self, question):
                console.print_cancelled(self)
                return None
        return self.carry_out(
            partial(run_import, request, confirmed=confirmed),
            counts=format_summary,
            warnings=None if ask else digest_plan_warnings,
            data=make_plan_data,
        )


def _check_combination(**options: Any) -> None:
    """Raise CommandError if an option contradicts the saved plan that is applied.

    Also if the plan would be written to a file that it is made from.
    """
    sources = [options[given] for given in ("file_path", "decisions") if options[given]]
    if options["plan_out"] and Path(options["plan_out"]).resolve() in (
        Path(source).resolve() for source in sources
    ):
        raise CommandError(
            "--plan-out would replace a file that the plan is made from. Give another name.",
            returncode=console.USAGE_ERROR,
        )
    if options["apply_plan"] is None:
        return
    for option in ("plan_out", "decisions", "override_locks"):
        if options[option]:
            raise CommandError(
                f"--{option.replace('_', '-')} cannot be given with --apply-plan: "
                "the plan says what is done.",
                returncode=console.USAGE_ERROR,
            )


def _make_request(
    *,
    server: str,
    file_path: str,
    apply_plan: str | None,
    decisions: str | None,
    **options: Any,
) -> ImportRequest:
    """Return the request. Raises CommandError, and UnableToImport for a bad plan or decisions."""
    user = console.find_user(options["user"], server)
    limit = ziggy.MAX_IMPORT_BYTES
    from_input = file_path == "-"
    payload = read_standard_input() if from_input else read_file(file_path)
    plan = read_plan(read_file(apply_plan), max_bytes=limit) if apply_plan else None
    return ImportRequest(
        payload=payload,
        file_name="(standard input)" if from_input else Path(file_path).name,
        server=server,
        mode=plan.mode if plan else options["mode"],
        door=Door.COMMAND,
        user=user,
        user_name=console.get_user_name(user),
        with_backup=not options["no_backup"],
        override_locks=plan.override_locks if plan else options["override_locks"],
        given_decisions=read_decisions(read_file(decisions), max_bytes=limit) if decisions else (),
        saved_plan=plan,
        lock_wait=options["lock_wait"],
    )


def _describe_next_step(request: ImportRequest, path: Path, file_path: str) -> str:
    words = ["manage.py", "flow_import", "--server", request.server]
    words += ["--file-path", file_path, "--apply-plan", str(path)]
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
