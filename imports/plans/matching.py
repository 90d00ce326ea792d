"""Match each item of a file with a stored row: by uuid, else by its exact name.

Pure: the rows are read by imports.rows.read. Source of the rules: section 2 of the flow import
page.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter
from types import MappingProxyType

from flows.content.fields import Kind
from flows.texts import quote
from imports.errors import Issue
from imports.exportfile.items import FileItem

CANDIDATES_KEPT = 100
"""The most rows with an item's name that are kept as candidates."""

UNKNOWN_TARGET = "unknown-target"
"""The code of an issue: the row that was chosen for an item is not there."""

_CANDIDATES_SHOWN = 10
# The form of a decisions file and of the API; the admin's page has a choice.
_BY_DECISION = (
    '(in the preview, or in the decisions: "<uuid of the item>": "<uuid of the row>", '
    '"create" for a new one, or "leave-out")'
)


class MatchMethod(StrEnum):
    """How an item was matched."""

    UUID = "uuid"
    NAME = "name"
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The part of a stored row that matching needs."""

    pk: int
    uuid: str
    name: str
    is_deleted: bool = False
    is_locked: bool = False
    version: str = field(default="", compare=False, repr=False)
    """A text that differs after each write of the row; "" where the database has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An item with the live row that it matches, if there is one."""

    item: FileItem
    method: MatchMethod
    row: Row | None = None
    deleted_row: Row | None = None
    """The soft-deleted row with an unmatched item's uuid, which creating the item restores."""
    namesake: Row | None = None
    """Another row with the item's name, which no item of the file matches."""
    is_chosen: bool = False
    """Whether the row was chosen by a decision."""
    is_created: bool = False
    """Whether it is to be a new row by a decision."""
    is_ambiguous: bool = False
    """Whether nobody decided yet which row the item is: then it has none."""
    candidates: tuple[Row, ...] = ()
    """The rows with the item's name, where the name is ambiguous or was until a decision."""


def match_items(
    kind: Kind,
    items: Sequence[FileItem],
    rows: Iterable[Row],
    targets: Mapping[str, str] = MappingProxyType({}),
    *,
    created: Collection[str] = (),
) -> tuple[list[Match], list[Issue]]:
    """Return a match for every item of a kind, in order, and every reason to refuse.

    `rows` must contain each stored row, soft-deleted ones too, with the uuid or the name of an item
    or with a uuid in `targets`, which has the uuids of chosen live rows by the item's uuid.
    `created` has the uuids of items that are decided to be new rows.
    """
    live, deleted = _index_by_uuid(rows)
    wanted = {item.uuid: targets.get(item.uuid, item.uuid) for item in items}
    claimed = {uuid for uuid in wanted.values() if uuid in live}
    unclaimed: dict[str, list[Row]] = defaultdict(list)
    # Sorted, so that the same row is named in whatever order a database returns them.
    for row in sorted(live.values(), key=attrgetter("uuid")):
        if row.uuid not in claimed:
            unclaimed[row.name].append(row)
    matches = [
        _make_created(item, deleted, unclaimed)
        if item.uuid in created and wanted[item.uuid] not in live
        else _match_item(item, wanted[item.uuid], live, deleted, unclaimed)
        for item in items
    ]
    ambiguities = _find_ambiguities(kind, matches, unclaimed)
    matches = list(_add_candidates(matches, ambiguities, live))
    refusals = [
        *_find_refused_choices(kind, matches, targets),
        *_find_refused_creations(kind, matches, created),
        *_find_refusals(matches, ambiguities),
    ]
    return matches, refusals


def _index_by_uuid(rows: Iterable[Row]) -> tuple[dict[str, Row], dict[str, Row]]:
    live: dict[str, Row] = {}
    deleted: dict[str, Row] = {}
    for row in rows:
        (deleted if row.is_deleted else live)[row.uuid] = row
    return live, deleted


def _match_item(
    item: FileItem,
    wanted: str,
    live: Mapping[str, Row],
    deleted: Mapping[str, Row],
    unclaimed: Mapping[str, list[Row]],
) -> Match:
    # An item with an empty name is matched by its uuid only.
    candidates = unclaimed.get(item.name, []) if item.name else []
    if row := live.get(wanted):
        is_chosen = wanted != item.uuid
        by_name = is_chosen and row.name == item.name
        return Match(
            item=item,
            method=MatchMethod.NAME if by_name else MatchMethod.UUID,
            row=row,
            namesake=candidates[0] if candidates else None,
            is_chosen=is_chosen,
        )
    if candidates:
        return Match(item=item, method=MatchMethod.NAME, row=candidates[0])
    return Match(item=item, method=MatchMethod.UNMATCHED, deleted_row=deleted.get(item.uuid))


