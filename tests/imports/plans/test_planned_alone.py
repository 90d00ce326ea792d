"""An item that is planned alone is planned as in its file, whatever the file and the server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flows.content.documents import read_text
from flows.content.fields import Kind
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import FileItem
from imports.plans import item_destinations
from imports.plans.build import build_plan
from imports.plans.decisions import NO_DECISIONS, Decisions, ItemAction, ItemDecision, get_targets
from imports.plans.left_out import remove_left_out
from imports.plans.matching import Row
from imports.plans.one_item import ItemInputs, plan_item
from imports.plans.plan import Change, Mode
from tests.support.drawn import ALL_UUIDS, UUIDS, Lists, files, servers
from tests.support.imagined import Server, StoredItem, a_file, stored

COPY = re.compile(r"dddddddd-0000-4000-8000-\d{12}")


@pytest.fixture(autouse=True)
def _recognisable_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the uuids of copies, which are random, begin alike."""
    numbers = iter(range(10**9))
    monkeypatch.setattr(
        item_destinations, "uuid4", lambda: f"dddddddd-0000-4000-8000-{next(numbers):012}"
    )


@dataclass
class Reading:
    """A server of which is read what is asked for, as of a database."""

    stored: Sequence[StoredItem]
    read: set[Row] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.inputs = Server(self.stored).as_stored()

    def read_rows(
        self, document: ExportDocument, decisions: Decisions
    ) -> dict[Kind, Sequence[Row]]:
        rows: dict[Kind, Sequence[Row]] = {}
        for kind in Kind:
            targets = get_targets(kind, decisions)
            uuids = {targets.get(item.uuid, item.uuid) for item in document.items[kind]}
            names = {item.name for item in document.items[kind]} - {""}
            rows[kind] = [
                row for row in self.inputs.rows[kind] if row.uuid in uuids or row.name in names
            ]
            self.read.update(rows[kind])
        return rows

    def plan(self, document: ExportDocument, mode: Mode, decisions: Decisions) -> list[Change]:
        planned = remove_left_out(document, decisions)
        inputs = replace(self.inputs, rows=self.read_rows(planned, decisions))
        return list(build_plan(document, inputs, server="here", mode=mode, decisions=decisions))

    def plan_alone(
        self, item: FileItem, document: ExportDocument, mode: Mode, decisions: Decisions
    ) -> Change | None:
        self.read.clear()
        inputs = ItemInputs(
            read_rows=self.read_rows,
            read_live_names=lambda kind: self.inputs.live_names[kind],
            read_contents=self.inputs.read_contents,
        )
        return plan_item(item, bare(document, item), inputs, mode=mode, decisions=decisions)


def bare(document: ExportDocument, whole: FileItem) -> ExportDocument:
    """The document with the contents of that item only."""
    items = {
        kind: tuple(
            item if item is whole else replace(item, content={}, extra="{}", references=())
            for item in of_kind
        )
        for kind, of_kind in document.items.items()
    }
    return replace(document, items=items)


def describe(change: Change) -> Any:
    """What is written to which row, with the same uuid for every copy."""
    content = {
        column: COPY.sub("COPY", text) if isinstance(text := read_text(value), str) else text
        for column, value in (change.content or {}).items()
    }
    # A digest is of the uuids of copies, too.
    has_copy = any("COPY" in str(value) for value in content.values())
    return (
        (change.item.path, change.result, change.method, change.row, change.candidates),
        (COPY.sub("COPY", change.target_uuid), change.target_name),
        (change.content is None, content),
        [
            (each.key, each.before, each.after and COPY.sub("COPY", each.after))
            for each in change.fields
        ],
        (change.before, None if has_copy else change.after),
    )


def assert_same_alone(
    lists: Lists, rows: Sequence[StoredItem], mode: Mode, decisions: Decisions = NO_DECISIONS
) -> list[bool]:
    """Return, for each item, whether it could be planned alone."""
    document, server = a_file(**lists), Reading(rows)
    alone = [server.plan_alone(item, document, mode, decisions) for item in document]
    whole = server.plan(document, mode, decisions)
    for one, planned in zip(alone, whole, strict=True):
        if one is not None:
            assert describe(one) == describe(planned)
    return [one is not None for one in alone]


# What names and uuids can do beyond what is drawn elsewhere.
NAMED_USES = [
    {"connections": [{"uuid": uuid, "name": "A"}, {"uuid": uuid.upper(), "name": "of old"}]}
    for uuid in (*UUIDS[Kind.CONNECTION], UUIDS[Kind.CONNECTION][0].replace("-4000-", "-4001-"))
]
flows_said = st.sampled_from([*NAMED_USES, *({"nodes": [{uuid: 1}]} for uuid in ALL_UUIDS), {}])
ROW_UUIDS = [*ALL_UUIDS, *(uuid.replace("-4000-", "-4001-") for uuid in ALL_UUIDS)]
choices = st.lists(
    st.tuples(
        st.sampled_from([None, *Mode]),
        st.sampled_from([None, None, None, *range(8), *ItemAction]),
    ),
    min_size=12,
    max_size=12,
)


