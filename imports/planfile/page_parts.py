"""The parts of a plan's page: fields, rows to link to, rows to choose from, problems. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from flows.content.fields import Kind
from imports.plans.matching import Row
from imports.plans.plan import FieldChange


class PageField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that an overwrite changes: see imports.plans.plan.FieldChange."""

    key: str
    before: str | None = None
    after: str | None = None


class PageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the server, to link to."""

    pk: int
    uuid: str
    name: str


class PageIssue(msgspec.Struct, frozen=True, kw_only=True):
    """A reason to refuse the import."""

    code: str
    message: str
    path: str = ""


class PageUser(msgspec.Struct, frozen=True, kw_only=True):
    """A row that uses another one."""

    kind: Kind
    uuid: str
    name: str


class PageCandidate(PageRow, frozen=True, kw_only=True, omit_defaults=True):
    """A row that an item may be, with what helps to choose it."""

    labels: tuple[str, ...] = ()
    """Its tags; a connection's type."""
    changed_at: datetime | None = None
    """When it was last written; None where that was not read."""
    changed_by: str = ""
    users: tuple[PageUser, ...] = ()
    """Some of the rows that use it, of the kinds that the plan's user may see."""
    user_count: int | None = None
    """How many use it, of these kinds; None where that was not read."""
    share: int | None = None
    """How much of the item's content it has too, in percent; None where that was not compared."""

    @property
    def more_users(self) -> int:
        """Return how many use it beside those in `users`."""
        return (self.user_count or 0) - len(self.users)


CandidatesOfItems = Mapping[tuple[Kind, str], tuple[PageCandidate, ...]]
"""The rows that items may be, by the kind and the uuid of the item; the best first."""


def make_page_row(row: Row) -> PageRow:
    """Return the row as a page links to it."""
    return PageRow(pk=row.pk, uuid=row.uuid, name=row.name)


def make_candidates(rows: Iterable[Row]) -> tuple[PageCandidate, ...]:
    """Return the rows to choose from, of which nothing more is known."""
    return tuple(PageCandidate(pk=row.pk, uuid=row.uuid, name=row.name) for row in rows)


def make_page_fields(fields: Iterable[FieldChange]) -> tuple[PageField, ...]:
    """Return the fields that an overwrite changes."""
    return tuple(
        PageField(key=field.key, before=field.before, after=field.after) for field in fields
    )
