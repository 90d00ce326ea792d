"""Find what an item uses and what uses it, read from the rows: never from a list that can be stale.

A flow uses connections, secrets and subflows; a connection uses secrets. All that a document
mentions counts, as it does for an export. What uses an item is the same on every database: queries
only choose the rows that can mention it, which are then read by the rules of
`flows.content.references`. What stored documents mention is known without reading them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from flows.content.fields import FIELDS, STORED_ONCE, Field, Kind, Shape, get_columns
from flows.content.references import find_secret_names, find_uuids
from flows.documents.mentions import find_mentioning, list_mentioning
from flows.documents.models import MentionKind
from flows.models import MODELS, Item, Secret
from flows.relations.mentions import USED_KINDS, Reference, find_mentions, find_references

MOST_SHOWN = 100
# Rows of 20 kB each: a chunk is a few megabytes.
_CHUNK = 100
# SQLite takes 999 variables in the oldest build that Django supports: for more, all rows are read.
_MOST_ASKED_FOR = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """An item that uses another one, or is used by it."""

    kind: Kind
    name: str
    """Its name; of a missing item, the text of the reference: its uuid or name."""
    pk: int | None = None
    """None where there is no row."""
    is_deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedItems:
    """The related items of one kind, the missing ones last, cut at MOST_SHOWN."""

    kind: Kind
    shown: tuple[Related, ...]
    more: int

    @property
    def count(self) -> int:
        """Return how many there are, shown or not."""
        return len(self.shown) + self.more


def find_uses(item: Item) -> list[RelatedItems]:
    """Return what the item uses, by kind: live, deleted and missing items; no kind without any."""
    content = item.content
    uuids, names = find_mentions(item.kind, content)
    references = set(find_references(item.kind, content))
    groups = (
        _find_used(kind, uuids - {str(item.uuid)}, names if kind is Kind.SECRET else (), references)
        for kind in USED_KINDS[item.kind]
    )
    return [group for group in groups if group.count]


def find_users(item: Item) -> list[RelatedItems]:
    """Return the live items that use the item, by kind; no kind without any."""
    name = item.name if isinstance(item, Secret) else ""
    used = _Used(kind=item.kind, uuid=str(item.uuid), name=name)
    groups = (
        _group(kind, (Related(kind=kind, pk=pk, name=name) for pk, _, name in users))
        for kind, users in _find_users_by_kind(used)
    )
    return [group for group in groups if group.count]


def find_users_of_one(kind: Kind, uuid: str, name: str) -> Iterator[tuple[Kind, str, str]]:
    """Yield each live row that uses the row of that uuid and name: its kind, uuid and name."""
    for user_kind, users in _find_users_by_kind(_Used(kind=kind, uuid=uuid, name=name)):
        yield from ((user_kind, user_uuid, user_name) for _, user_uuid, user_name in users)


def find_users_of_many(
    rows: Mapping[Kind, Mapping[str, str]], *, written: tuple[datetime, datetime] | None = None
) -> Iterator[tuple[Kind, str, str, list[tuple[Kind, str]]]]:
    """Yield each live row that uses one of `rows`: its kind, uuid and name, and which it uses.

    `rows` has, by kind and by the uuid in lower case, the name of each. Reads every live row that
    can use any, a chunk at a time, but none of their stored documents, of which one may be damaged;
    with `written`, only those written between these two times.
    """
    secrets = {name: uuid for uuid, name in rows.get(Kind.SECRET, {}).items()}
    for kind, used_kinds in USED_KINDS.items():
        wanted = [used for used in used_kinds if rows.get(used)]
        if not wanted:
            continue
        names = get_columns(kind)
        stored = [name for name in names if name in STORED_ONCE]
        mentioned = _read_mentioned(set().union(*(rows[each] for each in wanted)), secrets)
        live = MODELS[kind]._default_manager.filter(is_deleted=False).order_by()
        if written:
            live = live.filter(updated_at__range=written)
        rows_read = live.values_list("uuid", *names).iterator(chunk_size=_CHUNK)
        for uuid, *values in rows_read:
            content = dict(zip(names, values, strict=True))
            documents = [content.pop(name) for name in stored]
            uuids, secret_names = find_mentions(kind, content)
            uuids |= {secrets[name] for name in secret_names & secrets.keys()}
            for document in documents:
                uuids |= mentioned.get(document.digest, set())
            uuids.discard(str(uuid))
            used = [(each, key) for each in wanted for key in sorted(uuids & rows[each].keys())]
            if used:
                yield kind, str(uuid), str(content["name"]), used


def _read_mentioned(uuids: Collection[str], secrets: Mapping[str, str]) -> Mapping[str, set[str]]:
    """Return which of the uuids stored documents mention, by digest.

    `secrets` has those of secrets, which are mentioned by their names too.
    """
    mentioned: dict[str, set[str]] = {}
    for digest, uuid in find_mentioning(MentionKind.UUID, uuids):
        mentioned.setdefault(digest, set()).add(uuid)
    for digest, name in find_mentioning(MentionKind.SECRET_NAME, secrets):
        mentioned.setdefault(digest, set()).add(secrets[name])
    return mentioned


def _find_used(
    kind: Kind, uuids: Collection[str], names: Collection[str], references: Collection[Reference]
) -> RelatedItems:
    """Return the rows with these uuids or names, and the references that match none of them."""
    rows = MODELS[kind]._default_manager.order_by()
    if len(uuids) + len(names) <= _MOST_ASKED_FOR:
        rows = rows.filter(Q(uuid__in=uuids) | Q(name__in=names))
    by_uuid: dict[str, Related] = {}
    by_name: dict[str, Related] = {}
    # Live ones last, so that of the secrets with one name the live one counts, then the newest.
    found = rows.values_list("pk", "uuid", "name", "is_deleted")
    for pk, uuid, name, is_deleted in sorted(found, key=lambda row: (not row[3], row[0])):
        row = Related(kind=kind, pk=pk, name=name, is_deleted=is_deleted)
        by_uuid[str(uuid)] = row
        by_name[name] = row
    related = {row for uuid, row in by_uuid.items() if uuid in uuids}
    related |= {row for name, row in by_name.items() if name in names}
    missing = {
        Related(kind=kind, name=reference.target)
        for reference in references
        if reference.kind is kind
        and reference.target not in (by_name if reference.by_name else by_uuid)
        and (reference.by_name or reference.target in uuids)
    }
    return _group(kind, related | missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Used:
    """An item whose users are looked for."""

    kind: Kind
    uuid: str
    name: str
    """Of a secret; by others' names nothing is mentioned."""

    @property
    def secret_name(self) -> str | None:
        """Return the name by which it is mentioned, too; None where it is no secret."""
        return self.name if self.kind is Kind.SECRET else None


