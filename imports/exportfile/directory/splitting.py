"""The files of an item: what is reviewed together is one file. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from flows.content import canonical
from flows.content.fields import FIELDS, Kind
from flows.differences.graphs.graph import LAYOUT_KEYS
from imports.exportfile.directory.code_files import (
    choose_suffix,
    make_file_stem,
    make_node_stem,
    may_be_file,
)
from imports.exportfile.directory.form import (
    CODE_DIRECTORY,
    EDGES_KEY,
    FLOW_FILE,
    LAYOUT_FILE,
    NODES_KEY,
    TIME_KEYS,
    VIEWPORT_KEY,
    format_json,
)
from imports.exportfile.directory.references import (
    escape_key,
    make_reference,
    may_be_reserved,
)
from imports.exportfile.directory.slugs import Slugs

MOST_FILES = 1_000
"""The most texts of a flow that are files of their own; more stay in flow.json."""

_FIRST_KEYS = ("id", "type", "source", "sourceHandle", "target", "targetHandle")
_OF_FLOW = {"type": "flow"}
_KEYS_IN_ORDER = {kind: ("uuid", *(field.key for field in FIELDS[kind])) for kind in Kind}


def split_item(kind: Kind, item: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of a flow by their path in its folder.

    Of another item it is one file, named "". Equal items have the same bytes, whatever the order of
    their keys.
    """
    text = canonical.encode(msgspec.json.decode(msgspec.json.encode(item)))
    value = canonical.decode(text)
    value = {key: value[key] for key in value if key not in TIME_KEYS}
    if kind is not Kind.FLOW:
        return {"": format_json(_order(value, _KEYS_IN_ORDER[kind]))}
    return _split_flow(value, escapes=may_be_reserved(text))


def split_item_into(path: str, kind: Kind, item: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of an item whose JSON file has this path, by their paths."""
    folder = path.removesuffix(FLOW_FILE) if kind is Kind.FLOW else path
    return {f"{folder}{name}": content for name, content in split_item(kind, item).items()}


def _split_flow(flow: dict[str, Any], *, escapes: bool) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    texts = _TextFiles(files, escapes=escapes)
    layout: dict[str, Any] = {}
    if VIEWPORT_KEY in flow:
        layout[VIEWPORT_KEY] = flow.pop(VIEWPORT_KEY)
    if isinstance(flow.get(NODES_KEY), list):
        layout[NODES_KEY] = _take_layout(flow[NODES_KEY])
    rest = {}
    for key, value in _order(flow, _KEYS_IN_ORDER[Kind.FLOW]).items():
        if key in {NODES_KEY, EDGES_KEY} and isinstance(value, list):
            rest[key] = [_split_part(part, key, texts) for part in value]
        else:
            rest[escape_key(key)] = _replace_texts(value, key, texts.move_to(_OF_FLOW))
    return {FLOW_FILE: format_json(rest), LAYOUT_FILE: format_json(layout), **files}


def _order(value: Mapping[str, Any], first: tuple[str, ...]) -> dict[str, Any]:
    """Return the object with these keys first; its others are in the order of the alphabet."""
    return {key: value[key] for key in (*first, *value) if key in value}


def _take_layout(nodes: list[Any]) -> dict[str, Any]:
    """Remove the layout of the nodes that have an id of their own, and return it by id."""
    ids = Counter(_find_id(node) for node in nodes)
    layout = {}
    for node in nodes:
        own = _find_id(node)
        if own is not None and ids[own] == 1:
            taken = {key: node.pop(key) for key in sorted(LAYOUT_KEYS & node.keys())}
            if taken:
                layout[own] = taken
    return dict(sorted(layout.items()))


def _find_id(node: Any) -> str | None:
    own = node.get("id") if isinstance(node, dict) else None
    return own if isinstance(own, str) else None


class _TextFiles:
    """The texts of a flow that become files, with a name of its own for each."""

    def __init__(self, files: dict[str, bytes], *, escapes: bool) -> None:
        self._files = files
        self.escapes = escapes
        """Whether an object of the flow may have a key that is written as another one."""
        self._slugs = Slugs()
        self._node: dict[str, Any] | None = None
        self._stem = ""

    def move_to(self, node: Any) -> "_TextFiles":
        """Return these, for the texts of a node or an edge: they name the files."""
        self._node = node if isinstance(node, dict) else {}
        return self

    def _get_stem(self) -> str:
        if self._node is not None:
            self._stem = make_node_stem(self._node)
            self._node = None
        return self._stem

    def add(self, key: str, text: str) -> dict[str, str] | str:
        """Return what refers to the text as a file; the text, where it is to stay where it is."""
        if len(self._files) >= MOST_FILES or not may_be_file(text):
            return text
        stem = self._slugs.give(make_file_stem(self._get_stem(), key))
        path = f"{CODE_DIRECTORY}/{stem}{choose_suffix(key, text)}"
        self._files[path] = text.encode()
        return make_reference(path)


def _split_part(part: Any, list_key: str, texts: _TextFiles) -> Any:
    """Return a node or an edge as it is in flow.json."""
    value = _order(part, _FIRST_KEYS) if isinstance(part, dict) else part
    return _replace_texts(value, list_key, texts.move_to(part))


def _replace_texts(value: Any, key: str, texts: _TextFiles) -> Any:
    """Return the value, changed in place, with its longer texts as files.

    `key` is the nearest one around it.
    """
    kind = type(value)
    if kind is str:
        return texts.add(key, value) if "\n" in value else value
    if kind is dict:
        for name, each in value.items():
            if type(each) in _CHANGING:
                value[name] = _replace_texts(each, name, texts)
        return _escape_keys(value) if texts.escapes else value
    if kind is list:
        for at, each in enumerate(value):
            if type(each) in _CHANGING:
                value[at] = _replace_texts(each, key, texts)
    return value


def _escape_keys(value: dict[str, Any]) -> dict[str, Any]:
    return {escape_key(name): each for name, each in value.items()}


_CHANGING = {str, dict, list}