def _make_created(
    item: FileItem, deleted: Mapping[str, Row], unclaimed: Mapping[str, list[Row]]
) -> Match:
    namesakes = unclaimed.get(item.name, []) if item.name else []
    return Match(
        item=item,
        method=MatchMethod.UNMATCHED,
        deleted_row=deleted.get(item.uuid),
        namesake=namesakes[0] if namesakes else None,
        is_created=True,
    )


def _find_ambiguities(
    kind: Kind, matches: Sequence[Match], unclaimed: Mapping[str, list[Row]]
) -> dict[str, str]:
    """Return the texts of the ambiguities by name: one for all items with that name."""
    claimants: dict[str, list[str]] = defaultdict(list)
    for match in matches:
        if _is_by_name(match):
            claimants[match.item.name].append(match.item.uuid)
    texts = {
        name: _explain_ambiguity(kind, name, [row.uuid for row in unclaimed[name]], uuids)
        for name, uuids in claimants.items()
    }
    return {name: ambiguity for name, ambiguity in texts.items() if ambiguity}


def _is_by_name(match: Match) -> bool:
    """Return whether only its name says which row the item is."""
    return match.method is MatchMethod.NAME and not match.is_chosen


def _add_candidates(
    matches: Sequence[Match], ambiguities: Mapping[str, str], live: Mapping[str, Row]
) -> Iterator[Match]:
    """Return the matches; those that need a choice, or had one, have the rows to choose from."""
    chosen = {match.item.name for match in matches if match.is_chosen or match.is_created}
    chosen.discard("")  # what has no name has no namesakes
    by_uuid = {
        match.item.uuid
        for match in matches
        if match.method is MatchMethod.UUID and not match.is_chosen
    }
    by_name: dict[str, list[Row]] = defaultdict(list)
    for uuid in sorted(live.keys() - by_uuid):
        row = live[uuid]
        if (row.name in ambiguities or row.name in chosen) and len(
            by_name[row.name]
        ) < CANDIDATES_KEPT:
            by_name[row.name].append(row)
    candidates = {name: tuple(rows) for name, rows in by_name.items()}
    for match in matches:
        is_ambiguous = _is_by_name(match) and match.item.name in ambiguities
        if match.is_chosen or match.is_created or is_ambiguous:
            yield replace(
                match,
                row=None if is_ambiguous else match.row,
                is_ambiguous=is_ambiguous,
                candidates=candidates.get(match.item.name, ()),
            )
        else:
            yield match


def _find_refusals(matches: Sequence[Match], ambiguities: Mapping[str, str]) -> Iterator[Issue]:
    for match in matches:
        item = match.item
        if _is_by_name(match) and (ambiguity := ambiguities.get(item.name)):
            yield item.make_issue("ambiguous-name", ambiguity)


def _find_refused_choices(
    kind: Kind, matches: Sequence[Match], targets: Mapping[str, str]
) -> Iterator[Issue]:
    """Yield an issue for each choice of a row that does not exist or matches another item."""
    claimants = Counter(match.row.uuid for match in matches if match.row)
    for match in matches:
        target = targets.get(match.item.uuid)
        if target is None:
            continue
        if match.row is None or match.row.uuid != target:
            yield match.item.make_issue(
                UNKNOWN_TARGET, f"There is no {kind} {target} on this server. Choose another."
            )
        elif claimants[target] > 1:
            yield match.item.make_issue(
                "target-taken",
                f"Another item of the file is the {kind} {target} as well. Choose another.",
            )


def _find_refused_creations(
    kind: Kind, matches: Sequence[Match], created: Collection[str]
) -> Iterator[Issue]:
    """Yield an issue for each item that is to be a new row, while a row has its uuid."""
    for match in matches:
        if match.item.uuid in created and not match.is_created:
            yield match.item.make_issue(
                "uuid-taken",
                f"A {kind} on this server has this uuid, so that no new one can be created with "
                "it. Decide duplicate for a copy, or take the decision back.",
            )


def _explain_ambiguity(
    kind: Kind, name: str, candidates: Sequence[str], rivals: Sequence[str]
) -> str | None:
    """Return why a name does not identify one row and one item; None where it does."""
    if len(candidates) > 1:
        return (
            f"{len(candidates)} {kind.plural} on this server are named {quote(name)}: "
            f"{_format_uuids(candidates)}. Decide which one is meant {_BY_DECISION}, rename all "
            "but one of them, or give the file's item the uuid of the one that is meant."
        )
    if len(rivals) > 1:
        return (
            f"{len(rivals)} items of the file are named {quote(name)} ({_format_uuids(rivals)}) "
            f"and would be the same {kind} on this server: {candidates[0]}. "
            f"Decide which of them it is {_BY_DECISION}, or rename all but one of them."
        )
    return None


def _format_uuids(uuids: Sequence[str]) -> str:
    shown = ", ".join(sorted(uuids)[:_CANDIDATES_SHOWN])
    more = len(uuids) - _CANDIDATES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
