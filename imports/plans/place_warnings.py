"""Warn of names that change or are shared, and of references that dangle after the import. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, NamedTuple

from flows.content.fields import Content, Kind
from flows.counting import format_list
from flows.relations.mentions import Reference, find_references
from flows.texts import make_printable, quote
from imports.exportfile.warnings import PlanWarning, WarningCode, make_users_data
from imports.plans.matching import Match
from imports.plans.plan import Change, Result
from imports.plans.reference_map import ItemDestination

DecidedItem = tuple[Match, ItemDestination, Result]
"""The match, destination and result of an item, before its content is compared."""

ReadNaming = Callable[[Collection[str]], Iterable[tuple[Kind, str, Content]]]
"""Reads the live rows that may name one of these secrets: kind, uuid and content."""

NEW_ROW = {Result.CREATE, Result.DUPLICATE}
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the warnings need beside the item itself."""

    dangling: Mapping[str, Sequence[Reference]]
    """By the path of each item, its references to what is neither in the file nor on the server."""
    secret_names_here: Mapping[str, Sequence[str]]
    """By the path of each item, the secrets it names that are on the server and not in the file."""
    lost_names: Collection[str]
    """The names that no secret has any more after the import."""


def find_lost_names(secrets: Iterable[DecidedItem]) -> set[str]:
    """Return the names of renamed secrets that no secret has after the import."""
    before: set[str] = set()
    after: set[str] = set()
    for match, destination, result in secrets:
        after.add(destination.name)
        if match.row:
            (before if result is Result.OVERWRITE else after).add(match.row.name)
    return before - after


def find_place_warnings(
    match: Match, result: Result, surroundings: Surroundings
) -> Iterator[PlanWarning]:
    """Yield the warnings of an item that do not depend on its row's content."""
    item, row = match.item, match.row
    if row and row.name != item.name and result is Result.OVERWRITE:
        yield PlanWarning(
            code=WarningCode.RENAMES,
            text=f"renames {quote(row.name)} to {quote(item.name)}",
            data={"from": row.name, "to": item.name},
        )
    if match.namesake:
        yield PlanWarning(
            code=WarningCode.SHARED_NAME,
            text=f"another {item.kind} on this server is named {quote(item.name)} too: "
            f"{match.namesake.uuid}",
            data=_make_shared_name_data(item.kind, item.name, [match.namesake.uuid], more=0),
        )
    if match.deleted_row:
        yield PlanWarning(
            code=WarningCode.BROUGHT_BACK,
            text=f"brings back a deleted {item.kind}",
            data={"kind": item.kind.value},
        )
    if result is not Result.SKIP:
        for target in _find_dangling(item.path, surroundings):
            yield PlanWarning(
                code=WarningCode.DANGLING_REFERENCE,
                text=f"dangling reference to {make_printable(str(target))}",
                data={"kind": target.kind.value, "target": make_printable(target.target)},
            )


def _find_dangling(path: str, surroundings: Surroundings) -> Sequence[Reference]:
    missing = surroundings.dangling.get(path, ())
    names = _find_lost_names_of(path, surroundings.secret_names_here, surroundings.lost_names)
    lost = [Reference(Kind.SECRET, name, by_name=True) for name in names]
    return sorted((*missing, *lost), key=str) if lost else missing


def _find_lost_names_of(
    path: str, secret_names_here: Mapping[str, Sequence[str]], lost_names: Collection[str]
) -> list[str]:
    return [name for name in secret_names_here.get(path, ()) if name in lost_names]


class _NamedRow(NamedTuple):
    """A row that has a name after the import."""

    uuid: str
    takes_name: bool
    """Whether it had another name before, or did not exist."""
    position: int | None
    """The index of its change; None for the row of which a copy is made."""


