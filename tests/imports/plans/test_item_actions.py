"""Items that are left out or created beside their namesakes, and what is left of a file by "only",
over any file, server and decisions.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flows.content.documents import read_text
from flows.content.fields import Kind
from flows.relations.mentions import Reference
from imports.errors import PlanRefused
from imports.exportfile.document import ExportDocument
from imports.exportfile.warnings import WarningCode
from imports.plans import item_destinations
from imports.plans.build import build_plan
from imports.plans.dangling import find_unresolved
from imports.plans.decisions import Decisions, ItemAction, ItemDecision
from imports.plans.left_out import remove_left_out
from imports.plans.matching import MatchMethod
from imports.plans.only import leave_out_others
from imports.plans.plan import Change, Mode, Plan, Result
from tests.support.drawn import UUIDS, Lists, files, servers
from tests.support.imagined import Server, StoredItem, a_file, stored
from tests.support.uuids import HERE, ONE, THERE, THREE, TWO

COPY = re.compile(r"dddddddd-0000-4000-8000-\d{12}")
CREATE = ItemDecision(action=ItemAction.CREATE)
LEAVE_OUT = ItemDecision(action=ItemAction.LEAVE_OUT)

modes = st.sampled_from(list(Mode))
drawn_decisions = st.lists(
    st.sampled_from(
        [None, None, CREATE, LEAVE_OUT, *(ItemDecision(mode=mode) for mode in Mode), "row"]
    ),
    min_size=12,
    max_size=12,
)


@pytest.fixture(autouse=True)
def _recognisable_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the uuids of copies, which are random, begin alike."""
    numbers = iter(range(10**9))
    monkeypatch.setattr(
        item_destinations, "uuid4", lambda: f"dddddddd-0000-4000-8000-{next(numbers):012}"
    )


def make_plan(
    document: ExportDocument, rows: Sequence[StoredItem], mode: Mode, decisions: Decisions
) -> Plan:
    """The plan with what dangles on this server, as the service makes it."""
    live = {
        *(Reference(item.kind, item.row.uuid) for item in rows if not item.row.is_deleted),
        *(
            Reference(item.kind, item.row.name, by_name=True)
            for item in rows
            if not item.row.is_deleted
        ),
    }
    dangling = {
        path: [reference for reference in found if reference not in live]
        for path, found in find_unresolved(remove_left_out(document, decisions)).items()
    }
    inputs = Server(rows).as_stored(dangling)
    return build_plan(document, inputs, server="here", mode=mode, decisions=decisions)


def decide(lists: Lists, drawn: Sequence[Any]) -> dict[tuple[Kind, str], ItemDecision]:
    keys = [(kind, item["uuid"]) for kind in Kind for item in lists[kind.plural]]
    return {
        key: ItemDecision(target_uuid=UUIDS[key[0]][0]) if decision == "row" else decision
        for key, decision in zip(keys, drawn, strict=False)
        if decision
    }


def describe(change: Change) -> Any:
    """All that is planned for an item, but its place in the file."""
    content = {
        column: COPY.sub("COPY", text) if isinstance(text := read_text(value), str) else text
        for column, value in (change.content or {}).items()
    }
    return (
        (change.item.kind, change.item.uuid, change.result, change.method),
        (change.row, change.candidates, COPY.sub("COPY", change.target_uuid), change.target_name),
        (change.content is None, content, [each.key for each in change.fields]),
        [COPY.sub("COPY", text) for text in change.warnings],
    )


@given(files, servers, modes, drawn_decisions)
def test_leaving_items_out_is_as_if_the_file_did_not_have_them(lists, rows, mode, drawn):
    decisions = decide(lists, drawn)
    left_out = {key for key, one in decisions.items() if one == LEAVE_OUT}
    event(f"left out: {len(left_out)}")
    without = {
        kind.plural: [item for item in lists[kind.plural] if (kind, item["uuid"]) not in left_out]
        for kind in Kind
    }
    others = {key: one for key, one in decisions.items() if key not in left_out}
    plan = make_plan(a_file(**lists), rows, mode, decisions)
    expected = make_plan(a_file(**without), rows, mode, others)
    assert [describe(change) for change in plan if not change.is_left_out] == [
        describe(change) for change in expected
    ]
    assert [(issue.code, issue.uuid, issue.message) for issue in plan.issues] == [
        (issue.code, issue.uuid, issue.message) for issue in expected.issues
    ]
    assert {
        (change.item.kind, change.item.uuid): (change.result, change.method, change.content)
        for change in plan
        if change.is_left_out
    } == dict.fromkeys(left_out, (Result.SKIP, MatchMethod.UNMATCHED, None))


@given(files, servers, modes, drawn_decisions)
def test_a_created_item_touches_no_namesake(lists, rows, mode, drawn):
    decisions = decide(lists, drawn)
    plan = make_plan(a_file(**lists), rows, mode, decisions)
    live = {(item.kind, item.row.uuid) for item in rows if not item.row.is_deleted}
    for change in plan:
        key = change.item.kind, change.item.uuid
        if decisions.get(key) != CREATE:
            continue
        event(f"created: {change.result}")
        if key in live:
            codes = {issue.code for issue in plan.issues if issue.path == change.item.path}
            assert "uuid-taken" in codes
            continue
        assert change.result is Result.CREATE
        assert (change.target_uuid, change.target_name) == (change.item.uuid, change.item.name)
        assert change.row is None or (change.row.is_deleted and change.row.uuid == change.item.uuid)


