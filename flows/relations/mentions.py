"""Find what an item's content mentions: any uuid, and secrets as `secrets.NAME`. Pure.

Any uuid inside a document may be a connection's or a flow's, but only those under a key for such
are reported as missing: a node has an id too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flows.content import canonical
from flows.content.documents import read_text
from flows.content.fields import (
    FIELDS,
    PROSE_KEYS,
    Content,
    Kind,
    Shape,
)
from flows.content.references import find_secret_names, find_uuids

# Which kinds an item of a kind uses, in the order of the page.
USED_KINDS: Mapping[Kind, tuple[Kind, ...]] = {
    Kind.FLOW: (Kind.FLOW, Kind.CONNECTION, Kind.SECRET),
    Kind.CONNECTION: (Kind.SECRET,),
    Kind.SECRET: (),
}

# In canonical JSON a quote without a backslash before it opens or closes a text, so that JSON
# inside a text is not mistaken for a key.
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


@dataclass(frozen=True, slots=True)
class Reference:
    """A secret by its name, or an item of a kind by its uuid."""

    kind: Kind
    target: str
    by_name: bool = False

    def __str__(self) -> str:
        return f"secrets.{self.target}" if self.by_name else f"{self.kind} {self.target}"


def find_mentions(kind: Kind, content: Content) -> tuple[set[str], set[str]]:
    """Return every uuid, in lower case, and every secret's name that the content mentions.

    A column that `content` does not have is skipped.
    """
    uuids: set[str] = set()
    names: set[str] = set()
    for spec in FIELDS[kind]:
        text = read_text(content.get(spec.column))
        if isinstance(text, str) and spec.shape not in (Shape.NAME, Shape.CHOICE):
            uuids |= find_uuids(text, json=spec.shape.is_document)
            names |= find_secret_names(text, json=spec.shape.is_document)
    return uuids, names


def find_references(kind: Kind, content: Content) -> Iterator[Reference]:
    """Yield the certain references of the content: if their item does not exist, it is missing.

    A column that `content` does not have is skipped.
    """
    for spec in FIELDS[kind]:
        text = read_text(content.get(spec.column))
        if not isinstance(text, str) or spec.shape in (Shape.NAME, Shape.CHOICE):
            continue
        is_document = spec.shape.is_document
        if "secrets." in text and spec.key not in PROSE_KEYS:
            for name in find_secret_names(text, json=is_document):
                yield Reference(Kind.SECRET, name, by_name=True)
        if spec.shape is Shape.USES:
            used = _KIND_OF_LIST[spec.key]
            yield from (Reference(used, uuid) for uuid in _find_used(text))
        elif is_document and "Uuid" in text:
            yield from _find_keyed(text)


def _find_keyed(text: str) -> Iterator[Reference]:
    for match in _KEYED.finditer(text):
        for uuid in find_uuids(match[2] or match[3] or ""):
            yield Reference(_KIND_OF_KEY[match[1]], uuid)


def _find_used(text: str) -> Iterator[str]:
    for use in canonical.decode(text) or []:
        uuid = use.get("uuid") if isinstance(use, dict) else use
        if isinstance(uuid, str):  # a value that was typed by hand may be anything
            yield uuid.lower()
