"""Export files of any size: the same arguments give the same bytes."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

_CODE = (
    'const order = input.body;\nif (!order.id) {\n  throw new Error("no id");\n}\nreturn order;\n'
)
_KINDS = ("flows", "connections", "secrets")
_CHANGED_KEYS = {"flows": "info", "connections": "description", "secrets": "description"}


def make_export_file(flows: int, *, kilobytes: int, revision: int) -> bytes:
    """Return an export of so many flows of about `kilobytes` each.

    Two revisions have the same uuids and names, and differ in every flow.
    """
    return _make_file(_make_texts(flows, kilobytes, revision))


def write_export_files(
    directory: Path, sizes: Sequence[int], *, kilobytes: int, revision: int
) -> None:
    """Write an export of each size, all of the same flows: see `get_generated_path`."""
    texts = list(_make_texts(max(sizes), kilobytes, revision))
    for flows in sizes:
        get_generated_path(directory, flows, revision).write_bytes(_make_file(texts[:flows]))


def get_generated_path(directory: Path, flows: int, revision: int) -> Path:
    """Return where `write_export_files` writes an export."""
    return directory / f"{flows}-flows-{revision}.json"


def write_revisions(sources: Sequence[Path], before: Path, after: Path) -> int:
    """Merge exports, write them as they are and with every item changed; return the item count.

    Of items with the same uuid the first is used. Raises ValueError if a file is no export.
    """
    items: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
    for source in sources:
        content = json.loads(source.read_bytes())
        lists = {"flows": content} if isinstance(content, list) else content
        if not isinstance(lists, dict) or not lists.keys() & set(_KINDS):
            raise ValueError(f"{source} is no export.")
        for kind in _KINDS:
            for item in lists.get(kind) or []:
                items[kind].setdefault(str(item["uuid"]).lower(), item)
    before.write_text(json.dumps({kind: list(items[kind].values()) for kind in _KINDS}))
    for kind in _KINDS:
        for item in items[kind].values():
            item[_CHANGED_KEYS[kind]] = f"{item.get(_CHANGED_KEYS[kind]) or ''} (changed)"
    after.write_text(json.dumps({kind: list(items[kind].values()) for kind in _KINDS}))
    return sum(map(len, items.values()))


def _make_texts(flows: int, kilobytes: int, revision: int) -> Iterator[bytes]:
    for index in range(flows):
        flow = generate_flow(index, kilobytes * 1000, revision)
        yield json.dumps(flow, separators=(",", ":")).encode()


def _make_file(texts: Iterable[bytes]) -> bytes:
    return b'{"flows":[' + b",".join(texts) + b"]}"


def generate_flow(index: int, size: int, revision: int) -> dict[str, Any]:
    """Return a flow of about `size` bytes, the same for the same arguments."""
    chance = random.Random(index)
    uuid = UUID(int=chance.getrandbits(128), version=4)
    nodes: list[dict[str, Any]] = []
    room = size - 600
    while room > 0:
        nodes.append(_make_node(len(nodes), chance, revision))
        room -= len(json.dumps(nodes[-1])) + 60  # and its edge
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


def _make_node(at: int, chance: random.Random, revision: int) -> dict[str, Any]:
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
