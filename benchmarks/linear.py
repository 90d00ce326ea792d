"""Files with very many of one thing, for which twice as many must take about twice as long."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from benchmarks.generate import generate_flow

_BIG_FLOWS = 10
_USERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something of which a file may have very many."""

    what: str
    size: int
    """How many there are; the measurement compares with half of that."""
    stored: Callable[[int], bytes]
    """Returns the file that is imported first, for a size."""
    payload: Callable[[int, int], bytes]
    """Returns the file that is measured, for a size and a revision: two revisions differ."""
    is_refused: bool = False
    """Whether the plan is a refusal, so that only the plan is measured."""


def _make_one_name(size: int, revision: int, *, first: int = 0) -> bytes:
    return make_export(
        flows=[
            {"uuid": make_uuid(1, first + at), "name": "Same", "info": f"Revision {revision}"}
            for at in range(size)
        ]
    )


def _make_big_flows(kilobytes: int, revision: int) -> bytes:
    flows = [generate_flow(at, kilobytes * 1000, revision) for at in range(_BIG_FLOWS)]
    return make_export(flows=flows)


def _make_one_connection(nodes: int, revision: int) -> bytes:
    used = make_uuid(2, revision)
    flow_nodes = [
        {"id": f"n{at}", "data": {"connection": used, "label": f"Revision {revision}"}}
        for at in range(nodes)
    ]
    flows = [
        {"uuid": make_uuid(1, at), "name": f"F{at}", "nodes": flow_nodes} for at in range(_USERS)
    ]
    return make_export(flows=flows, connections=[{"uuid": used, "name": "Used by all"}])


def _make_secrets(size: int, revision: int) -> bytes:
    """Return secrets that are each used by a connection and a flow, and matched by name only."""
    secrets = [
        {"uuid": make_uuid(3, at + revision * size), "name": f"S{at}", "description": str(revision)}
        for at in range(size)
    ]
    connections = [
        {"uuid": make_uuid(2, at), "name": f"C{at}", "devValue": f"secrets.S{at} {revision}"}
        for at in range(size)
    ]
    nodes = [{"id": secret["name"], "data": {"secret": secret["uuid"]}} for secret in secrets]
    flows = [{"uuid": make_uuid(1, 0), "name": "Uses all", "nodes": nodes}]
    return make_export(flows=flows, connections=connections, secrets=secrets)


CASES = (
    Case(
        what="flows with one name, matched by uuid",
        size=10_000,
        stored=lambda size: _make_one_name(size, 0),
        payload=_make_one_name,
    ),
    Case(
        what="flows with one name that no uuid matches, refused",
        size=10_000,
        stored=lambda size: _make_one_name(size, 0),
        payload=lambda size, revision: _make_one_name(size, revision, first=size),
        is_refused=True,
    ),
    Case(
        what=f"kB in each of {_BIG_FLOWS} flows",
        size=1_200,
        stored=lambda size: _make_big_flows(size, 0),
        payload=_make_big_flows,
    ),
    Case(
        what=f"nodes in each of {_USERS} flows that use one connection, matched by name",
        size=6_000,
        stored=lambda size: _make_one_connection(size, 0),
        payload=_make_one_connection,
    ),
    Case(
        what="secrets matched by name, each used by a connection and named in a flow",
        size=5_000,
        stored=lambda size: _make_secrets(size, 0),
        payload=_make_secrets,
    ),
)


def make_uuid(kind: int, number: int) -> str:
    """Return a uuid for the number. Their order is not that of the numbers."""
    mixed = (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 + kind) % 2**128
    return str(UUID(int=mixed, version=4))


def make_export(**lists: list[dict[str, Any]]) -> bytes:
    """Return the bytes of an export file."""
    return msgspec.json.encode(lists)
