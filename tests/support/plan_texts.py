"""The text of a plan as the commands print and write it, without a database."""

from io import StringIO
from typing import Any

from rich.console import Console
from rich.text import Text

from flows.content.fields import Kind
from imports.importing.states import make_states
from imports.management.compared_changes import compare_changes
from imports.management.plan_lines import describe_briefly, describe_differences, format_plan
from imports.management.plan_text import word_plan
from imports.plans.plan import Plan, Result
from tests.support.imagined import StoredItem


def brief_text(plan: Plan, *, lists_all: bool = False) -> Text:
    """What -v 0 prints: the fields that change, without the values of long ones."""
    words = word_plan(plan)
    return Text("\n").join(format_plan(words, describe_briefly(words), lists_all=lists_all))


def full_text(plan: Plan, *items: StoredItem, whole: bool = True) -> Text:
    """What is written to a file, or printed: the differences from these rows of the server."""
    compared = compare_changes(read_states_of(plan, *items), with_new=whole)
    described = describe_differences(compared, whole=whole)
    return Text("\n").join(format_plan(word_plan(plan), described, lists_all=whole))


def read_states_of(plan: Plan, *items: StoredItem) -> list[Any]:
    """The kinds and changes of the plan, with the states of their rows where they are written."""
    contents = {(item.kind, item.row.pk): item.content for item in items}
    return [
        (
            kind,
            change,
            make_states(change, _before(kind, change, contents)) if change.writes else None,
        )
        for kind in Kind
        for change in plan.changes[kind]
    ]


def _before(kind: Kind, change: Any, contents: Any) -> Any:
    return contents[kind, change.row.pk] if change.result is Result.OVERWRITE else None


def printed(text: Text, **terminal: Any) -> str:
    """What stands on a terminal 60 characters wide, where lines are not broken."""
    out = StringIO()
    Console(file=out, highlight=False, width=60, **terminal).print(text, soft_wrap=True)
    return out.getvalue()
