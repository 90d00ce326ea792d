"""The item of its files: the way back from `splitting`. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from flows.differences.graphs.graph import LAYOUT_KEYS
from flows.strict_json.problems import JSONProblem, Path
from flows.strict_json.read import read_value
from flows.texts import quote
from imports.exportfile.directory.conflicts import find_conflict
from imports.exportfile.directory.form import (
    CODE_DIRECTORY,
    FLOW_FILE,
    LAYOUT_FILE,
    NODES_KEY,
    VIEWPORT_KEY,
)
from imports.exportfile.directory.lines import find_line
from imports.exportfile.directory.references import FILE_KEY, escape_key, get_referred, unescape_key

_MOST_LINES = 100
_IS_CODE = re.compile(rf"{CODE_DIRECTORY}/(?!\.{{1,2}}$)[^/\\]+")
_TWICE = f"This stands here and in {LAYOUT_FILE}. Remove one of them."


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProblem:
    """What is wrong with a file of a directory."""

    code: str
    file: str
    message: str
    line: int | None = None
    """From 1; None where it is about the file as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedItem:
    """An item of its files."""

    value: dict[str, Any]
    named: frozenset[str]
    """The paths of the files that it was made of."""
    lost_places: tuple[str, ...] = ()
    """The ids in layout.json that no node has."""


def join_flow(files: Mapping[str, bytes], folder: str) -> "JoinedItem | list[FileProblem]":
    """Return the flow of the files whose paths begin with `folder`, or all of their problems."""
    reader = _FolderReader(files, folder)
    flow, layout = reader.read_json(FLOW_FILE), reader.read_json(LAYOUT_FILE)
    lost: list[str] = []
    if flow is not None:
        data = files[f"{folder}{FLOW_FILE}"]
        if b"$file" in data or b"\\u" in data:
            escapes = b"$$file" in data or b"\\u" in data
            flow = _restore_texts(flow, (), reader, escapes=escapes)
        if layout is not None:
            lost = _add_layout(flow, layout, reader)
    if flow is None or reader.problems:
        return reader.problems
    return JoinedItem(value=flow, named=frozenset(reader.named), lost_places=tuple(lost))


def join_other(files: Mapping[str, bytes], path: str) -> "JoinedItem | list[FileProblem]":
    """Return the connection or secret of the file with this path, or what is wrong with it."""
    value = read_object(files, path)
    return value if isinstance(value, list) else JoinedItem(value=value, named=frozenset({path}))


def read_object(files: Mapping[str, bytes], path: str) -> dict[str, Any] | list[FileProblem]:
    """Return the object of a JSON file, or what is wrong with it."""
    reader = _FolderReader(files, "")
    value = reader.read_json(path)
    return reader.problems if value is None else value


def _restore_texts(value: Any, path: Path, reader: "_FolderReader", *, escapes: bool) -> Any:
    """Return a value of flow.json, changed in place, with the texts of the files that it names.

    `escapes` says whether keys of objects may be written as others.
    """
    if isinstance(value, list):
        for at, each in enumerate(value):
            if type(each) in _CONTAINERS:
                value[at] = _restore_texts(each, (*path, at), reader, escapes=escapes)
        return value
    if FILE_KEY in value:
        return _read_referred(value, path, reader)
    for key, each in value.items():
        if type(each) in _CONTAINERS:
            value[key] = _restore_texts(each, (*path, key), reader, escapes=escapes)
    return {unescape_key(key): each for key, each in value.items()} if escapes else value


_CONTAINERS = {dict, list}


def _read_referred(value: dict[str, Any], path: Path, reader: "_FolderReader") -> str:
    referred = get_referred(value)
    if referred is not None:
        return reader.read_text(referred, path)
    message = (
        f"{FILE_KEY} stands alone in its object and names a file. A key of that name is written "
        f"{escape_key(FILE_KEY)}."
    )
    reader.add_problem(FLOW_FILE, "wrong-reference", message, (*path, FILE_KEY))
    return ""


def _add_layout(flow: dict[str, Any], layout: dict[str, Any], reader: "_FolderReader") -> list[str]:
    """Add the layout to the flow; return the ids in it that no node has."""
    for key in layout.keys() - {VIEWPORT_KEY, NODES_KEY}:
        reader.add_problem(LAYOUT_FILE, "unknown-key", "No layout has this key.", (key,))
    if VIEWPORT_KEY in layout:
        if VIEWPORT_KEY in flow:
            reader.add_problem(FLOW_FILE, "layout-twice", _TWICE, (VIEWPORT_KEY,))
        flow[VIEWPORT_KEY] = layout[VIEWPORT_KEY]
    places = layout.get(NODES_KEY, {})
    if not isinstance(places, dict):
        message = "The layout of nodes must be an object, by their ids."
        reader.add_problem(LAYOUT_FILE, "wrong-type", message, (NODES_KEY,))
        return []
    nodes = flow.get(NODES_KEY)
    found = set()
    for at, node in enumerate(nodes if isinstance(nodes, list) else ()):
        own = node.get("id") if isinstance(node, dict) else None
        if isinstance(own, str) and own in places:
            found.add(own)
            _add_place(node, at, places[own], reader)
    return sorted(places.keys() - found)


