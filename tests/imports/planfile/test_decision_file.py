"""A file of decisions: what a person may write, and what is refused, all of it at once."""

import json
from typing import Any

import pytest

from flows.content.fields import Kind
from imports.errors import FileInvalid, FileTooLarge, FileUnreadable, PlanRefused
from imports.planfile.decisions import (
    make_decision_value,
    match_decisions,
    read_decision,
    read_decisions,
)
from imports.plans.decisions import ItemDecision
from imports.plans.plan import Mode
from tests.support.imagined import a_file
from tests.support.importing import connection, flow, uuid_of

ONE, TWO = uuid_of("f", 1), uuid_of("f", 2)
ROW = "aaaaaaaa-0000-4000-8000-000000000009"


def read(decisions: Any) -> Any:
    return read_decisions(json.dumps({"decisions": decisions}).encode(), max_bytes=10_000)


def refusal(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises((FileInvalid, FileUnreadable)) as raised:
        read_decisions(data, max_bytes=10_000)
    assert raised.value.exit_code == 3
    assert raised.value.message.startswith("The decisions file ")
    return [(issue.code, issue.path) for issue in raised.value.issues]


@pytest.mark.parametrize(
    ("value", "decision"),
    [
        ("skip", ItemDecision(mode=Mode.SKIP)),
        ("duplicate", ItemDecision(mode=Mode.DUPLICATE)),
        ("overwrite", ItemDecision(mode=Mode.OVERWRITE)),
        (ROW, ItemDecision(target_uuid=ROW)),
        (ROW.upper(), ItemDecision(target_uuid=ROW)),
        ({"mode": "skip"}, ItemDecision(mode=Mode.SKIP)),
        ({"target": ROW}, ItemDecision(target_uuid=ROW)),
        ({"mode": "overwrite", "target": ROW}, ItemDecision(mode=Mode.OVERWRITE, target_uuid=ROW)),
    ],
)
def test_a_decision_is_a_mode_a_row_or_both(value, decision):
    assert [one.decision for one in read({ONE: value})] == [decision]
    assert read_decision(make_decision_value(decision)) == decision


@pytest.mark.parametrize(
    ("value", "code", "path"),
    [
        ("leave", "invalid-decision", ""),
        ("SKIP", "invalid-decision", ""),
        ("", "invalid-decision", ""),
        (None, "invalid-decision", ""),
        (True, "invalid-decision", ""),
        (["skip"], "invalid-decision", ""),
        ({}, "invalid-decision", ""),
        ({"mode": "rename"}, "invalid-decision", ".mode"),
        ({"mode": None}, "invalid-decision", ".mode"),
        ({"mode": ["skip"]}, "invalid-decision", ".mode"),
        ({"target": "skip"}, "invalid-decision", ".target"),
        ({"target": None}, "invalid-decision", ".target"),
        ({"mode": "skip", "kind": "flow"}, "unknown-key", ".kind"),
    ],
)
def test_anything_else_is_refused(value, code, path):
    found = refusal(json.dumps({"decisions": {ONE: value}}).encode())
    assert found == [(code, f"decisions.{ONE}{path}")]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", [("empty-file", "")]),
        (b"[]", [("wrong-top-level", "")]),
        (b"7", [("wrong-top-level", "")]),
        (b"{", [("invalid-json", "")]),
        (b'{"decisions": {"a": "skip", "a": "skip"}}', [("duplicate-key", "decisions.a")]),
        (b'{"decisions": {}, "decisions": {}}', [("duplicate-key", "decisions")]),
        (b"{}", [("wrong-type", "decisions")]),
        (b'{"decisions": []}', [("wrong-type", "decisions")]),
        (b'{"decisions": {}, "mode": "skip"}', [("unknown-key", "mode")]),
        (b'{"decisions": {"a": "skip", "row:b": "skp"}}', [
            ("invalid-uuid", "decisions.a"), ("invalid-kind", 'decisions["row:b"]'),
        ]),
        (b'\xef\xbb\xbf{"decisions": {}}', [("byte-order-mark", "")]),
        (b'{"decisions": {"\\ud800": "skip"}}', [("lone-surrogate", "")]),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(data, found):
    assert refusal(data) == found


def test_a_file_that_is_too_large_is_refused():
    with pytest.raises(FileTooLarge, match="The decisions file is larger than the 5 bytes"):
        read_decisions(b'{"decisions": {}}', max_bytes=5)


def test_every_problem_is_told_at_once():
    data = {"decisions": {ONE: "skp", TWO: {"mode": 1}, "x": "skip"}, "more": 1}
    assert len(refusal(json.dumps(data).encode())) == 4


def test_a_uuid_is_that_of_the_file_in_any_case():
    document = a_file(flows=[flow(1, "A")])
    settled = match_decisions(read({ONE.upper(): "skip"}), document)
    assert settled == {(Kind.FLOW, ONE): ItemDecision(mode=Mode.SKIP)}


class TestAUuidOfTwoKinds:
    DOCUMENT = a_file(flows=[flow(1, "A")], connections=[{**connection(1, "B"), "uuid": ONE}])

    def test_needs_the_kind(self):
        with pytest.raises(PlanRefused) as raised:
            match_decisions(read({ONE: "skip"}), self.DOCUMENT)
        [issue] = raised.value.issues
        assert (issue.code, issue.uuid) == ("ambiguous-uuid", ONE)
        assert f"flow:{ONE} or connection:{ONE}" in issue.message

    def test_is_decided_on_for_each(self):
        settled = match_decisions(
            read({f"flow:{ONE}": "skip", f"connection:{ONE}": "duplicate"}), self.DOCUMENT
        )
        assert settled == {
            (Kind.FLOW, ONE): ItemDecision(mode=Mode.SKIP),
            (Kind.CONNECTION, ONE): ItemDecision(mode=Mode.DUPLICATE),
        }


def test_what_does_not_fit_the_export_is_told_at_once():
    given = read({TWO: "skip", f"secret:{ONE}": "skip", ONE: "skip", ONE.upper(): "overwrite"})
    with pytest.raises(PlanRefused) as raised:
        match_decisions(given, a_file(flows=[flow(1, "A")]))
    assert [(issue.code, issue.path) for issue in raised.value.issues] == [
        ("unknown-item", f"decisions.{TWO}"),
        ("unknown-item", f'decisions["secret:{ONE}"]'),
        ("duplicate-decision", f"decisions.{ONE.upper()}"),
    ]
    assert raised.value.exit_code == 3