@given(files, servers, modes, drawn_decisions)
def test_an_item_is_ambiguous_where_the_plan_says_so_and_then_nothing_is_written(
    lists, rows, mode, drawn
):
    plan = make_plan(a_file(**lists), rows, mode, decide(lists, drawn))
    said = {issue.path for issue in plan.issues if issue.code == "ambiguous-name"}
    ambiguous = [change for change in plan if change.result is Result.AMBIGUOUS]
    event(f"ambiguous: {len(ambiguous)}")
    assert {change.item.path for change in ambiguous} == said
    assert plan.counts[Result.AMBIGUOUS] == len(said)
    for change in ambiguous:
        assert (change.row, change.content, change.writes) == (None, None, False)
        assert change.candidates
        assert change.target_uuid == change.item.uuid


def find_dangling(plan: Plan) -> set[tuple[str, str]]:
    return {
        (change.item.uuid, warning.text)
        for change in plan
        for warning in change.own_warnings
        if warning.code == WarningCode.DANGLING_REFERENCE
    }


@given(files, servers, modes, drawn_decisions, st.integers(0, 11))
def test_only_an_item_with_what_it_uses_leaves_nothing_dangling(lists, rows, mode, drawn, at):
    document = a_file(**lists)
    keys = [(item.kind, item.uuid) for item in document]
    kind, uuid = keys[at % len(keys)]
    decisions = {
        key: one for key, one in decide(lists, drawn).items() if one != LEAVE_OUT or key[1] != uuid
    }
    before = make_plan(document, rows, mode, decisions)
    only = leave_out_others(document, [f"{kind}:{uuid}"], decisions)
    after = make_plan(document, rows, mode, only)
    left_out = {(change.item.kind, change.item.uuid) for change in after if change.is_left_out}
    event(f"left: {len(keys) - len(left_out)}")
    assert (kind, uuid) not in left_out
    # What is skipped beside others, as of one row, warns of nothing until it comes alone.
    warned = {change.item.uuid for change in before if change.writes}
    assert {each for each in find_dangling(after) if each[0] in warned} <= find_dangling(before)


FLOW = {"uuid": ONE, "name": "A", "nodes": [{"id": "1", "connectionUuid": TWO}]}
TWILIO = {"uuid": TWO, "name": "Twilio", "devValue": "{token: secrets.TOKEN}"}
TOKEN = {"uuid": THREE, "name": "TOKEN"}
OTHERS = {
    "flows": [{"uuid": HERE, "name": "B"}],
    "connections": [{"uuid": THERE, "name": "A"}],
}
FILE = a_file(
    flows=[FLOW, *OTHERS["flows"]], connections=[TWILIO, *OTHERS["connections"]], secrets=[TOKEN]
)


def keep(*words: str, decisions: Mapping[tuple[Kind, str], ItemDecision] | None = None) -> set[str]:
    decided = leave_out_others(FILE, words, decisions or {})
    return {item.name for item in FILE if decided.get((item.kind, item.uuid)) != LEAVE_OUT}


@pytest.mark.parametrize("word", [ONE, ONE.upper(), "flow:A", f"flow:{ONE}"])
def test_an_item_is_chosen_by_its_uuid_or_its_name(word):
    assert keep(word) == {"A", "Twilio", "TOKEN"}


def test_several_items_are_chosen():
    assert keep("TOKEN", "B") == {"TOKEN", "B"}


def test_what_a_left_out_item_uses_is_not_followed():
    assert keep(ONE, decisions={(Kind.CONNECTION, TWO): LEAVE_OUT}) == {"A"}


def test_words_that_mean_no_item_or_several_are_refused_all_at_once():
    with pytest.raises(PlanRefused) as raised:
        leave_out_others(FILE, ["A", "B", "b", "secret:B", f"flow:{TWO}"], {})
    assert [(issue.code, issue.path) for issue in raised.value.issues] == [
        ("ambiguous-item", "only[0]"),
        ("unknown-item", "only[2]"),
        ("unknown-item", "only[3]"),
        ("unknown-item", "only[4]"),
    ]
    assert raised.value.message == (
        f'only[0]: 2 items of the file are "A": flow:{ONE}, connection:{THERE}. '
        "Say which one in this form. (3 more problems)"
    )
    assert (raised.value.status, raised.value.exit_code) == (422, 3)


def test_a_name_beside_a_row_of_that_name_is_warned_of():
    rows = [stored(Kind.CONNECTION, HERE, "Twilio"), stored(Kind.CONNECTION, THERE, "Twilio")]
    document = a_file(connections=[TWILIO])
    plan = make_plan(document, rows, Mode.OVERWRITE, {(Kind.CONNECTION, TWO): CREATE})
    (change,) = plan
    assert not plan.issues
    assert change.result is Result.CREATE
    assert change.warnings[0] == f'another connection on this server is named "Twilio" too: {HERE}'


def test_a_secret_is_not_created_beside_its_namesake():
    document = a_file(secrets=[TOKEN])
    rows = [stored(Kind.SECRET, HERE, "TOKEN")]
    plan = make_plan(document, rows, Mode.OVERWRITE, {(Kind.SECRET, THREE): CREATE})
    assert [issue.code for issue in plan.issues] == ["name-taken"]


def test_what_refers_to_an_item_that_is_left_out_is_warned_of():
    plan = make_plan(FILE, [], Mode.OVERWRITE, {(Kind.CONNECTION, TWO): LEAVE_OUT})
    assert find_dangling(plan) == {(ONE, f"dangling reference to connection {TWO}")}
    rows = [stored(Kind.CONNECTION, TWO, "Twilio")]
    plan = make_plan(FILE, rows, Mode.OVERWRITE, {(Kind.CONNECTION, TWO): LEAVE_OUT})
    assert find_dangling(plan) == set()
