"""Find what is stored of an item outside of its row and its versions, and what uses it."""

import gzip
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from flows.content.fields import Kind
from flows.encryption import WrongKeyError
from flows.models import Item, Secret
from flows.relations.uses import find_users_of_many
from flows.saves.purging import find_row, find_versions
from imports.jobs.exports.asking import UNFINISHED
from imports.models import BackgroundExport, BuiltExport, ImportItem, PendingImport
from imports.uploads.stored_file import unpack_file

PURGED_NAME = "(deleted for good)"
"""What the lines of records have in place of the item's name."""

Key = tuple[Kind, str]
"""An item by its kind and its uuid, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemUser:
    """A live item that uses another one."""

    kind: Kind
    uuid: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRemains:
    """What a server has of an item that is to be deleted for good."""

    kind: Kind
    uuid: str
    name: str | None
    """None where the row was removed before."""
    versions: int
    """How many saved states it has: named saves, and what the admin keeps of edits."""
    lines: int
    """How many lines of records name it."""
    users: tuple[ItemUser, ...] = ()
    """The live items that use it, but those that are deleted with it."""

    @property
    def is_anything(self) -> bool:
        """Return whether anything is left of it."""
        return self.name is not None or bool(self.versions or self.lines)


def read_remains(keys: Sequence[Key]) -> list[ItemRemains]:
    """Return what there is of each item."""
    rows = {key: find_row(*key) for key in keys}
    users = _find_users({key: row for key, row in rows.items() if row is not None})
    return [
        ItemRemains(
            kind=key[0],
            uuid=key[1],
            name=str(row) if row is not None else None,
            versions=len(find_versions(*key)),
            lines=find_lines(*key).count(),
            users=tuple(users.get(key, ())),
        )
        for key, row in rows.items()
    ]


def find_lines(kind: Kind, uuid: str) -> QuerySet[ImportItem]:
    """Return the lines of records that say something of the item's row."""
    lines = ImportItem.objects.filter(kind=kind, target_uuid=uuid).order_by()
    return lines.exclude(target_name=PURGED_NAME)


def find_uploads(keys: Sequence[Key]) -> list[PendingImport]:
    """Return the uploads and kept plans whose plan names one of the items, without their files."""
    uploads = PendingImport.objects.exclude(plan=None).defer("content").order_by("pk")
    return [
        upload
        for upload in uploads.iterator()
        if any(
            _names_any(zlib.decompress(bytes(packed)), keys)
            for packed in (upload.plan, upload.answer)
            if packed
        )
    ]


def find_exports(keys: Sequence[Key]) -> list[int]:
    """Return the keys of the built exports that hold one of the items."""
    exports = BuiltExport.objects.order_by("pk").values_list("pk", "content")
    return [pk for pk, content in exports.iterator() if _holds_any(bytes(content), keys)]


def find_background_exports(keys: Sequence[Key]) -> list[int]:
    """Return the keys of the exports in the background that hold one of the items, or may soon."""
    exports = BackgroundExport.objects.order_by("pk").values_list("pk", "status", "content")
    return [
        pk
        for pk, status, stored in exports.iterator()
        if status in UNFINISHED or (stored and _holds_any_encrypted(bytes(stored), keys))
    ]


def _holds_any_encrypted(stored: bytes, keys: Sequence[Key]) -> bool:
    try:
        return _holds_any(unpack_file(stored), keys)
    except WrongKeyError:
        return True


def _holds_any(packed: bytes, keys: Sequence[Key]) -> bool:
    """Return whether the export holds one; one that cannot be read may hold it."""
    try:
        return _names_any(gzip.decompress(packed), keys)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return True


def _names_any(text: bytes, keys: Sequence[Key]) -> bool:
    lowered = text.lower()
    return any(uuid.encode() in lowered for _, uuid in keys)


def _find_users(rows: Mapping[Key, Item]) -> dict[Key, list[ItemUser]]:
    wanted: defaultdict[Kind, dict[str, str]] = defaultdict(dict)
    for (kind, uuid), row in rows.items():
        if not _is_replaced(row):
            wanted[kind][uuid] = str(getattr(row, "name", ""))
    users: defaultdict[Key, list[ItemUser]] = defaultdict(list)
    for kind, uuid, name, used in _find_users_of(wanted):
        if (kind, uuid) not in rows:
            for key in used:
                users[key].append(ItemUser(kind=kind, uuid=uuid, name=name))
    return users


def _find_users_of(
    wanted: Mapping[Kind, Mapping[str, str]],
) -> Iterator[tuple[Kind, str, str, list[Key]]]:
    yield from find_users_of_many(wanted) if wanted else ()


def _is_replaced(row: Item) -> bool:
    """Return whether it is a deleted secret whose name a live one has, which is used instead."""
    if not (isinstance(row, Secret) and row.is_deleted):
        return False
    return Secret.objects.filter(name=row.name, is_deleted=False).exists()
