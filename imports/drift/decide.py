"""Deciding whether a row that was written since its last import differs from it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flows.content.fields import Kind
from imports.plans.drift import LastWrite
from imports.plans.plan import are_comparable


class DriftState(StrEnum):
    """How a row differs from what its last import left."""

    EDITED = "edited"
    """Its content is another one."""
    DELETED = "deleted"
    """It is soft-deleted."""
    UNKNOWN = "unknown"
    """It was written since, and whether it differs cannot be decided."""


DIFFERENT = frozenset({DriftState.EDITED, DriftState.DELETED})
"""The states that are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedRow:
    """A row that differs from what its last import left, or may."""

    kind: Kind
    pk: int
    uuid: str
    name: str
    state: DriftState
    last_write: LastWrite
    imported_at: datetime
    """When its last import ended."""
    record: int
    """The number of that import."""
    imported_digest: str
    """Of the content that it left."""


def decide_state(*, is_deleted: bool, digest: str, imported_digest: str) -> DriftState | None:
    """Return how a row differs from what its last import left; None where it does not.

    `digest` is that of the row's present content; the import left a row that was not deleted.
    """
    if is_deleted:
        return DriftState.DELETED
    if digest == imported_digest:
        return None
    if are_comparable(digest, imported_digest):
        return DriftState.EDITED
    return DriftState.UNKNOWN
