"""The decision table: every situation in every mode for every kind (sections 2 and 3 of the
flow import page), each with what the plan says of each item, in words that are written down here.

In names `{copy}` and `{copy 2}` stand for what the kind puts behind the name of a copy, and in
messages `{kind}` for the kind's word. The key `text` is a text field that the kind has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from flows.content.fields import Kind
from imports.errors import Issue
from imports.plans.build import build_plan
from imports.plans.decisions import ItemDecision
from imports.plans.plan import Change, Mode, Plan
from tests.support.imagined import Server, StoredItem, a_file, planned, stored
from tests.support.uuids import HERE, ONE, THERE, THREE, TWO

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET
# Flows and connections may share a name or have none; a secret's name is a unique identifier.
FREELY_NAMED = (FLOW, CONNECTION)

# Rows that no uuid of the file names.
NEW = "(a new uuid)"

NAMESAKE = f'another {{kind}} on this server is named "Twilio" too: {HERE}'
NO_NAME = "this {kind} has no name, so that it is matched by its uuid only"

COPY = {
    FLOW: {"{copy}": " (copy)", "{copy 2}": " (copy 2)", "{copy 3}": " (copy 3)"},
    CONNECTION: {"{copy}": " (copy)", "{copy 2}": " (copy 2)", "{copy 3}": " (copy 3)"},
    SECRET: {"{copy}": "_copy", "{copy 2}": "_copy_2", "{copy 3}": "_copy_3"},
}
TEXT = {FLOW: "info", CONNECTION: "description", SECRET: "description"}


class Line(NamedTuple):
    """What a plan says of one item."""

    result: str
    method: str
    target_uuid: str
    target_name: str
    warnings: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def creates(uuid: str, name: str, *warnings: str) -> Line:
    return Line("CREATE", "unmatched", uuid, name, warnings)


def shares(name: str, *others: str) -> str:
    told = " and ".join(f"the {{kind}} {uuid}" for uuid in others)
    return f'will share the name "{name}" with {told}'


def hides(character: str) -> str:
    start = "reads as something else than it is, by characters that are not seen and are new here"
    return f"{start}: {character} in name"


def has_unseen(character: str) -> str:
    return f"has characters that are not seen, and are not here yet: {character} in name"


def brings_back(uuid: str, name: str) -> Line:
    return Line("CREATE", "unmatched", uuid, name, ("brings back a deleted {kind}",))


def skips(method: str, uuid: str, name: str, *warnings: str) -> Line:
    return Line("SKIP", method, uuid, name, warnings)


def copies(method: str, name: str, *warnings: str) -> Line:
    return Line("DUPLICATE", method, NEW, name, warnings)


def overwrites(
    method: str, uuid: str, name: str, *warnings: str, changed: Sequence[str] = ("text",)
) -> Line:
    return Line("OVERWRITE", method, uuid, name, warnings, tuple(changed))


def renames(uuid: str, old: str, new: str, *warnings: str) -> Line:
    said = f'renames "{old}" to "{new}"'
    return overwrites("uuid", uuid, new, said, *warnings, changed=("name",))


def unchanged(method: str, uuid: str, name: str, *warnings: str) -> Line:
    return Line("UNCHANGED", method, uuid, name, warnings)


class Refusal(NamedTuple):
    """One of the reasons why there can be no import: about which item, and what is said."""

    position: int
    uuid: str
    name: str
    code: str
    message: str


class Incoming(NamedTuple):
    """An item of the file, whatever its kind."""

    uuid: str
    name: str
    keys: dict[str, Any]


class Here(NamedTuple):
    """A row of the server, whatever its kind."""

    uuid: str
    name: str
    columns: dict[str, Any]


def incoming(uuid: str, name: str, **keys: Any) -> Incoming:
    return Incoming(uuid, name, keys)


def here(uuid: str, name: str, **columns: Any) -> Here:
    return Here(uuid, name, columns)


def deleted(uuid: str, name: str, **columns: Any) -> Here:
    return Here(uuid, name, {**columns, "is_deleted": True})


Outcome = Sequence[Line] | Sequence[Refusal]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Items of a kind that come in, rows of the kind that are here, and the outcome by mode."""

    says: str
    file: Sequence[Incoming]
    rows: Sequence[Here] = ()
    skip: Outcome
    duplicate: Outcome
    overwrite: Outcome
    kinds: Sequence[Kind] = tuple(Kind)
    override_locks: bool = False


def always(says: str, *outcome: Line | Refusal, **situation: Any) -> Situation:
    """A situation with one outcome whatever the mode."""
    return Situation(says=says, skip=outcome, duplicate=outcome, overwrite=outcome, **situation)


OLD_IS_TAKEN = Refusal(
    1,
    TWO,
    "OLD",
    "name-taken",
    f'The name "OLD" belongs to another secret on this server: {ONE}. '
    "A secret's name is unique: rename one of the two.",
)


def two_rows(position: int, uuid: str, name: str) -> Refusal:
    return Refusal(
        position,
        uuid,
        name,
        "ambiguous-name",
        f'2 {{kind}}s on this server are named "{name}": {HERE}, {THERE}. Decide which one is '
        'meant (in the preview, or in the decisions: "<uuid of the item>": "<uuid of the row>", '
        '"create" for a new one, or "leave-out"), '
        "rename all but one of them, or give the file's item the uuid of the one that is meant.",
    )


def two_items(position: int, uuid: str) -> Refusal:
    return Refusal(
        position,
        uuid,
        "Twilio",
        "ambiguous-name",
        f'2 items of the file are named "Twilio" ({ONE}, {TWO}) and would be the same {{kind}} '
        f"on this server: {HERE}. Decide which of them it is (in the preview, or in the decisions: "
        '"<uuid of the item>": "<uuid of the row>", '
        '"create" for a new one, or "leave-out"), or rename all but one of them.',
    )


def locked(name: str) -> Refusal:
    """Of a row that is named Twilio."""
    return Refusal(
        0,
        ONE,
        name,
        "locked",
        'The flow "Twilio" is locked on this server. Unlock it there, or give --override-locks.',
    )


