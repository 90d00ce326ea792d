"""A real export with some of its items changed, as a developer's next version of it."""

import json
import random
import re
from typing import Any

from tests.support.texts_in_values import change_text, find_texts, insert_line, read_text

_HOST = re.compile(r"(?<=//)[\w-]+\.[\w.-]+|\w+\.dev\.example\.com")


def change_export(payload: bytes, *, flows: int, connections: int = 0, seed: int = 1) -> bytes:
    """The export with so many flows and connections changed, and one flow more.

    A changed flow has a line inserted in some of its texts; in some, a node is gone or moved. A
    changed connection has other hosts.
    """
    chance = random.Random(seed)
    document = json.loads(payload)
    with_nodes = [flow for flow in document["flows"] if len(flow["nodes"]) > 1]
    new = json.loads(json.dumps(with_nodes[0]))
    for flow in chance.sample(with_nodes, flows):
        _change_flow(flow, chance)
    with_host = [each for each in document["connections"] if _HOST.search(each["devValue"] or "")]
    for connection in with_host[:connections]:
        connection["devValue"] = _HOST.sub("other.example.com", connection["devValue"], 1)
    new |= {"uuid": "11111111-1111-4111-8111-111111111111", "name": "A new flow"}
    document["flows"].append(new)
    return json.dumps(document).encode()


def _change_flow(flow: dict[str, Any], chance: random.Random) -> None:
    texts = [at for at in find_texts(flow["nodes"]) if at[-1] not in {"id", "type"}]
    for at in chance.sample(texts, min(3, len(texts))):
        place = chance.randint(0, len(read_text(flow["nodes"], at)))
        line = f"let inserted = {chance.randint(1, 99)};"
        flow["nodes"] = change_text(flow["nodes"], at, insert_line(line, place))
    if chance.random() < 0.5:
        flow["nodes"].pop()
    position = flow["nodes"][0].get("position")
    if chance.random() < 0.5 and isinstance(position, dict):
        position["x"] = (position.get("x") or 0) + 200
