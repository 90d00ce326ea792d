"""What programs are told of a warning: its code, and as data what its text says."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flows.content.fields import Kind, get_columns
from flows.relations.mentions import Reference
from imports.api.shapes.warnings import WarningFactsSerializer
from imports.exportfile.warnings import _KEY_RANKS as KEYS_IN_ORDER
from imports.exportfile.warnings import PlanWarning, WarningCode, sort_keys
from imports.plans.build import build_plan
from imports.plans.drift import LastImport, LastWrite
from imports.plans.plan import Mode, compute_content_digest
from imports.report import make_details
from tests.support.directories import read_export, split_document, zip_files
from tests.support.imagined import Server, a_file, planned, stored
from tests.support.uuids import ONE, TWO

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET
IN_VAIN = {"flows[0]": [Reference(CONNECTION, TWO), Reference(SECRET, "LOST", by_name=True)]}


def details(plan):
    return [warning.as_dict() for change in plan for warning in change.all_warnings]


def codes_and_data(plan):
    return [(detail["code"], detail["data"]) for detail in details(plan)]


def of_flow(*rows, **values):
    return planned(a_file(flows=[{"uuid": ONE, "name": "A", **values}]), *rows, mode=Mode.OVERWRITE)


def of_secret(*rows, **values):
    return planned(
        a_file(secrets=[{"uuid": ONE, "name": "KEY", **values}]), *rows, mode=Mode.OVERWRITE
    )


def of_a_leftover_file():
    files = split_document({"flows": [{"uuid": ONE, "name": "A"}]})
    archive = zip_files({**files, "flows/a/notes.txt": b""})
    return planned(read_export(archive), mode=Mode.OVERWRITE)


def of_dangling_references():
    return planned(
        a_file(flows=[{"uuid": ONE, "name": "A"}]), mode=Mode.OVERWRITE, dangling=IN_VAIN
    )


def of_a_renamed_secret():
    user = stored(CONNECTION, TWO, "Mail", dev_value="{ key: secrets.OLD }")
    return of_secret(stored(SECRET, ONE, "OLD"), user)


def of_drift():
    row = stored(FLOW, ONE, "A", info="edited")
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    left = compute_content_digest({**row.content, "info": "imported"}, get_columns(FLOW))
    facts = replace(
        Server([row]).as_stored(),
        last_imports={FLOW: {ONE: LastImport(at=at, digest=left, file_updated_at=at)}},
        read_last_writes=lambda _, pks: {
            pk: LastWrite(at=at.replace(day=2), by="ada") for pk in pks
        },
    )
    document = a_file(
        flows=[{"uuid": ONE, "name": "A", "info": "new", "updatedAt": "2026-02-01T00:00:00Z"}]
    )
    return build_plan(
        document, facts, server="production", mode=Mode.OVERWRITE, override_locks=False
    )


CASES = [
    pytest.param(
        of_flow(stored(FLOW, ONE, "Old")), ("renames", {"from": "Old", "to": "A"}), id="renames"
    ),
    pytest.param(
        of_flow(stored(FLOW, ONE, "A", info="x"), stored(FLOW, TWO, "A")),
        ("shared-name", {"name": "A", "others": [{"kind": "flow", "uuid": TWO}], "more": 0}),
        id="shared-name",
    ),
    pytest.param(
        of_flow(stored(FLOW, ONE, "A", is_deleted=True)),
        ("brought-back", {"kind": "flow"}),
        id="brought-back",
    ),
    pytest.param(
        of_flow(isDeleted=True),
        ("deletion-ignored", {"key": "isDeleted"}),
        id="deletion-ignored",
    ),
    pytest.param(
        of_flow(info="a\u202eb"),
        (
            "invisible-characters",
            {
                "places": [{"path": "info", "characters": ["U+202E RIGHT-TO-LEFT OVERRIDE"]}],
                "more": 0,
            },
        ),
        id="invisible-characters",
    ),
    pytest.param(
        of_a_leftover_file(),
        ("leftover-files", {"files": ["notes.txt"], "more": 0}),
        id="leftover-files",
    ),
    pytest.param(of_flow(name=""), ("no-name", {"kind": "flow"}), id="no-name"),
    pytest.param(
        of_secret(stored(SECRET, ONE, "KEY"), devValue="CANARY-of-a-file"),
        ("value-ignored", {"key": "devValue"}),
        id="value-ignored",
    ),
]
ALL_PLANS = [
    *(case.values[0] for case in CASES),
    *(of_dangling_references(), of_a_renamed_secret(), of_drift()),
]


def test_every_code_has_a_case_here():
    covered = {code for plan in ALL_PLANS for code, _ in codes_and_data(plan)}
    assert {*map(str, WarningCode)} - covered == set(), "give it a plan, in CASES or beside them"


def test_every_key_of_the_data_is_in_the_api_and_has_a_place_in_the_order():
    keys = {key for plan in ALL_PLANS for _, data in codes_and_data(plan) for key in data}
    assert keys - WarningFactsSerializer.fields.keys() == set(), "imports/api/shapes/warnings.py"
    assert keys - KEYS_IN_ORDER.keys() == set(), "_KEYS of imports/exportfile/warnings.py"


@pytest.mark.parametrize(("plan", "expected"), CASES)
def test_a_warning_has_what_its_text_says(plan, expected):
    assert codes_and_data(plan) == [expected]
    assert "CANARY" not in json.dumps(details(plan))


def test_a_dangling_reference_has_its_kind_and_target():
    plan = of_dangling_references()
    assert codes_and_data(plan) == [
        ("dangling-reference", {"kind": "connection", "target": TWO}),
        ("dangling-reference", {"kind": "secret", "target": "LOST"}),
    ]


def test_a_secret_that_is_renamed_has_who_uses_its_old_name():
    (renames, in_use) = codes_and_data(of_a_renamed_secret())
    assert renames == ("renames", {"from": "OLD", "to": "KEY"})
    assert in_use == (
        "secret-renamed-in-use",
        {
            "name": "OLD",
            "users": [{"kind": "connection", "uuid": TWO, "name": "Mail"}],
            "more": 0,
        },
    )


def test_drift_has_its_times_and_who_it_was():
    assert codes_and_data(of_drift()) == [
        (
            "edited-here",
            {
                "at": "2026-03-02T10:00:00.000Z",
                "by": "ada",
                "lastImportAt": "2026-03-01T10:00:00.000Z",
            },
        ),
        (
            "older-file",
            {
                "fileUpdatedAt": "2026-02-01T00:00:00.000Z",
                "lastUpdatedAt": "2026-03-01T10:00:00.000Z",
            },
        ),
    ]


def test_a_warning_of_many_others_has_the_first_five_and_their_number():
    document = a_file(
        flows=[{"uuid": f"{number:08}{ONE[8:]}", "name": "A"} for number in range(30)]
    )
    plan = planned(document, mode=Mode.OVERWRITE)
    for detail in details(plan):
        assert len(detail["data"]["others"]) == 5
        assert detail["data"]["more"] == 24
        assert detail["text"].endswith(" and 24 more")


def test_a_uuid_of_no_row_is_null_in_all_data():
    others = [{"kind": "flow", "uuid": ONE}, {"kind": "flow", "uuid": TWO}]
    shared = PlanWarning(code="shared-name", text="x", data={"others": others, "more": 0})
    sent = PlanWarning(code="x", text="x", data=[{"uuid": ONE, "secretUuid": ONE, "name": ONE}])
    told = make_details([shared, sent], without={ONE})["warningDetails"]
    assert told[0]["data"]["others"] == [{"kind": "flow", "uuid": None}, others[1]]
    assert told[1]["data"] == [{"secretUuid": None, "uuid": None, "name": ONE}]
    assert make_details([shared])["warningDetails"][0]["data"]["others"] == others


def test_what_a_database_gives_back_in_another_order_is_in_order_again():
    detail = PlanWarning(
        code="shared-name",
        text="x",
        data={"name": "A", "others": [{"kind": "flow", "uuid": ONE}], "more": 0},
    ).as_dict()
    mixed = json.loads(json.dumps(detail, sort_keys=True))
    assert json.dumps(mixed) != json.dumps(detail)
    assert json.dumps(sort_keys(mixed)) == json.dumps(detail)
