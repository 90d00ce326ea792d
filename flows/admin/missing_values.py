"""Warnings of restored secrets without a value."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest

from flows.models import Secret

_NAMES_SHOWN = 10


def warn_of_missing_values(
    admin: "ModelAdmin[Any]", request: HttpRequest, items: Iterable[Any]
) -> None:
    """Warn of the live secrets without a value among the items, which were just restored."""
    names = [
        f"“{item}”"
        for item in items
        if isinstance(item, Secret) and not item.is_deleted and not item.has_value
    ]
    if not names:
        return
    more = len(names) - _NAMES_SHOWN
    shown = f"{', '.join(names[:_NAMES_SHOWN])}{f' and {more} more' if more > 0 else ''}"
    verb, them = ("has", "it") if len(names) == 1 else ("have", "them")
    message = f"{shown} {verb} no value: what uses {them} fails until somebody gives one."
    admin.message_user(request, message, messages.WARNING)
