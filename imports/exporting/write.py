"""Writing rows as the bytes of an export: the same state gives the same bytes.

Rows are read a batch at a time, and written sorted and with stable keys. Values of secrets are
never read. Source of the rules: the specification of the export file.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, BinaryIO

from flows.conf import ziggy
from flows.content.fields import Kind
from imports.exportfile.writing import Piece, format_export
from imports.exporting.items import make_items
from imports.exporting.limit_warnings import find_limit_warnings
from imports.exporting.selection import Selection

ExportProgress = Callable[[int, int, int], None]
"""Called with the number of items written so far, that of all items, and the bytes so far."""


def ignore_progress(_done: int, _total: int, _size: int) -> None:
    """Take no notice of how far an export is."""


@dataclass(slots=True, kw_only=True)
class ExportStatistics:
    """What was written."""

    counts: dict[Kind, int] = field(default_factory=dict)
    done: int = 0
    """How many items are written so far."""
    size: int = 0
    """In bytes, before the export is packed; so is the digest."""
    content_size: int = 0
    """In bytes, without white space between values: what an import's limit counts."""
    sha256: str = ""
    warnings: list[str] = field(default_factory=list)
    limit_codes: list[str] = field(default_factory=list)
    """The codes of the limits of imports that the export is beyond; `warnings` says what to do."""


def write_export(
    selection: Selection,
    stream: BinaryIO,
    *,
    server: str,
    is_compact: bool = False,
    progress: ExportProgress = ignore_progress,
) -> ExportStatistics:
    """Write the export of the selected rows of the current server, named `server`.

    A compact one is the same document without white space between values.

    `exportedAt` is the time of the last change in it, not of the export: two exports of the same
    state are the same bytes.
    """
    statistics = ExportStatistics(counts={kind: len(selection[kind]) for kind in Kind})
    digest = sha256()
    total = sum(statistics.counts.values())
    for chunk, content_size in _make_chunks(selection, server, statistics, is_compact=is_compact):
        stream.write(chunk)
        digest.update(chunk)
        statistics.size += len(chunk)
        statistics.content_size += content_size
        progress(statistics.done, total, statistics.size)
    statistics.sha256 = digest.hexdigest()
    _add_limit_warnings(statistics)
    return statistics


def _add_limit_warnings(statistics: ExportStatistics) -> None:
    for warning in find_limit_warnings(
        items=sum(statistics.counts.values()),
        size=statistics.size,
        content_size=statistics.content_size,
        limit=ziggy.MAX_IMPORT_BYTES,
    ):
        statistics.warnings.append(warning.text)
        statistics.limit_codes.append(warning.code)


def _make_chunks(
    selection: Selection, server: str, statistics: ExportStatistics, *, is_compact: bool
) -> Iterator[Piece]:
    times = [row.updated_at for kind in Kind for row in selection[kind]]
    items = {
        kind: _count(make_items(kind, selection, statistics.warnings), statistics) for kind in Kind
    }
    changed_at = max(times, default=None)
    return format_export(items, server=server, changed_at=changed_at, is_compact=is_compact)


def _count(
    items: Iterable[dict[str, Any]], statistics: ExportStatistics
) -> Iterator[dict[str, Any]]:
    for item in items:
        statistics.done += 1
        yield item
