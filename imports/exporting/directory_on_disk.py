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
    links = [HEAD_FILE] if (root / HEAD_FILE).is_symlink() else []
    items: dict[str, list[str]] = {}
    others: list[str] = []
    present: set[str] = set()
    for kind in Kind:
        for path in _list_files(root, kind.plural, links):
            present.add(path)
            if find_kind(path) and directory_id:
                data = (root / path).read_bytes()
                if _is_item(data):
                    items[path] = [*_list_files_of_item(kind, path, data)]
                    continue
            others.append(path)
    if (root / HEAD_FILE).exists() and not directory_id:
        links.append(HEAD_FILE)
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


def _list_files(root: Path, folder: str, links: list[str]) -> Iterator[str]:
    """Yield the paths of the files below a folder, sorted; add links, which are not followed."""
    if (root / folder).is_symlink():
        links.append(folder)
        return
    if not (root / folder).is_dir():
        return
    with os.scandir(root / folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = f"{folder}/{entry.name}"
            if entry.is_symlink():
                links.append(path)
            elif entry.is_dir():
                yield from _list_files(root, path, links)
            else:
                yield path
