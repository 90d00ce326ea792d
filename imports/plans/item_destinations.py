"""Decide the row, uuid and name to which each item of a file is written. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from flows.content.copy_names import make_copy_name
from flows.content.documents import read_text
from flows.content.fields import Kind
from flows.texts import quote
from imports.errors import Issue
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import FileItem
from imports.plans.decisions import Decisions, ItemAction, find_decided_on, get_targets
from imports.plans.matching import Match, Row, match_items
from imports.plans.place_warnings import DecidedItem
from imports.plans.plan import Mode, Result
from imports.plans.reference_map import ItemDestination


def decide_items(
    document: ExportDocument,
    rows: Mapping[Kind, Sequence[Row]],
    live_names: Mapping[Kind, Collection[str]],
    mode: Mode,
    decisions: Decisions,
) -> tuple[dict[Kind, list[DecidedItem]], list[Issue]]:
    """Return the match, destination and result of each item by kind, and the reasons to refuse.

    `rows` and `live_names` are those of PlanInputs.
    """
    decided_items: dict[Kind, list[DecidedItem]] = {}
    issues: list[Issue] = []
    for kind in Kind:
        matches, refused = match_items(
            kind,
            document.items[kind],
            rows[kind],
            get_targets(kind, decisions),
            created=find_decided_on(kind, ItemAction.CREATE, decisions),
        )
        results = [_decide_result(match, mode, decisions) for match in matches]
        destinations = _decide_destinations(matches, results, live_names)
        decided_items[kind] = list(zip(matches, destinations, results, strict=True))
        issues += refused
    issues += _find_taken_secret_names(decided_items[Kind.SECRET])
    return decided_items, issues


def find_ambiguous_uuids(
    decided_items: Mapping[Kind, Sequence[DecidedItem]],
    document: ExportDocument,
    read_rows: Callable[[Kind, Iterable[str]], Iterable[Row]],
) -> Iterator[Issue]:
    """Yield an issue for each item with a new uuid while a row of another kind has its old one.

    A reference in the file to that uuid could mean the row, and would be rewritten.
    """
    moved = [
        match.item
        for kind in Kind
        for match, destination, _ in decided_items[kind]
        if _moves(destination)
    ]
    own = {(item.kind, item.uuid) for item in document} if moved else set()
    for other in Kind:
        wanted = {
            item.uuid: item
            for item in moved
            if item.kind is not other and (other, item.uuid) not in own
        }
        rows = [row for row in read_rows(other, wanted) if not row.is_deleted] if wanted else []
        for uuid in sorted({row.uuid for row in rows} & _find_mentioned(decided_items, rows)):
            issue = wanted[uuid].make_issue(
                "ambiguous-uuid",
                f"A {other} on this server has this uuid too, and the file's {wanted[uuid].kind} "
                "lands in a row with another one, so that a reference in the file could mean "
                "either. Give the file's item another uuid.",
            )
            yield replace(issue, described_kinds=frozenset({other}))


def _decide_result(match: Match, mode: Mode, decisions: Decisions) -> Result:
    if match.is_ambiguous:
        return Result.AMBIGUOUS
    if match.row is None:
        return Result.CREATE
    decision = decisions.get((match.item.kind, match.item.uuid))
    return Result[((decision and decision.mode) or mode).name]


def _decide_destinations(
    matches: Sequence[Match],
    results: Sequence[Result],
    live_names: Mapping[Kind, Collection[str]],
) -> Iterator[ItemDestination]:
    names = _FreeNames(
        *(live_names.get(match.item.kind, ()) for match in matches[:1]),
        (
            match.item.name
            for match, result in zip(matches, results, strict=True)
            if result in _TAKES_NAME
        ),
    )
    for match, result in zip(matches, results, strict=True):
        item = match.item
        if match.row is None:
            yield ItemDestination(item=item, uuid=item.uuid, name=item.name)
        elif result is Result.DUPLICATE:
            yield ItemDestination(item=item, uuid=str(uuid4()), name=names.find_copy_name(item))
        else:
            name = match.row.name if result is Result.SKIP else item.name
            yield ItemDestination(item=item, uuid=match.row.uuid, name=name)


_TAKES_NAME = {Result.CREATE, Result.OVERWRITE}


class _FreeNames:
    """Picks the first free name for each copy, in linear time even if all names are cut to one."""

    def __init__(self, *used: Iterable[str]) -> None:
        self._used = {name for names in used for name in names}
        self._next: dict[str, int] = {}

    def find_copy_name(self, item: FileItem) -> str:
        number, passed = 1, []
        while (name := make_copy_name(item.kind, item.name, number)) in self._used:
            passed.append(name)
            number = self._next.get(name, number + 1)
        self._used.add(name)
        # The name after a taken one depends on that name only, however it was cut.
        self._next |= dict.fromkeys((*passed, name), number + 1)
        return name


def _find_taken_secret_names(decided_items: Sequence[DecidedItem]) -> Iterator[Issue]:
    """Yield an issue for each secret whose name another row keeps.

    Such a row is matched by no item, or keeps its name.
    """
    kept = {
        match.namesake.name: match.namesake for match, _, _ in decided_items if match.namesake
    } | {
        match.row.name: match.row
        for match, destination, _ in decided_items
        if match.row and (destination.uuid != match.row.uuid or destination.name == match.row.name)
    }
    for match, destination, result in decided_items:
        if result.writes and destination.name in kept and kept[destination.name] is not match.row:
            yield match.item.make_issue(
                "name-taken",
                f"The name {quote(destination.name)} belongs to another secret on this server: "
                f"{kept[destination.name].uuid}. A secret's name is unique: rename one of the two.",
            )


def _moves(destination: ItemDestination) -> bool:
    return destination.uuid != destination.item.uuid


def _find_mentioned(
    decided_items: Mapping[Kind, Sequence[DecidedItem]], rows: Collection[Row]
) -> set[str]:
    """Return the uuids of those rows that are mentioned in what the import writes."""
    if not rows:
        return set()
    texts = [
        value.lower()
        for kind in Kind
        for match, _, result in decided_items[kind]
        if result.writes
        for value in map(read_text, (*match.item.content.values(), match.item.extra))
        if isinstance(value, str)
    ]
    return {row.uuid for row in rows if any(row.uuid in text for text in texts)}
