"""Write the bytes of an export file from the objects of its items. Pure.

One line for each value, so that a diff of two exports is small, or compact: the same document
without white space. Items are taken one by one: a file of any size needs no more memory than its
largest item. Source of the rules: the specification of the export file.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from flows.content.fields import Kind
from flows.content.representation import format_time
from imports.exportfile.raw_items import FORMAT_VERSION

Piece = tuple[bytes, int]
"""Some bytes of an export, and how many of them are content, which is what a compact one has."""


def format_export(
    items: Mapping[Kind, Iterable[Mapping[str, Any]]],
    *,
    server: str,
    changed_at: datetime | None,
    is_compact: bool = False,
) -> Iterator[Piece]:
    """Yield the bytes of an export of these items, in their order, in pieces.

    `changed_at` is the time of the last change in it; None for an empty export.
    """
    header = {
        "formatVersion": FORMAT_VERSION,
        "exportedAt": format_time(changed_at) if changed_at else None,
        "exportedFrom": server,
    }
    return (_format_compactly if is_compact else _format_in_lines)(header, items)


def _format_compactly(
    header: Mapping[str, Any], items: Mapping[Kind, Iterable[Mapping[str, Any]]]
) -> Iterator[Piece]:
    yield _make_content(msgspec.json.encode(header).removesuffix(b"}"))
    for kind in Kind:
        yield _make_content(f',"{kind.plural}":['.encode())
        separator = b""
        for item in items[kind]:
            yield _make_content(separator + msgspec.json.encode(item))
            separator = b","
        yield _make_content(b"]")
    yield b"}\n", 1


def _make_content(text: bytes) -> Piece:
    return text, len(text)


def _format_in_lines(
    header: Mapping[str, Any], items: Mapping[Kind, Iterable[Mapping[str, Any]]]
) -> Iterator[Piece]:
    text = msgspec.json.encode(header)
    yield msgspec.json.format(text, indent=2).removesuffix(b"\n}"), len(text) - 1
    for kind in Kind:
        yield f',\n  "{kind.plural}": ['.encode(), len(f',"{kind.plural}":[')
        separator = b"\n"
        for item in items[kind]:
            text = msgspec.json.encode(item)
            yield separator + _format_item(text), len(separator) - 1 + len(text)
            separator = b",\n"
        yield b"]" if separator == b"\n" else b"\n  ]", 1
    yield b"\n}\n", 1


def _format_item(text: bytes) -> bytes:
    """Return the lines of an item, indented as its place in the file demands."""
    # Within two lists, so that msgspec indents each line: the lines around them are cut off.
    return msgspec.json.format(b"[[%b]]" % text, indent=2)[_BEFORE_ITEM:_AFTER_ITEM]


_BEFORE_ITEM, _AFTER_ITEM = len("[\n  [\n"), -len("\n  ]\n]")
