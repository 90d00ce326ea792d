"""The files of the directory form of an export, item by item: nothing is written here."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID, uuid5

from flows.content.fields import Kind
from imports.database.identity import read_identity
from imports.exportfile.directory.form import name_item_files
from imports.exportfile.directory.splitting import split_item_into
from imports.exporting.items import make_items
from imports.exporting.selection import Selection

_IDS = UUID("6b1f5c0e-4a43-4d0b-8f0a-0d1c7a3f9e52")


def make_directory_id(choice: str) -> str:
    """Return the id of a new directory of the current server, for this choice of its flows.

    It is the same for the same server and choice: two new exports of one state are the same bytes.
    """
    return str(uuid5(_IDS, f"{read_identity().text} {choice}"))


def format_choice(*, uuids: Iterable[str] = (), tags: Iterable[str] = ()) -> str:
    """Return one text for the flows of an export, in whatever order they were named."""
    return "\n".join("|".join(sorted({*words})) for words in (uuids, tags))


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
            yield path, split_item_into(path, kind, item)
