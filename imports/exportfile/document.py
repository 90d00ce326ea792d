"""Read the bytes of a file into an ExportDocument; check the rules of the file as a whole.

Pure: no database. Source of the rules: the specification of the export file.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from flows.content.documents import Document
from flows.content.fields import Kind
from flows.counting import format_problems
from flows.garbage import pause_garbage_collection
from flows.strict_json.problems import JSONProblem, UnreadDepthProblem
from flows.strict_json.read import (
    MAX_ITEMS,
    check_value,
    is_utf8,
    read_unchecked,
    read_value,
    split_list,
    split_quickly,
    split_top_level,
)
from flows.texts import make_json_path, quote
from imports.errors import FileInvalid, FileUnreadable, Issue
from imports.exportfile.gzipped import unpack
from imports.exportfile.items import FileItem, count_colons, read_item
from imports.exportfile.known_items import compute_slice_digests, unpack_item
from imports.exportfile.repeated import find_repeated
from imports.exportfile.size_limit import check_size

FORMAT_VERSION = 1

# The keys of the file's object that are read; others are ignored if they are strict JSON.
_VERSION_KEY = "formatVersion"
_KNOWN_KEYS = {_VERSION_KEY, *(kind.plural for kind in Kind)}
# What an export has beside them, and a file may have: texts that are ignored.
_SCALAR_KEYS = ("exportedAt", "exportedFrom")
_PLAIN_KEYS = {*_KNOWN_KEYS, *_SCALAR_KEYS}
_DEPTH_OF_ITEMS = 2

# Codes of problems that make a file invalid rather than unreadable.
_NOT_AN_EXPORT = {"wrong-top-level", "duplicate-key", "too-many-keys"}
_TOO_MANY = f"A file may hold at most {MAX_ITEMS:,} items. Export in parts."


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDocument:
    """The items of a file by kind, in the file's order, with the SHA-256 and size of its content.

    The content of a file in gzip is what is unpacked.
    """

    sha256: str
    size: int
    items: Mapping[Kind, tuple[FileItem, ...]]
    known_slices: Sequence[str] = ()
    """The digests of the flows that were known, and not read again."""
    new_slices: Mapping[str, FileItem] = field(default_factory=dict)
    """The flows that were read, by the digests by which they can be known."""

    def __iter__(self) -> Iterator[FileItem]:
        return (item for kind in Kind for item in self.items[kind])

    def __len__(self) -> int:
        return sum(map(len, self.items.values()))


FindKnown = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Returns what is known of flows, by the digests of their slices: see known_items."""


def parse(
    data: bytes,
    *,
    max_bytes: int,
    sha256: str | None = None,
    find_known: FindKnown = lambda _digests: {},
) -> ExportDocument:
    """Return the document of these bytes, which may be in gzip.

    `sha256` is the digest of its content, as it is unpacked, where that is known already. Flows
    that `find_known` knows are not read again. Raises FileTooLarge, FileUnreadable where the
    content is not strict JSON, and FileInvalid with every problem of every item where it is not an
    export.
    """
    issues: list[Issue] = []
    with pause_garbage_collection(), _refuse_whole_file():
        data = unpack(data, max_bytes=max_bytes)
        check_size(data, max_bytes)
        lists, depth = _read_lists(data, issues)
        digests = compute_slice_digests(lists[Kind.FLOW], depth=depth)
        known = find_known(digests)
        _check_encoding(data, lists, {at for at, each in enumerate(digests) if each in known})
        items = _read_all_items(lists, depth, [known.get(digest) for digest in digests], issues)
    issues += find_repeated(items)
    if issues:
        raise _make_refusal(issues)
    flows = zip(digests, items[Kind.FLOW], strict=True)
    return ExportDocument(
        sha256=sha256 or hashlib.sha256(data).hexdigest(),
        size=len(data),
        items=items,
        known_slices=tuple(known),
        new_slices={digest: item for digest, item in flows if digest not in known},
    )


