"""A sample: flows, connections and secrets that follow from a seed, as the bytes of an export."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, BinaryIO

from flows.content.fields import UUID_KEY, Kind
from imports.exportfile.writing import format_export
from imports.samples.areas import FLOWS_PER_AREA
from imports.samples.chance import Chance
from imports.samples.edits import edit_flow
from imports.samples.flows import find_needed, make_content, make_item
from imports.samples.outlines import Outline, make_outlines, mark_edited
from imports.samples.steps import Subflow
from imports.samples.systems import System

SERVER = "sample"
"""The name of the server that a sample says it is exported from."""

_RENAMED_EVERY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """So many flows with all that they need; of them, so many were edited since."""

    flows: int
    seed: int = 1
    changed: int = 0
    """At most as many as there are flows. The others are those of the sample without it."""


@dataclass(slots=True, kw_only=True)
class SampleStatistics:
    """What was written."""

    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    size: int = 0
    """In bytes."""
    sha256: str = ""


def write_sample(request: SampleRequest, stream: BinaryIO) -> SampleStatistics:
    """Write the sample's export: the same bytes for the same sample, on every machine.

    Flows are made and written one after the other. Kept of each is only its name, and what the
    connections and secrets are.
    """
    statistics = SampleStatistics()
    outlines = make_outlines(request.seed, request.flows)
    turns = _pick_turns(request)
    edited = _mark_edited_outlines(request.seed, outlines, turns)
    systems: dict[tuple[int, str], System] = {}
    items: Mapping[Kind, Iterator[dict[str, Any]]] = {
        Kind.FLOW: _make_flows(request, outlines, edited, turns, systems),
        # Made last: the flows say which there are.
        Kind.CONNECTION: _make_connections(systems),
        Kind.SECRET: _make_secrets(systems),
    }
    counted = {kind: _count_items(kind, items[kind], statistics) for kind in Kind}
    changed_at = max((outline.updated_at for outline in edited), default=None)
    digest = sha256()
    for chunk, _ in format_export(counted, server=SERVER, changed_at=changed_at):
        stream.write(chunk)
        digest.update(chunk)
        statistics.size += len(chunk)
    statistics.sha256 = digest.hexdigest()
    return statistics


def _pick_turns(request: SampleRequest) -> dict[int, int]:
    """Return, by the index of each flow to edit, its turn.

    Which ones do not depend on how many: those of a smaller number are among them.
    """
    order = sorted(
        range(request.flows),
        key=lambda index: (Chance(request.seed, "order", index).pick_number(0, 2**63), index),
    )
    return {index: turn for turn, index in enumerate(order[: request.changed])}


def _mark_edited_outlines(
    seed: int, outlines: Sequence[Outline], turns: Mapping[int, int]
) -> list[Outline]:
    names = {outline.name for outline in outlines}
    edited = list(outlines)
    for index, turn in turns.items():
        rename = turn % _RENAMED_EVERY == 1
        edited[index] = mark_edited(outlines[index], seed, names, rename=rename)
        names.add(edited[index].name)
    return edited


def _make_flows(
    request: SampleRequest,
    outlines: Sequence[Outline],
    edited: Sequence[Outline],
    turns: Mapping[int, int],
    systems: dict[tuple[int, str], System],
) -> Iterator[dict[str, Any]]:
    """Yield the flows by name and uuid; add to `systems` what they need.

    Flows call subflows by the names that these had before the edits, as people leave labels.
    """
    for outline in sorted(edited, key=lambda outline: (outline.name, outline.uuid)):
        content, maker = make_content(request.seed, outline, _find_subflows(outlines, outline))
        if outline.is_edited:
            edit_flow(content, maker, turns[outline.index])
        needed = find_needed(content, maker.systems.values())
        systems |= {(system.area.number, system.role): system for system in needed}
        yield make_item(outline, content, needed)


def _find_subflows(outlines: Sequence[Outline], outline: Outline) -> list[Subflow]:
    """Return the subflows that the flow may call: those of its area. A subflow calls none."""
    if outline.is_subflow:
        return []
    first = outline.area.number * FLOWS_PER_AREA
    area = outlines[first : first + FLOWS_PER_AREA]
    return [Subflow(each.uuid, each.name) for each in area if each.is_subflow]


def _make_connections(systems: Mapping[tuple[int, str], System]) -> Iterator[dict[str, Any]]:
    connections = [system.connection for system in systems.values() if system.connection]
    yield from sorted(connections, key=lambda item: (item["name"], item[UUID_KEY]))


def _make_secrets(systems: Mapping[tuple[int, str], System]) -> Iterator[dict[str, Any]]:
    secrets = [secret for system in systems.values() for secret in system.secrets]
    yield from sorted(secrets, key=lambda item: (item["name"], item[UUID_KEY]))


def _count_items(
    kind: Kind, items: Iterator[dict[str, Any]], statistics: SampleStatistics
) -> Iterator[dict[str, Any]]:
    for item in items:
        statistics.counts[kind] += 1
        yield item
