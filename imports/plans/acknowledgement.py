"""Which warnings of a plan somebody must acknowledge before it is done, and what is acknowledged.
Pure.

The codes that must be acknowledged are a setting. What is acknowledged is a code, of the warnings
that were shown: a later one of the same code is another one, which its key tells.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

from flows.destinations.changes import CODE_USES_SECRET, SECRET_TO_NEW_DESTINATION
from flows.destinations.warnings import DestinationWarning
from imports.errors import Issue
from imports.exportfile.warnings import WarningCode
from imports.plans.plan import Change, Plan, Result


class AcknowledgedCode(StrEnum):
    """The codes of warnings that may have to be acknowledged, the gravest first."""

    SECRET_TO_NEW_DESTINATION = SECRET_TO_NEW_DESTINATION
    CODE_USES_SECRET = CODE_USES_SECRET
    EDITED_HERE = WarningCode.EDITED_HERE.value
    OLDER_FILE = WarningCode.OLDER_FILE.value
    INVISIBLE_CHARACTERS = WarningCode.INVISIBLE_CHARACTERS.value


_RANKS: Mapping[str, int] = {code: rank for rank, code in enumerate(AcknowledgedCode)}
_OF_LOST_ROWS = {AcknowledgedCode.EDITED_HERE, AcknowledgedCode.OLDER_FILE}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedWarning:
    """A warning of a plan that may have to be acknowledged, with its item."""

    code: AcknowledgedCode
    change: Change
    text: str
    key: str
    """What is equal for the same warning of two plans: of that item, and of the same thing."""

    @property
    def issue(self) -> Issue:
        """Return the warning as a reason to refuse the import."""
        item = self.change.item
        return Issue(
            code=self.code,
            message=self.text,
            path=item.path,
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


def count_items(warnings: Iterable[RedWarning]) -> dict[AcknowledgedCode, int]:
    """Return how many items have a warning, by code, the gravest code first."""
    items: dict[AcknowledgedCode, set[str]] = {}
    for red in warnings:
        items.setdefault(red.code, set()).add(red.change.item.path)
    return {code: len(items[code]) for code in AcknowledgedCode if code in items}


def filter_codes(warnings: Iterable[RedWarning], codes: Collection[str]) -> list[RedWarning]:
    """Return the warnings that have one of these codes."""
    return [red for red in warnings if red.code in codes]


def _find_red_warnings(change: Change) -> Iterator[RedWarning]:
    for sent in change.destination_warnings:
        if sent.is_serious:
            yield _make_red_warning(change, sent.code, sent.text, _list_keys(sent))
    for warning in change.own_warnings:
        if warning.code not in _RANKS:
            continue
        if warning.code in _OF_LOST_ROWS and change.result is not Result.OVERWRITE:
            continue
        yield _make_red_warning(change, warning.code, warning.text, warning.data)


def _list_keys(warning: DestinationWarning) -> list[Any]:
    return sorted([*new.key, *new.changed] for new in warning.destinations)


def _make_red_warning(change: Change, code: str, text: str, of: Any) -> RedWarning:
    item = change.item
    identity = json.dumps([item.kind, item.uuid, code, of], sort_keys=True, default=str)
    return RedWarning(
        code=AcknowledgedCode(code),
        change=change,
        text=text,
        key=sha256(identity.encode(errors="surrogatepass")).hexdigest(),
    )
