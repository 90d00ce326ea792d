"""Lists in pages: the part of a request, and the address of the next part.

Pages follow one another by the place of their last row, its name and uuid, which the cursor
contains: it stays valid when that row is renamed, deleted or purged. The order is by code points,
on every database.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections
from django.db.models import Q, QuerySet
from django.db.models.functions import Collate
from django.http import QueryDict

from flows.rest.requests.refusals import Problem, make_invalid_refusal
from flows.servers import get_current_database

MOST = 1000
"""The most items of a page."""

_READ_AT_ONCE = 500

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlace:
    """The place of a row in the list."""

    name: str
    uuid: UUID

    def make_cursor(self) -> str:
        """Return the place as one word, for an address."""
        text = msgspec.json.encode([self.name, str(self.uuid)])
        return urlsafe_b64encode(text).decode().rstrip("=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The requested part of a list."""

    limit: int | None = None
    after: PagePlace | None = None

    @property
    def is_all(self) -> bool:
        """Return whether the whole list is requested."""
        return self.limit is None and self.after is None


def read_part(parameters: Mapping[str, str]) -> Part:
    """Return the part of `limit` and `after`; empty ones are ignored. Raises Refused."""
    limit, after = parameters.get("limit", ""), parameters.get("after", "")
    return Part(
        limit=_read_limit(limit) if limit else None, after=_read_place(after) if after else None
    )


def _read_limit(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST and len(text) < 10:  # noqa: PLR2004
        return int(text)
    message = f"This must be a whole number from 1 to {MOST}."
    raise make_invalid_refusal([Problem(code="invalid-limit", message=message, path="limit")])


def _read_place(cursor: str) -> PagePlace:
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        name, uuid = msgspec.json.decode(text, type=tuple[str, UUID])
        if "\0" in name:  # no name has it, and PostgreSQL refuses it in a query too
            raise ValueError
    except (NoBase64, ValueError, msgspec.MsgspecError):
        message = 'Take this from the address that `Link` gave as rel="next".'
        raise make_invalid_refusal(
            [Problem(code="invalid-cursor", message=message, path="after")]
        ) from None
    return PagePlace(name=name, uuid=uuid)


def read_page(
    rows: QuerySet[Any], columns: tuple[str, ...], part: Part, fits: Callable[[Row], bool]
) -> tuple[list[Row], PagePlace | None]:
    """Return the rows of the part that fit, by name, and the last one's place where there are more.

    Reads only the columns, which must include name and uuid.
    """
    found = (row for row in _read_in_order(rows, columns, part) if fits(row))
    if part.limit is None:
        return list(found), None
    page = list(islice(found, part.limit + 1))
    if len(page) <= part.limit:
        return page, None
    last = page[part.limit - 1]
    return page[: part.limit], PagePlace(name=last["name"], uuid=last["uuid"])


def _read_in_order(rows: QuerySet[Any], columns: tuple[str, ...], part: Part) -> Iterator[Row]:
    is_postgresql = connections[get_current_database()].vendor == "postgresql"
    collation = "C" if is_postgresql else "BINARY"
    ordered = rows.annotate(code_points=Collate("name", collation)).order_by("code_points", "uuid")
    after, size = part.after, min(_READ_AT_ONCE, (part.limit or _READ_AT_ONCE) + 1)
    while True:
        rest = ordered
        if after is not None:
            same = Q(code_points=after.name, uuid__gt=after.uuid)
            rest = ordered.filter(Q(code_points__gt=after.name) | same)
        batch: list[Row] = list(rest.values(*columns)[:size])
        yield from batch
        if len(batch) < size:
            return
        after, size = PagePlace(name=batch[-1]["name"], uuid=batch[-1]["uuid"]), _READ_AT_ONCE


def make_link_to_next(path: str, parameters: QueryDict, place: PagePlace) -> str:
    """Return the `Link` header with the address of the page after the place, same conditions."""
    query = parameters.copy()
    query["after"] = place.make_cursor()
    return f'<{path}?{query.urlencode()}>; rel="next"'
