"""The files of the directory form of an export, item by item: nothing is written here."""

from collections.abc import Iterator, Mapping
from uuid import UUID, uuid5

from flows.content.fields import Kind
from imports.database.identity import read_identity
from imports.exportfile.directory.form import FLOW_FILE, name_item_files
from imports.exportfile.directory.splitting import split_item
from imports.exporting.items import make_items
from imports.exporting.selection import Selection

_IDS = UUID("6b1f5c0e-4a43-4d0b-8f0a-0d1c7a3f9e52")


def make_directory_id(words: str) -> str:
    """Return the id of a new directory of the current server, for what was chosen by these words.

    It is the same for the same server and words: two new exports of one state are the same bytes.
    """
    return str(uuid5(_IDS, f"{read_identity().text} {words}"))


def name_files(selection: Selection) -> dict[Kind, dict[str, str]]:
    """Return the path of the JSON file of each selected row, by kind and uuid."""
    return {
        kind: name_item_files(kind, ((row.uuid, row.name) for row in selection[kind]))
        for kind in Kind
    }


def make_item_files(
    selection: Selection, paths: Mapping[Kind, Mapping[str, str]], warnings: list[str]
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield for each item the path of its JSON file, and all of its files by their paths."""
    for kind in Kind:
        items = make_items(kind, selection, warnings)
        for row, item in zip(selection[kind], items, strict=True):
            path = paths[kind][row.uuid]
            folder = path.removesuffix(FLOW_FILE)
            files = split_item(kind, item)
            if kind is not Kind.FLOW:
                yield path, {path: files[""]}
            else:
                yield path, {f"{folder}{name}": content for name, content in files.items()}
