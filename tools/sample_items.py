"""The made-up items that `tools.sample_server` imports: each field has a value somewhere."""

from collections.abc import Mapping
from typing import Any

Lists = Mapping[str, list[dict[str, Any]]]
"""Items by the names of an export's lists."""


def make_uuid(digit: str, number: int) -> str:
    """Return the uuid of a made-up item: the digit tells its kind."""
    return f"{digit * 8}-0000-4000-8000-{number:012}"


EVERYTHING: dict[str, Any] = {
    "uuid": make_uuid("f", 1),
    "name": "Everything",
    "info": "# A flow with a value in every field\n\nAlso 日本 and \U0001f600.",
    "tags": ["sample", "é", ""],
    "listenerType": "REST",
    "isSubflow": True,
    "isCommander": True,
    "isValid": True,
    "isLocked": False,
    "timeout": 2**40,
    "numBlocks": 2,
    "executionHistoryLevel": "ERRORED_NO_DATA",
    "executionHistoryMins": 0,
    "queueUuid": "a queue",
    "tenantId": "a tenant",
    "connections": [make_uuid("c", 1), {"uuid": make_uuid("c", 2), "name": "Bare"}],
    "secrets": [make_uuid("5", 1)],
    "nodes": [
        {"id": "1", "type": "code", "data": {"code": "run(secrets.SAMPLE_KEY);"}},
        {"id": "2", "position": {"x": 1e300, "y": -1}, "data": {"uuid": make_uuid("f", 2)}},
    ],
    "edges": [{"id": "e", "source": "1", "target": "2"}],
    "viewport": {"x": 0, "y": 1.5, "zoom": 2},
    "owner": "an unknown key",
    "nested": {"unknown": [1, None, {"é": True}]},
}
NULLS: dict[str, Any] = {
    "uuid": make_uuid("f", 2),
    "name": "Nulls",
    **dict.fromkeys(key for key in EVERYTHING if key not in {"uuid", "name"}),
}
LOCKED: dict[str, Any] = {"uuid": make_uuid("f", 3), "name": "Locked", "isLocked": True}
GONE: dict[str, Any] = {"uuid": make_uuid("f", 4), "name": "Deleted"}
NAMELESS: dict[str, Any] = {"uuid": make_uuid("f", 5), "name": ""}
CONNECTIONS: list[dict[str, Any]] = [
    {
        "uuid": make_uuid("c", 1),
        "name": "A connection",
        "type": "HTTP",
        "description": "For samples.",
        "isCorePlatform": True,
        "devValue": "{ baseUrl: 'https://dev.example.com', key: secrets.SAMPLE_KEY }",
        "prodValue": "{ baseUrl: 'https://example.com', key: secrets.SAMPLE_KEY }",
        "region": "an unknown key",
    },
    {"uuid": make_uuid("c", 2), "name": "Bare", "type": None, "devValue": None},
    {"uuid": make_uuid("c", 3), "name": "Deleted connection"},
]
SECRETS: list[dict[str, Any]] = [
    {
        "uuid": make_uuid("5", 1),
        "name": "SAMPLE_KEY",
        "description": "A key for samples.",
        "type": "text",
        "group": "samples",
        "tags": ["sample"],
        "isRotated": True,
    },
    {"uuid": make_uuid("5", 2), "name": "SAMPLE_PIN", "description": None, "tags": None},
    {"uuid": make_uuid("5", 3), "name": "NO_VALUE"},
    {"uuid": make_uuid("5", 4), "name": "GONE_KEY"},
]
ALL: Lists = {
    "flows": [EVERYTHING, NULLS, LOCKED, GONE, NAMELESS],
    "connections": CONNECTIONS,
    "secrets": SECRETS,
}
EVERYTHING_LATER = {**EVERYTHING, "name": "Everything, renamed", "timeout": 30, "owner": None}
