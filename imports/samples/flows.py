"""The content of a sample's flow: its graph with notes, its texts and settings."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from flows.content import canonical
from flows.content.fields import CREATED_KEY, DELETED_KEY, FIELDS, UPDATED_KEY, UUID_KEY, Kind
from flows.content.representation import format_time
from imports.samples.chance import Chance
from imports.samples.graph import Drawing, count_lanes_above
from imports.samples.outlines import Outline
from imports.samples.prose import make_info, make_notes
from imports.samples.steps import StepMaker, Subflow
from imports.samples.systems import System

NOTE = "stickyNote"

_TAGS = ("nightly", "critical", "legacy", "personal-data", "finance", "eu", "reviewed", "q3")
_QUEUES = ((1, 52), (2, 20), (3, 10), (4, 8), (5, 6), (6, 4))
_DOCUMENTS = {spec.key for spec in FIELDS[Kind.FLOW] if spec.shape.is_document}


def make_content(
    seed: int, outline: Outline, subflows: Sequence[Subflow]
) -> tuple[dict[str, Any], StepMaker]:
    """Return a flow's values by the keys of a file, and the maker of further steps for it."""
    chance = Chance(seed, "content", outline.index)
    maker = StepMaker(seed=seed, area=outline.area, chance=chance, subflows=subflows)
    drawing = _draw_flow(maker, outline)
    labels = [node["data"]["label"] for node in drawing.nodes if node["type"] != NOTE]
    recipe = outline.recipe
    content = {
        "name": outline.name,
        "info": make_info(chance, outline.area, labels),
        "tags": _make_tags(chance, outline),
        "listenerType": recipe.listener,
        "isSubflow": outline.is_subflow,
        "isCommander": False,
        "isValid": chance.happens(90),
        "isLocked": False,
        "timeout": chance.pick_weighted(((60, 75), (3600, 12), (300, 7), (30, 6))),
        "numBlocks": len(drawing.nodes),
        "executionHistoryLevel": "ALL" if chance.happens(2) else "USE_DEFAULT",
        "executionHistoryMins": 1440,
        "queueUuid": _pick_queue(seed, chance),
        "nodes": drawing.nodes,
        "edges": drawing.edges,
        "viewport": _make_viewport(chance),
    }
    return content, maker


def find_needed(content: dict[str, Any], systems: Iterable[System]) -> list[System]:
    """Return those of the systems that the flow's nodes use."""
    text = canonical.encode(content["nodes"])
    return [
        system
        for system in systems
        if (system.connection and system.connection[UUID_KEY] in text)
        or any(f"secrets.{secret['name']}" in text for secret in system.secrets)
    ]


def make_item(
    outline: Outline, content: dict[str, Any], systems: Sequence[System]
) -> dict[str, Any]:
    """Return the flow as an item of a file, in the order of its keys, with what it uses."""
    connections = [system.connection for system in systems if system.connection]
    secrets = [secret for system in systems for secret in system.secrets]
    values = {
        **content,
        "connections": [
            {key: each[key] for key in (UUID_KEY, "name", "type")} for each in connections
        ],
        "secrets": [{key: each[key] for key in (UUID_KEY, "name")} for each in secrets],
    }
    item: dict[str, Any] = {UUID_KEY: outline.uuid}
    for spec in FIELDS[Kind.FLOW]:
        if spec.key in values:
            item[spec.key] = _make_value(spec.key, values[spec.key])
    times = {CREATED_KEY: outline.created_at, UPDATED_KEY: outline.updated_at}
    return {**item, **{key: format_time(times[key]) for key in times}, DELETED_KEY: False}


def _make_value(key: str, value: Any) -> Any:
    return msgspec.Raw(canonical.encode(value).encode()) if key in _DOCUMENTS else value


def _draw_flow(maker: StepMaker, outline: Outline) -> Drawing:
    chance = maker.chance
    drawing = Drawing(
        chance=chance,
        origin=(chance.pick_number(-20, 20) * 20, chance.pick_number(-15, 15) * 20),
        spaces=(chance.pick((220, 240, 260, 280)), chance.pick((120, 140, 160))),
        jitter=10 if chance.happens(30) else 0,
    )
    block = outline.recipe.make_block(maker)
    drawing.place(block, 0, 0)
    _number_labels(drawing)
    _add_notes(maker, drawing, count_lanes_above(block))
    return drawing


def _number_labels(drawing: Drawing) -> None:
    """Give the second node of a label a number, as an editor does."""
    seen: Counter[str] = Counter()
    for node in drawing.nodes:
        label = node["data"]["label"]
        seen[label] += 1
        if seen[label] > 1:
            node["data"]["label"] = f"{label} ({seen[label]})"


def _add_notes(maker: StepMaker, drawing: Drawing, lanes_above: int) -> None:
    """Add notes above the nodes of some columns."""
    chance = maker.chance
    width = max(node["position"]["x"] for node in drawing.nodes) - drawing.origin[0]
    columns = range(width // drawing.spaces[0] + 1)
    if not chance.happens(76):
        return
    count = chance.pick_weighted(((1, 22), (2, 24), (3, 22), (5, 20), (8, 12)))
    y = drawing.origin[1] - (lanes_above + 1) * drawing.spaces[1] - 40
    places = sorted(chance.pick_several(columns, count))
    for column, (heading, text) in zip(places, make_notes(chance, maker.area), strict=False):
        x = drawing.origin[0] + column * drawing.spaces[0]
        size = {"width": chance.pick((240, 320, 400)), "height": chance.pick((160, 240, 320))}
        parameters = {"content": text, "color": chance.pick_number(1, 7)}
        node = {"id": chance.make_uuid(), "type": NOTE, "position": {"x": x, "y": y}, **size}
        drawing.nodes.append({**node, "data": {"label": heading, "parameters": parameters}})


def _make_tags(chance: Chance, outline: Outline) -> list[str]:
    words = outline.area.words
    tags = [words["path"], *outline.recipe.tags[: chance.pick_number(0, 2)]]
    if chance.happens(40):
        tags.append(words["siteSlug"])
    return [*tags, *chance.pick_several(_TAGS, chance.pick_weighted(((0, 60), (1, 28), (2, 12))))]


def _pick_queue(seed: int, chance: Chance) -> str:
    number = chance.pick_weighted(_QUEUES)
    return Chance(seed, "queue", number).make_uuid()


def _make_viewport(chance: Chance) -> dict[str, Any]:
    x, y = (chance.pick_number(-40, 40) * 10 for _ in range(2))
    return {"x": x, "y": y, "zoom": chance.pick((0.5, 0.75, 1, 1, 1.25))}
