"""Split the bytes of a file into the raw texts of its items; check what surrounds them. Pure.

A file that plainly is an export is split in one pass; any other is looked at key by key.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from flows.content.fields import Kind
from flows.counting import format_problems
from flows.strict_json.problems import JSONProblem, UnreadDepthProblem
from flows.strict_json.read import (
    MAX_ITEMS,
    is_utf8,
    read_value,
    split_list,
    split_quickly,
    split_top_level,
)
from flows.texts import make_json_path, quote
from imports.errors import FileInvalid, Issue
from imports.exportfile.directory.form import ID_KEY
from imports.exportfile.directory.note import LEFTOVERS_KEY, NOTE_KEYS, DirectoryNote, read_note

FORMAT_VERSION = 1

# The keys of the file's object that are read; others are ignored if they are strict JSON.
_VERSION_KEY = "formatVersion"
_KNOWN_KEYS = {_VERSION_KEY, *(kind.plural for kind in Kind)}
# What an export has beside them, and a file may have: texts that are ignored.
_SCALAR_KEYS = ("exportedAt", "exportedFrom", ID_KEY)
_PLAIN_KEYS = {*_KNOWN_KEYS, *_SCALAR_KEYS, LEFTOVERS_KEY}
_DEPTH_OF_ITEMS = 2
_TOO_MANY = f"A file may hold at most {MAX_ITEMS:,} items. Export in parts."


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """The raw texts of a file's items."""

    lists: dict[Kind, list[msgspec.Raw]]
    depth: int
    """Of the items in the file."""
    directory: DirectoryNote


def read_raw_items(data: bytes, issues: list[Issue]) -> RawFile:
    """Return the raw items of a file.

    Adds to `issues` what is wrong with the file's own keys. Raises JSONProblem, and FileInvalid for
    too many items.
    """
    plain = split_quickly(data, _PLAIN_KEYS)
    if plain is not None and _is_plain_export(plain):
        lists = {kind: plain.get(kind.plural, []) for kind in Kind}
        return RawFile(lists=lists, depth=_DEPTH_OF_ITEMS, directory=read_note(plain))
    top_level, depth = _read_top_level(data)
    lists = _split_lists(top_level, issues)
    return RawFile(lists=lists, depth=depth, directory=_read_note_clearly(top_level))


def _read_note_clearly(top_level: Mapping[str, msgspec.Raw]) -> DirectoryNote:
    values: dict[str, Any] = {}
    for key in NOTE_KEYS & top_level.keys():
        with suppress(msgspec.MsgspecError):  # such a key of another file is ignored
            values[key] = msgspec.json.decode(top_level[key], type=str | list[msgspec.Raw])
    return read_note(values)


def check_encoding(
    data: bytes, lists: Mapping[Kind, list[msgspec.Raw]], known_flows: Collection[int]
) -> None:
    """Raise JSONProblem unless all is UTF-8; what is known was when it was read."""
    if data.isascii():
        return
    new_flows = (raw for at, raw in enumerate(lists[Kind.FLOW]) if at not in known_flows)
    others = (raw for kind in Kind if kind is not Kind.FLOW for raw in lists[kind])
    if not all(is_utf8(bytes(raw)) for raw in chain(new_flows, others)):
        split_top_level(data)  # raises: it looks for the place


def _is_plain_export(plain: Mapping[str, Any]) -> bool:
    """Return whether the file has what an export of this server has, and of no other type."""
    lists = [plain[kind.plural] for kind in Kind if kind.plural in plain]
    others = [plain[key] for key in _SCALAR_KEYS if key in plain]
    return (
        bool(lists)
        and all(isinstance(value, list) for value in lists)
        and all(isinstance(value, str) and "\0" not in value for value in others)
        and plain.get(_VERSION_KEY, FORMAT_VERSION) == FORMAT_VERSION
        and type(plain.get(_VERSION_KEY, FORMAT_VERSION)) is int
        and sum(map(len, lists)) <= MAX_ITEMS
    )


def _read_top_level(data: bytes) -> tuple[dict[str, msgspec.Raw], int]:
    """Return the raw values by key, and the depth of the items in the file. Raise JSONProblem."""
    top_level = split_top_level(data)
    if isinstance(top_level, dict) and not any(kind.plural in top_level for kind in Kind):
        raise JSONProblem(
            "wrong-top-level",
            "This is no export: the file's object has none of flows, connections and secrets.",
        )
    if isinstance(top_level, msgspec.Raw):
        return {Kind.FLOW.plural: top_level}, _DEPTH_OF_ITEMS - 1
    return top_level, _DEPTH_OF_ITEMS


def _split_lists(
    top_level: dict[str, msgspec.Raw], issues: list[Issue]
) -> dict[Kind, list[msgspec.Raw]]:
    _check_version(top_level.get(_VERSION_KEY), issues)
    _check_ignored(top_level, issues)
    lists: dict[Kind, list[msgspec.Raw]] = {}
    for kind in Kind:
        lists[kind] = []
        if kind.plural in top_level:
            try:
                lists[kind] = split_list(top_level[kind.plural])
            except JSONProblem as problem:
                issues.append(make_issue(problem, kind.plural))
    if sum(map(len, lists.values())) > MAX_ITEMS:
        raise make_refusal([Issue(code="too-many-items", message=_TOO_MANY)])
    return lists


def _check_version(raw: msgspec.Raw | None, issues: list[Issue]) -> None:
    if raw is None:
        return
    version = bytes(raw).decode().strip()
    if version.isdecimal() and version.isascii() and 1 <= int(version[:20]) <= FORMAT_VERSION:
        return
    issues.append(
        Issue(
            code="unsupported-version",
            path=_VERSION_KEY,
            message=f"The file has format version {quote(version)}, this server reads "
            f"{FORMAT_VERSION}. Export with the same release, or upgrade this server.",
        )
    )


def _check_ignored(top_level: dict[str, msgspec.Raw], issues: list[Issue]) -> None:
    for key in (key for key in top_level if key not in _KNOWN_KEYS):
        try:
            read_value(top_level[key], outer_depth=1)
        except UnreadDepthProblem:
            raise
        except JSONProblem as problem:
            issues.append(make_issue(problem, key))


def make_refusal(issues: list[Issue]) -> FileInvalid:
    """Return the refusal of a file that has these problems."""
    message = f"The file is no valid export. {format_problems(issues)}"
    return FileInvalid(issues[0].code, message, issues)


def make_issue(problem: JSONProblem, *place: str | int) -> Issue:
    """Return the problem of the value at this path as an issue."""
    path = make_json_path(*place, *problem.path)
    return Issue(code=problem.code, message=problem.message, path=path)
