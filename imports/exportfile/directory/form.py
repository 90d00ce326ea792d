"""The names of the directory form, and the look of its JSON files. Pure.

    ziggy.json                  what the directory is, and its id
    .gitattributes, README.md   made once
    flows/SLUG/flow.json        a flow without its layout and without its longer texts
    flows/SLUG/layout.json      where its nodes are, by their ids, and its viewport
    flows/SLUG/code/...         each text of several lines, which flow.json names: {"$file": ...}
    connections/SLUG.json, secrets/SLUG.json

Identity is the uuid inside a file; its path is only a name.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from flows.content.fields import CREATED_KEY, UPDATED_KEY, Kind
from imports.exportfile.directory.slugs import Slugs, make_slug

FORMAT_VERSION = 1
HEAD_FILE = "ziggy.json"
ATTRIBUTES_FILE = ".gitattributes"
README_FILE = "README.md"
FLOW_FILE = "flow.json"
LAYOUT_FILE = "layout.json"
CODE_DIRECTORY = "code"
JSON_SUFFIX = ".json"

VERSION_KEY = "formatVersion"
ID_KEY = "directoryId"
VIEWPORT_KEY = "viewport"
NODES_KEY = "nodes"
EDGES_KEY = "edges"

TIME_KEYS = (CREATED_KEY, UPDATED_KEY)
"""The keys of an item that a directory leaves out: they change where nothing else does."""

ATTRIBUTES = f"""\
* text eol=lf
{LAYOUT_FILE} text eol=lf linguist-generated gitlab-generated
""".encode()

README = b"""\
# Flows of a Ziggy server

`manage.py flow_export --to-dir` writes this directory, and `manage.py flow_import --from-dir` reads
it. An export never overwrites this file: write here what people should know.

- `flows/*/flow.json`: a flow. `layout.json` beside it has where its nodes are, `code/` its code.
- `connections/*.json` and `secrets/*.json`: never the value of a secret.

A merge that leaves conflict markers is refused by an import, with the file and the line.
"""


def get_item_file(kind: Kind, slug: str) -> str:
    """Return the path of the JSON file of an item."""
    name = f"{slug}/{FLOW_FILE}" if kind is Kind.FLOW else f"{slug}{JSON_SUFFIX}"
    return f"{kind.plural}/{name}"


def name_item_files(kind: Kind, items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return by uuid the paths of the JSON files of a kind's items, given by uuid and name.

    Names that make one slug are told apart in the order of the uuids.
    """
    slugs = Slugs()
    return {
        uuid: get_item_file(kind, slugs.give(make_slug(name, otherwise=kind.value)))
        for uuid, name in sorted(items)
    }


def find_kind(path: str) -> Kind | None:
    """Return the kind of the item whose JSON file has this path; None for any other path."""
    return next((kind for kind in Kind if _ITEM_FILES[kind].fullmatch(path)), None)


def find_flow_folder(path: str) -> str | None:
    """Return the folder of the flow that a file belongs to, such as `flows/orders/`, or None."""
    match = _IN_FLOW.match(path)
    return match[0] if match else None


_ITEM_FILES = {
    kind: re.compile(re.escape(get_item_file(kind, "SLUG")).replace("SLUG", "[^/]+"))
    for kind in Kind
}
_IN_FLOW = re.compile(rf"{Kind.FLOW.plural}/[^/]+/")


def is_directory_id(text: object) -> bool:
    """Return whether it is a uuid as the form writes it: in lower case, with dashes."""
    try:
        return isinstance(text, str) and str(UUID(text)) == text
    except ValueError:
        return False


def make_head(directory_id: str) -> bytes:
    """Return the content of HEAD_FILE.

    It does not name the server: exports of one state from several servers would never merge.
    """
    return format_json({VERSION_KEY: FORMAT_VERSION, ID_KEY: directory_id})


def make_root_files(directory_id: str) -> dict[str, bytes]:
    """Return the files beside the folders of items; all but HEAD_FILE are people's to change."""
    head = make_head(directory_id)
    return {HEAD_FILE: head, ATTRIBUTES_FILE: ATTRIBUTES, README_FILE: README}


def format_json(value: Mapping[str, Any]) -> bytes:
    """Return an object as a file: one key a line, in its order, and a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
