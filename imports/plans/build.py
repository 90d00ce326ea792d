"""The decision: matches and a mode to a Plan. Pure; section 3 of the flow import page.

Stored contents are asked for through a callable and looked at one row at a time, so that only
what has to be written is held in memory.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from flows.content.copy_names import copy_name
from flows.content.fields import EXTRA, Content, Kind
from flows.destinations.changes import Server, UserChange
from flows.relations.mentions import Reference
from imports.errors import Issue, quoted
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import Item
from imports.plans.comparison import compared
from imports.plans.decisions import NO_DECISIONS, Decisions, decisions_to_nothing, targets_of
from imports.plans.destinations import find_notices, user_change, with_notices
from imports.plans.drift import LastImport, ReadContents, ReadLastWrites, marked_with_drift
from imports.plans.landing import Landing, LostValue, Place, land
from imports.plans.matching import Match, Row, match_items
from imports.plans.place_warnings import (
    NEW_ROW,
    ReadNaming,
    Settled,
    Surroundings,
    find_lost_names,
    warnings_of_place,
    with_shared_names,
    with_users_of_lost_names,
)
from imports.plans.plan import Change, Mode, Plan, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What planning has to know of the server."""

    rows: Mapping[Kind, Sequence[Row]]
    read_contents: ReadContents
    read_last_writes: ReadLastWrites
    live_names: Mapping[Kind, Collection[str]] = field(default_factory=dict)
    """All names in use, for duplicates only."""
    dangling: Mapping[str, Sequence[Reference]] = field(default_factory=dict)
    """By the path of each item, what it refers to that is neither in the file nor here."""
    secret_names_here: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By the path of each item, the secrets that it names which are here, and not in the file."""
    server: Server
    """Which secrets there are, and where they are sent."""
    read_rows: Callable[[Kind, Iterable[str]], Iterable[Row]] = lambda _kind, _uuids: ()
    """Reads the rows of a kind with these uuids."""
    read_naming: ReadNaming = lambda _names: ()
    """Reads the rows that may name one of these secrets."""
    last_imports: Mapping[Kind, Mapping[str, LastImport]] = field(default_factory=dict)
    """By kind and by the uuid of a row, the last import that it came from."""


def build_plan(
    document: ExportDocument,
    stored: Stored,
    *,
    server: str,
    mode: Mode,
    override_locks: bool = False,
    decisions: Decisions = NO_DECISIONS,
) -> Plan:
    """What the import would do. The plan's issues are all the reasons why there can be none.

    `decisions` are for single items, where the mode is not what is wanted.
    """
    settled: dict[Kind, list[Settled]] = {}
    issues = list(decisions_to_nothing(document, decisions))
    for kind in Kind:
        matches, refused = match_items(
            kind, document.items[kind], stored.rows[kind], targets_of(kind, decisions)
        )
        results = [_result(match, mode, decisions) for match in matches]
        places = _places(matches, results, stored.live_names)
        settled[kind] = list(zip(matches, places, results, strict=True))
        issues += refused
    issues += _taken_secret_names(settled[Kind.SECRET])
    landing, refused = land(place for kind in Kind for _, place, _ in settled[kind])
    issues += refused
    issues += _meant_otherwise(settled, document, stored.read_rows)
    users: list[UserChange] = []
    surroundings = _surroundings(settled[Kind.SECRET], stored)
    changes = {
        kind: with_shared_names(
            kind,
            _changes(
                *(kind, settled[kind], landing, stored, surroundings), users=users, issues=issues
            ),
        )
        for kind in Kind
    }
    if lost := surroundings.lost_names:
        changes = with_users_of_lost_names(
            changes, lost, stored.secret_names_here, stored.read_naming
        )
    if notices := find_notices(changes, users, stored.server):
        changes = {kind: with_notices(changes[kind], notices) for kind in Kind}
    if not override_locks:
        issues += _locked(changes[Kind.FLOW])
    return Plan(
        file_sha256=document.sha256,
        server=server,
        mode=mode,
        override_locks=override_locks,
        changes=changes,
        issues=tuple(issues),
        secret_users=tuple(users),
    )


def _surroundings(secrets: Sequence[Settled], stored: Stored) -> Surroundings:
    brings_back = any(match.deleted_row for match, _, _ in secrets)
    return Surroundings(
        dangling=stored.dangling,
        secret_names_here=stored.secret_names_here,
        lost_names=find_lost_names(secrets),
        valued_secrets=stored.server.valued_secrets() if brings_back else (),
    )


def _result(match: Match, mode: Mode, decisions: Decisions) -> Result:
    if match.row is None:
        return Result.CREATE
    decision = decisions.get((match.item.kind, match.item.uuid))
    return Result[((decision and decision.mode) or mode).name]


def _places(
    matches: Sequence[Match],
    results: Sequence[Result],
    live_names: Mapping[Kind, Collection[str]],
) -> Iterator[Place]:
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
            yield Place(item=item, uuid=item.uuid, name=item.name)
        elif result is Result.DUPLICATE:
            yield Place(item=item, uuid=str(uuid4()), name=names.copy_of(item))
        else:
            name = match.row.name if result is Result.SKIP else item.name
            yield Place(item=item, uuid=match.row.uuid, name=name)


_TAKES_NAME = {Result.CREATE, Result.OVERWRITE}


class _FreeNames:
    """Draws the first free name for each copy; linear even if all names are cut to one."""

    def __init__(self, *used: Iterable[str]) -> None:
        self._used = {name for names in used for name in names}
        self._next: dict[str, int] = {}

    def copy_of(self, item: Item) -> str:
        number, passed = 1, []
        while (name := copy_name(item.kind, item.name, number)) in self._used:
            passed.append(name)
            number = self._next.get(name, number + 1)
        self._used.add(name)
        # What comes after a name that is taken depends on that name only, however it was cut.
        self._next |= dict.fromkeys((*passed, name), number + 1)
        return name


def _taken_secret_names(settled: Sequence[Settled]) -> Iterator[Issue]:
    """A secret whose name a row keeps that no item of the file is, or that is left alone."""
    kept = {match.namesake.name: match.namesake for match, _, _ in settled if match.namesake} | {
        match.row.name: match.row
        for match, place, _ in settled
        if match.row and (place.uuid != match.row.uuid or place.name == match.row.name)
    }
    for match, place, result in settled:
        if result.writes and place.name in kept and kept[place.name] is not match.row:
            yield match.item.issue(
                "name-taken",
                f"The name {quoted(place.name)} belongs to another secret on this server: "
                f"{kept[place.name].uuid}. A secret's name is unique: rename one of the two.",
            )


def _meant_otherwise(
    settled: Mapping[Kind, Sequence[Settled]],
    document: ExportDocument,
    read_rows: Callable[[Kind, Iterable[str]], Iterable[Row]],
) -> Iterator[Issue]:
    """An item that moves to another uuid, while a row of another kind bears the one that it had.

    A document of the file that has that uuid could mean the row, and would be led past it.
    """
    moved = [match.item for kind in Kind for match, place, _ in settled[kind] if _moves(place)]
    own = {(item.kind, item.uuid) for item in document} if moved else set()
    for other in Kind:
        wanted = {
            item.uuid: item
            for item in moved
            if item.kind is not other and (other, item.uuid) not in own
        }
        rows = [row for row in read_rows(other, wanted) if not row.is_deleted] if wanted else []
        for uuid in sorted({row.uuid for row in rows} & _mentioned(settled, rows)):
            issue = wanted[uuid].issue(
                "ambiguous-uuid",
                f"A {other} on this server has this uuid too, and the file's {wanted[uuid].kind} "
                "lands in a row with another one, so that a reference in the file could mean "
                "either. Give the file's item another uuid.",
            )
            yield replace(issue, tells_of=frozenset({other}))


def _moves(place: Place) -> bool:
    return place.uuid != place.item.uuid


def _mentioned(settled: Mapping[Kind, Sequence[Settled]], rows: Collection[Row]) -> set[str]:
    """The uuids of the rows that stand in what the import writes."""
    if not rows:
        return set()
    texts = [
        value.lower()
        for kind in Kind
        for match, _, result in settled[kind]
        if result.writes
        for value in (*match.item.content.values(), match.item.extra)
        if isinstance(value, str)
    ]
    return {row.uuid for row in rows if any(row.uuid in text for text in texts)}


def _changes(
    kind: Kind,
    settled: Sequence[Settled],
    landing: Landing,
    stored: Stored,
    surroundings: Surroundings,
    *,
    users: list[UserChange],
    issues: list[Issue],
) -> tuple[Change, ...]:
    """The changes of a kind.

    To `users` is added how what they write uses secrets, to `issues` what stands against them.
    """
    changes = _compared(
        kind,
        [
            _change(
                match,
                place,
                result,
                _content(match.item, place, landing, issues) if result.writes else None,
                surroundings,
            )
            for match, place, result in settled
        ],
        stored.read_contents,
        users,
    )
    last_imports = stored.last_imports.get(kind, {})
    return marked_with_drift(
        kind, changes, last_imports, stored.read_last_writes, stored.read_contents
    )


def _compared(
    kind: Kind, changes: list[Change], read_contents: ReadContents, users: list[UserChange]
) -> tuple[Change, ...]:
    """The changes, with each overwrite held against the row's content."""
    overwrites = {
        change.row.pk: position
        for position, change in enumerate(changes)
        if change.row and change.result is Result.OVERWRITE
    }
    for pk, content in read_contents(kind, list(overwrites)):
        position = overwrites[pk]
        changes[position] = compared(changes[position], content)
        if user := user_change(changes[position], content):
            users.append(user)
    new = (change for change in changes if change.result in NEW_ROW)
    users += [user for change in new if (user := user_change(change, None))]
    return tuple(changes)


def _change(
    match: Match,
    place: Place,
    result: Result,
    content: Content | None,
    surroundings: Surroundings,
) -> Change:
    item = match.item
    return Change(
        item=item,
        result=result,
        method=match.method,
        target_uuid=place.uuid,
        target_name=place.name,
        row=match.deleted_row if result is Result.CREATE else match.row,
        content=content,
        candidates=match.candidates,
        own_warnings=(*item.own_warnings, *warnings_of_place(match, result, surroundings)),
    )


def _content(item: Item, place: Place, landing: Landing, issues: list[Issue]) -> Content:
    """What is to be written; what stands against that goes into the issues."""
    try:
        return {**landing.content_of(item), "name": place.name}
    except LostValue as lost:
        issues.append(lost.issue)
        return {**item.content, EXTRA: item.extra, "name": place.name}


def _locked(changes: Iterable[Change]) -> Iterator[Issue]:
    for change in changes:
        if change.result is Result.OVERWRITE and change.row and change.row.is_locked:
            yield change.item.issue(
                "locked",
                f"The flow {quoted(change.row.name)} is locked on this server. Unlock it there, "
                "or give --override-locks.",
            )
