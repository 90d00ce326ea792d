"""Plan which rows are pruned: those that left the directory that the file is. Pure.

A row left the directory if its last import came from it, and the file does not name it: no item has
its uuid or matches it. It is soft-deleted, and an undo brings it back.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from operator import attrgetter

from flows.content.documents import copy_unread
from flows.content.fields import Content, Kind, get_columns
from flows.counting import format_count, format_list
from flows.relations.mentions import USED_KINDS, find_mentions
from flows.texts import make_printable, quote
from imports.errors import Issue
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import FileItem
from imports.plans.drift import LastImport, LastWrite, ReadContents, ReadLastWrites
from imports.plans.matching import MatchMethod, Row
from imports.plans.plan import Change, Result, are_comparable, compute_content_digest

PRUNE = "prune"
"""The option's name in the path of an issue."""

_USERS_SHOWN = 3

RowKey = tuple[Kind, str]
"""A row by its kind and its uuid, in lower case."""

Changes = Mapping[Kind, Sequence[Change]]
FindUsers = Callable[
    [Mapping[Kind, Mapping[str, str]]], Iterable[tuple[Kind, str, str, Sequence[RowKey]]]
]
"""Yields each live row that uses one of the rows, given by kind and uuid with their names: its
kind, uuid and name, and which it uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedItem(FileItem):
    """What stands for a row in a plan where a file has an item: its uuid and name."""

    @property
    def path(self) -> str:
        """Return the path of the row's issues, which is the same in each plan."""
        return make_pruned_path(self.kind, self.uuid)


def make_pruned_path(kind: Kind, uuid: str) -> str:
    """Return the path of the issues of a row that is pruned."""
    return f"pruned[{kind}:{uuid}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtRow:
    """A live row whose last import came from the file's directory."""

    row: Row
    last: LastImport
    record: int
    """The number of that import."""
    was_pruned: bool = False
    """Whether that import pruned it, so that somebody brought it back since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _User:
    """A live row that uses another one."""

    kind: Kind
    uuid: str
    name: str


class _Pruned:
    """The rows that are pruned: their names by kind and uuid, and the secrets' uuids by name."""

    def __init__(self, names: Mapping[Kind, Mapping[str, str]]) -> None:
        self.names = names
        self.secrets = {name: uuid for uuid, name in names[Kind.SECRET].items()}


def find_refusals(document: ExportDocument, changes: Changes) -> Iterator[Issue]:
    """Yield the reasons why this file prunes nothing at all."""
    if not document.directory_id:
        yield _make_issue(
            "prune-without-directory",
            "Only a directory says what left it, or an archive of one: this file has no id of a "
            "directory. Import it without pruning.",
        )
    elif not len(document):
        yield _make_issue(
            "prune-empty",
            "The directory has no items at all, so that all that came from it would be deleted. "
            "Check that it was read as a whole; delete by hand what is to go.",
        )
    elif any(change.is_left_out for of_kind in changes.values() for change in of_kind):
        yield _make_issue(
            "prune-partial",
            "Items of the file are left out, and a part of a directory does not say what left it. "
            "Import all of it, or import without pruning.",
        )


def find_unnamed(
    changes: Changes, brought: Mapping[Kind, Sequence[BroughtRow]]
) -> dict[Kind, list[BroughtRow]]:
    """Return the rows that no item has the uuid of, matches or may match; sorted by name."""
    unnamed: dict[Kind, list[BroughtRow]] = {}
    for kind in Kind:
        named = _list_named(changes[kind])
        found = (each for each in brought.get(kind, ()) if each.row.uuid not in named)
        unnamed[kind] = sorted(found, key=attrgetter("row.name", "row.uuid"))
    return unnamed


def count_imported_elsewhere(
    changes: Changes,
    unnamed: Mapping[Kind, Sequence[BroughtRow]],
    imported: Mapping[Kind, Set[str]],
) -> int:
    """Return how many of the imported rows are neither named nor of the directory."""
    return sum(
        len(uuids - _list_named(changes[kind]) - {each.row.uuid for each in unnamed[kind]})
        for kind, uuids in imported.items()
    )


def _list_named(changes: Sequence[Change]) -> set[str]:
    """Return the uuids of the items, and of the rows that they match or may match."""
    named = {change.item.uuid for change in changes}
    named |= {change.row.uuid for change in changes if change.row}
    return named | {row.uuid for change in changes for row in change.candidates}


def make_prunes(
    rows: Mapping[Kind, Sequence[BroughtRow]], changes: Changes, read_contents: ReadContents
) -> dict[Kind, tuple[Change, ...]]:
    """Return the changes that prune the rows, by kind."""
    return {
        kind: tuple(
            _make_prune(kind, len(changes[kind]) + number, each.row, digests.get(each.row.pk))
            for number, each in enumerate(rows[kind])
        )
        for kind in Kind
        for digests in [_read_digests(kind, rows[kind], read_contents)]
    }


def _read_digests(
    kind: Kind, rows: Sequence[BroughtRow], read_contents: ReadContents
) -> dict[int, str]:
    read = read_contents(kind, [each.row.pk for each in rows])
    return {pk: compute_content_digest(content, get_columns(kind)) for pk, content in read}


