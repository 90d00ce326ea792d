"""Map the uuids and names in a file's references to those on the server. Pure.

Where an item is written to a row with another uuid or name, the references to it in every imported
document are rewritten. Source of the rules: section 3 of the flow import page.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flows.content import canonical
from flows.content.documents import Document, read_text
from flows.content.fields import EXTRA, FIELDS, Content, Field, Kind, Shape, Value
from flows.content.references import rewrite
from flows.relations.document_rewriting import KeyCollisionError, rewrite_document
from flows.texts import make_json_path
from imports.errors import Issue
from imports.exportfile.items import FileItem


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDestination:
    """The uuid and the name, after the import, of the row to which an item is written."""

    item: FileItem
    uuid: str
    name: str


class LostValue(Exception):  # noqa: N818 - the name says what would happen
    """A rewritten key would replace another key of the same object."""

    def __init__(self, item: FileItem, path: Sequence[str | int]) -> None:
        message = (
            "This key is a reference that would become the same as another key of the object, and "
            "one of the two values would be lost. Rename one of the keys in the file."
        )
        super().__init__(message)
        self.issue = replace(
            item.make_issue("key-collision", message),
            path=make_json_path(item.kind.plural, item.position, *path),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceMap:
    """The maps for rewriting references: of uuids, of secrets' names, and of names by uuid."""

    uuids: Mapping[str, str] = field(default_factory=dict)
    secret_names: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """New name by new uuid, for items whose name changes."""

    def rewrite_content(self, item: FileItem) -> Content:
        """Return the item's content with every reference rewritten. Raise LostValue."""
        if not (self.uuids or self.secret_names or self.names):
            return {**item.content, EXTRA: item.extra}
        content: dict[str, Value] = dict(item.content)
        for spec in FIELDS[item.kind]:
            stored = content.get(spec.column)
            value = read_text(stored)
            if not isinstance(value, str) or spec.shape in (Shape.NAME, Shape.CHOICE):
                continue
            if not spec.shape.is_document:
                content[spec.column] = self._rewrite_text(value)
                continue
            new = self._rewrite_document(value, item, spec.key)
            if spec.shape is Shape.USES:
                new = self._rewrite_uses(new, is_same=new is value)
            # The same one is kept, with what is known of it.
            content[spec.column] = stored if new is value else _restore_type(new, spec)
        content[EXTRA] = self._rewrite_document(item.extra, item)
        return content

    def _rewrite_text(self, text: str) -> str:
        return rewrite(text, uuids=self.uuids, names=self.secret_names)

    def _rewrite_document(self, text: str, item: FileItem, *keys: str) -> str:
        try:
            return rewrite_document(text, uuids=self.uuids, names=self.secret_names)
        except KeyCollisionError as collision:
            raise LostValue(item, (*keys, *collision.path)) from None

    def _rewrite_uses(self, text: str, *, is_same: bool) -> str:
        """Return a flow's list of uses with new names; its entries may repeat an item's name."""
        if is_same and not self.names:
            return text
        return canonical.encode([self._rename_use(use) for use in canonical.decode(text) or []])

    def _rename_use(self, use: Any) -> Any:
        if not isinstance(use, dict) or "name" not in use:
            return use
        name = self.names.get(str(use["uuid"]).lower())
        return use if name is None else {**use, "name": name}


def _restore_type(text: str, spec: Field) -> Value:
    return Document(text) if spec.stored_once else text


def map_references(destinations: Iterable[ItemDestination]) -> tuple[ReferenceMap, list[Issue]]:
    """Return the map for a file's items, and an issue for each uuid that would be ambiguous."""
    uuids: dict[str, str] = {}
    secret_names: dict[str, str] = {}
    names: dict[str, str] = {}
    targets: dict[str, list[ItemDestination]] = defaultdict(list)
    for destination in destinations:
        item = destination.item
        targets[item.uuid].append(destination)
        if destination.uuid != item.uuid:
            uuids[item.uuid] = destination.uuid
        if destination.name != item.name:
            names[destination.uuid] = destination.name
            if item.kind is Kind.SECRET:
                secret_names[item.name] = destination.name
    return (
        ReferenceMap(uuids=uuids, secret_names=secret_names, names=names),
        list(_find_ambiguous(targets)),
    )


def _find_ambiguous(targets: Mapping[str, list[ItemDestination]]) -> Iterator[Issue]:
    """Yield an issue for each item whose uuid two kinds share and that gets different uuids."""
    for destinations in targets.values():
        if len({destination.uuid for destination in destinations}) > 1:
            for destination in destinations:
                yield destination.item.make_issue(
                    "ambiguous-uuid",
                    "Two items of the file, of different kinds, have this uuid and land in rows "
                    "with different uuids, so that a reference to it could mean either. "
                    "Give one of them another uuid.",
                )
