"""Warn of characters that are not seen only where they would be new to the server. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from flows.content.fields import Content
from imports.exportfile.invisible_characters import warn_of_new_invisible
from imports.exportfile.items import FileItem
from imports.exportfile.warnings import PlanWarning, WarningCode
from imports.plans.plan import Change, Result

_CODE = WarningCode.INVISIBLE_CHARACTERS


def list_file_warnings(item: FileItem, result: Result) -> Iterator[PlanWarning]:
    """Yield the warnings due to the file; of what is skipped, none of its texts is written."""
    for warning in item.own_warnings:
        if result is not Result.SKIP or warning.code != _CODE:
            yield warning


def forget_known_characters(change: Change, stored: Content) -> Change:
    """Return an overwrite without the warning of characters that its row has in the same places."""
    if not any(warning.code == _CODE for warning in change.own_warnings):
        return change
    new = warn_of_new_invisible(change.item.kind, change.content or {}, stored)
    others = [warning for warning in change.own_warnings if warning.code != _CODE]
    return replace(change, own_warnings=(*new, *others))
