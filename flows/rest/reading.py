"""Read live rows for the API. A secret's value is never opened, only whether there is one."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q

from flows.content import canonical
from flows.content.fields import Kind
from flows.content.references import is_identifier
from flows.content.representation import format_time, get_needed_columns, represent
from flows.encryption import MASK
from flows.models import MODELS, Flow
from flows.rest.bodies.item_body import HAS_VALUE_KEYS
from flows.rest.requests.paging import PagePlace, Part, read_page
from flows.rest.requests.refusals import make_not_found_refusal
from flows.saves.state_tags import compute_row_tag, get_tagged_columns

_HAS_VALUE = ("has_dev_value", "has_prod_value")


def represent_plainly(kind: Kind, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole object of a row, given by its columns, made of plain values."""
    item: dict[str, Any] = canonical.decode(msgspec.json.encode(represent(kind, row)).decode())
    if kind is Kind.SECRET:
        item |= {key: row[name] for key, name in zip(HAS_VALUE_KEYS, _HAS_VALUE, strict=True)}
    return item


def read_item(kind: Kind, uuid: UUID) -> tuple[dict[str, Any], str]:
    """Return the whole object of a live row, and the tag of its state. Raises Refused."""
    columns = get_tagged_columns(MODELS[kind])
    row = next(_read_rows(kind, Q(uuid=uuid), columns), None)
    if row is None:
        raise make_not_found_refusal(kind)
    return represent_plainly(kind, row), compute_row_tag({name: row[name] for name in columns})


def list_items(
    kind: Kind, search: str, part: Part
) -> tuple[list[dict[str, Any]], PagePlace | None]:
    """Return the whole objects of the live rows with the text in their name or uuid, by name.

    Also returns the place after which the next page begins; None where there is no next page.
    """
    if part.is_all:
        return [
            represent_plainly(kind, row) for row in _search(_read_rows(kind, Q()), search)
        ], None
    # The keys are read first, so that documents are read of the page's rows only.
    live = MODELS[kind]._default_manager.filter(is_deleted=False)
    keys, place = read_page(live, ("pk", "uuid", "name"), part, _make_search_test(search))
    order = {key["uuid"]: number for number, key in enumerate(keys)}
    rows = _read_rows(kind, Q(pk__in=[key["pk"] for key in keys]))
    return [
        represent_plainly(kind, row) for row in sorted(rows, key=lambda row: order[row["uuid"]])
    ], place


def list_flows(
    *, search: str, uuid: UUID | None, tags: Collection[str], part: Part
) -> tuple[list[dict[str, Any]], PagePlace | None]:
    """Return the flows that fit all the conditions, as in a list, by name.

    Also returns the place after which the next page begins; None where there is no next page.
    """
    rows = Flow.objects.filter(is_deleted=False).order_by()
    if uuid is not None:
        rows = rows.filter(uuid=uuid)
    columns = ("uuid", "is_subflow", "name", "listener_type", "tags", "updated_at")
    if part.is_all:
        flows = _make_list(_search(rows.values(*columns), search))
        return [flow for flow in flows if _has_any(tags, flow["tags"])], None
    bearing = _make_search_test(search)
    page, place = read_page(
        rows,
        columns,
        part,
        lambda row: bearing(row) and _has_any(tags, canonical.decode(row["tags"]) or []),
    )
    return _make_list(page), place


def _has_any(wanted: Collection[str], tags: Collection[str]) -> bool:
    return not wanted or not set(wanted).isdisjoint(tags)


def _make_list(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "uuid": str(row["uuid"]),
            "isSubflow": row["is_subflow"],
            "name": row["name"],
            "listenerType": row["listener_type"],
            "tags": canonical.decode(row["tags"]) or [],
            "updatedAt": format_time(row["updated_at"]),
        }
        for row in rows
    ]


def read_masked_value(name: str) -> dict[str, Any]:
    """Return the uuid of the live secret with that name, and a mask where it has a value.

    Raises Refused.
    """
    # A text that cannot be a name is not queried: PostgreSQL would fail on U+0000.
    row = next(_read_rows(Kind.SECRET, Q(name=name)), None) if is_identifier(name) else None
    if row is None:
        raise make_not_found_refusal(Kind.SECRET)
    has_value = any(row[column] for column in _HAS_VALUE)
    return {"uuid": str(row["uuid"]), "value": MASK if has_value else None}


def _read_rows(kind: Kind, wanted: Q, columns: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    columns = columns or get_needed_columns(kind)
    rows = MODELS[kind]._default_manager.filter(wanted, is_deleted=False).order_by()
    if kind is Kind.SECRET:
        columns += _HAS_VALUE
        rows = rows.annotate(
            has_dev_value=Q(dev_value__isnull=False), has_prod_value=Q(prod_value__isnull=False)
        )
    yield from rows.values(*columns)


def _search(rows: Iterable[dict[str, Any]], search: str) -> list[dict[str, Any]]:
    # Not in the database: databases differ in upper and lower case, and in order.
    found = filter(_make_search_test(search), rows)
    return sorted(found, key=lambda row: (row["name"], str(row["uuid"])))


def _make_search_test(search: str) -> Callable[[dict[str, Any]], bool]:
    """Return a test of whether a row has the text in its name or uuid, whatever the case."""
    part = search.casefold()
    return lambda row: part in row["name"].casefold() or part in str(row["uuid"])
