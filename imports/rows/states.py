"""The states of a row before and after a run, for what is shown of a plan."""

from dataclasses import dataclass

from flows.content.documents import Document
from flows.content.fields import Content

STATES_BATCH = 50
"""Of so many rows the documents are in memory at once: those of one may be megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStates:
    """The contents of a row before and after a run, which exclude secret values."""

    before: Content | None
    """None where there is no such row, or a soft-deleted one is written anew."""
    after: Content | None
    """None where the run deletes the row."""


def separate_documents(*contents: Content | None) -> None:
    """Let each document be read alone, and not with those of the other rows of its batch."""
    for content in contents:
        for value in (content or {}).values():
            if isinstance(value, Document):
                value.join((value,))
