"""Say in a few words what changes in an item, for a row of a list. Pure.

The words are of what its short fields do not tell: the nodes and edges of a flow, the hosts of a
connection. They count what the item's page shows: see graph_difference. Of a document, only the
nodes that differ are decoded, so that a summary costs little more than reading the texts.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, Protocol

import msgspec

from flows.content import canonical
from flows.content.documents import Document
from flows.content.fields import PROSE_KEYS, Content, Kind, Value
from flows.content.plain_object import read_plain_object
from flows.counting import format_count
from flows.destinations.destinations import DEVELOPMENT, PRODUCTION, UNKNOWN
from flows.destinations.labels import make_hosts_label
from flows.differences.graphs.graph import (
    Graph,
    NodeChange,
    NodeStatus,
    compare,
    count_changes,
    read_graph,
)
from flows.differences.graphs.graph_parts import WORDS

_COUNTED = (NodeStatus.CHANGED, NodeStatus.ADDED, NodeStatus.REMOVED, NodeStatus.MOVED)
_ARROW = "\N{RIGHTWARDS ARROW}"
_CODE_WORDS = ("code", "function", "script", "query", "sql", "template", "html", "css")


class ShortChange(Protocol):
    """A field that differs, with its texts before and after where they are short."""

    @property
    def key(self) -> str: ...
    @property
    def before(self) -> str | None: ...
    @property
    def after(self) -> str | None: ...


def summarize_change(kind: Kind, before: Content, after: Content) -> tuple[str, ...]:
    """Return what differs inside a flow's graph, or a connection's hosts; () where nothing does.

    A column that `after` does not have is as it was.
    """
    if kind is Kind.FLOW:
        return tuple(_summarize_graph(before, {**before, **after}))
    if kind is Kind.CONNECTION:
        return tuple(_summarize_hosts(before, {**before, **after}))
    return ()


def summarize_new(kind: Kind, content: Content) -> tuple[str, ...]:
    """Return what a new item is: the hosts of a connection, how many nodes a flow has.

    Nodes are counted where the document's text is at hand: none is read for it.
    """
    if kind is Kind.CONNECTION:
        hosts = sorted({label for label in _find_hosts(content).values() if label})
        return tuple(f"host {label}" for label in hosts)
    nodes = content.get("nodes")
    if kind is Kind.FLOW and (not isinstance(nodes, Document) or nodes.has_text):
        count = len(_SLICES.decode(_read_utf8(nodes)))
        return (format_count(count, "node"),)
    return ()


def summarize_fields(fields: Iterable[ShortChange], inside: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the words for all fields that differ; `inside` is what `summarize_change` returns.

    Fields with short texts are told by them, such as `timeout 60 -> 99`, with an arrow. The others
    are named. What `inside` tells of a flow's nodes and edges is not told twice.
    """
    inside = tuple(inside)
    short, long = [], []
    for field in fields:
        if field.before is not None and field.after is not None:
            short.append(f"{field.key} {field.before} {_ARROW} {field.after}")
        elif not (inside and field.key in _GRAPH_KEYS):
            long.append(field.key)
    return (*inside, *short, *([f"{', '.join(long)} changed"] if long else []))


_GRAPH_KEYS = ("nodes", "edges")


def _summarize_graph(old: Content, new: Content) -> Iterator[str]:
    differs = [old.get(column) != new.get(column) for column in _GRAPH_KEYS]
    if not any(differs):
        return
    sides = [
        _keep_differing(*(_read_utf8(side.get(column)) for side in (old, new)))
        if is_other
        else (canonical.EMPTY_LIST, canonical.EMPTY_LIST)
        for column, is_other in zip(_GRAPH_KEYS, differs, strict=True)
    ]
    before, after = (read_graph(*texts) for texts in zip(*sides, strict=True))
    diff = compare(before, after)
    if differs[0]:
        counted = [*_count_in_words(diff.nodes, "node"), *_count_code(diff.nodes, before, after)]
        yield ", ".join(counted) or "order of nodes changed"
    if differs[1]:
        yield ", ".join(_count_in_words(diff.edges, "edge")) or "order of edges changed"