def known(says: str, *, overwrite: Line, item: Incoming, **situation: Any) -> Situation:
    """A situation of one item whose row is known by its uuid, and bears its name."""
    return Situation(
        says=says,
        file=[item],
        skip=[skips("uuid", ONE, "Twilio")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[overwrite],
        **situation,
    )


def other_name(
    says: str, in_file: str, on_server: str, *warnings: str, **situation: Any
) -> Situation:
    """Two names that look alike, so that the item is created."""
    return always(
        says,
        creates(ONE, in_file, *warnings),
        file=[incoming(ONE, in_file)],
        rows=[here(HERE, on_server)],
        **situation,
    )


NODES = [
    {"id": "1", "type": "start", "data": {"b": 1, "a": 2}},
    {"id": "2", "position": {"x": 936}},
]
STORED_NODES = '[{"data":{"a":2,"b":1},"id":"1","type":"start"},{"id":"2","position":{"x":936}}]'

BY_UUID = [
    always(
        "an item that the server does not know",
        creates(ONE, "Twilio"),
        file=[incoming(ONE, "Twilio")],
        rows=[here(HERE, "Salesforce")],
    ),
    known(
        "its uuid is here, with the same content",
        item=incoming(ONE, "Twilio", text="old"),
        rows=[here(ONE, "Twilio", text="old")],
        overwrite=unchanged("uuid", ONE, "Twilio"),
    ),
    known(
        "its uuid is here, with other content",
        item=incoming(ONE, "Twilio", text="new"),
        rows=[here(ONE, "Twilio", text="old")],
        overwrite=overwrites("uuid", ONE, "Twilio"),
    ),
    known(
        "the times of the file are others",
        item=incoming(
            ONE, "Twilio", createdAt="1999-01-01T00:00:00Z", updatedAt="2031-01-01T00:00:00Z"
        ),
        rows=[here(ONE, "Twilio")],
        overwrite=unchanged("uuid", ONE, "Twilio"),
    ),
    known(
        "the keys of its nodes stand in another order",
        item=incoming(ONE, "Twilio", nodes=NODES, viewport={"zoom": 1, "x": 0}),
        rows=[here(ONE, "Twilio", nodes=STORED_NODES, viewport='{"x":0,"zoom":1}')],
        overwrite=unchanged("uuid", ONE, "Twilio"),
        kinds=[FLOW],
    ),
    known(
        "the keys of what the server does not know stand in another order",
        item=incoming(ONE, "Twilio", unknown={"b": 1, "a": [2]}),
        rows=[here(ONE, "Twilio", extra='{"unknown":{"a":[2],"b":1}}')],
        overwrite=unchanged("uuid", ONE, "Twilio"),
        kinds=[FLOW, CONNECTION],  # of a secret, it may be the value
    ),
    known(
        "its nodes stand in another order",
        item=incoming(ONE, "Twilio", nodes=NODES[::-1]),
        rows=[here(ONE, "Twilio", nodes=STORED_NODES)],
        overwrite=overwrites("uuid", ONE, "Twilio", changed=["nodes"]),
        kinds=[FLOW],
    ),
    known(
        "its tags stand in another order",
        item=incoming(ONE, "Twilio", tags=["b", "a"]),
        rows=[here(ONE, "Twilio", tags='["a","b"]')],
        overwrite=overwrites("uuid", ONE, "Twilio", changed=["tags"]),
        kinds=[FLOW, SECRET],
    ),
    known(
        "a list that the server does not know has another order",
        item=incoming(ONE, "Twilio", unknown=["b", "a"]),
        rows=[here(ONE, "Twilio", extra='{"unknown":["a","b"]}')],
        overwrite=overwrites("uuid", ONE, "Twilio", changed=["unknown"]),
        kinds=[FLOW, CONNECTION],  # of a secret, it may be the value
    ),
    known(
        "936.0 is 936 in its nodes and numbers",
        item=incoming(
            ONE, "Twilio", timeout=936.0, nodes=[NODES[0], {"id": "2", "position": {"x": 936.0}}]
        ),
        rows=[here(ONE, "Twilio", timeout=936, nodes=STORED_NODES)],
        overwrite=unchanged("uuid", ONE, "Twilio"),
        kinds=[FLOW],
    ),
    known(
        "936.0 is 936 in what the server does not know",
        item=incoming(ONE, "Twilio", unknown=936.0),
        rows=[here(ONE, "Twilio", extra='{"unknown":936}')],
        overwrite=unchanged("uuid", ONE, "Twilio"),
        kinds=[FLOW, CONNECTION],  # of a secret, it may be the value
    ),
    known(
        "true is not 1",
        item=incoming(ONE, "Twilio", unknown=True),
        rows=[here(ONE, "Twilio", extra='{"unknown":1}')],
        overwrite=overwrites("uuid", ONE, "Twilio", changed=["unknown"]),
    ),
    known(
        "an absent key says nothing",
        item=incoming(ONE, "Twilio"),
        rows=[here(ONE, "Twilio", text="old", extra='{"unknown":1}')],
        overwrite=unchanged("uuid", ONE, "Twilio"),
    ),
    known(
        "an explicit null says empty",
        item=incoming(ONE, "Twilio", text=None),
        rows=[here(ONE, "Twilio", text="old")],
        overwrite=overwrites("uuid", ONE, "Twilio"),
    ),
    known(
        "an explicit null is not the empty text",
        item=incoming(ONE, "Twilio", text=None),
        rows=[here(ONE, "Twilio", text="")],
        overwrite=overwrites("uuid", ONE, "Twilio"),
    ),
    known(
        "an explicit null is here already",
        item=incoming(ONE, "Twilio", text=None),
        rows=[here(ONE, "Twilio", text=None)],
        overwrite=unchanged("uuid", ONE, "Twilio"),
    ),
    known(
        "an empty text says empty",
        item=incoming(ONE, "Twilio", text=""),
        rows=[here(ONE, "Twilio", text="old")],
        overwrite=overwrites("uuid", ONE, "Twilio"),
    ),
    known(
        "an explicit null of an unknown key is not its absence",
        item=incoming(ONE, "Twilio", unknown=None),
        rows=[here(ONE, "Twilio")],
        overwrite=overwrites("uuid", ONE, "Twilio", changed=["unknown"]),
    ),
    Situation(
        says="its uuid has letters in upper case, and is here",
        file=[incoming("AAAAAAAA-0000-4000-8000-00000000000A", "Twilio")],
        rows=[here(HERE, "Twilio")],
        skip=[skips("uuid", HERE, "Twilio")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[unchanged("uuid", HERE, "Twilio")],
    ),
    always(
        "its uuid has letters in upper case, and is not here",
        creates(HERE, "Twilio"),
        file=[incoming("AAAAAAAA-0000-4000-8000-00000000000A", "Twilio")],
    ),
    known(
        "a row that no item names is left alone",
        item=incoming(ONE, "Twilio", text="new"),
        rows=[here(HERE, "Salesforce", text="old"), here(ONE, "Twilio", text="old")],
        overwrite=overwrites("uuid", ONE, "Twilio"),
    ),
]

OTHER_NAMES = [
    Situation(
        says="its uuid is that of a row with another name",
        file=[incoming(ONE, "Twilio")],
        rows=[here(ONE, "Old")],
        skip=[skips("uuid", ONE, "Old")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[renames(ONE, "Old", "Twilio")],
    ),
    Situation(
        says="its uuid is that of a row, and another row bears its name",
        file=[incoming(ONE, "Twilio", text="new")],
        rows=[here(ONE, "Old", text="old"), here(HERE, "Twilio")],
        skip=[skips("uuid", ONE, "Old", NAMESAKE)],
        duplicate=[
            copies(
                "uuid",
                "Twilio{copy}",
                NAMESAKE,
            )
        ],
        overwrite=[
            overwrites(
                "uuid",
                ONE,
                "Twilio",
                'renames "Old" to "Twilio"',
                NAMESAKE,
                changed=["name", "text"],
            )
        ],
        kinds=FREELY_NAMED,
    ),
    Situation(
        says="its uuid is that of a row, and another row bears its unique name",
        file=[incoming(ONE, "Twilio", text="new")],
        rows=[here(ONE, "Old"), here(HERE, "Twilio")],
        skip=[skips("uuid", ONE, "Old", NAMESAKE)],
        duplicate=[copies("uuid", "Twilio{copy}", NAMESAKE)],
        overwrite=[
            Refusal(
                0,
                ONE,
                "Twilio",
                "name-taken",
                f'The name "Twilio" belongs to another secret on this server: {HERE}. '
                "A secret's name is unique: rename one of the two.",
            )
        ],
        kinds=[SECRET],
    ),
    Situation(
        says="its row and another one bear its name",
        file=[incoming(ONE, "Twilio")],
        rows=[here(ONE, "Twilio"), here(HERE, "Twilio")],
        skip=[skips("uuid", ONE, "Twilio", NAMESAKE)],
        duplicate=[copies("uuid", "Twilio{copy}", NAMESAKE)],
        overwrite=[unchanged("uuid", ONE, "Twilio", NAMESAKE)],
        kinds=FREELY_NAMED,
    ),
    Situation(
        says="two rows swap names",
        file=[incoming(ONE, "Twilio"), incoming(TWO, "Salesforce")],
        rows=[here(ONE, "Salesforce"), here(TWO, "Twilio")],
        skip=[skips("uuid", ONE, "Salesforce"), skips("uuid", TWO, "Twilio")],
        duplicate=[copies("uuid", "Twilio{copy}"), copies("uuid", "Salesforce{copy}")],
        overwrite=[
            renames(ONE, "Salesforce", "Twilio"),
            renames(TWO, "Twilio", "Salesforce"),
        ],
    ),
    Situation(
        says="a chain of renames, A to B and B to C",
        file=[incoming(ONE, "B"), incoming(TWO, "C")],
        rows=[here(ONE, "A"), here(TWO, "B")],
        skip=[skips("uuid", ONE, "A"), skips("uuid", TWO, "B")],
        duplicate=[copies("uuid", "B{copy}"), copies("uuid", "C{copy}")],
        overwrite=[renames(ONE, "A", "B"), renames(TWO, "B", "C")],
    ),
    Situation(
        says="three rows hand their names round",
        file=[incoming(ONE, "B"), incoming(TWO, "C"), incoming(THREE, "A")],
        rows=[here(ONE, "A"), here(TWO, "B"), here(THREE, "C")],
        skip=[skips("uuid", ONE, "A"), skips("uuid", TWO, "B"), skips("uuid", THREE, "C")],
        duplicate=[copies("uuid", "B{copy}"), copies("uuid", "C{copy}"), copies("uuid", "A{copy}")],
        overwrite=[renames(ONE, "A", "B"), renames(TWO, "B", "C"), renames(THREE, "C", "A")],
    ),
    Situation(
        says="an item takes the name that a row of the file bore",
        file=[incoming(ONE, "New"), incoming(TWO, "Old")],
        rows=[here(ONE, "Old")],
        skip=[
            skips("uuid", ONE, "Old", shares("Old", TWO)),
            creates(TWO, "Old", shares("Old", ONE)),
        ],
        duplicate=[copies("uuid", "New{copy}"), creates(TWO, "Old", shares("Old", ONE))],
        overwrite=[renames(ONE, "Old", "New"), creates(TWO, "Old")],
        kinds=FREELY_NAMED,
    ),
    Situation(
        says="a secret takes the name that a row of the file bore, and keeps unless overwritten",
        file=[incoming(ONE, "NEW"), incoming(TWO, "OLD")],
        rows=[here(ONE, "OLD")],
        skip=[OLD_IS_TAKEN],
        duplicate=[OLD_IS_TAKEN],
        overwrite=[renames(ONE, "OLD", "NEW"), creates(TWO, "OLD")],
        kinds=[SECRET],
    ),
]

BY_NAME = [
    Situation(
        says="its name is that of a row with another uuid",
        file=[incoming(ONE, "Twilio", text="new")],
        rows=[here(HERE, "Twilio", text="old")],
        skip=[skips("name", HERE, "Twilio")],
        duplicate=[copies("name", "Twilio{copy}")],
        overwrite=[overwrites("name", HERE, "Twilio")],
    ),
    Situation(
        says="only its uuid and its times differ from the row with its name",
        file=[
            incoming(
                ONE,
                "Twilio",
                text="old",
                createdAt="1999-01-01T00:00:00Z",
                updatedAt="2031-01-01T00:00:00Z",
            )
        ],
        rows=[here(HERE, "Twilio", text="old")],
        skip=[skips("name", HERE, "Twilio")],
        duplicate=[copies("name", "Twilio{copy}")],
        overwrite=[unchanged("name", HERE, "Twilio")],
    ),
    other_name("its name differs by case", "twilio", "Twilio"),
    other_name("its name is in NFD, the row's in NFC", "Me\u0301dia", "M\u00e9dia"),
    other_name("its name is in NFC, the row's in NFD", "M\u00e9dia", "Me\u0301dia"),
    other_name("its name has a dotless i", "Tw\u0131l\u0131o", "Twilio"),
    other_name("its name has an i with a dot, the row's a dotless one", "Twilio", "Tw\u0131lio"),
    other_name("its name has a capital I with a dot", "\u0130stanbul", "istanbul"),
    other_name("its name has a sharp s", "Stra\u00dfe", "Strasse"),
    other_name("its name has a full-width letter", "\uff34wilio", "Twilio"),
    other_name("its name has a Cyrillic letter", "Tw\u0456lio", "Twilio"),
    other_name(
        "its name holds a joiner that is not seen",
        "Tw\u200dilio",
        "Twilio",
        has_unseen("U+200D ZERO WIDTH JOINER"),
        kinds=FREELY_NAMED,
    ),
    other_name(
        "its name, which code reads, holds a joiner that is not seen",
        "Tw\u200dilio",
        "Twilio",
        hides("U+200D ZERO WIDTH JOINER"),
        kinds=(SECRET,),
    ),
    other_name("its name has a space at the end", "Twilio ", "Twilio", kinds=FREELY_NAMED),
    other_name("the row's name has a space at the end", "Twilio", "Twilio ", kinds=FREELY_NAMED),
    other_name("its name has a space in front", " Twilio", "Twilio", kinds=FREELY_NAMED),
    other_name(
        "its name has another space",
        "A\u00a0B",
        "A B",
        kinds=FREELY_NAMED,
    ),
    always(
        "its name is that of two rows",
        two_rows(0, ONE, "Twilio"),
        file=[incoming(ONE, "Twilio")],
        rows=[here(THERE, "Twilio"), here(HERE, "Twilio")],
    ),
    Situation(
        says="two rows bear its name, and one of them is known by its uuid to another item",
        file=[incoming(ONE, "Twilio", text="one"), incoming(TWO, "Twilio", text="two")],
        rows=[here(ONE, "Twilio"), here(HERE, "Twilio")],
        skip=[
            skips(
                "uuid",
                ONE,
                "Twilio",
                NAMESAKE,
            ),
            skips("name", HERE, "Twilio"),
        ],
        duplicate=[
            copies(
                "uuid",
                "Twilio{copy}",
                NAMESAKE,
            ),
            copies("name", "Twilio{copy 2}"),
        ],
        overwrite=[
            overwrites(
                "uuid",
                ONE,
                "Twilio",
                NAMESAKE,
            ),
            overwrites("name", HERE, "Twilio"),
        ],
        kinds=FREELY_NAMED,
    ),
    Situation(
        says="the row with its name is another item's by uuid, though that stands later",
        file=[incoming(ONE, "Twilio"), incoming(TWO, "Salesforce")],
        rows=[here(TWO, "Twilio")],
        skip=[
            creates(ONE, "Twilio", shares("Twilio", TWO)),
            skips("uuid", TWO, "Twilio", shares("Twilio", ONE)),
        ],
        duplicate=[
            creates(ONE, "Twilio", shares("Twilio", TWO)),
            copies("uuid", "Salesforce{copy}"),
        ],
        overwrite=[creates(ONE, "Twilio"), renames(TWO, "Twilio", "Salesforce")],
        kinds=FREELY_NAMED,
    ),
    always(
        "two items of the file would be one row",
        two_items(0, ONE),
        two_items(1, TWO),
        file=[incoming(ONE, "Twilio"), incoming(TWO, "Twilio")],
        rows=[here(HERE, "Twilio")],
        kinds=FREELY_NAMED,
    ),
    always(
        "two items of the file could be either of two rows",
        two_rows(0, ONE, "Twilio"),
        two_rows(1, TWO, "Twilio"),
        file=[incoming(ONE, "Twilio"), incoming(TWO, "Twilio")],
        rows=[here(HERE, "Twilio"), here(THERE, "Twilio")],
        kinds=FREELY_NAMED,
    ),
    always(
        "two items of the file share a name that no row bears",
        creates(ONE, "Twilio"),
        creates(TWO, "Twilio"),
        file=[incoming(ONE, "Twilio"), incoming(TWO, "Twilio")],
        kinds=FREELY_NAMED,
    ),
]

SOFT_DELETED = [
    always(
        "its uuid is that of a deleted row",
        brings_back(ONE, "Twilio"),
        file=[incoming(ONE, "Twilio", text="new")],
        rows=[deleted(ONE, "Twilio", text="old")],
    ),
    always(
        "its uuid is that of a deleted row with the same content",
        brings_back(ONE, "Twilio"),
        file=[incoming(ONE, "Twilio", text="old")],
        rows=[deleted(ONE, "Twilio", text="old")],
    ),
    always(
        "its uuid is that of a deleted row with another name",
        brings_back(ONE, "Twilio"),
        file=[incoming(ONE, "Twilio")],
        rows=[deleted(ONE, "Old")],
    ),
    Situation(
        says="its uuid is that of a deleted row, and a live one bears its name",
        file=[incoming(ONE, "Twilio", text="new")],
        rows=[deleted(ONE, "Twilio"), here(HERE, "Twilio")],
        skip=[skips("name", HERE, "Twilio")],
        duplicate=[copies("name", "Twilio{copy}")],
        overwrite=[overwrites("name", HERE, "Twilio")],
    ),
    always(
        "only a deleted row bears its name",
        creates(ONE, "Twilio"),
        file=[incoming(ONE, "Twilio")],
        rows=[deleted(HERE, "Twilio")],
    ),
    Situation(
        says="a live row and deleted ones bear its name",
        file=[incoming(ONE, "Twilio")],
        rows=[deleted(THERE, "Twilio"), here(HERE, "Twilio"), deleted(TWO, "Twilio")],
        skip=[skips("name", HERE, "Twilio")],
        duplicate=[copies("name", "Twilio{copy}")],
        overwrite=[unchanged("name", HERE, "Twilio")],
    ),
    Situation(
        says="a deleted row bears the name of a row that is known by its uuid",
        file=[incoming(ONE, "Twilio")],
        rows=[here(ONE, "Twilio"), deleted(HERE, "Twilio")],
        skip=[skips("uuid", ONE, "Twilio")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[unchanged("uuid", ONE, "Twilio")],
    ),
    Situation(
        says="a deleted secret comes back under a name that a row of the file keeps",
        file=[incoming(ONE, "NEW"), incoming(TWO, "OLD")],
        rows=[here(ONE, "OLD"), deleted(TWO, "OLD")],
        skip=[OLD_IS_TAKEN],
        duplicate=[OLD_IS_TAKEN],
        overwrite=[renames(ONE, "OLD", "NEW"), brings_back(TWO, "OLD")],
        kinds=[SECRET],
    ),
]

NO_NAMES = [
    always(
        "it has no name, and is not here",
        creates(ONE, "", NO_NAME),
        file=[incoming(ONE, "")],
        kinds=FREELY_NAMED,
    ),
    always(
        "it has no name, nor have two other rows",
        creates(ONE, "", NO_NAME),
        file=[incoming(ONE, "")],
        rows=[here(HERE, ""), here(THERE, "")],
        kinds=FREELY_NAMED,
    ),
    Situation(
        says="it has no name, its uuid is here, and another row has no name either",
        file=[incoming(ONE, "", text="new")],
        rows=[here(ONE, "", text="old"), here(HERE, "")],
        skip=[skips("uuid", ONE, "", NO_NAME)],
        duplicate=[copies("uuid", "{copy}", NO_NAME)],
        overwrite=[overwrites("uuid", ONE, "", NO_NAME)],
        kinds=FREELY_NAMED,
    ),
    Situation(
        says="it has no name, its row has one",
        file=[incoming(ONE, "")],
        rows=[here(ONE, "Twilio")],
        skip=[skips("uuid", ONE, "Twilio", NO_NAME)],
        duplicate=[copies("uuid", "{copy}", NO_NAME)],
        overwrite=[
            renames(ONE, "Twilio", "")._replace(warnings=(NO_NAME, 'renames "Twilio" to ""'))
        ],
        kinds=FREELY_NAMED,
    ),
    Situation(
        says="it has a name, its row has none",
        file=[incoming(ONE, "Twilio")],
        rows=[here(ONE, "")],
        skip=[skips("uuid", ONE, "")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[renames(ONE, "", "Twilio")],
        kinds=FREELY_NAMED,
    ),
    always(
        "its name is one space, and a row has none",
        creates(ONE, " "),
        file=[incoming(ONE, " ")],
        rows=[here(HERE, "")],
        kinds=FREELY_NAMED,
    ),
]

LOCKED = [
    Situation(
        says="its row is locked, and would be changed",
        file=[incoming(ONE, "Twilio", text="new")],
        rows=[here(ONE, "Twilio", text="old", is_locked=True)],
        skip=[skips("uuid", ONE, "Twilio")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[locked("Twilio")],
        kinds=[FLOW],
    ),
    Situation(
        says="its row is locked, found by its name, and would be changed",
        file=[incoming(ONE, "Twilio", text="new")],
        rows=[here(HERE, "Twilio", text="old", is_locked=True)],
        skip=[skips("name", HERE, "Twilio")],
        duplicate=[copies("name", "Twilio{copy}")],
        overwrite=[locked("Twilio")],
        kinds=[FLOW],
    ),
    Situation(
        says="its row is locked, and would be renamed",
        file=[incoming(ONE, "Salesforce")],
        rows=[here(ONE, "Twilio", is_locked=True)],
        skip=[skips("uuid", ONE, "Twilio")],
        duplicate=[copies("uuid", "Salesforce{copy}")],
        overwrite=[locked("Salesforce")],
        kinds=[FLOW],
    ),
    Situation(
        says="its row is locked, and would be unlocked by the file",
        file=[incoming(ONE, "Twilio", isLocked=False)],
        rows=[here(ONE, "Twilio", is_locked=True)],
        skip=[skips("uuid", ONE, "Twilio")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[locked("Twilio")],
        kinds=[FLOW],
    ),
    Situation(
        says="its row is locked, and has the same content",
        file=[incoming(ONE, "Twilio", text="old", isLocked=True)],
        rows=[here(ONE, "Twilio", text="old", is_locked=True)],
        skip=[skips("uuid", ONE, "Twilio")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[unchanged("uuid", ONE, "Twilio")],
        kinds=[FLOW],
    ),
    Situation(
        says="its row is locked, and locks are overridden",
        file=[incoming(ONE, "Twilio", text="new")],
        rows=[here(ONE, "Twilio", text="old", is_locked=True)],
        skip=[skips("uuid", ONE, "Twilio")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[overwrites("uuid", ONE, "Twilio")],
        kinds=[FLOW],
        override_locks=True,
    ),
    Situation(
        says="the file locks it, its row is not locked",
        file=[incoming(ONE, "Twilio", isLocked=True)],
        rows=[here(ONE, "Twilio")],
        skip=[skips("uuid", ONE, "Twilio")],
        duplicate=[copies("uuid", "Twilio{copy}")],
        overwrite=[overwrites("uuid", ONE, "Twilio", changed=["isLocked"])],
        kinds=[FLOW],
    ),
    always(
        "its row was locked and is deleted",
        brings_back(ONE, "Twilio"),
        file=[incoming(ONE, "Twilio", text="new")],
        rows=[deleted(ONE, "Twilio", text="old", is_locked=True)],
        kinds=[FLOW],
    ),
    Situation(
        says="a locked row and an ambiguous name are both told",
        file=[incoming(ONE, "Twilio", text="new"), incoming(TWO, "B")],
        rows=[here(ONE, "Twilio", is_locked=True), here(HERE, "B"), here(THERE, "B")],
        skip=[two_rows(1, TWO, "B")],
        duplicate=[two_rows(1, TWO, "B")],
        overwrite=[two_rows(1, TWO, "B"), locked("Twilio")],
        kinds=[FLOW],
    ),
]


def copied(says: str, *duplicate: Line, file: Sequence[Incoming], **situation: Any) -> Situation:
    """Items that are here with the same uuid, name and content: only the copies' names matter."""
    return Situation(
        says=says,
        file=file,
        skip=[skips("uuid", item.uuid, item.name) for item in file],
        duplicate=duplicate,
        overwrite=[unchanged("uuid", item.uuid, item.name) for item in file],
        **situation,
    )


COPIES = [
    copied(
        "the copy's first name is taken",
        copies("uuid", "Twilio{copy 2}"),
        file=[incoming(ONE, "Twilio")],
        rows=[here(ONE, "Twilio"), here(HERE, "Twilio{copy}")],
    ),
    copied(
        "the copy's first two names are taken",
        copies("uuid", "Twilio{copy 3}"),
        file=[incoming(ONE, "Twilio")],
        rows=[here(ONE, "Twilio"), here(HERE, "Twilio{copy}"), here(THERE, "Twilio{copy 2}")],
    ),
    copied(
        "only the copy's second name is taken",
        copies("uuid", "Twilio{copy}"),
        file=[incoming(ONE, "Twilio")],
        rows=[here(ONE, "Twilio"), here(HERE, "Twilio{copy 2}")],
    ),
    copied(
        "a deleted row bore the copy's first name",
        copies("uuid", "Twilio{copy}"),
        file=[incoming(ONE, "Twilio")],
        rows=[here(ONE, "Twilio"), deleted(HERE, "Twilio{copy}")],
    ),
    copied(
        "the copy's first name is taken in another case",
        copies("uuid", "twilio{copy}"),
        file=[incoming(ONE, "twilio")],
        rows=[here(ONE, "twilio"), here(HERE, "Twilio{copy}")],
    ),
    copied(
        "the copy's first name is another item's of the file",
        copies("uuid", "Twilio{copy 2}"),
        copies("uuid", "Twilio{copy}{copy}"),
        file=[incoming(ONE, "Twilio"), incoming(TWO, "Twilio{copy}")],
        rows=[here(ONE, "Twilio"), here(TWO, "Twilio{copy}")],
    ),
    Situation(
        says="the copy's first name goes to an item that is created",
        file=[incoming(ONE, "Twilio"), incoming(TWO, "Twilio{copy}")],
        rows=[here(ONE, "Twilio")],
        skip=[skips("uuid", ONE, "Twilio"), creates(TWO, "Twilio{copy}")],
        duplicate=[copies("uuid", "Twilio{copy 2}"), creates(TWO, "Twilio{copy}")],
        overwrite=[unchanged("uuid", ONE, "Twilio"), creates(TWO, "Twilio{copy}")],
    ),
    copied(
        "three items share a name, of which one copy is taken",
        copies("uuid", "Twilio{copy}"),
        copies("uuid", "Twilio{copy 3}"),
        copies("uuid", "Twilio (copy 4)"),
        file=[incoming(ONE, "Twilio"), incoming(TWO, "Twilio"), incoming(THREE, "Twilio")],
        rows=[
            here(ONE, "Twilio"),
            here(TWO, "Twilio"),
            here(THREE, "Twilio"),
            here(HERE, "Twilio{copy 2}"),
        ],
        kinds=FREELY_NAMED,
    ),
    copied(
        "the copy's name is cut to 255 characters",
        copies("uuid", "N" * 248 + " (copy)"),
        file=[incoming(ONE, "N" * 255)],
        rows=[here(ONE, "N" * 255)],
        kinds=FREELY_NAMED,
    ),
    copied(
        "the copy's name is cut to 255 characters",
        copies("uuid", "N" * 250 + "_copy"),
        file=[incoming(ONE, "N" * 255)],
        rows=[here(ONE, "N" * 255)],
        kinds=[SECRET],
    ),
    copied(
        "the copy's name has 255 characters and is not cut",
        copies("uuid", "N" * 248 + " (copy)"),
        file=[incoming(ONE, "N" * 248)],
        rows=[here(ONE, "N" * 248)],
        kinds=FREELY_NAMED,
    ),
    copied(
        "the copy's name that is cut is taken",
        copies("uuid", "N" * 246 + " (copy 2)"),
        file=[incoming(ONE, "N" * 255)],
        rows=[here(ONE, "N" * 255), here(HERE, "N" * 248 + " (copy)")],
        kinds=FREELY_NAMED,
    ),
    copied(
        "the copy's name that is cut is taken",
        copies("uuid", "N" * 248 + "_copy_2"),
        file=[incoming(ONE, "N" * 255)],
        rows=[here(ONE, "N" * 255), here(HERE, "N" * 250 + "_copy")],
        kinds=[SECRET],
    ),
    copied(
        "two copies' names are cut to the same one",
        copies("uuid", "N" * 248 + " (copy)"),
        copies("uuid", "N" * 246 + " (copy 2)"),
        file=[incoming(ONE, "N" * 254 + "1"), incoming(TWO, "N" * 254 + "2")],
        rows=[here(ONE, "N" * 254 + "1"), here(TWO, "N" * 254 + "2")],
        kinds=FREELY_NAMED,
    ),
    copied(
        "the copies' names are cut to the same one only with a number",
        copies("uuid", "N" * 246 + "1 (copy)"),
        copies("uuid", "N" * 246 + "2 (copy)"),
        copies("uuid", "N" * 246 + " (copy 2)"),
        file=[
            incoming(ONE, "N" * 246 + "1"),
            incoming(TWO, "N" * 246 + "2"),
            incoming(THREE, "N" * 246 + "1"),
        ],
        rows=[
            here(ONE, "N" * 246 + "1"),
            here(TWO, "N" * 246 + "2"),
            here(THREE, "N" * 246 + "1"),
        ],
        kinds=FREELY_NAMED,
    ),
    copied(
        "a file with the copy of an earlier import is copied again",
        copies("uuid", "Twilio{copy}{copy}"),
        file=[incoming(ONE, "Twilio{copy}")],
        rows=[here(ONE, "Twilio{copy}"), here(HERE, "Twilio")],
    ),
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A situation made concrete, with what the plan must say; `refusals` where it is refused."""

    file: dict[Kind, list[dict[str, Any]]]
    rows: list[StoredItem]
    mode: Mode
    override_locks: bool
    lines: dict[Kind, list[Line]]
    refusals: list[Issue]


def _named(kind: Kind, text: str) -> str:
    for placeholder, suffix in COPY[kind].items():
        text = text.replace(placeholder, suffix)
    return text


def _keyed(kind: Kind, values: dict[str, Any]) -> dict[str, Any]:
    return {TEXT[kind] if key == "text" else key: value for key, value in values.items()}


def _row(kind: Kind, row: Here) -> StoredItem:
    return stored(kind, row.uuid, _named(kind, row.name), **_keyed(kind, row.columns))


def _item(kind: Kind, item: Incoming) -> dict[str, Any]:
    return {"uuid": item.uuid, "name": _named(kind, item.name), **_keyed(kind, item.keys)}


def _line(kind: Kind, line: Line) -> Line:
    return line._replace(
        target_name=_named(kind, line.target_name),
        warnings=tuple(warning.replace("{kind}", kind.value) for warning in line.warnings),
        changed=tuple(TEXT[kind] if key == "text" else key for key in line.changed),
    )


def _issue(kind: Kind, refusal: Refusal) -> Issue:
    return Issue(
        code=refusal.code,
        message=refusal.message.replace("{kind}", kind.value),
        path=f"{kind.value}s[{refusal.position}]",
        uuid=refusal.uuid,
        name=refusal.name,
    )


def _case(situation: Situation, kind: Kind, mode: Mode) -> Case:
    outcome: Outcome = getattr(situation, mode.value)
    return Case(
        file={kind: [_item(kind, item) for item in situation.file]},
        rows=[_row(kind, row) for row in situation.rows],
        mode=mode,
        override_locks=situation.override_locks,
        lines={kind: [_line(kind, line) for line in outcome if isinstance(line, Line)]},
        refusals=[_issue(kind, reason) for reason in outcome if isinstance(reason, Refusal)],
    )


def _cases_of_one_kind() -> Iterator[Any]:
    for situation in [
        *BY_UUID,
        *OTHER_NAMES,
        *BY_NAME,
        *SOFT_DELETED,
        *NO_NAMES,
        *LOCKED,
        *COPIES,
    ]:
        for kind in situation.kinds:
            for mode in Mode:
                sentence = f"{mode} a {kind}: {situation.says}"
                yield pytest.param(_case(situation, kind, mode), id=sentence)


def across(
    says: str,
    file: dict[Kind, list[dict[str, Any]]],
    rows: list[StoredItem],
    *,
    always: dict[Kind, list[Line]] | list[Issue] | None = None,
    **outcomes: dict[Kind, list[Line]] | list[Issue],
) -> Iterator[Any]:
    """The cases of a situation in which several kinds, or references, have a part."""
    by_mode = outcomes if always is None else {mode.value: always for mode in Mode}
    for mode, outcome in by_mode.items():
        is_refused = isinstance(outcome, list)
        case = Case(
            file=file,
            rows=rows,
            mode=Mode(mode),
            override_locks=False,
            lines={} if is_refused else outcome,
            refusals=outcome if is_refused else [],
        )
        yield pytest.param(case, id=f"{mode} several: {says}")


TWO_MEANINGS = (
    "Two items of the file, of different kinds, have this uuid and land in rows with different "
    "uuids, so that a reference to it could mean either. Give one of them another uuid."
)


def two_meanings(*places: tuple[str, str]) -> list[Issue]:
    return [
        Issue(code="ambiguous-uuid", message=TWO_MEANINGS, path=path, uuid=ONE, name=name)
        for path, name in places
    ]


def _cases_of_several_kinds() -> Iterator[Any]:
    both = {FLOW: [{"uuid": ONE, "name": "F"}], CONNECTION: [{"uuid": ONE, "name": "C"}]}
    yield from across(
        "a flow and a connection share a uuid, and neither is here",
        both,
        [],
        always={
            FLOW: [Line("CREATE", "unmatched", ONE, "F")],
            CONNECTION: [Line("CREATE", "unmatched", ONE, "C")],
        },
    )
    yield from across(
        "a flow and a connection share a uuid, and both are here with it",
        both,
        [stored(FLOW, ONE, "F"), stored(CONNECTION, ONE, "C")],
        skip={
            FLOW: [Line("SKIP", "uuid", ONE, "F")],
            CONNECTION: [Line("SKIP", "uuid", ONE, "C")],
        },
        duplicate=two_meanings(("flows[0]", "F"), ("connections[0]", "C")),
        overwrite={
            FLOW: [Line("UNCHANGED", "uuid", ONE, "F")],
            CONNECTION: [Line("UNCHANGED", "uuid", ONE, "C")],
        },
    )
    yield from across(
        "a flow and a connection share a uuid, and one of them is here under its name",
        both,
        [stored(CONNECTION, HERE, "C")],
        always=two_meanings(("flows[0]", "F"), ("connections[0]", "C")),
    )
    yield from across(
        "all three kinds share a uuid, and one of them is here under its name",
        {**both, SECRET: [{"uuid": ONE, "name": "S"}]},
        [stored(SECRET, HERE, "S")],
        overwrite=two_meanings(("flows[0]", "F"), ("connections[0]", "C"), ("secrets[0]", "S")),
    )
    yield from across(
        "a row of another kind has the uuid and the name",
        {FLOW: [{"uuid": ONE, "name": "Twilio"}]},
        [stored(CONNECTION, ONE, "Twilio"), stored(SECRET, HERE, "Twilio")],
        always={FLOW: [Line("CREATE", "unmatched", ONE, "Twilio")]},
    )
    yield from across(
        "items of all kinds share one name",
        {
            FLOW: [{"uuid": ONE, "name": "Twilio"}],
            CONNECTION: [{"uuid": TWO, "name": "Twilio"}],
            SECRET: [{"uuid": THREE, "name": "Twilio"}],
        },
        [stored(FLOW, ONE, "Twilio"), stored(CONNECTION, HERE, "Twilio")],
        skip={
            FLOW: [Line("SKIP", "uuid", ONE, "Twilio")],
            CONNECTION: [Line("SKIP", "name", HERE, "Twilio")],
            SECRET: [Line("CREATE", "unmatched", THREE, "Twilio")],
        },
        duplicate={
            FLOW: [Line("DUPLICATE", "uuid", NEW, "Twilio (copy)")],
            CONNECTION: [Line("DUPLICATE", "name", NEW, "Twilio (copy)")],
            SECRET: [Line("CREATE", "unmatched", THREE, "Twilio")],
        },
        overwrite={
            FLOW: [Line("UNCHANGED", "uuid", ONE, "Twilio")],
            CONNECTION: [Line("UNCHANGED", "name", HERE, "Twilio")],
            SECRET: [Line("CREATE", "unmatched", THREE, "Twilio")],
        },
    )
    yield from _cases_of_references()


def _cases_of_references() -> Iterator[Any]:
    def calls(*uuids: str) -> list[dict[str, Any]]:
        return [{"id": "1", "data": {"subflowUuid": uuid}} for uuid in uuids]

    cycle = {
        FLOW: [
            {"uuid": ONE, "name": "A", "nodes": calls(TWO)},
            {"uuid": TWO, "name": "B", "nodes": calls(ONE)},
        ]
    }
    cycle_here = [
        stored(FLOW, ONE, "A", nodes=f'[{{"data":{{"subflowUuid":"{TWO}"}},"id":"1"}}]'),
        stored(FLOW, TWO, "B", nodes=f'[{{"data":{{"subflowUuid":"{ONE}"}},"id":"1"}}]'),
    ]
    yield from across(
        "two flows call each other",
        cycle,
        cycle_here,
        skip={FLOW: [Line("SKIP", "uuid", ONE, "A"), Line("SKIP", "uuid", TWO, "B")]},
        duplicate={
            FLOW: [
                Line("DUPLICATE", "uuid", NEW, "A (copy)"),
                Line("DUPLICATE", "uuid", NEW, "B (copy)"),
            ]
        },
        overwrite={
            FLOW: [Line("UNCHANGED", "uuid", ONE, "A"), Line("UNCHANGED", "uuid", TWO, "B")]
        },
    )
    yield from across(
        "a flow calls itself",
        {FLOW: [{"uuid": ONE, "name": "A", "nodes": calls(ONE)}]},
        [stored(FLOW, HERE, "A", nodes=f'[{{"data":{{"subflowUuid":"{HERE}"}},"id":"1"}}]')],
        skip={FLOW: [Line("SKIP", "name", HERE, "A")]},
        duplicate={FLOW: [Line("DUPLICATE", "name", NEW, "A (copy)")]},
        overwrite={FLOW: [Line("UNCHANGED", "name", HERE, "A")]},
    )
    uses_twilio = {
        FLOW: [{"uuid": ONE, "name": "A", "nodes": [{"data": {"connectionUuid": TWO}}]}],
        CONNECTION: [{"uuid": TWO, "name": "Twilio"}],
    }
    yield from across(
        "a flow differs only by the uuid of a connection that is here under its name",
        uses_twilio,
        [
            stored(FLOW, ONE, "A", nodes=f'[{{"data":{{"connectionUuid":"{HERE}"}}}}]'),
            stored(CONNECTION, HERE, "Twilio"),
        ],
        skip={
            FLOW: [Line("SKIP", "uuid", ONE, "A")],
            CONNECTION: [Line("SKIP", "name", HERE, "Twilio")],
        },
        duplicate={
            FLOW: [Line("DUPLICATE", "uuid", NEW, "A (copy)")],
            CONNECTION: [Line("DUPLICATE", "name", NEW, "Twilio (copy)")],
        },
        overwrite={
            FLOW: [Line("UNCHANGED", "uuid", ONE, "A")],
            CONNECTION: [Line("UNCHANGED", "name", HERE, "Twilio")],
        },
    )
    yield from across(
        "a flow has the same bytes, but its connection is here under another uuid",
        uses_twilio,
        [
            stored(FLOW, ONE, "A", nodes=f'[{{"data":{{"connectionUuid":"{TWO}"}}}}]'),
            stored(CONNECTION, HERE, "Twilio"),
        ],
        overwrite={
            FLOW: [Line("OVERWRITE", "uuid", ONE, "A", (), ("nodes",))],
            CONNECTION: [Line("UNCHANGED", "name", HERE, "Twilio")],
        },
    )
    yield from across(
        "a connection's secret has another name here",
        {
            CONNECTION: [{"uuid": ONE, "name": "Twilio", "devValue": "{ k: secrets.NEW }"}],
            SECRET: [{"uuid": TWO, "name": "NEW"}],
        },
        [
            stored(CONNECTION, ONE, "Twilio", dev_value="{ k: secrets.OLD }"),
            stored(SECRET, TWO, "OLD"),
        ],
        skip={
            CONNECTION: [Line("SKIP", "uuid", ONE, "Twilio")],
            SECRET: [Line("SKIP", "uuid", TWO, "OLD")],
        },
        duplicate={
            CONNECTION: [Line("DUPLICATE", "uuid", NEW, "Twilio (copy)")],
            SECRET: [Line("DUPLICATE", "uuid", NEW, "NEW_copy")],
        },
        overwrite={
            CONNECTION: [Line("OVERWRITE", "uuid", ONE, "Twilio", changed=("devValue",))],
            SECRET: [Line("OVERWRITE", "uuid", TWO, "NEW", ('renames "OLD" to "NEW"',), ("name",))],
        },
    )


@pytest.mark.parametrize("case", [*_cases_of_one_kind(), *_cases_of_several_kinds()])
def test_the_plan_says_of_each_item(case):
    document = a_file(**{f"{kind.value}s": items for kind, items in case.file.items()})

    plan = planned(document, *case.rows, mode=case.mode, override_locks=case.override_locks)

    assert list(plan.issues) == case.refusals
    if not case.refusals:
        assert _said(plan, case) == {kind: case.lines.get(kind, []) for kind in Kind}


def _said(plan: Plan, case: Case) -> dict[Kind, list[Line]]:
    known_uuids = {row.row.uuid for row in case.rows}
    known_uuids |= {item["uuid"].lower() for items in case.file.values() for item in items}
    seen: set[str] = set()
    return {
        kind: [_said_of(change, known_uuids, seen) for change in plan.changes[kind]]
        for kind in Kind
    }


def _said_of(change: Change, known_uuids: set[str], seen: set[str]) -> Line:
    uuid = change.target_uuid
    if uuid not in known_uuids | seen and str(UUID(uuid)) == uuid:
        seen.add(uuid)
        uuid = NEW
    return Line(
        result=change.result.value,
        method=change.method.value,
        target_uuid=uuid,
        target_name=change.target_name,
        warnings=change.warnings,
        changed=tuple(field.key for field in change.fields),
    )


@pytest.mark.parametrize("mode", [Mode.SKIP, Mode.DUPLICATE])
def test_a_secret_does_not_get_the_name_that_another_keeps_by_a_decision_of_its_own(mode):
    document = a_file(secrets=[{"uuid": ONE, "name": "A"}, {"uuid": TWO, "name": "B"}])
    server = Server([stored(SECRET, ONE, "B"), stored(SECRET, TWO, "A")])
    plan = build_plan(
        document,
        server.as_stored(),
        server="production",
        mode=Mode.OVERWRITE,
        decisions={(SECRET, TWO): ItemDecision(mode=mode)},
    )
    assert plan.issues == (
        Issue(
            code="name-taken",
            path="secrets[0]",
            uuid=ONE,
            name="A",
            message=f'The name "A" belongs to another secret on this server: {TWO}. '
            "A secret's name is unique: rename one of the two.",
        ),
    )
