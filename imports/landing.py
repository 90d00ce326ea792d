"""Where items land: the uuids and names by which documents have to refer to them afterwards.

Pure. When an item lands in a row with another uuid or name than the file's, every imported
document that refers to it is rewritten. Source of the rules: section 3 of the flow import page.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows import canonical
from flows.content import EXTRA, FIELDS, Content, Kind, Shape, Value
from flows.references import rewrite
from imports.errors import Issue
from imports.items import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The row that an item lands in, by its uuid and its name after the import."""

    item: Item
    uuid: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """What references become: a map of uuids, one of secrets' names, and names by uuid."""

    uuids: Mapping[str, str] = field(default_factory=dict)
    secret_names: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """New name by new uuid, of the items whose name changes."""

    def content_of(self, item: Item) -> Content:
        """The item's content with every reference rewritten."""
        if not (self.uuids or self.secret_names or self.names):
            return {**item.content, EXTRA: item.extra}
        content: dict[str, Value] = dict(item.content)
        for spec in FIELDS[item.kind]:
            value = content.get(spec.column)
            if not isinstance(value, str) or spec.shape in (Shape.NAME, Shape.CHOICE):
                continue
            if spec.shape is Shape.USES:
                content[spec.column] = self._uses(value)
            elif spec.shape.is_document:
                content[spec.column] = self._document(value)
            else:
                content[spec.column] = self._text(value)
        content[EXTRA] = self._document(item.extra)
        return content

    def _text(self, text: str) -> str:
        return rewrite(text, uuids=self.uuids, names=self.secret_names)

    def _document(self, text: str) -> str:
        new = rewrite(text, uuids=self.uuids, names=self.secret_names, json=True)
        # A uuid may have been a key, and keys are sorted.
        return text if new is text else canonical.encode(canonical.decode(new))

    def _uses(self, text: str) -> str:
        """A list of what a flow uses, whose entries may repeat an item's name beside its uuid."""
        new = self._document(text)
        if new is text and not self.names:
            return text
        return canonical.encode([self._renamed(use) for use in canonical.decode(new) or []])

    def _renamed(self, use: Any) -> Any:
        if not isinstance(use, dict) or "name" not in use:
            return use
        name = self.names.get(str(use["uuid"]).lower())
        return use if name is None else {**use, "name": name}


def land(places: Iterable[Place]) -> tuple[Landing, list[Issue]]:
    """The landing of a file's items, and a refusal for each uuid that would mean two things."""
    uuids: dict[str, str] = {}
    secret_names: dict[str, str] = {}
    names: dict[str, str] = {}
    targets: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        item = place.item
        targets[item.uuid].append(place)
        if place.uuid != item.uuid:
            uuids[item.uuid] = place.uuid
        if place.name != item.name:
            names[place.uuid] = place.name
            if item.kind is Kind.SECRET:
                secret_names[item.name] = place.name
    return (
        Landing(uuids=uuids, secret_names=secret_names, names=names),
        list(_ambiguous(targets)),
    )


def _ambiguous(targets: Mapping[str, list[Place]]) -> Iterator[Issue]:
    """A uuid that two kinds of the file share, and that lands in two rows: which one is meant?"""
    for places in targets.values():
        if len({place.uuid for place in places}) > 1:
            for place in places:
                yield place.item.issue(
                    "ambiguous-uuid",
                    "Two items of the file, of different kinds, have this uuid and land in rows "
                    "with different uuids, so that a reference to it could mean either. "
                    "Give one of them another uuid.",
                )
