"""Edit a sample's flow as people do: a line of code, a setting, a node, a name, a connection."""

import re
from collections.abc import Callable
from typing import Any

from imports.samples import systems
from imports.samples.flows import NOTE
from imports.samples.graph import Step, make_edge
from imports.samples.javascript import MAP
from imports.samples.steps import StepMaker

_NUMBER = re.compile(r"(?<![\w.$'-])[1-9]\d{1,4}(?![\w.'-])")
_SETTINGS = {"hours", "limit", "seconds", "size", "timeout"}
"""Parameters that are whole numbers, of which any other is as good."""
_NODE_WIDTH = 180
_NARROWEST = 220
_LINES = {
    "javascript": "if (input.isTest) log.info('a test: nothing is sent');",
    "python": 'print(f"{len(payload)} keys")',
}

Edit = Callable[[dict[str, Any], StepMaker], bool]
"""Changes the flow's values; false where it has nothing of the kind."""


def edit_flow(content: dict[str, Any], maker: StepMaker, turn: int) -> None:
    """Edit the flow; the kind of its first edit follows from `turn`, so that all kinds occur.

    Its name is not edited: it is part of the outline.
    """
    chance = maker.chance
    first = _EDITS[turn % len(_EDITS)]
    if not first(content, maker):
        _edit_info(content, maker)
    for edit in chance.pick_several(
        _FURTHER_EDITS, chance.pick_weighted(((0, 55), (1, 30), (2, 15)))
    ):
        if edit is not first:
            edit(content, maker)
    content["numBlocks"] = len(content["nodes"])


def _edit_code(content: dict[str, Any], maker: StepMaker) -> bool:
    nodes = [node for node in content["nodes"] if "code" in node["data"]]
    if not nodes:
        return _edit_query(content, maker)
    node = maker.chance.pick(nodes)
    code = node["data"]["code"]
    numbers = [*_NUMBER.finditer(code)]
    if numbers and maker.chance.happens(50):
        node["data"]["code"] = _replace_number(code, maker.chance.pick(numbers))
    else:
        node["data"]["code"] = f"{_LINES[node['type']]}\n{code}"
    return True


def _edit_query(content: dict[str, Any], maker: StepMaker) -> bool:
    queries = [node for node in content["nodes"] if "query" in node["data"]["parameters"]]
    if not queries:
        return False
    parameters = maker.chance.pick(queries)["data"]["parameters"]
    query = parameters["query"]
    numbers = [*_NUMBER.finditer(query)]
    if numbers:
        parameters["query"] = _replace_number(query, maker.chance.pick(numbers))
    else:
        parameters["query"] = f"-- as agreed with the database people\n{query}"
    return True


def _replace_number(text: str, found: "re.Match[str]") -> str:
    return f"{text[: found.start()]}{int(found[0]) * 2}{text[found.end() :]}"


def _edit_parameter(content: dict[str, Any], maker: StepMaker) -> bool:
    numbers = [
        (node["data"]["parameters"], key)
        for node in content["nodes"]
        if node["type"] != NOTE
        for key, value in sorted(node["data"]["parameters"].items())
        if key in _SETTINGS and isinstance(value, int)
    ]
    if not numbers:
        content["timeout"] *= 2
    else:
        parameters, key = maker.chance.pick(numbers)
        parameters[key] *= 2
    return True


def _move_node(content: dict[str, Any], maker: StepMaker) -> bool:
    """Drag the lowest node of a column further down, or the note up."""
    node = maker.chance.pick(content["nodes"])
    x = node["position"]["x"]
    lowest = max(
        (
            other["position"]
            for other in content["nodes"]
            if abs(other["position"]["x"] - x) < _NODE_WIDTH
        ),
        key=lambda position: position["y"],
    )
    lowest["y"] += maker.chance.pick((40, 60, 100))
    return True


def _add_node(content: dict[str, Any], maker: StepMaker) -> bool:
    """Put a node between two others; what is to the right of it makes room."""
    between = _find_plain_edges(content)
    if not between:
        return False
    edge = maker.chance.pick(between)
    step = maker.chance.pick(
        (
            maker.make_plain(
                "log", "Write the number down", level="info", message="{{ input.@number@ }}"
            ),
            maker.make_code(MAP),
            maker.make_plain("filter", "Leave tests out", expression="!input.isTest"),
        )
    )
    _insert_node(content, maker, edge, step)
    return True


def _add_connection(content: dict[str, Any], maker: StepMaker) -> bool:
    """Let the flow call a system that it did not have."""
    between = _find_plain_edges(content)
    if not between:
        return False
    step = maker.make_request(systems.SANDBOX, "Try the new interface")
    _insert_node(content, maker, maker.chance.pick(between), step)
    return True


def _insert_node(
    content: dict[str, Any], maker: StepMaker, edge: dict[str, Any], step: Step
) -> None:
    places = {node["id"]: node["position"] for node in content["nodes"]}
    source, target = places[edge["source"]], places[edge["target"]]
    at = dict(target)
    space = max(_NARROWEST, target["x"] - source["x"])
    for node in content["nodes"]:
        if node["position"]["x"] >= at["x"] - 40 and node["type"] != NOTE:
            node["position"]["x"] += space
    new = maker.chance.make_uuid()
    data = {"label": step.label, "parameters": dict(step.parameters), **step.data}
    content["nodes"].append({"id": new, "type": step.type, "position": at, "data": data})
    content["edges"].remove(edge)
    handle = edge.get("sourceHandle", "")
    content["edges"] += (make_edge(edge["source"], new, handle), make_edge(new, edge["target"]))


def _find_plain_edges(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the edges that lead to the right."""
    places = {node["id"]: node["position"]["x"] for node in content["nodes"]}
    return [
        edge
        for edge in content["edges"]
        if places[edge["target"]] - places[edge["source"]] >= _NODE_WIDTH
    ]


def _remove_node(content: dict[str, Any], maker: StepMaker) -> bool:
    """Remove a node that has one edge to it and one from it, and close the gap between these."""
    into, out = (
        {node["id"]: [edge for edge in content["edges"] if edge[end] == node["id"]]
         for node in content["nodes"]}
        for end in ("target", "source")
    )  # fmt: skip
    nodes = [
        node for node in content["nodes"] if len(into[node["id"]]) == len(out[node["id"]]) == 1
    ]
    if not nodes:
        return False
    node = maker.chance.pick(nodes)
    [before], [after] = into[node["id"]], out[node["id"]]
    content["nodes"].remove(node)
    content["edges"] = [edge for edge in content["edges"] if edge not in (before, after)]
    if before["source"] != after["target"]:
        handle = before.get("sourceHandle", "")
        content["edges"].append(make_edge(before["source"], after["target"], handle))
    return True


def _edit_tags(content: dict[str, Any], maker: StepMaker) -> bool:
    tag = maker.chance.pick(("release-7", "audited", "with-sandbox"))
    tags = content["tags"]
    content["tags"] = [each for each in tags if each != tag] if tag in tags else [*tags, tag]
    return True


def _edit_info(content: dict[str, Any], maker: StepMaker) -> bool:
    text = maker.area.fill("Changed for the new interface of @partner@, agreed with @team@.")
    content["info"] = f"{content['info']}\n\n{text}".lstrip()
    return True


_EDITS: tuple[Edit, ...] = (
    *(_edit_code, _edit_parameter, _add_node, _move_node, _edit_info, _remove_node),
    *(_edit_tags, _edit_query, _add_connection),
)
# A removal could take away the node that the first edit added.
_FURTHER_EDITS = tuple(edit for edit in _EDITS if edit is not _remove_node)
