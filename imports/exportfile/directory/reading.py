"""The one-file export of a directory, with all of its problems by file and line. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from flows.content.fields import Kind
from flows.counting import format_problems
from flows.strict_json.problems import JSONProblem
from flows.texts import quote, read_json_path
from imports.errors import FileInvalid, Issue
from imports.exportfile.directory.form import (
    FLOW_FILE,
    FORMAT_VERSION,
    HEAD_FILE,
    ID_KEY,
    JSON_SUFFIX,
    VERSION_KEY,
    find_flow_folder,
    find_kind,
    is_directory_id,
)
from imports.exportfile.directory.joining import (
    FileProblem,
    JoinedItem,
    join_flow,
    join_other,
    read_object,
)
from imports.exportfile.directory.lines import find_line
from imports.exportfile.directory.note import format_note


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseFiles:
    """The files of a directory on disk, or of an archive, by their paths in it."""

    files: Mapping[str, bytes] = field(repr=False)
    links: Sequence[str] = ()
    """The paths of links, which are not followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDirectory:
    """A directory of the form: its files by their path in it."""

    files: Mapping[str, bytes] = field(repr=False)
    head: Mapping[str, Any]
    item_files: Mapping[Kind, Sequence[str]]
    """The paths of the JSON files of its items, in the order of the export."""
    folders: Mapping[str, Sequence[str]] = field(repr=False)
    """The paths of all files of flows, by the folder of their flow."""
    links: Sequence[str]


def find_directory(given: LooseFiles) -> ExportDirectory:
    """Return the directory among the files, which may lie in folders of an archive.

    Raises JSONProblem where there is none, or several; FileInvalid for a bad HEAD_FILE.
    """
    # A link is read as an empty object, so that nothing is said of it but that it is a link.
    files = {**given.files, **dict.fromkeys(given.links, b"{}")}
    heads = [path for path in files if path.rpartition("/")[2] == HEAD_FILE]
    if len(heads) != 1:
        raise _make_head_problem(heads)
    root = heads[0].removesuffix(HEAD_FILE)
    own = {path.removeprefix(root): files[path] for path in sorted(files) if path.startswith(root)}
    links = sorted(path.removeprefix(root) for path in given.links)
    head = {VERSION_KEY: FORMAT_VERSION} if HEAD_FILE in links else read_object(own, HEAD_FILE)
    problems = _find_head_problems(head) if isinstance(head, dict) else head
    if problems or not isinstance(head, dict):
        raise make_refusal(_make_issues([*_find_links(links), *problems]))
    item_files: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    folders: dict[str, list[str]] = defaultdict(list)
    for path in own:
        if kind := find_kind(path):
            item_files[kind].append(path)
        if folder := find_flow_folder(path):
            folders[folder].append(path)
    return ExportDirectory(
        files=own, head=head, item_files=item_files, folders=folders, links=links
    )


def join_directory(directory: ExportDirectory) -> bytes:
    """Return the one-file export of the directory; equal directories have the same bytes.

    Raises FileInvalid with every problem of its files.
    """
    problems = [*_find_links(directory.links), *_find_misplaced(directory)]
    seen = _SeenItems(directory)
    texts: dict[Kind, list[bytes]] = {kind: [] for kind in Kind}
    leftovers: list[tuple[int, str]] = []
    for kind in Kind:
        for position, path in enumerate(directory.item_files[kind]):
            joined = _join_item(directory, kind, path)
            if isinstance(joined, list):
                problems += joined
                continue
            problems += seen.find_repeated(kind, path, joined.value)
            texts[kind].append(msgspec.json.encode(joined.value))
            if kind is Kind.FLOW:
                names = _find_leftovers(directory, path, joined)
                leftovers += ((position, name) for name in names)
    if problems:
        raise make_refusal(_make_issues(problems))
    head = {
        VERSION_KEY: FORMAT_VERSION,
        **format_note(directory.head.get(ID_KEY, ""), leftovers),
    }
    lists = (b'"%b":[%b]' % (kind.plural.encode(), b",".join(texts[kind])) for kind in Kind)
    return b"%b,%b}" % (msgspec.json.encode(head).removesuffix(b"}"), b",".join(lists))


def locate_issues(directory: ExportDirectory, issues: Sequence[Issue]) -> list[Issue]:
    """Return the issues of its export with the file and the line in place of the item's path."""
    return [_locate(directory, issue) for issue in issues]


def _locate(directory: ExportDirectory, issue: Issue) -> Issue:
    steps = read_json_path(issue.path)
    kind = next((kind for kind in Kind if steps[:1] == (kind.plural,)), None)
    position, *inner = steps[1:] or (None,)
    if kind is None or not isinstance(position, int):
        return issue
    file = directory.item_files[kind][position]
    line = find_line(directory.files[file], inner)
    rest = issue.path.partition("]")[2].removeprefix(".")
    return replace(issue, path=_format_place(file, line, rest))


