"""Convert a row into its JSON object in files and the API. Secret values are never read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from flows.content import canonical
from flows.content.documents import Document
from flows.content.fields import (
    CREATED_KEY,
    DELETED_KEY,
    EXTRA,
    FIELDS,
    SECRET_VALUE_KEYS,
    UPDATED_KEY,
    UUID_KEY,
    Kind,
    get_columns,
)


def get_needed_columns(kind: Kind) -> tuple[str, ...]:
    """Return the columns that `represent` needs, so that a query can read no others."""
    return ("uuid", "created_at", "updated_at", *get_columns(kind))


def represent(kind: Kind, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object of a row, given by its columns. Documents in it are msgspec.Raw.

    It includes the unknown keys of an imported item; a live row's `isDeleted` is false.
    """
    item: dict[str, Any] = {UUID_KEY: str(row["uuid"])}
    for spec in FIELDS[kind]:
        value = row[spec.column]
        if value is None and spec.optional:
            continue
        item[spec.key] = msgspec.Raw(_encode(value)) if spec.shape.is_document else value
    if kind is Kind.SECRET:
        item |= dict.fromkeys(SECRET_VALUE_KEYS)
    unknown = canonical.decode(row[EXTRA])
    item |= {key: unknown[key] for key in unknown if key not in item}
    times = {
        CREATED_KEY: format_time(row["created_at"]),
        UPDATED_KEY: format_time(row["updated_at"]),
    }
    return {**item, **times, DELETED_KEY: False}


def _encode(document: Any) -> bytes:
    return document.utf8 if isinstance(document, Document) else document.encode()


def format_time(time: datetime) -> str:
    """Return a time as in files and the API: in UTC, to the millisecond or finer."""
    precision = "microseconds" if time.microsecond % 1000 else "milliseconds"
    return time.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
