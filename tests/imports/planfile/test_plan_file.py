"""The file of a plan: what it holds, what may be edited, and everything else that is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.content.fields import Kind
from imports.errors import FileInvalid, FileTooLarge, FileUnreadable
from imports.planfile.file import make_saved_plan, read_plan, write_plan
from imports.planfile.shape import SavedFile, SavedPlan
from imports.plans.decisions import ItemDecision
from imports.plans.plan import Drift, Mode, Plan
from tests.support.imagined import Server, StoredItem, a_file, stored
from tests.support.imagined import planned as plan_of
from tests.support.importing import connection, flow, secret, uuid_of

FILE = SavedFile(name="zexport.json", size=7, sha256="0" * 64)
ROWS = (
    stored(Kind.FLOW, uuid_of("f", 1), "Orders"),
    stored(Kind.FLOW, uuid_of("f", 8), "Twice"),
    stored(Kind.FLOW, uuid_of("f", 9), "Twice"),
)
DOCUMENT = a_file(
    flows=[flow(1, "Orders", info="file"), flow(2, "Twice"), flow(3, "New")],
    connections=[connection(1, "Twilio", devValue="{ key: secrets.GONE }")],
    secrets=[secret(1, "KEY")],
)


def a_plan(*rows: StoredItem, decisions: Any = None, document: Any = DOCUMENT) -> SavedPlan:
    plan = plan_of(document, *(rows or ROWS), mode=Mode.OVERWRITE)
    return as_saved(plan, *(rows or ROWS), decisions=decisions)


def as_saved(
    plan: Plan, *rows: StoredItem, decisions: Any = None, document: Any = DOCUMENT
) -> SavedPlan:
    return make_saved_plan(
        plan,
        decisions or {},
        {(one.kind, one.row.pk): f"hash of {one.row.name}" for one in rows},
        identity="an identity",
        file=FILE,
        created_at="2026-03-16T17:10:06.000Z",
        created_by="ada",
    )


def read(data: bytes) -> SavedPlan:
    return read_plan(data, max_bytes=10**7)


def changed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    data = json.loads(write_plan(a_plan()))
    change(data)
    return json.dumps(data).encode()


def refusal(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises((FileInvalid, FileUnreadable)) as raised:
        read(data)
    assert raised.value.exit_code == 3
    assert raised.value.message.startswith("The plan file ")
    return [(issue.code, issue.path) for issue in raised.value.issues]


def test_what_is_written_is_what_is_read():
    plan = a_plan(decisions={(Kind.FLOW, uuid_of("f", 1)): ItemDecision(mode=Mode.SKIP)})
    assert read(write_plan(plan)) == plan
    assert plan.decisions == {(Kind.FLOW, uuid_of("f", 1)): ItemDecision(mode=Mode.SKIP)}
    assert not any(item.is_edited for item in plan.items)


def test_the_file_is_indented_and_ends_with_a_line():
    text = write_plan(a_plan()).decode()
    assert text.startswith('{\n  "format": "flow-import-plan",\n  "version": 1,\n')
    assert text.endswith("}\n")


def test_an_item_in_the_file_is_what_a_reviewer_needs():
    orders = json.loads(write_plan(a_plan()))["items"][0]
    assert orders == {
        "path": "flows[0]",
        "kind": "flow",
        "uuid": uuid_of("f", 1),
        "name": "Orders",
        "decision": None,
        "plannedDecision": None,
        "result": "OVERWRITE",
        "matchMethod": "uuid",
        "targetUuid": uuid_of("f", 1),
        "targetName": "Orders",
        "row": {
            "uuid": uuid_of("f", 1),
            "name": "Orders",
            "isDeleted": False,
            "contentHash": "hash of Orders",
        },
        "candidates": [],
        "drift": None,
        "changedKeys": ["info"],
        "retargets": False,
        "warnings": [],
    }


THEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = datetime(2026, 3, 16, 17, 10, 6, 999_001, tzinfo=UTC)
FRESH = {
    "lastImportAt": "2026-03-01T08:00:00.000Z",
    "isEdited": False,
    "editedAt": None,
    "editedBy": None,
    "isOlder": False,
}


@pytest.mark.parametrize(
    ("drift", "told"),
    [
        (Drift(last_import_at=THEN, is_edited=False), {}),
        (Drift(last_import_at=THEN), {"isEdited": None}),
        (
            Drift(last_import_at=THEN, is_edited=True, edited_at=LATER, edited_by="ada"),
            {"isEdited": True, "editedAt": "2026-03-16T17:10:06.999001Z", "editedBy": "ada"},
        ),
        (
            Drift(
                last_import_at=THEN,
                is_edited=False,
                file_updated_at=THEN,
                last_file_updated_at=LATER,
            ),
            {"isOlder": True},
        ),
    ],
)
def test_a_reviewer_sees_what_was_done_to_a_row_since_its_last_import(drift, told):
    plan = plan_of(DOCUMENT, *ROWS, mode=Mode.SKIP)
    orders, *others = plan.changes[Kind.FLOW]
    flows = (replace(orders, drift=drift), *others)
    saved = as_saved(replace(plan, changes={**plan.changes, Kind.FLOW: flows}))
    item = json.loads(write_plan(saved))["items"][0]
    assert item["drift"] == {**FRESH, **told}
    assert read(write_plan(saved)) == saved
    item["drift"]["isEdited"] = "no"
    data = json.loads(write_plan(saved))
    data["items"][0] = item
    assert refusal(json.dumps(data).encode()) == [("wrong-shape", "items[0]")]


def test_the_layout_of_the_file_does_not_count():
    data = json.loads(write_plan(a_plan()))
    backwards = {key: data[key] for key in reversed(data)}
    assert read(json.dumps(backwards).encode()) == a_plan()


@pytest.mark.parametrize(
    ("value", "decision"),
    [
        ("skip", ItemDecision(mode=Mode.SKIP)),
        (uuid_of("f", 9), ItemDecision(target_uuid=uuid_of("f", 9))),
        (
            {"mode": "duplicate", "target": uuid_of("f", 9)},
            ItemDecision(mode=Mode.DUPLICATE, target_uuid=uuid_of("f", 9)),
        ),
    ],
)
def test_a_decision_may_be_edited(value, decision):
    plan = read(changed(lambda data: data["items"][1].update(decision=value)))
    assert plan.decisions == {(Kind.FLOW, uuid_of("f", 2)): decision}
    assert [item.is_edited for item in plan.items] == [False, True, False, False, False]


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a result": lambda data: data["items"][0].update(result="SKIP"),
    "the planned decision": lambda data: data["items"][0].update(plannedDecision="skip"),
    "a hash": lambda data: data["items"][0]["row"].update(contentHash="0"),
    "the drift": lambda data: data["items"][0].update(drift=FRESH),
    "a warning": lambda data: data["items"][0].update(warnings=["none"]),
    "an item that is left out": lambda data: data["items"].pop(),
    "an item twice": lambda data: data["items"].append(data["items"][0]),
    "the order": lambda data: data["items"].reverse(),
    "the mode": lambda data: data.update(mode="skip"),
    "the locks": lambda data: data.update(overrideLocks=True),
    "the server": lambda data: data["server"].update(name="other"),
    "the file": lambda data: data["file"].update(sha256="1" * 64),
    "the issues": lambda data: data.update(issues=[]),
    "the counts": lambda data: data.update(counts={}),
    "who made it": lambda data: data.update(createdBy="bob"),
    "the checksum": lambda data: data.update(checksum="0"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_nothing_else_may_be_edited(edit):
    assert refusal(changed(edit)) == [("edited-plan", "")]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda data: data.pop("format"), [("no-plan", "")]),
        (lambda data: data.update(format="x"), [("no-plan", "")]),
        (lambda data: data.update(version=2), [("unsupported-version", "version")]),
        (lambda data: data.update(version="1"), [("unsupported-version", "version")]),
        (lambda data: data.pop("version"), [("unsupported-version", "version")]),
        (lambda data: data.update(more=1), [("wrong-shape", "")]),
        (lambda data: data.pop("mode"), [("wrong-shape", "")]),
        (lambda data: data.update(mode="leave"), [("wrong-shape", "")]),
        (lambda data: data.update(overrideLocks=1), [("wrong-shape", "")]),
        (lambda data: data.update(issues=None), [("wrong-shape", "")]),
        (lambda data: data.update(items={}), [("wrong-type", "items")]),
        (lambda data: data.pop("items"), [("edited-plan", "")]),
        (lambda data: data["items"].append(7), [("wrong-shape", "items[5]")]),
        (lambda data: data["items"][0].pop("row"), [("wrong-shape", "items[0]")]),
        (lambda data: data["items"][0].update(kind="user"), [("wrong-shape", "items[0]")]),
        (lambda data: data["items"][0].update(decision=7), [("wrong-shape", "items[0]")]),
        (lambda data: data["items"][0].update(decision={"mode": 7}), [("wrong-shape", "items[0]")]),
        (lambda data: data["items"][0].update(decision="leave"), [
            ("invalid-decision", "items[0].decision"),
        ]),
        (lambda data: data["items"][0].update(decision={"mode": "leave"}), [
            ("invalid-decision", "items[0].decision.mode"),
        ]),
        (lambda data: [data["items"][0].update(decision="leave"), data["items"][1].pop("row")], [
            ("invalid-decision", "items[0].decision"), ("wrong-shape", "items[1]"),
        ]),
        (lambda data: data["items"][2].update(decision=uuid_of("f", 77)), [
            ("unlisted-target", "flows[2]"),
        ]),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(change, found):
    assert refusal(changed(change)) == found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", [("empty-file", "")]),
        (b"[]", [("wrong-top-level", "")]),
        (b'"x"', [("wrong-top-level", "")]),
        (b"{}", [("no-plan", "")]),
        (b'{"flows": []}', [("no-plan", "")]),
        (write_plan(a_plan())[:-9], [("invalid-json", "")]),
        (b'{"format": 1, "format": 2}', [("duplicate-key", "format")]),
        (b'{"format": {"a": 1, "a": 2}}', [("duplicate-key", "format.a")]),
        (write_plan(a_plan()).replace(b'"decision"', b'"kind": 1, "decision"', 1), [
            ("duplicate-key", "items[0].kind"),
        ]),
        (b'{"format": ' + b"[" * 100 + b"]" * 100 + b"}", [("too-deep", "format")]),
        (b'{"format": 1e999}', [("out-of-range", "format")]),
        (b"\xff{}", [("invalid-encoding", "")]),
    ],
)  # fmt: skip
def test_what_is_no_strict_json_is_refused(data, found):
    codes = refusal(data)
    assert [code for code, _ in codes] == [code for code, _ in found]
    if found[0][1]:
        assert codes == found


def test_a_plan_that_is_too_large_is_refused():
    with pytest.raises(FileTooLarge) as raised:
        read_plan(write_plan(a_plan()), max_bytes=9)
    assert raised.value.message == (
        "The plan file is larger than the 9 bytes that this server takes. "
        "Export fewer flows at a time, or raise ZIGGY_MAX_IMPORT_BYTES."
    )


def test_rows_to_choose_from_are_not_told_with_every_one_of_very_many_items():
    """Else a small file whose items bear one name would be a plan without end."""
    count = 6000
    document = a_file(flows=[flow(number, "Twice") for number in range(100, 100 + count)])
    plan = a_plan(document=document)
    told = [len(item.candidates) for item in plan.items]
    assert told == [2] * 5001 + [0] * (count - 5001)
    data = json.loads(write_plan(plan))
    data["items"][-1]["decision"] = uuid_of("f", 9)
    assert read(json.dumps(data).encode()).items[-1].chosen_row == uuid_of("f", 9)


def test_the_rows_of_a_plan_are_all_that_it_needs_digests_of():
    server = Server(ROWS)
    assert server.read == []
    plan = a_plan()
    assert [row.content_hash for item in plan.items for row in item.rows] == [
        "hash of Orders", "hash of Twice", "hash of Twice",
    ]  # fmt: skip
