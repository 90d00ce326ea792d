"""The items of an export, of rows that are read a batch at a time. No secret's value is read."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flows.batches import split_batches
from flows.content.documents import Document
from flows.content.fields import FIELDS, Kind
from flows.content.representation import get_needed_columns, represent
from flows.documents.packing import DamagedDocumentError
from flows.documents.read import group_rows
from flows.models import MODELS
from flows.texts import quote
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


def make_items(kind: Kind, selection: Selection, warnings: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the items of the selected rows of a kind, in their order; add to `warnings`.

    Documents in them are msgspec.Raw.
    """
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
