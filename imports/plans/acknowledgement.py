"""Which warnings of a plan somebody must acknowledge before it is done, and what is acknowledged.
Pure.

The codes that must be acknowledged are a setting. What is acknowledged is a code, of the warnings
that were shown: a later one of the same code is another one, which its key tells.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from flows.acknowledgeable import MAY_ACKNOWLEDGE
from flows.destinations.warnings import DestinationWarning
from flows.texts import quote
from imports.errors import Issue
from imports.exportfile.warnings import WarningCode
from imports.plans.plan import Change, Plan, Result

_RANKS = {code: rank for rank, code in enumerate(MAY_ACKNOWLEDGE)}
_OF_LOST_ROWS = {WarningCode.EDITED_HERE, WarningCode.OLDER_FILE}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedWarning:
    """A warning of a plan that may have to be acknowledged, with its item."""

    code: str
    change: Change
    text: str
    path: str
    """The place in the file."""
    key: str
    """What is equal for the same warning of two plans: of that item, and of the same thing."""

    def describe_place(self) -> str:
        """Return the item and the place in the file, such as `the flow "Orders" (flows[0])`."""
        return f"the {self.change.item.kind} {quote(self.change.item.name)} ({self.path})"

    @property
    def issue(self) -> Issue:
        """Return the warning as a reason to refuse the import."""
        item = self.change.item
        return Issue(
            code=self.code,
            message=self.text,
            path=self.path,
            uuid=item.file_uuid,
            name=item.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A code that was acknowledged, of so many items, by whom."""

    code: str
    by: str
    items: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, as a record keeps it."""
        return {"code": str(self.code), "by": self.by, "items": self.items}


def find_red_warnings(plan: Plan) -> list[RedWarning]:
    """Return the plan's warnings with these codes, of what is written, the gravest first.

    The warnings of secrets count where a stored value is concerned, and those of drift where the
    row is overwritten: a copy loses nothing.
    """
    found = [red for change in plan if change.result.writes for red in _find_red_warnings(change)]
    return sorted(found, key=lambda red: _RANKS[red.code])


def count_items(warnings: Iterable[RedWarning]) -> dict[str, int]:
    """Return how many items have a warning, by code, the gravest code first."""
    items: dict[str, set[str]] = {}
    for red in warnings:
        items.setdefault(red.code, set()).add(red.change.item.path)
    return {code: len(items[code]) for code in MAY_ACKNOWLEDGE if code in items}


def filter_codes(warnings: Iterable[RedWarning], codes: Collection[str]) -> list[RedWarning]:
    """Return the warnings that have one of these codes."""
    return [red for red in warnings if red.code in codes]


def _find_red_warnings(change: Change) -> Iterator[RedWarning]:
    for sent in change.destination_warnings:
        yield _make_red_warning(change, sent.code, sent.text, _list_keys(sent))
    for warning in change.own_warnings:
        if warning.code not in _RANKS:
            continue
        if warning.code == WarningCode.INVISIBLE_CHARACTERS and not warning.is_serious:
            continue
        if warning.code in _OF_LOST_ROWS and change.result is not Result.OVERWRITE:
            continue
        yield _make_red_warning(change, warning.code, warning.text, warning.data)


def _list_keys(warning: DestinationWarning) -> list[Any]:
    return sorted([*new.key] for new in warning.destinations)


def _make_red_warning(change: Change, code: str, text: str, of: Any) -> RedWarning:
    item = change.item
    identity = json.dumps([item.kind, item.uuid, code, of], sort_keys=True, default=str)
    return RedWarning(
        code=str(code),
        change=change,
        text=text,
        path=_find_path(item.path, of),
        key=sha256(identity.encode(errors="surrogatepass")).hexdigest(),
    )


def _find_path(item_path: str, data: Any) -> str:
    """Return the first place in the item that the data name, or the item itself."""
    places = data.get("places") if isinstance(data, Mapping) else None
    if not places:
        return item_path
    path = places[0]["path"]
    return f"{item_path}{'' if path.startswith('[') else '.'}{path}"