def make_refusal(issues: list[Issue]) -> FileInvalid:
    """Return the refusal of a directory with these issues."""
    message = f"The directory is no valid export. {format_problems(issues)}"
    return FileInvalid(issues[0].code, message, issues)


def _make_issues(problems: Sequence[FileProblem]) -> list[Issue]:
    return [
        Issue(code=one.code, message=one.message, path=_format_place(one.file, one.line))
        for one in problems
    ]


def _format_place(file: str, line: int | None, rest: str = "") -> str:
    place = file if line is None else f"{file}:{line}"
    return f"{place}: {rest}" if rest else place


def _make_head_problem(heads: list[str]) -> JSONProblem:
    if heads:
        message = (
            f"holds {len(heads)} directories of exports: {', '.join(map(quote, heads[:3]))}. "
            "Send one of them, such as with: git archive HEAD DIRECTORY"
        )
        return JSONProblem("several-directories", message, subject="The archive")
    return JSONProblem(
        "no-directory",
        f"has no {HEAD_FILE}: it is no directory of flow_export --to-dir. Send that directory, "
        "such as with: git archive HEAD DIRECTORY",
        subject="The archive",
    )


def _find_head_problems(head: dict[str, Any]) -> list[FileProblem]:
    problems = []
    version = head.get(VERSION_KEY)
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        message = (
            f"This server reads {VERSION_KEY} {FORMAT_VERSION}. Export with the same release, or "
            "upgrade this server."
        )
        problems.append(FileProblem(code="unsupported-version", file=HEAD_FILE, message=message))
    if ID_KEY in head and not is_directory_id(head[ID_KEY]):
        message = f"{ID_KEY} must be a uuid in lower case."
        problems.append(FileProblem(code="invalid-uuid", file=HEAD_FILE, message=message))
    return problems


def _join_item(directory: ExportDirectory, kind: Kind, path: str) -> JoinedItem | list[FileProblem]:
    if kind is Kind.FLOW:
        return join_flow(directory.files, _get_folder(path))
    return join_other(directory.files, path)


def _get_folder(path: str) -> str:
    return f"{path.rpartition('/')[0]}/"


def _find_links(links: Sequence[str]) -> Iterator[FileProblem]:
    for path in links:
        message = "This is a link, and links are not followed. Put the file itself in its place."
        yield FileProblem(code="link-in-directory", file=path, message=message)


def _find_misplaced(directory: ExportDirectory) -> Iterator[FileProblem]:
    """Yield what looks like an item, but stands where none is read."""
    item_files = {path for paths in directory.item_files.values() for path in paths}
    for folder in directory.folders:
        if f"{folder}{FLOW_FILE}" not in item_files:
            message = "The folder has no such file, so that it is no flow. Remove it, or export it."
            file = f"{folder}{FLOW_FILE}"
            yield FileProblem(code="missing-file", file=file, message=message)
    for path in directory.files:
        is_read_or_named = path in item_files or find_flow_folder(path)
        if path.startswith(_FOLDERS) and path.endswith(JSON_SUFFIX) and not is_read_or_named:
            message = "No item is read from here. Move the file, or remove it."
            yield FileProblem(code="misplaced-file", file=path, message=message)


_FOLDERS = tuple(f"{kind.plural}/" for kind in Kind)


class _SeenItems:
    """What the items read so far are called, by which no other may be."""

    def __init__(self, directory: ExportDirectory) -> None:
        self._directory = directory
        self._files: dict[tuple[Kind, str, str], str] = {}

    def find_repeated(
        self, kind: Kind, path: str, value: Mapping[str, Any]
    ) -> Iterator[FileProblem]:
        """Yield a problem where another file has the uuid, or of secrets the name."""
        for key in ("uuid", "name") if kind is Kind.SECRET else ("uuid",):
            text = value.get(key)
            if not isinstance(text, str):
                continue
            known = text.lower() if key == "uuid" else text
            other = self._files.setdefault((kind, key, known), path)
            if other != path:
                line = find_line(self._directory.files[path], (key,))
                message = f"{other} has the same {key}. Remove one of the two files."
                yield FileProblem(code=f"duplicate-{key}", file=path, line=line, message=message)


def _find_leftovers(directory: ExportDirectory, path: str, joined: JoinedItem) -> list[str]:
    """Return the files in a flow's folder that nothing names, and ids that no node has."""
    folder = _get_folder(path)
    files = (file for file in directory.folders[folder] if file not in joined.named)
    return [*(file.removeprefix(folder) for file in files), *joined.lost_places]
