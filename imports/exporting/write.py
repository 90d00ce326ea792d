"""Writing rows as the bytes of an export: the same state gives the same bytes.

Rows are read a batch at a time, and written sorted and with stable keys. Values of secrets are
never read. Source of the rules: the specification of the export file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, BinaryIO

from flows.batches import split_batches
from flows.conf import ziggy
from flows.content.documents import Document
from flows.content.fields import FIELDS, Kind
from flows.content.representation import get_needed_columns, represent
from flows.documents.packing import DamagedDocumentError
from flows.documents.read import group_rows
from flows.models import MODELS
from flows.texts import quote
from imports.exportfile.writing import Piece, format_export
from imports.exporting.limit_warnings import find_limit_warnings
from imports.exporting.selection import Selection
from imports.rows.read import CONTENT_BATCH

_VALUES = ("dev_value", "prod_value")
# A word with a literal beside it: `password: 'hunter2'`. Matched as a whole, without backtracking:
# a word that contains the name of a credential very often would be read again from each of them.
_KEY_WITH_LITERAL = re.compile(
    r"""(?<!\w)(\w++)["']?\s*+[:=]\s*+(["'`])(?!\2)(?!\$\{)""",
)
_CREDENTIAL = re.compile(
    r"pass(?:word|phrase|wd)?|secret|token|api_?key|access_?key|private_?key|credential",
    re.IGNORECASE,
)


@dataclass(slots=True, kw_only=True)
class ExportStatistics:
    """What was written."""

    counts: dict[Kind, int] = field(default_factory=dict)
    size: int = 0
    """In bytes, before the export is packed; so is the digest."""
    content_size: int = 0
    """In bytes, without white space between values: what an import's limit counts."""
    sha256: str = ""
    warnings: list[str] = field(default_factory=list)
    limit_codes: list[str] = field(default_factory=list)
    """The codes of the limits of imports that the export is beyond; `warnings` says what to do."""


def write_export(
    selection: Selection, stream: BinaryIO, *, server: str, is_compact: bool = False
) -> ExportStatistics:
    """Write the export of the selected rows of the current server, named `server`.

    A compact one is the same document without white space between values.

    `exportedAt` is the time of the last change in it, not of the export: two exports of the same
    state are the same bytes.
    """
    statistics = ExportStatistics(counts={kind: len(selection[kind]) for kind in Kind})
    digest = sha256()
    for chunk, content_size in _make_chunks(
        selection, server, statistics.warnings, is_compact=is_compact
    ):
        stream.write(chunk)
        digest.update(chunk)
        statistics.size += len(chunk)
        statistics.content_size += content_size
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
    selection: Selection, server: str, warnings: list[str], *, is_compact: bool
) -> Iterator[Piece]:
    times = [row.updated_at for kind in Kind for row in selection[kind]]
    items = {kind: _make_items(kind, selection, warnings) for kind in Kind}
    changed_at = max(times, default=None)
    return format_export(items, server=server, changed_at=changed_at, is_compact=is_compact)


def _make_items(kind: Kind, selection: Selection, warnings: list[str]) -> Iterator[dict[str, Any]]:
    names = ("pk", *get_needed_columns(kind))
    for batch in split_batches(selection[kind], CONTENT_BATCH):
        pks = [row.pk for row in batch]
        found = MODELS[kind]._default_manager.filter(pk__in=pks).order_by().values(*names)
        rows = {values["pk"]: values for values in group_rows(found)}
        for pk in pks:
            if kind is Kind.CONNECTION:
                warnings += _find_credential_warnings(rows[pk])
            yield _represent(kind, pk, rows)


def _represent(kind: Kind, pk: int, rows: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the item of a row, which is one of those whose documents are read together."""
    try:
        return represent(kind, rows[pk])
    except DamagedDocumentError as error:  # of any of these rows
        names = [row["name"] for row in rows.values() if _has_document(row, error.digest)]
        raise DamagedDocumentError(error.digest, error.why, flows=sorted(names)) from error


def _has_document(row: Mapping[str, Any], digest: str) -> bool:
    return any(isinstance(each, Document) and each.digest == digest for each in row.values())


def _find_credential_warnings(row: dict[str, Any]) -> Iterator[str]:
    for column in _VALUES:
        if row[column] and _has_inline_credential(row[column]):
            key = next(spec.key for spec in FIELDS[Kind.CONNECTION] if spec.column == column)
            yield (
                f"connection {quote(row['name'])}: {key} seems to hold a credential, which is "
                "exported as it stands. Move it to a secret."
            )


def _has_inline_credential(text: str) -> bool:
    return any(_CREDENTIAL.search(key[1]) for key in _KEY_WITH_LITERAL.finditer(text))
