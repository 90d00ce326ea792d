"""Export files of any size for measurements: the same arguments give the same bytes."""

import json
import random
from typing import Any
from uuid import UUID

_CODE = (
    'const order = input.body;\nif (!order.id) {\n  throw new Error("no id");\n}\nreturn order;\n'
)


def export_file(flows: int, *, kilobytes: int, revision: int) -> bytes:
    """An export of so many flows of about so many kilobytes each.

    Two revisions have the same uuids and names, and differ in every flow.
    """
    document = {"flows": [_flow(index, kilobytes * 1000, revision) for index in range(flows)]}
    return json.dumps(document, separators=(",", ":")).encode()


def _flow(index: int, size: int, revision: int) -> dict[str, Any]:
    chance = random.Random(index)
    uuid = UUID(int=chance.getrandbits(128), version=4)
    nodes: list[dict[str, Any]] = []
    room = size - 600
    while room > 0:
        nodes.append(_node(len(nodes), chance, revision))
        room -= len(json.dumps(nodes[-1])) + 60  # and the edge to it
    edges = [
        {"id": f"e{at}", "source": f"n{at}", "target": f"n{at + 1}"} for at in range(len(nodes) - 1)
    ]
    return {
        "uuid": str(uuid),
        "name": f"Flow {index}",
        "info": "A flow of the benchmark.",
        "tags": ["benchmark"],
        "listenerType": "REST",
        "isSubflow": False,
        "isLocked": False,
        "timeout": 60,
        "nodes": nodes,
        "edges": edges,
        "viewport": {"x": 0, "y": 0, "zoom": 1},
    }


def _node(at: int, chance: random.Random, revision: int) -> dict[str, Any]:
    return {
        "id": f"n{at}",
        "type": "action",
        "position": {"x": at * 220, "y": at % 5 * 120},
        "data": {
            "label": f"Step {at}, revision {revision}",
            "code": _CODE * chance.randint(1, 6),
            "parameters": {f"p{key}": round(chance.random(), 6) for key in range(8)},
        },
    }
