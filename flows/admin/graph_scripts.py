"""The scripts of a page with pictures of flows, in the order in which they are loaded."""

from typing import Any

from django.forms import Script

GRAPH_SCRIPTS: list[Any] = [
    Script("flows/graph.js", defer=True),
    Script("flows/graph_map.js", defer=True),
]
