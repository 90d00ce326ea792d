"""The graph of a sample's flow: blocks of steps, laid out from left to right as nodes and edges."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from imports.samples.chance import Chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One node."""

    type: str
    label: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    """What it has beside its parameters: code, a connection, a subflow, its tries."""
    ends: bool = False
    """Whether the flow ends here."""


@dataclass(frozen=True, slots=True)
class Fork:
    """A step with several ways on, each from its handle; what does not end comes together again.

    The way at `main` is drawn on the line of the step, those before it above, the others below.
    """

    step: Step
    ways: tuple[tuple[str, "Block"], ...]
    main: int = 0


@dataclass(frozen=True, slots=True)
class Loop:
    """A step that is done for each part of something: `body` leads back to it."""

    step: Step
    body: "Block"


@dataclass(frozen=True, slots=True)
class Guard:
    """A block, and below it what happens if one of its steps with tries fails."""

    body: "Block"
    handler: "Block"


Block: TypeAlias = "Step | Fork | Loop | Guard | tuple[Block, ...]"
"""A tuple is one block after the other."""


class _Extent(NamedTuple):
    """How many columns a block takes, and how many lanes above and below its own line."""

    columns: int
    above: int = 0
    below: int = 0


class _Exit(NamedTuple):
    """A node, and its handle, from which an edge leads on."""

    node: str
    handle: str


@dataclass(slots=True)
class Drawing:
    """Nodes and edges, with the spaces between columns and lanes."""

    chance: Chance
    origin: tuple[int, int]
    spaces: tuple[int, int]
    jitter: int = 0
    """How far a node may be from its place, as people leave it."""
    nodes: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)

    def place(
        self, block: Block, column: int, lane: int, entries: Sequence[_Exit] = ()
    ) -> list[_Exit]:
        """Add the block with its first step at this place; return where it can be left."""
        match block:
            case tuple():
                return self._place_all(block, column, lane, entries)
            case Step():
                node = self._place_step(block, column, lane, entries)
                return [] if block.ends else [_Exit(node, "")]
            case Fork():
                return self._place_fork(block, column, lane, entries)
            case Loop():
                node = self._place_step(block.step, column, lane, entries)
                below = 1 + _measure(block.body).above
                back = self.place(block.body, column + 1, lane + below, [_Exit(node, "each")])
                self._connect(back, node)
                return [_Exit(node, "done")]
            case Guard():
                return self._place_guard(block, column, lane, entries)

    def _place_all(
        self, blocks: Sequence[Block], column: int, lane: int, entries: Sequence[_Exit]
    ) -> list[_Exit]:
        exits = list(entries)
        for block in blocks:
            exits = self.place(block, column, lane, exits)
            column += _measure(block).columns
        return exits

    def _place_fork(
        self, fork: Fork, column: int, lane: int, entries: Sequence[_Exit]
    ) -> list[_Exit]:
        node = self._place_step(fork.step, column, lane, entries)
        exits: list[_Exit] = []
        for (handle, way), offset in zip(fork.ways, _find_offsets(fork), strict=True):
            exits += self.place(way, column + 1, lane + offset, [_Exit(node, handle)])
        return exits

    def _place_guard(
        self, guard: Guard, column: int, lane: int, entries: Sequence[_Exit]
    ) -> list[_Exit]:
        first = len(self.nodes)
        exits = self.place(guard.body, column, lane, entries)
        failing = [node["id"] for node in self.nodes[first:] if "maxTries" in node["data"]]
        below = _measure(guard.body).below + 1 + _measure(guard.handler).above
        failed = [_Exit(node, "error") for node in failing]
        return [*exits, *self.place(guard.handler, column + 1, lane + below, failed)]

    def _place_step(self, step: Step, column: int, lane: int, entries: Sequence[_Exit]) -> str:
        node = self.chance.make_uuid()
        shifts = [
            self.chance.pick_number(-1, 1) * self.jitter if self.jitter else 0 for _ in range(2)
        ]
        x, y = (
            start + at * space + shift
            for start, at, space, shift in zip(
                self.origin, (column, lane), self.spaces, shifts, strict=True
            )
        )
        data = {"label": step.label, "parameters": dict(step.parameters), **step.data}
        self.nodes.append(
            {"id": node, "type": step.type, "position": {"x": x, "y": y}, "data": data}
        )
        self._connect(entries, node)
        return node

    def _connect(self, exits: Sequence[_Exit], target: str) -> None:
        self.edges += (make_edge(source, target, handle) for source, handle in exits)


def make_edge(source: str, target: str, handle: str = "") -> dict[str, Any]:
    """Return an edge between two nodes by their ids, from a handle of the first."""
    key = "-".join(filter(None, (source[:8], handle, target[:8])))
    edge = {"id": key, "source": source, "target": target}
    return {**edge, "sourceHandle": handle} if handle else edge


def count_lanes_above(block: Block) -> int:
    """Return how many lanes of the block are above its first step."""
    return _measure(block).above


def _measure(block: Block) -> _Extent:
    match block:
        case Step():
            return _Extent(1)
        case tuple():
            extents = [_measure(each) for each in block]
            return _Extent(
                sum(each.columns for each in extents),
                max((each.above for each in extents), default=0),
                max((each.below for each in extents), default=0),
            )
        case Fork():
            extents = [_measure(way) for _, way in block.ways]
            offsets = [*_find_offsets(block)]
            return _Extent(
                1 + max(each.columns for each in extents),
                extents[0].above - offsets[0],
                extents[-1].below + offsets[-1],
            )
        case Loop():
            body = _measure(block.body)
            return _Extent(1 + body.columns, 0, 1 + body.above + body.below)
        case Guard():
            body, handler = _measure(block.body), _measure(block.handler)
            return _Extent(
                max(body.columns, 1 + handler.columns),
                body.above,
                body.below + 1 + handler.above + handler.below,
            )


def _find_offsets(fork: Fork) -> Iterator[int]:
    """Yield the lane of each way, counted from that of the step."""
    extents = [_measure(way) for _, way in fork.ways]
    lanes = [0]
    for before, after in pairwise(extents):
        lanes.append(lanes[-1] + before.below + 1 + after.above)
    yield from (lane - lanes[fork.main] for lane in lanes)
