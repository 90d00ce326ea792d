"""What an ordinary item says where a test does not care: valid, and nothing that is warned of.

A test that is about a flow's graph, or about a flow without one, says so itself: `nodes=[]`; and
likewise about a connection's value: `devValue=""`. What is ordinary stands in only where a test
says nothing of the graph or of the values. A secret of a file is ordinary with its name alone.
"""

from collections.abc import Mapping
from typing import Any

NODES: list[dict[str, Any]] = [{"id": "start", "type": "start"}, {"id": "log", "type": "log"}]
EDGES: list[dict[str, Any]] = [{"id": "start-log", "source": "start", "target": "log"}]
VALUE = "{ host: 'api.example.com', port: 443 }"

# As a row holds them; written down, so that a test's row does not come from the code under test.
NODES_TEXT = '[{"id":"start","type":"start"},{"id":"log","type":"log"}]'
EDGES_TEXT = '[{"id":"start-log","source":"start","target":"log"}]'

_KEYS: Mapping[str, dict[str, Any]] = {
    "flow": {"nodes": NODES, "edges": EDGES},
    "connection": {"devValue": VALUE},
    "secret": {},
}
_COLUMNS: Mapping[str, dict[str, Any]] = {
    "flow": {"nodes": NODES_TEXT, "edges": EDGES_TEXT},
    "connection": {"dev_value": VALUE},
    "secret": {},
}
_ABOUT_IT = {"nodes", "edges", "devValue", "prodValue", "dev_value", "prod_value"}


def ordinary_item(kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """The item of a file; with a start, another node and an edge, or with a value of its own."""
    return {**item, **_missing(_KEYS[kind], item)}


def ordinary_columns(kind: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    """As `ordinary_item`, of the columns of a row."""
    return {**columns, **_missing(_COLUMNS[kind], columns)}


def _missing(ordinary: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    return {} if _ABOUT_IT & said.keys() else ordinary
