"""Decisions for single items: kept as plain values, by kind, and for items of the file alone."""

import imports.plans.decisions
from flows.content.fields import Kind
from imports.plans.decisions import (
    NO_DECISIONS,
    ItemDecision,
    convert_decisions,
    find_decisions_to_nothing,
    get_targets,
    read_decision_list,
)
from imports.plans.plan import Mode
from tests.support.imagined import a_file
from tests.support.inert import assert_inert
from tests.support.uuids import HERE, ONE, THERE, TWO

DECISIONS = {
    (Kind.FLOW, ONE): ItemDecision(mode=Mode.SKIP),
    (Kind.FLOW, TWO): ItemDecision(target_uuid=HERE),
    (Kind.CONNECTION, ONE): ItemDecision(mode=Mode.OVERWRITE, target_uuid=THERE),
    (Kind.SECRET, ONE): ItemDecision(),
}
KEPT = [
    {"kind": "flow", "uuid": ONE, "mode": "skip", "target": None},
    {"kind": "flow", "uuid": TWO, "mode": None, "target": HERE},
    {"kind": "connection", "uuid": ONE, "mode": "overwrite", "target": THERE},
    {"kind": "secret", "uuid": ONE, "mode": None, "target": None},
]


def test_decisions_are_inert_data() -> None:
    assert_inert(imports.plans.decisions)


def test_decisions_are_kept_as_plain_values() -> None:
    assert convert_decisions(DECISIONS) == KEPT
    for one in convert_decisions(DECISIONS):
        assert {type(value) for value in one.values()} <= {str, type(None)}


def test_and_come_back_from_them() -> None:
    assert read_decision_list(KEPT) == DECISIONS
    assert read_decision_list([]) == NO_DECISIONS == {}


def test_the_chosen_rows_are_those_of_the_kind() -> None:
    assert get_targets(Kind.FLOW, DECISIONS) == {TWO: HERE}
    assert get_targets(Kind.CONNECTION, DECISIONS) == {ONE: THERE}
    assert get_targets(Kind.SECRET, DECISIONS) == {}


def test_a_decision_on_what_the_file_does_not_have_is_told() -> None:
    document = a_file(flows=[{"uuid": ONE, "name": "A"}, {"uuid": TWO, "name": "B"}])
    issues = list(find_decisions_to_nothing(document, DECISIONS))
    assert [(issue.code, issue.message, issue.path, issue.uuid) for issue in issues] == [
        ("unknown-item", f"The file has no connection {ONE} to decide on.", "", ONE),
        ("unknown-item", f"The file has no secret {ONE} to decide on.", "", ONE),
    ]
