"""What the commands share that make a run: an import or an undo."""

import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand

from imports.management.console import NOTHING_TO_DO, make_help_options, print_end
from imports.management.files import may_write
from imports.management.plan_display import PlanDisplay
from imports.management.run_end import format_last_line, show_progress_bar, show_warnings
from imports.management.warning_text import WarningDigest
from imports.plans.plan import RunPlan
from imports.report import make_acknowledged_data, make_answer
from imports.runs.carrying_out import Outcome

P = TypeVar("P", bound=RunPlan[Any, Any])


class RunCommand(BaseCommand):
    """A command that shows a plan, and carries it out."""

    epilog = ""
    """The end of its help."""
    display = PlanDisplay(verbosity=1)
    """How it shows a plan."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, **make_help_options(self.epilog), **kwargs
        )

    def may_write_files(self, *paths: Path | None, ask: bool) -> bool:
        """Return whether these files may be written; the person is asked for those that exist.

        Raises CommandError if there is nobody to ask.
        """
        return all(may_write(self, path, ask=ask) for path in paths if path)

    def carry_out(
        self,
        run: Callable[..., Outcome[P]],
        *,
        counts: Callable[[P], str],
        warnings: Callable[[P], WarningDigest] | None,
        data: Callable[..., dict[str, Any]],
    ) -> P:
        """Run, and return the plan that was done. Print its warnings, the last line and the JSON.

        `warnings` is None where they were shown before.
        """
        with show_progress_bar() as progress:
            outcome = run(progress=progress)
        plan = outcome.plan
        if warnings:
            show_warnings(warnings(plan), outcome.record)
        end = format_last_line(counts(plan), outcome.record, wrote=plan.writes)
        done = {**data(plan, done=True), **make_acknowledged_data(outcome.record)}
        print_end(self, end, make_answer(HTTPStatus.CREATED, done))
        return plan

    def exit_with_details(self, plan: RunPlan[Any, Any] | None, *, is_wanted: bool) -> None:
        """Exit with a code of its own where the plan writes nothing, if that `is_wanted`."""
        if plan and is_wanted and not plan.writes:
            sys.exit(NOTHING_TO_DO)
