"""Read the bytes of a file into an ExportDocument; check the rules of the file as a whole.

Pure: no database. Source of the rules: the specification of the export file.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import msgspec

from flows.content.documents import Document
from flows.content.fields import Kind
from flows.counting import format_problems
from flows.garbage import pause_garbage_collection
from flows.strict_json.problems import JSONProblem, UnreadDepthProblem
from flows.strict_json.read import check_value, read_unchecked
from imports.errors import FileInvalid, FileUnreadable, Issue
from imports.exportfile.directory.note import DirectoryNote, make_leftovers_warning
from imports.exportfile.directory.reading import LooseFiles
from imports.exportfile.items import FileItem, count_colons, read_item
from imports.exportfile.known_items import compute_slice_digests, unpack_item
from imports.exportfile.raw_items import (
    check_encoding,
    make_issue,
    make_refusal,
    read_raw_items,
)
from imports.exportfile.repeated import find_repeated
from imports.exportfile.size_limit import check_size
from imports.exportfile.unpacking import unpack_export

# Codes of problems that make a file invalid rather than unreadable.
_NOT_AN_EXPORT = {"wrong-top-level", "duplicate-key", "too-many-keys"}


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
    directory_id: str = ""
    """The id of the directory that the file was made of; "" for any other file."""

    def __iter__(self) -> Iterator[FileItem]:
        return (item for kind in Kind for item in self.items[kind])

    def __len__(self) -> int:
        return sum(map(len, self.items.values()))


FindKnown = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Returns what is known of flows, by the digests of their slices: see known_items."""


def parse(
    source: bytes | LooseFiles,
    *,
    max_bytes: int,
    sha256: str | None = None,
    find_known: FindKnown = lambda _digests: {},
) -> ExportDocument:
    """Return the document of a file, which may be in gzip or an archive, or of a directory.

    `sha256` is the digest of its content, as it is unpacked, where that is known already. Flows
    that `find_known` knows are not read again. Raises FileTooLarge, FileUnreadable where the
    content is not strict JSON, and FileInvalid with every problem of every item where it is not an
    export.
    """
    issues: list[Issue] = []
    with pause_garbage_collection(), _refuse_whole_file():
        data = unpack_export(source, max_bytes=max_bytes)
        check_size(data, max_bytes)
        raw = read_raw_items(data, issues)
        lists, depth = raw.lists, raw.depth
        digests = compute_slice_digests(lists[Kind.FLOW], depth=depth)
        known = find_known(digests)
        check_encoding(data, lists, {at for at, each in enumerate(digests) if each in known})
        items = _read_all_items(lists, depth, [known.get(digest) for digest in digests], issues)
    issues += find_repeated(items)
    if issues:
        raise make_refusal(issues)
    flows = zip(digests, items[Kind.FLOW], strict=True)
    new_slices = {digest: item for digest, item in flows if digest not in known}
    if raw.directory.leftovers:
        items[Kind.FLOW] = _warn_of_leftovers(items[Kind.FLOW], raw.directory)
    return ExportDocument(
        sha256=sha256 or hashlib.sha256(data).hexdigest(),
        size=len(data),
        items=items,
        known_slices=tuple(known),
        new_slices=new_slices,
        directory_id=raw.directory.directory_id,
    )


def parse_item(data: bytes, kind: Kind, position: int, *, max_bytes: int) -> FileItem | None:
    """Return one item of a file that was parsed before; no other item is read.

    None where the file has no item there, or one with a problem. Raises what `parse` raises for the
    file as a whole.
    """
    issues: list[Issue] = []
    with pause_garbage_collection(), _refuse_whole_file():
        data = unpack_export(data, max_bytes=max_bytes)
        check_size(data, max_bytes)
        raw = read_raw_items(data, issues)
        if position >= len(raw.lists[kind]):
            return None
        item = _read_raw(kind, position, raw.lists[kind][position], raw.depth, issues)
        if kind is Kind.FLOW and item:
            (item,) = _warn_of_leftovers([item], raw.directory)
    return None if issues else item


@contextmanager
def _refuse_whole_file() -> Iterator[None]:
    """Raise FileUnreadable or FileInvalid for a JSONProblem of the file as a whole."""
    try:
        yield
    except JSONProblem as problem:
        error = FileInvalid if problem.code in _NOT_AN_EXPORT else FileUnreadable
        issue = make_issue(problem)
        raise error(problem.code, format_problems([issue]), [issue]) from None


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
        issues.append(make_issue(problem, kind.plural, position))
        return None
    issues += found
    if item:
        _keep_small(item)
    return item


def _warn_of_leftovers(flows: Iterable[FileItem], directory: DirectoryNote) -> tuple[FileItem, ...]:
    """Return the flows, with a warning where a file in their folder is named by nothing."""
    return tuple(
        replace(flow, own_warnings=(make_leftovers_warning(names), *flow.own_warnings))
        if (names := directory.leftovers.get(flow.position))
        else flow
        for flow in flows
    )


def _keep_small(item: FileItem) -> None:
    """Let the item's documents take no more memory than their bytes in the file."""
    for value in item.content.values():
        if isinstance(value, Document):
            value.keep_utf8()
