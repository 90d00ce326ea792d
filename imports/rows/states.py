"""The states of a row before and after a run, for what is shown of a plan."""

from dataclasses import dataclass

from flows.content.documents import Document, group_documents
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


def copy_unread(content: Content) -> Content:
    """Return the content with copies of the documents that were not read.

    What is then read of the copy is forgotten with it, while a plan is kept as long as its run.
    """
    copies = {
        column: Document(digest=value.digest, reader=value.reader)
        for column, value in content.items()
        if isinstance(value, Document) and value.reader and not value.has_text
    }
    group_documents([*copies.values()])
    return {**content, **copies}


def separate_documents(*contents: Content | None) -> None:
    """Let each document be read alone, and not with those of the other rows of its batch."""
    for content in contents:
        for value in (content or {}).values():
            if isinstance(value, Document):
                value.join((value,))
