"""What the commands share that make a run: an import or an undo."""

import sys
from http import HTTPStatus
from typing import Any

from django.core.management.base import BaseCommand

from imports.management.console import (
    NOTHING_TO_DO,
    closing,
    print_end,
    show_warnings,
    teaching,
)
from imports.management.warning_text import WarningDigest
from imports.plans.plan import RunPlan
from imports.report import answer
from imports.runs.carrying_out import Outcome


class RunCommand(BaseCommand):
    """A command that shows a plan, and carries it out."""

    epilog = ""
    """The end of its help."""
    lists_all = False
    """Whether it prints every line of a plan."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, **teaching(self.epilog), **kwargs)

    def print_outcome(
        self,
        outcome: Outcome[Any],
        *,
        counts: str,
        warnings: WarningDigest | None,
        data: dict[str, Any],
    ) -> None:
        """Print what was done: the warnings that nobody was shown yet, the last line, the JSON."""
        if warnings:
            show_warnings(warnings, outcome.record)
        end = closing(counts, outcome.record, wrote=outcome.plan.writes)
        print_end(self, end, answer(HTTPStatus.CREATED, data))

    def exit_with_details(self, plan: RunPlan[Any, Any] | None, *, is_wanted: bool) -> None:
        """Exit with a code of its own where the plan writes nothing, if that `is_wanted`."""
        if plan and is_wanted and not plan.writes:
            sys.exit(NOTHING_TO_DO)
