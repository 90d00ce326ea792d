"""The warnings that must be acknowledged, at the terminal: they are listed, and asked for."""

import sys
from collections.abc import Iterable, Iterator, Sequence

from django.core.management.base import BaseCommand
from rich.text import Text

from flows.counting import format_count, format_list
from flows.texts import quote
from imports.management import console
from imports.management.warning_text import SERIOUS_STYLE
from imports.plans.acknowledgement import RedWarning, count_items

_ITEMS_SHOWN = 5


def show_unacknowledged(warnings: Sequence[RedWarning]) -> None:
    """Print what must be acknowledged before the import, by code; nothing where nothing must."""
    if warnings:
        console.show(Text("\n").join(_format_lines(warnings)))


def ask_to_acknowledge(command: BaseCommand, warnings: Sequence[RedWarning]) -> list[str] | None:
    """Return the codes of the warnings after the person typed each; None if one was not typed."""
    codes = []
    for code in count_items(warnings):
        console.print_line(command, f"Type {code} to acknowledge it: ", ending="")
        command.stderr.flush()
        try:
            typed = sys.stdin.readline().strip()
        except KeyboardInterrupt:
            console.print_line(command, "")
            return None
        if typed != code:
            return None
        codes.append(str(code))
    return codes


def _format_lines(warnings: Iterable[RedWarning]) -> Iterator[Text]:
    warnings = list(warnings)
    yield Text("To be acknowledged before the import:", style="bold")
    for code, count in count_items(warnings).items():
        items = {
            red.change.item.path: f"{red.change.item.kind} {quote(red.change.item.name)}"
            for red in warnings
            if red.code == code
        }
        names = list(items.values())[:_ITEMS_SHOWN]
        told = format_list(names, more=count - len(names))
        yield Text(f"! {code}: {format_count(count, 'item')}, {told}", style=SERIOUS_STYLE)
