"""Warn of an export that an import would refuse for its size. Nothing is refused here."""

from collections.abc import Iterator
from dataclasses import dataclass

from flows.strict_json.read import MAX_ITEMS
from imports.exportfile.size_limit import MOST_WITH_WHITE_SPACE

_IN_PARTS = "Export in parts, by tags or uuids of flows"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLimitWarning:
    """One limit of imports that an export is beyond, with its stable code."""

    code: str
    text: str


def find_limit_warnings(
    *, items: int, size: int, content_size: int, limit: int
) -> Iterator[ExportLimitWarning]:
    """Yield a warning for each limit that an export of these numbers is beyond.

    `limit` is that of this server: what the target's is cannot be known.
    """
    if content_size > limit:
        yield ExportLimitWarning(
            code="larger-than-import",
            text=f"the file has {content_size:,} bytes without indentation, and a server with the "
            f"settings of this one imports at most {limit:,}. {_IN_PARTS}, or raise "
            "ZIGGY_MAX_IMPORT_BYTES on the target.",
        )
    elif size > MOST_WITH_WHITE_SPACE * limit:
        yield ExportLimitWarning(
            code="larger-than-import",
            text=f"the file has {size:,} bytes with its indentation, and a server with the "
            f"settings of this one reads at most {MOST_WITH_WHITE_SPACE * limit:,}. "
            "Export it compact.",
        )
    if items > MAX_ITEMS:
        yield ExportLimitWarning(
            code="more-items-than-import",
            text=f"the file has {items:,} items, and an import takes at most {MAX_ITEMS:,}. "
            f"{_IN_PARTS}.",
        )