def _read_utf8(value: Value) -> bytes:
    if isinstance(value, Document):
        return value.utf8
    return str(value or canonical.EMPTY_LIST).encode(errors="surrogatepass")


class _WithId(msgspec.Struct):
    id: str


_IDS = msgspec.json.Decoder(list[_WithId])
_SLICES = msgspec.json.Decoder(list[msgspec.Raw])


def _keep_differing(before: bytes, after: bytes) -> tuple[str, str]:
    """Return both lists without the objects that are in both.

    Only where each has an id of its own: a node's key is that, or a number among those like it.
    """
    try:
        ids = [[each.id for each in _IDS.decode(side)] for side in (before, after)]
        slices = [[bytes(each) for each in _SLICES.decode(side)] for side in (before, after)]
    except msgspec.MsgspecError:  # any list is a valid document: it is read as a whole
        return before.decode(errors="surrogatepass"), after.decode(errors="surrogatepass")
    if not all(all(side) and len(set(side)) == len(side) for side in ids):
        return before.decode(), after.decode()
    same = set(slices[0]).intersection(slices[1])
    old, new = (
        f"[{b','.join(each for each in side if each not in same).decode()}]" for side in slices
    )
    return old, new


def _count_in_words(changes: Mapping[str, NodeChange], noun: str) -> Iterator[str]:
    """Yield such as `3 nodes changed` and `1 removed`: the first with the noun."""
    counts = count_changes(changes.values())
    found = [(status, counts[status]) for status in _COUNTED if counts[status]]
    for place, (status, count) in enumerate(found):
        yield f"{count if place else format_count(count, noun)} {WORDS[status]}"


def _count_code(changes: Mapping[str, NodeChange], old: Graph, new: Graph) -> Iterator[str]:
    before, after = ({node.key: node.value for node in side.nodes} for side in (old, new))
    count = sum(
        _has_other_code(before[key], after[key], "")
        for key, change in changes.items()
        if change.status is NodeStatus.CHANGED
    )
    if count:
        yield f"code in {count}"


def _has_other_code(before: Any, after: Any, key: str) -> bool:
    """Return whether a text of code differs: of several lines, or under a key of code."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return any(
            _has_other_code(before.get(name), after.get(name), name)
            for name in before.keys() | after.keys()
        )
    if isinstance(before, list) and isinstance(after, list):
        pairs = zip_longest(before, after)
        return any(_has_other_code(old, new, key) for old, new in pairs)
    texts = [side for side in (before, after) if isinstance(side, str)]
    return before != after and any(_is_code(key, text) for text in texts)


def _is_code(key: str, text: str) -> bool:
    if key in PROSE_KEYS or key == "label":
        return False
    return "\n" in text or any(word in key.lower() for word in _CODE_WORDS)


def _summarize_hosts(old: Content, new: Content) -> Iterator[str]:
    """Yield the hosts before and after, by environment where they differ between the two."""
    hosts = [_find_hosts(side) for side in (old, new)]
    found: dict[str, list[str]] = {}
    for environment in (DEVELOPMENT, PRODUCTION):
        before, after = (side[environment] for side in hosts)
        if before != after:
            words = f"{before or '(none)'} {_ARROW} {after or '(none)'}"
            found.setdefault(words, []).append(environment)
    for words, environments in found.items():
        where = "" if len(environments) > 1 else f" ({environments[0]})"
        yield f"host {words}{where}"


def _find_hosts(content: Content) -> dict[str, str]:
    development, production = (str(content.get(name) or "") for name in ("dev_value", "prod_value"))
    texts = {
        DEVELOPMENT: development,
        PRODUCTION: production if production.strip() else development,
    }
    return {environment: _label_hosts(text) for environment, text in texts.items()}


def _label_hosts(text: str) -> str:
    if not text.strip():
        return ""
    settings = read_plain_object(text)
    return UNKNOWN if settings is None else make_hosts_label(settings)
