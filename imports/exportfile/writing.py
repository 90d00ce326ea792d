"""Write the bytes of an export file from the objects of its items. Pure.

One line for each value, so that a diff of two exports is small. Items are taken one by one: a file
of any size needs no more memory than its largest item. Source of the rules: the specification of
the export file.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from flows.content.fields import Kind
from flows.content.representation import format_time
from imports.exportfile.document import FORMAT_VERSION

_INDENT = b"    "


def format_export(
    items: Mapping[Kind, Iterable[Mapping[str, Any]]], *, server: str, changed_at: datetime | None
) -> Iterator[bytes]:
    """Yield the bytes of an export of these items, in their order, in pieces.

    `changed_at` is the time of the last change in it; None for an empty export.
    """
    header = {
        "formatVersion": FORMAT_VERSION,
        "exportedAt": format_time(changed_at) if changed_at else None,
        "exportedFrom": server,
    }
    yield msgspec.json.format(msgspec.json.encode(header), indent=2).removesuffix(b"\n}")
    for kind in Kind:
        yield f',\n  "{kind.plural}": ['.encode()
        separator = b"\n"
        for item in items[kind]:
            text = msgspec.json.format(msgspec.json.encode(item), indent=2)
            yield separator + _INDENT + text.replace(b"\n", b"\n" + _INDENT)
            separator = b",\n"
        yield b"]" if separator == b"\n" else b"\n  ]"
    yield b"\n}\n"