def decide(lists: Lists, drawn: Sequence[tuple[Mode | None, ItemAction | int | None]]) -> Decisions:
    """Decisions for some items: a mode, with a row of the item's kind or an action, or one."""
    items = [(kind, item["uuid"]) for kind in Kind for item in lists[kind.plural]]
    of_kind: Mapping[Kind, Sequence[str]] = {
        kind: [*UUIDS[kind], *(uuid.replace("-4000-", "-4001-") for uuid in UUIDS[kind])]
        for kind in Kind
    }
    return {
        key: ItemDecision(mode=mode, action=at)
        if isinstance(at, ItemAction)
        else ItemDecision(mode=mode, target_uuid=None if at is None else of_kind[key[0]][at])
        for key, (mode, at) in zip(items, drawn, strict=False)
        if mode is not None or at is not None
    }


@given(files, servers, st.sampled_from(list(Mode)), choices, st.lists(flows_said, min_size=4))
def test_of_any_file_server_and_decisions(lists, rows, mode, drawn, said):
    flows = [{**item, **more} for item, more in zip(lists["flows"], said, strict=False)]
    lists = {**lists, "flows": flows}
    for decisions in (NO_DECISIONS, decide(lists, drawn)):
        alone = assert_same_alone(lists, rows, mode, decisions)
        event(f"alone: {all(alone)}")
        assert decisions or all(alone)


CONNECTION, SECRET = Kind.CONNECTION, Kind.SECRET
OTHER = "cccccccc-0000-4000-8000-000000000009"
C0, C1, C2, _ = UUIDS[CONNECTION]
S0, S1, *_ = UUIDS[SECRET]
F0, F1, F2, _ = UUIDS[Kind.FLOW]


def test_a_row_of_the_name_that_another_item_is_by_its_uuid_is_not_taken():
    lists = {
        "flows": [{"uuid": F0, "name": "A"}, {"uuid": F1, "name": "B"}],
        "connections": [],
        "secrets": [],
    }
    assert all(assert_same_alone(lists, [stored(Kind.FLOW, F1, "A")], Mode.OVERWRITE))


def test_a_secret_whose_name_ends_with_a_uuid_that_is_rewritten():
    """The name of the second is in the text only after the uuid of the connection is rewritten."""
    lists = {
        "flows": [{"uuid": F0, "name": "F", "info": f"secrets.{C0}"}],
        "connections": [{"uuid": C0, "name": "C"}],
        "secrets": [{"uuid": S0, "name": "eeeeeeee"}],
    }
    rows = [
        stored(CONNECTION, OTHER.replace("cccccccc", "eeeeeeee"), "C"),
        stored(SECRET, S0, "kept"),
    ]
    decisions = {(SECRET, S0): ItemDecision(mode=Mode.SKIP)}
    assert all(assert_same_alone(lists, rows, Mode.OVERWRITE, decisions))
    document = a_file(**lists)
    change = Reading(rows).plan_alone(
        document.items[Kind.FLOW][0], document, Mode.OVERWRITE, decisions
    )
    assert change
    assert change.content
    assert str(change.content["info"]).startswith("secrets.kept-")


def test_the_name_of_a_use_of_a_row_that_an_item_is_decided_to_be():
    lists = {
        "flows": [{"uuid": F0, "name": "F", "connections": [{"uuid": OTHER, "name": "old"}]}],
        "connections": [{"uuid": C0, "name": "C"}],
        "secrets": [],
    }
    decisions = {(CONNECTION, C0): ItemDecision(mode=Mode.SKIP, target_uuid=OTHER)}
    rows = [stored(CONNECTION, OTHER, "of the row")]
    assert all(assert_same_alone(lists, rows, Mode.OVERWRITE, decisions))


def test_the_name_of_a_copy_depends_on_all_of_its_kind():
    lists = {
        "flows": [
            {"uuid": F0, "name": "A"},
            {"uuid": F1, "name": "A (copy)"},
            {"uuid": F2, "name": "B", "info": f"https://host/{F0}"},
        ],
        "connections": [],
        "secrets": [],
    }
    assert all(assert_same_alone(lists, [stored(Kind.FLOW, F0, "A")], Mode.DUPLICATE))


def test_a_decision_for_a_row_that_is_not_there_takes_the_whole_plan():
    lists = {"flows": [{"uuid": F0, "name": "A"}], "connections": [], "secrets": []}
    decisions = {(Kind.FLOW, F0): ItemDecision(target_uuid=F1)}
    assert assert_same_alone(lists, [], Mode.OVERWRITE, decisions) == [False]


def test_no_row_is_read_that_has_no_say():
    lists = {
        "flows": [{"uuid": F0, "name": "A", "info": f"secrets.S {C0}"}, {"uuid": F1, "name": "B"}],
        "connections": [{"uuid": C0, "name": "C"}, {"uuid": C1, "name": "D"}],
        "secrets": [{"uuid": S0, "name": "S"}, {"uuid": S1, "name": "T"}],
    }
    rows = [
        stored(kind, item["uuid"], item["name"]) for kind in Kind for item in lists[kind.plural]
    ]
    document, server = a_file(**lists), Reading(rows)
    assert server.plan_alone(document.items[Kind.FLOW][0], document, Mode.OVERWRITE, NO_DECISIONS)
    assert {row.name for row in server.read} == {"A", "C", "S"}