def parse_item(data: bytes, kind: Kind, position: int, *, max_bytes: int) -> FileItem | None:
    """Return one item of a file that was parsed before; no other item is read.

    None where the file has no item there, or one with a problem. Raises what `parse` raises for the
    file as a whole.
    """
    issues: list[Issue] = []
    with pause_garbage_collection(), _refuse_whole_file():
        data = unpack(data, max_bytes=max_bytes)
        check_size(data, max_bytes)
        lists, depth = _read_lists(data, issues)
        if position >= len(lists[kind]):
            return None
        item = _read_raw(kind, position, lists[kind][position], depth, issues)
    return None if issues else item


def _make_refusal(issues: list[Issue]) -> FileInvalid:
    message = f"The file is no valid export. {format_problems(issues)}"
    return FileInvalid(issues[0].code, message, issues)


@contextmanager
def _refuse_whole_file() -> Iterator[None]:
    """Raise FileUnreadable or FileInvalid for a JSONProblem of the file as a whole."""
    try:
        yield
    except JSONProblem as problem:
        error = FileInvalid if problem.code in _NOT_AN_EXPORT else FileUnreadable
        issue = _make_issue(problem)
        raise error(problem.code, format_problems([issue]), [issue]) from None


def _read_lists(data: bytes, issues: list[Issue]) -> tuple[dict[Kind, list[msgspec.Raw]], int]:
    """Return the raw items by kind, and their depth in the file. Raise JSONProblem, FileInvalid."""
    plain = split_quickly(data, _PLAIN_KEYS)
    if plain is not None and _is_plain_export(plain):
        return {kind: plain.get(kind.plural, []) for kind in Kind}, _DEPTH_OF_ITEMS
    top_level, depth = _read_top_level(data)
    return _split_lists(top_level, issues), depth


def _check_encoding(
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
                issues.append(_make_issue(problem, kind.plural))
    if sum(map(len, lists.values())) > MAX_ITEMS:
        raise _make_refusal([Issue(code="too-many-items", message=_TOO_MANY)])
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
            issues.append(_make_issue(problem, key))


def _read_all_items(
    lists: Mapping[Kind, list[msgspec.Raw]],
    depth: int,
    known_flows: Sequence[bytes | None],
    issues: list[Issue],
) -> dict[Kind, tuple[FileItem, ...]]:
    known = {kind: known_flows if kind is Kind.FLOW else [None] * len(lists[kind]) for kind in Kind}
    return {
        kind: _read_items(kind, zip(lists[kind], known[kind], strict=True), depth, issues)
        for kind in Kind
    }


def _read_items(
    kind: Kind,
    slices: Iterable[tuple[msgspec.Raw, bytes | None]],
    depth: int,
    issues: list[Issue],
) -> tuple[FileItem, ...]:
    """Return the items; `slices` has with each what is known of it, or None."""
    items: list[FileItem] = []
    for position, (raw, packed) in enumerate(slices):
        if packed is not None:
            items.append(unpack_item(packed, position, raw))
        elif item := _read_raw(kind, position, raw, depth, issues):
            items.append(item)
    return tuple(items)


def _read_raw(
    kind: Kind, position: int, raw: msgspec.Raw, depth: int, issues: list[Issue]
) -> FileItem | None:
    found: list[Issue] = []
    try:
        value = read_unchecked(raw, outer_depth=depth)
        item = read_item(kind, position, value, found) if isinstance(value, dict) else None
        check_value(raw, value, colons=count_colons(item, value) if item else None)
        if not isinstance(value, dict):
            raise JSONProblem("wrong-type", f"A {kind} must be an object.")
    except UnreadDepthProblem:
        raise
    except JSONProblem as problem:
        if kind is Kind.SECRET:  # what is deeper may be part of a value
            problem.path = problem.path[:1]
        issues.append(_make_issue(problem, kind.plural, position))
        return None
    issues += found
    if item:
        _keep_small(item)
    return item


def _keep_small(item: FileItem) -> None:
    """Let the item's documents take no more memory than their bytes in the file."""
    for value in item.content.values():
        if isinstance(value, Document):
            value.keep_utf8()


def _make_issue(problem: JSONProblem, *place: str | int) -> Issue:
    """Return the problem of the value at this path as an issue."""
    path = make_json_path(*place, *problem.path)
    return Issue(code=problem.code, message=problem.message, path=path)
