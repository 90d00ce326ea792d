"""Live rows as the API shows them. A secret's value is not even read, only whether there is one."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q

from flows import canonical
from flows.content import Kind
from flows.encryption import MASK
from flows.models import MODELS, Flow
from flows.references import is_identifier
from flows.representation import needed_columns, represented, time_text
from flows.rest.item_body import HAS_VALUE_KEYS
from flows.rest.refusals import not_found

_HAS_VALUE = ("has_dev_value", "has_prod_value")


def shown(kind: Kind, row: Mapping[str, Any]) -> dict[str, Any]:
    """The whole object of a row, given by its columns, made of plain values."""
    item: dict[str, Any] = canonical.decode(msgspec.json.encode(represented(kind, row)).decode())
    if kind is Kind.SECRET:
        item |= {key: row[name] for key, name in zip(HAS_VALUE_KEYS, _HAS_VALUE, strict=True)}
    return item


def read_item(kind: Kind, uuid: UUID) -> dict[str, Any]:
    """The whole object of a live row. Raises Refused."""
    row = next(_rows(kind, Q(uuid=uuid)), None)
    if row is None:
        raise not_found(kind)
    return shown(kind, row)


def list_items(kind: Kind, search: str) -> list[dict[str, Any]]:
    """The whole objects of the live rows that bear the text in their name or uuid, by name."""
    return [shown(kind, row) for row in _found(_rows(kind, Q()), search)]


def list_flows(*, search: str, uuid: UUID | None, tags: Collection[str]) -> list[dict[str, Any]]:
    """What a list of flows tells of those that all the conditions fit, by name."""
    rows = Flow.objects.filter(is_deleted=False).order_by()
    if uuid is not None:
        rows = rows.filter(uuid=uuid)
    columns = ("uuid", "is_subflow", "name", "listener_type", "tags", "updated_at")
    flows = [
        {
            "uuid": str(row["uuid"]),
            "isSubflow": row["is_subflow"],
            "name": row["name"],
            "listenerType": row["listener_type"],
            "tags": canonical.decode(row["tags"]) or [],
            "updatedAt": time_text(row["updated_at"]),
        }
        for row in _found(rows.values(*columns), search)
    ]
    return [flow for flow in flows if not tags or not set(tags).isdisjoint(flow["tags"])]


def masked_value(name: str) -> dict[str, Any]:
    """The uuid of the live secret with that name, and a mask where it has a value."""
    # What no secret can be named is not asked for: PostgreSQL would fail on U+0000.
    row = next(_rows(Kind.SECRET, Q(name=name)), None) if is_identifier(name) else None
    if row is None:
        raise not_found(Kind.SECRET)
    has_value = any(row[column] for column in _HAS_VALUE)
    return {"uuid": str(row["uuid"]), "value": MASK if has_value else None}


def _rows(kind: Kind, wanted: Q) -> Iterator[dict[str, Any]]:
    columns = needed_columns(kind)
    rows = MODELS[kind]._default_manager.filter(wanted, is_deleted=False).order_by()
    if kind is Kind.SECRET:
        columns += _HAS_VALUE
        rows = rows.annotate(
            has_dev_value=Q(dev_value__isnull=False), has_prod_value=Q(prod_value__isnull=False)
        )
    yield from rows.values(*columns)


def _found(rows: Iterable[dict[str, Any]], search: str) -> list[dict[str, Any]]:
    # Not in the database: each has another idea of what upper and lower case are, and of order.
    part = search.casefold()
    found = [row for row in rows if part in row["name"].casefold() or part in str(row["uuid"])]
    return sorted(found, key=lambda row: (row["name"], str(row["uuid"])))
