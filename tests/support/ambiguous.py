"""A file of 30 ambiguous connections, of three causes, and the rows here that make them so."""

import json
from typing import Any

from flows.models import Connection
from tests.support.factories import ConnectionFactory, FlowFactory
from tests.support.importing import connection, flow, uuid_of

SEVERAL_ROWS = range(1, 13)
"""The numbers of 12 connections with two rows each here."""
SEVERAL_ITEMS = range(13, 23)
"""Of 10 connections, two of each name, with one row of it here."""
SEVERAL_OF_BOTH = range(23, 31)
"""Of 8 connections, two of each name, with two rows of it here."""


def name_of(number: int) -> str:
    """Connections after the twelfth have their names in pairs."""
    return f"Mail {number if number in SEVERAL_ROWS else number - (number - 13) % 2}"


def make_items() -> list[dict[str, Any]]:
    """Thirty connections, each with a flow that uses it."""
    return [
        item
        for number in range(1, 31)
        for item in (
            connection(number, name_of(number), devValue=f"{{ host: 'host-{number}' }}"),
            flow(number, f"Flow {number}", nodes=[_make_node(number)]),
        )
    ]


def make_rows() -> dict[str, list[Connection]]:
    """The rows here, by name; the second of two has the content of an item of that name."""
    rows: dict[str, list[Connection]] = {}
    for number in (*SEVERAL_ROWS, *SEVERAL_ITEMS, *SEVERAL_OF_BOTH):
        name = name_of(number)
        if name in rows:
            continue
        rows[name] = [ConnectionFactory(name=name, dev_value="{ host: 'other' }")]
        if number not in SEVERAL_ITEMS:
            value = f"{{ host: 'host-{number}' }}"
            rows[name].append(ConnectionFactory(name=name, dev_value=value))
            node = {"connectionUuid": str(rows[name][1].uuid), "id": "1"}
            nodes = json.dumps([node], separators=(",", ":"))
            FlowFactory(name=f"User of {name}", nodes=nodes)
    return rows


def _make_node(number: int) -> dict[str, Any]:
    return {"id": "1", "type": "start", "connectionUuid": uuid_of("c", number)}