def warn_of_shared_names(kind: Kind, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Return the changes with a warning where several rows end with a name that is new to one.

    Items that share their name in the file are none: that is so where they come from. Rows that no
    item of the file matches have a warning of their own.
    """
    if kind is Kind.SECRET:
        return changes  # secret names are unique
    by_name: dict[str, list[_NamedRow]] = defaultdict(list)
    for position, change in enumerate(changes):
        for name, named_row in _find_named_rows(position, change):
            if name:
                by_name[name].append(named_row)
    warned = list(changes)
    for name, named_rows in by_name.items():
        is_new = len(named_rows) > 1 and any(named_row.takes_name for named_row in named_rows)
        if is_new and not _share_in_file(name, named_rows, changes):
            named_rows.sort(key=attrgetter("uuid"))  # independent of the order of the file's items
            for named_row in named_rows:
                if named_row.position is not None:
                    change = changes[named_row.position]
                    warned[named_row.position] = _warn_of_shared_name(change, named_row, named_rows)
    return tuple(warned)


def _share_in_file(name: str, rows: Iterable[_NamedRow], changes: Sequence[Change]) -> bool:
    return all(row.position is not None and changes[row.position].item.name == name for row in rows)


def _find_named_rows(position: int, change: Change) -> Iterator[tuple[str, _NamedRow]]:
    if change.result is Result.AMBIGUOUS:
        return  # nobody knows which row it is
    row = change.row
    is_new_name = change.result in NEW_ROW or (
        change.result is Result.OVERWRITE and row is not None and row.name != change.target_name
    )
    yield change.target_name, _NamedRow(change.target_uuid, is_new_name, position)
    if change.result is Result.DUPLICATE and row:
        yield row.name, _NamedRow(row.uuid, takes_name=False, position=None)


def _warn_of_shared_name(change: Change, own: _NamedRow, named_rows: Sequence[_NamedRow]) -> Change:
    if any(warning.code == WarningCode.SHARED_NAME for warning in change.own_warnings):
        return change
    others = [one for one in named_rows[: _MOST_SHOWN + 1] if one is not own][:_MOST_SHOWN]
    names = [f"the {change.item.kind} {other.uuid}" for other in others]
    text = (
        f"will share the name {quote(change.target_name)} with "
        f"{format_list(names, more=len(named_rows) - 1 - len(names))}"
    )
    data = _make_shared_name_data(
        change.item.kind,
        change.target_name,
        [other.uuid for other in others],
        more=len(named_rows) - 1 - len(others),
    )
    warning = PlanWarning(code=WarningCode.SHARED_NAME, text=text, data=data)
    return replace(change, own_warnings=(*change.own_warnings, warning))


def _make_shared_name_data(
    kind: Kind, name: str, uuids: Sequence[str], *, more: int
) -> dict[str, Any]:
    others = [{"kind": kind.value, "uuid": uuid} for uuid in uuids]
    return {"name": name, "others": others, "more": more}


def warn_of_lost_names(
    changes: Mapping[Kind, tuple[Change, ...]],
    lost_names: Collection[str],
    secret_names_here: Mapping[str, Sequence[str]],
    read_naming: ReadNaming,
) -> dict[Kind, tuple[Change, ...]]:
    """Return the changes with a warning for each renamed secret whose old name is still used.

    The users may be in the file or only on the server.
    """
    users = _find_users_after(changes, lost_names, secret_names_here, read_naming)
    secrets = tuple(_warn_of_users(change, users) for change in changes[Kind.SECRET])
    return {**changes, Kind.SECRET: secrets}


Users = Mapping[str, Mapping[tuple[Kind, str], str]]
"""By the name of a secret, the names of the rows that use it, by kind and uuid."""


def _find_users_after(
    changes: Mapping[Kind, tuple[Change, ...]],
    lost_names: Collection[str],
    secret_names_here: Mapping[str, Sequence[str]],
    read_naming: ReadNaming,
) -> Users:
    users: dict[str, dict[tuple[Kind, str], str]] = defaultdict(dict)
    written: dict[tuple[Kind, str], Change] = {}
    for kind in (Kind.FLOW, Kind.CONNECTION):
        for change in changes[kind]:
            if change.result.writes:
                key = kind, change.target_uuid
                written[key] = change
                for name in _find_lost_names_of(change.item.path, secret_names_here, lost_names):
                    users[name][key] = change.target_name
    for kind, uuid, content in read_naming(lost_names):
        own = written.get((kind, uuid))
        after = {**content, **(own.content or {})} if own else content
        for reference in find_references(kind, after):
            if reference.by_name and reference.target in lost_names:
                users[reference.target][kind, uuid] = str(after["name"])
    return users


def _warn_of_users(change: Change, users: Users) -> Change:
    row = change.row
    if change.result is not Result.OVERWRITE or row is None or row.name not in users:
        return change
    warning = make_renamed_in_use_warning(row.name, users[row.name])
    return replace(change, own_warnings=(*change.own_warnings, warning))


def make_renamed_in_use_warning(
    old_name: str, users: Mapping[tuple[Kind, str], str]
) -> PlanWarning:
    """Return the warning for a secret whose old name is used by these rows.

    `users` has their names by kind and uuid.
    """
    ordered = sorted((kind, name, uuid) for (kind, uuid), name in users.items())
    shown = ordered[:_MOST_SHOWN]
    rows = [f"the {kind} {quote(name)}" for kind, name, _ in shown]
    more = len(ordered) - len(shown)
    return PlanWarning(
        code=WarningCode.SECRET_RENAMED_IN_USE,
        text=f"secrets.{make_printable(old_name)} will lead to nothing, and is used by "
        f"{format_list(rows, more=more)}",
        data={
            "name": old_name,
            **make_users_data(((kind, uuid, name) for kind, name, uuid in shown), more=more),
        },
        described_kinds=frozenset(kind for kind, _, _ in ordered),
    )