_User = tuple[int, str, str]
"""The primary key, uuid and name of a row."""


def _find_users_by_kind(used: _Used) -> Iterator[tuple[Kind, Iterator[_User]]]:
    for kind, used_kinds in USED_KINDS.items():
        if used.kind in used_kinds:
            yield kind, _find_users(kind, used)


def _find_users(kind: Kind, used: _Used) -> Iterator[_User]:
    rows = MODELS[kind]._default_manager.filter(is_deleted=False).order_by()
    if kind is used.kind:
        rows = rows.exclude(uuid=used.uuid)
    found: set[int] = set()
    own = ("pk", "uuid", "name")
    for pk, uuid, name in _find_users_by_documents(kind, used, rows, own):
        found.add(pk)
        yield pk, str(uuid), name
    specs = list_searched_fields(kind)
    others = rows.filter(_may_mention(kind, used)).values_list(
        *own, *(spec.column for spec in specs)
    )
    for pk, uuid, name, *texts in others.iterator(chunk_size=_CHUNK):
        if pk not in found and any(
            text and _mentions(text, used, json=spec.shape.is_document)
            for spec, text in zip(specs, texts, strict=True)
        ):
            yield pk, str(uuid), name


def _mentions(text: str, used: _Used, *, json: bool) -> bool:
    # Most texts have neither, and a plain search is quicker than reading them.
    uuid, name = used.uuid, used.secret_name
    if uuid in text.lower() and uuid in find_uuids(text, json=json):
        return True
    if name is None or f"secrets.{name}" not in text:
        return False
    return name in find_secret_names(text, json=json)


def _may_mention(kind: Kind, used: _Used) -> Q:
    """Return a condition for every row whose own columns mention the item, and few others."""
    # Also in upper case: a reference may be written so.
    wanted = {"icontains": used.uuid}
    if name := used.secret_name:
        wanted["contains"] = f"secrets.{name}"
    return reduce(
        or_,
        (
            Q((f"{spec.column}__{lookup}", text))
            for spec in list_searched_fields(kind)
            for lookup, text in wanted.items()
        ),
    )


def list_searched_fields(kind: Kind) -> list[Field]:
    """Return the fields in which a reference is searched: of stored documents it is known."""
    return [
        spec
        for spec in FIELDS[kind]
        if not spec.stored_once and (spec.shape.is_document or spec.shape is Shape.TEXT)
    ]


def _find_users_by_documents(
    kind: Kind, used: _Used, rows: Any, columns: Iterable[str]
) -> Iterable[tuple[Any, ...]]:
    """Return the columns of those of the rows whose stored documents mention the item."""
    targets = [(MentionKind.UUID, used.uuid)]
    if name := used.secret_name:
        targets.append((MentionKind.SECRET_NAME, name))
    # One condition for each index: PostgreSQL would read all rows for the two columns together.
    each = [
        rows.filter(condition).values_list(*columns)
        for mention, target in targets
        for condition in list_mentioning(kind, mention, [target])
    ]
    return each[0].union(*each[1:]) if each else ()


def _group(kind: Kind, related: Iterable[Related]) -> RelatedItems:
    # By code points, here and not in the database, so that both databases agree.
    ordered = sorted(related, key=lambda one: (one.pk is None, one.name, one.pk or 0))
    return RelatedItems(
        kind=kind, shown=tuple(ordered[:MOST_SHOWN]), more=max(0, len(ordered) - MOST_SHOWN)
    )
