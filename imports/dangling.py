"""References to what is neither in the file nor on the server: worth a warning.

Any uuid inside a document may be one of a connection or of a flow, but only those under a key
that says so can be missed: a node has an id too. Secrets are referred to as `secrets.NAME`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flows import canonical
from flows.content import FIELDS, Kind, Shape
from flows.references import find_secret_names, find_uuids
from imports.document import ExportDocument
from imports.items import Item

# In canonical JSON a quote without a backslash before it opens or closes a text, so that a text
# which itself holds JSON is not mistaken for a key.
_KEYED = re.compile(
    r'"(connection|flow|subflow|secret)Uuids?":(?:"([^"\\]*)"|\[((?:"[^"\\]*",?)*)\])'
)
_KIND_OF_KEY = {
    "connection": Kind.CONNECTION,
    "flow": Kind.FLOW,
    "subflow": Kind.FLOW,
    "secret": Kind.SECRET,
}
_KIND_OF_LIST = {"connections": Kind.CONNECTION, "secrets": Kind.SECRET}
# Markdown and descriptions may speak of a secret without using it.
_PROSE = {"info", "description"}


@dataclass(frozen=True, slots=True)
class Reference:
    """A secret by its name, or an item of a kind by its uuid."""

    kind: Kind
    target: str
    by_name: bool = False

    def __str__(self) -> str:
        return f"secrets.{self.target}" if self.by_name else f"{self.kind} {self.target}"


def unresolved(document: ExportDocument) -> dict[str, list[Reference]]:
    """By the path of each item, what it refers to that is not in the file, sorted.

    Which of it the server has is for the caller to look up.
    """
    uuids = {kind: {item.uuid for item in document.items[kind]} for kind in Kind}
    names = {item.name for item in document.items[Kind.SECRET]}
    found: dict[str, list[Reference]] = {}
    for item in document:
        missing = {
            reference
            for reference in _references(item)
            if reference.target not in (names if reference.by_name else uuids[reference.kind])
        }
        if missing:
            found[item.path] = sorted(missing, key=str)
    return found


def _references(item: Item) -> Iterator[Reference]:
    for spec in FIELDS[item.kind]:
        text = item.content.get(spec.column)
        if not isinstance(text, str) or spec.shape in (Shape.NAME, Shape.CHOICE):
            continue
        is_document = spec.shape.is_document
        if "secrets." in text and spec.key not in _PROSE:
            for name in find_secret_names(text, json=is_document):
                yield Reference(Kind.SECRET, name, by_name=True)
        if spec.shape is Shape.USES:
            kind = _KIND_OF_LIST[spec.key]
            yield from (Reference(kind, uuid) for uuid in _used(text))
        elif is_document and "Uuid" in text:
            yield from _keyed(text)


def _keyed(text: str) -> Iterator[Reference]:
    for match in _KEYED.finditer(text):
        for uuid in find_uuids(match[2] or match[3] or ""):
            yield Reference(_KIND_OF_KEY[match[1]], uuid)


def _used(text: str) -> Iterator[str]:
    for use in canonical.decode(text) or []:
        yield str(use["uuid"] if isinstance(use, dict) else use).lower()