def _make_prune(kind: Kind, position: int, row: Row, digest: str | None) -> Change:
    item = PrunedItem(
        kind=kind,
        position=position,
        uuid=row.uuid,
        file_uuid=row.uuid,
        name=row.name,
        content={},
        extra="{}",
    )
    return Change(
        item=item,
        result=Result.PRUNE,
        method=MatchMethod.UUID,
        target_uuid=row.uuid,
        target_name=row.name,
        row=row,
        before=digest,
        after=digest,
    )


def find_obstacles(
    rows: Mapping[Kind, Sequence[BroughtRow]],
    prunes: Changes,
    changes: Changes,
    *,
    limit: int,
    read_contents: ReadContents,
    read_last_writes: ReadLastWrites,
    find_users: FindUsers,
) -> Iterator[Issue]:
    """Yield what stands against pruning these rows: their number, edits, and what uses them."""
    count = sum(map(len, prunes.values()))
    if count > limit:
        yield _make_issue(
            "prune-limit",
            f"{format_count(count, 'row')} would be pruned, and the limit is {limit}. Check that "
            f"the directory was read as a whole; if it was, give --prune-limit {count}.",
        )
    users = _find_users(prunes, changes, read_contents, find_users) if count else {}
    for kind in Kind:
        writes = read_last_writes(kind, [each.row.pk for each in rows[kind]])
        for each, change in zip(rows[kind], prunes[kind], strict=True):
            yield from _find_edit(each, change, writes.get(each.row.pk))
            if found := users.get((kind, each.row.uuid)):
                yield _make_used_issue(change, found)


def _find_edit(brought: BroughtRow, change: Change, write: LastWrite | None) -> Iterator[Issue]:
    """Yield an issue where the row was, or may have been, edited since its last import."""
    the_row = f"The {change.item.kind} {quote(brought.row.name)}"
    last = _describe(write)
    advice = "Export it into the directory, or delete it by hand."
    if brought.was_pruned:
        yield change.item.make_issue(
            "prune-brought-back",
            f"{the_row} was brought back here since import {brought.record} pruned it{last}. "
            f"{advice}",
        )
        return
    digest = change.before or ""
    is_edited = write is None or write.at > brought.last.at
    if are_comparable(digest, brought.last.digest):
        is_edited = digest != brought.last.digest
    if is_edited:
        yield change.item.make_issue(
            "prune-edited",
            f"{the_row} was edited here since import {brought.record}{last}. {advice}",
        )


def _describe(write: LastWrite | None) -> str:
    if write is None:
        return ""
    by = f" by {make_printable(write.by)}" if write.by else ""
    return f", last{by} on {write.at:%Y-%m-%d %H:%M} UTC"


def _make_used_issue(change: Change, users: Sequence[_User]) -> Issue:
    shown = [f"the {user.kind} {quote(user.name)}" for user in users[:_USERS_SHOWN]]
    if more := len(users) - len(shown):
        shown.append(f"{more} more")
    stay = "which stays" if len(users) == 1 else "which stay"
    issue = change.item.make_issue(
        "prune-used",
        f"The {change.item.kind} {quote(change.item.name)} is used by {format_list(shown)}, "
        f"{stay}, and would refer to nothing. Change what uses it, or keep it in the directory.",
    )
    return replace(issue, described_kinds=frozenset(user.kind for user in users))


def _find_users(
    prunes: Changes, changes: Changes, read_contents: ReadContents, find_users: FindUsers
) -> dict[RowKey, list[_User]]:
    """Return, by each row that is pruned, the rows that use it after the import."""
    pruned = _Pruned({k: {e.target_uuid: e.target_name for e in prunes[k]} for k in Kind})
    overwritten = {
        (kind, change.row.uuid): change
        for kind in Kind
        for change in changes[kind]
        if change.row and change.result is Result.OVERWRITE
    }
    found: dict[RowKey, dict[_User, None]] = {}
    for kind, uuid, name, used in find_users(pruned.names):
        if uuid in pruned.names[kind]:
            continue
        change = overwritten.get((kind, uuid))
        kept = _find_used(kind, _read_kept(change, read_contents), pruned) if change else used
        for key in kept:
            found.setdefault(key, {})[_User(kind=kind, uuid=uuid, name=name)] = None
    for kind in Kind:
        for change in changes[kind]:
            if change.content is not None:
                user = _User(kind=kind, uuid=change.target_uuid, name=change.target_name)
                for key in _find_used(kind, copy_unread(change.content), pruned):
                    found.setdefault(key, {})[user] = None
    return {key: list(users) for key, users in found.items()}


def _read_kept(change: Change, read_contents: ReadContents) -> Content:
    """Return what an overwrite leaves of its row as it is."""
    pks, written = [change.row.pk] if change.row else [], change.content or {}
    return {
        column: value
        for _, content in read_contents(change.item.kind, pks)
        for column, value in content.items()
        if column not in written
    }


def _find_used(kind: Kind, content: Content, pruned: _Pruned) -> list[RowKey]:
    """Return which of the pruned rows the content mentions."""
    uuids, names = find_mentions(kind, content)
    uuids |= {pruned.secrets[name] for name in names & pruned.secrets.keys()}
    return [
        (used, uuid)
        for used in USED_KINDS[kind]
        for uuid in sorted(uuids & pruned.names[used].keys())
    ]


def _make_issue(code: str, message: str) -> Issue:
    return Issue(code=code, message=message, path=PRUNE)
