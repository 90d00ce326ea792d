"""Files and servers that hypothesis draws, from few uuids and names.

So matches, namesakes, renames, swaps and references to what moves come up often.
"""

import json
from typing import Any

from hypothesis import strategies as st

from flows.content.fields import Kind
from tests.support.imagined import StoredItem, stored

UUIDS = {
    kind: [f"{digit * 8}-0000-4000-8000-{number:012}" for number in range(4)]
    for kind, digit in ((Kind.FLOW, "f"), (Kind.CONNECTION, "c"), (Kind.SECRET, "5"))
}
ALL_UUIDS = [uuid for uuids in UUIDS.values() for uuid in uuids]
NAMES = ["A", "B", "C", "A_copy"]

# Of the keys that are drawn here: the column, and whether that holds JSON.
COLUMNS = {
    "info": ("info", False),
    "description": ("description", False),
    "tags": ("tags", True),
    "timeout": ("timeout", False),
    "nodes": ("nodes", True),
    "connections": ("used_connections", True),
    "secrets": ("used_secrets", True),
    "devValue": ("dev_value", False),
}


def as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


TEXTS = [
    "",
    "x",
    *(f"https://host/{uuid}/run" for uuid in ALL_UUIDS),
    *(f"use(secrets.{name}, '{ALL_UUIDS[0]}');" for name in NAMES),
    "use(secrets.A_not)\nuse(secrets.B, secrets.A)",
]


def nodes_with(text: str) -> list[dict[str, Any]]:
    return [{"id": "1", "data": {"code": text, "n": 1}}, {"id": "2", text: 1}]


# What an item may say besides its uuid and its name.
SAID: dict[Kind, list[dict[str, Any]]] = {
    Kind.FLOW: [
        {},
        {"info": None, "timeout": 1},
        *({"info": text} for text in TEXTS),
        *({"nodes": nodes_with(text), "unknown": text} for text in TEXTS),
        *({"connections": [uuid]} for uuid in UUIDS[Kind.CONNECTION]),
    ],
    Kind.CONNECTION: [
        {},
        {"description": None},
        *({"devValue": text, "unknown": text} for text in TEXTS),
        *({"description": text} for text in TEXTS),
    ],
    Kind.SECRET: [
        {},
        {"description": "x"},
        *({"description": text, "unknown": 1} for text in TEXTS),
        *({"tags": [text]} for text in TEXTS),
    ],
}


def names_of(kind: Kind) -> list[str]:
    return NAMES if kind is Kind.SECRET else [*NAMES, "A (copy)", ""]


def items_of(kind: Kind) -> st.SearchStrategy[list[dict[str, Any]]]:
    item = st.builds(
        lambda uuid, name, said: {"uuid": uuid, "name": name, **said},
        st.sampled_from(UUIDS[kind]),
        st.sampled_from(names_of(kind)),
        st.sampled_from(SAID[kind]),
    )
    unique = (lambda item: item["uuid"], lambda item: item["name"])
    return st.lists(
        item, min_size=1, max_size=4, unique_by=unique if kind is Kind.SECRET else unique[0]
    )


Lists = dict[str, list[dict[str, Any]]]
files: st.SearchStrategy[Lists] = st.fixed_dictionaries(
    {f"{kind.value}s": items_of(kind) for kind in Kind}
)


def row_of(
    kind: Kind, uuid: str, name: str, said: dict[str, Any], flags: dict[str, bool]
) -> StoredItem:
    """The row that holds what an item says."""
    columns: dict[str, Any] = {}
    for key, value in said.items():
        if key in COLUMNS:
            column, is_json = COLUMNS[key]
            columns[column] = as_json(value) if is_json else value
    unknown = {key: value for key, value in said.items() if key == "unknown"}
    return stored(kind, uuid, name, extra=as_json(unknown), **columns, **flags)


def rows_of(kind: Kind) -> st.SearchStrategy[list[StoredItem]]:
    """Rows, some of them deleted or locked. Live secrets have names of their own."""
    flags = [{}, {}, {}, {}, {"is_deleted": True}]
    flags += [{"is_locked": True}] if kind is Kind.FLOW else []
    row = st.builds(
        row_of,
        st.just(kind),
        st.sampled_from(
            [*UUIDS[kind], *(uuid.replace("-4000-", "-4001-") for uuid in UUIDS[kind])]
        ),
        st.sampled_from(names_of(kind)),
        st.sampled_from(SAID[kind]),
        st.sampled_from(flags),
    )
    unique = (lambda row: row.row.uuid, lambda row: (row.row.name, row.row.is_deleted))
    return st.lists(
        row, min_size=1, max_size=4, unique_by=unique if kind is Kind.SECRET else unique[0]
    )


servers: st.SearchStrategy[list[StoredItem]] = st.tuples(*(rows_of(kind) for kind in Kind)).map(
    lambda lists: [row for rows in lists for row in rows]
)