def _add_place(node: dict[str, Any], at: int, place: Any, reader: "_FolderReader") -> None:
    path = (NODES_KEY, str(node["id"]))
    if not isinstance(place, dict):
        message = "The layout of a node must be an object."
        reader.add_problem(LAYOUT_FILE, "wrong-type", message, path)
        return
    for key, value in place.items():
        if key not in LAYOUT_KEYS:  # hosts fold this file: nothing else may hide in it
            message = (
                f"{quote(key)} is no layout. Only these are: {', '.join(sorted(LAYOUT_KEYS))}."
            )
            reader.add_problem(LAYOUT_FILE, "unknown-key", message, (*path, key))
        elif key in node:
            reader.add_problem(FLOW_FILE, "layout-twice", _TWICE, (NODES_KEY, at, key))
        else:
            node[key] = value


@dataclass(slots=True)
class _FolderReader:
    """The files of a flow's folder, whose path begins with `folder`; keeps what is wrong."""

    files: Mapping[str, bytes]
    folder: str
    problems: list[FileProblem] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    """The files that were read, by their whole path."""

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return the object of a JSON file; None, and a problem, where there is none."""
        path = f"{self.folder}{name}"
        self.named.add(path)
        if path not in self.files:
            self.problems.append(_make_missing(path))
            return None
        data = self.files[path]
        problem = check_text(path, data)
        if problem is None:
            try:
                value = read_value(msgspec.Raw(data))
            except JSONProblem as error:
                problem = _make_json_problem(path, data, error)
            else:
                if isinstance(value, dict):
                    return value
                problem = FileProblem(
                    code="wrong-type", file=path, line=1, message="The file must hold one object."
                )
        self.problems.append(problem)
        return None

    def read_text(self, name: str, path: Path) -> str:
        """Return the text of a file that flow.json names there; "", and a problem, if it is bad."""
        file = f"{self.folder}{name}"
        if not _IS_CODE.fullmatch(name):
            message = f"{FILE_KEY} names {quote(name)}: only files in {CODE_DIRECTORY}/ are read."
            self.add_problem(FLOW_FILE, "unsafe-path", message, (*path, FILE_KEY))
        elif file not in self.files:
            message = f"The file {quote(name)}, which is named here, is missing."
            self.add_problem(FLOW_FILE, "missing-file", message, (*path, FILE_KEY))
        else:
            self.named.add(file)
            data = self.files[file]
            problem = check_text(file, data)
            if problem is None:
                return data.decode().replace("\r\n", "\n")  # as a checkout may have changed it
            self.problems.append(problem)
        return ""

    def add_problem(self, name: str, code: str, message: str, path: Path) -> None:
        """Add a problem of the value at this path of a JSON file of the folder."""
        file = f"{self.folder}{name}"
        # A file is searched for each: of very many problems the first ones have lines.
        line = find_line(self.files[file], path) if len(self.problems) < _MOST_LINES else None
        self.problems.append(FileProblem(code=code, file=file, line=line, message=message))


def check_text(path: str, data: bytes) -> FileProblem | None:
    """Return what keeps a file from being read as text: a conflict of a merge, or no UTF-8."""
    if (line := find_conflict(data)) is not None:
        message = (
            "A merge left its conflict markers in the file, from <<<<<<< to >>>>>>>. Resolve the "
            "conflict and commit the result."
        )
        return FileProblem(code="merge-conflict", file=path, line=line, message=message)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = "The file is not UTF-8. Save it as UTF-8."
        return FileProblem(code="invalid-encoding", file=path, line=line, message=message)
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        message = "Text must not hold the character U+0000. Remove it."
        return FileProblem(code="nul-character", file=path, line=line, message=message)
    return None


def _make_missing(path: str) -> FileProblem:
    return FileProblem(
        code="missing-file", file=path, message="This file is missing. Export the directory again."
    )


def _make_json_problem(path: str, data: bytes, error: JSONProblem) -> FileProblem:
    line = find_line(data, error.path) if error.path else error.line
    return FileProblem(code=error.code, file=path, line=line, message=error.message)
