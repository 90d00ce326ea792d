"""A directory of the form as it is on disk: which files are of it, and which are somebody's own."""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from flows.content.fields import Kind
from imports.exportfile.directory.form import (
    CODE_DIRECTORY,
    FLOW_FILE,
    HEAD_FILE,
    ID_KEY,
    LAYOUT_FILE,
    find_flow_folder,
    find_kind,
)

_NAMED = re.compile(rb'"\$file"\s*:\s*"(' + CODE_DIRECTORY.encode() + rb'/[^"\\/]+)"')


class _Item(msgspec.Struct):
    uuid: str
    name: str


_ITEM = msgspec.json.Decoder(_Item)
_HEAD = msgspec.json.Decoder(dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryOnDisk:
    """What a directory holds before an export into it."""

    directory_id: str
    """Of HEAD_FILE; "" where there is none."""
    items: Mapping[str, Sequence[str]]
    """By the path of an item's JSON file, all its files, that one last. Some may be gone."""
    others: Sequence[str]
    """The paths of all other files in the folders of items."""
    present: Collection[str]
    """The paths of all files in the folders of items."""
    links: Sequence[str]
    """The paths of links, and of a HEAD_FILE that is none."""

    def find_foreign(self, item_files: Collection[str]) -> list[str]:
        """Return what an export of these items would replace, or follow, and is not of the form."""
        wanted = set(item_files)
        taken = (path for path in self.others if _get_item_file(path) in wanted)
        return sorted({*self.links, *taken})


def read_directory_on_disk(root: Path) -> DirectoryOnDisk:
    """Return what the directory holds; nothing for one that does not exist. Raises OSError."""
    directory_id = _read_id(root / HEAD_FILE)
    links: list[str] = []
    items: dict[str, list[str]] = {}
    others: list[str] = []
    present: set[str] = set()
    for path, entry in list_files(root) if root.exists() else ():
        if entry.is_symlink() or (path == HEAD_FILE and not directory_id):
            links.append(path)
            continue
        if path == HEAD_FILE:
            continue
        present.add(path)
        if directory_id and (kind := find_kind(path)):
            data = (root / path).read_bytes()
            if _is_item(data):
                items[path] = [*_list_files_of_item(kind, path, data)]
                continue
        others.append(path)
    named = {file for files in items.values() for file in files}
    others = [path for path in others if path not in named and _get_item_file(path) not in items]
    return DirectoryOnDisk(
        directory_id=directory_id, items=items, others=others, present=present, links=links
    )


def _get_item_file(path: str) -> str:
    """Return the path of the JSON file of the item that a file would be of."""
    folder = find_flow_folder(path)
    return f"{folder}{FLOW_FILE}" if folder else path


def _read_id(head: Path) -> str:
    if head.is_symlink() or not head.is_file():
        return ""
    try:
        directory_id = _HEAD.decode(head.read_bytes()).get(ID_KEY)
    except msgspec.DecodeError:
        return ""
    return directory_id if isinstance(directory_id, str) else ""


def _is_item(data: bytes) -> bool:
    try:
        _ITEM.decode(data)
    except msgspec.DecodeError:
        return False
    return True


def _list_files_of_item(kind: Kind, path: str, data: bytes) -> Iterator[str]:
    if kind is Kind.FLOW:
        folder = path.removesuffix(FLOW_FILE)
        for name in dict.fromkeys(_NAMED.findall(data)):
            yield f"{folder}{name.decode(errors='replace')}"
        yield f"{folder}{LAYOUT_FILE}"
    yield path


def list_files(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield HEAD_FILE, and the files and links in the folders of items, each with its path.

    They are sorted by name; links are not followed. Raises OSError where the directory cannot be
    read.
    """
    for entry in _scan(root):
        if entry.name == HEAD_FILE or (entry.name in _FOLDERS and entry.is_symlink()):
            yield entry.name, entry
        elif entry.name in _FOLDERS and entry.is_dir():
            yield from _list_folder(entry, entry.name)


_FOLDERS = {kind.plural for kind in Kind}


def _list_folder(folder: os.DirEntry[str], name: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    for entry in _scan(folder):
        path = f"{name}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _list_folder(entry, path)
        else:
            yield path, entry


def _scan(folder: "Path | os.DirEntry[str]") -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
