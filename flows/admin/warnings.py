"""Warnings, on pages, of secrets that a write sends where they were not sent before."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest

from flows.destinations.warnings import DestinationWarning
from flows.sight import find_visible_kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningLine:
    """A warning as a page shows it."""

    text: str
    is_serious: bool
    """Whether it is shown in red."""


def make_warning_lines(
    request: HttpRequest, warnings: Iterable[DestinationWarning]
) -> list[WarningLine]:
    """Return the warnings as the user may see them, the serious ones first."""
    visible_kinds = find_visible_kinds(request.user)
    lines = [
        WarningLine(text=f"{warning.get_text_for(visible_kinds)}.", is_serious=warning.is_serious)
        for warning in warnings
    ]
    return sorted(lines, key=lambda line: not line.is_serious)


def show_warnings(
    admin: "ModelAdmin[Any]",
    request: HttpRequest,
    warnings: Iterable[DestinationWarning],
    *,
    name: str = "",
) -> None:
    """Show the warnings of a write on the next page, serious ones in red. `name` is the item's."""
    for line in make_warning_lines(request, warnings):
        level = messages.ERROR if line.is_serious else messages.WARNING
        admin.message_user(request, f"“{name}”: {line.text}" if name else line.text, level)
