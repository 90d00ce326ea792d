"""References to what is in neither the file nor the server: a warning, and no false ones."""

import json

import pytest

from flows.content.fields import Kind
from imports.plans.dangling import Reference, find_unresolved
from imports.plans.plan import Mode
from tests.support.imagined import a_file, planned, stored

SMS = "c4492541-118e-4e23-9450-f2d28204ebee"
TWILIO = "417c5997-296e-4e7d-b482-7c899406041f"
TOKEN = "5ec7e700-0000-4000-8000-000000000001"
GONE = "dddddddd-0000-4000-8000-00000000000d"
LOST = "eeeeeeee-0000-4000-8000-00000000000e"


def missing(flow=None, connection=None, secret=None):
    """What the first item refers to that is missing, as a warning says it."""
    document = a_file(
        flows=[{"uuid": SMS, "name": "SMS", **(flow or {})}],
        connections=[{"uuid": TWILIO, "name": "Twilio", **(connection or {})}],
        secrets=[{"uuid": TOKEN, "name": "TOKEN", **(secret or {})}],
    )
    return {path: [str(one) for one in found] for path, found in find_unresolved(document).items()}


def missing_in_node(**data):
    return missing({"nodes": [{"id": "1", "data": data}]}).get("flows[0]", [])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param({"connectionUuid": GONE}, [f"connection {GONE}"], id="a connection"),
        pytest.param({"subflowUuid": GONE}, [f"flow {GONE}"], id="a subflow"),
        pytest.param({"flowUuid": GONE}, [f"flow {GONE}"], id="a flow"),
        pytest.param({"secretUuid": GONE}, [f"secret {GONE}"], id="a secret"),
        pytest.param({"connectionUuid": GONE.upper()}, [f"connection {GONE}"], id="upper case"),
        pytest.param(
            {"connectionUuids": [LOST, TWILIO, GONE]},
            [f"connection {GONE}", f"connection {LOST}"],
            id="several in a list, sorted",
        ),
        pytest.param(
            {"connectionUuid": GONE, "deeper": [{"subflowUuid": GONE, "connectionUuid": GONE}]},
            [f"connection {GONE}", f"flow {GONE}"],
            id="one of each kind, each once",
        ),
        pytest.param({"connectionUuid": f"x{GONE}"}, [f"connection {GONE}"], id="longer text"),
        pytest.param({"connectionUuid": SMS}, [f"connection {SMS}"], id="a flow is no connection"),
        pytest.param({"code": "secrets.GONE + secrets.TOKEN"}, ["secrets.GONE"], id="in code"),
        pytest.param({"code": "x\nsecrets.GONE"}, ["secrets.GONE"], id="in code, after an escape"),
        pytest.param({"secrets.GONE": 1}, ["secrets.GONE"], id="in a key"),
        pytest.param({"connectionUuid": TWILIO, "subflowUuid": SMS}, [], id="none: in the file"),
        pytest.param({"connectionUuid": TWILIO.upper()}, [], id="none: in the file, upper case"),
        pytest.param({"subflowUuid": SMS}, [], id="none: itself"),
        pytest.param({"code": "secrets.TOKEN"}, [], id="none: a secret of the file"),
        pytest.param({"uuid": GONE, "id": GONE, "x": GONE}, [], id="none: other keys"),
        pytest.param({"connectionUuid": None, "connectionUuids": []}, [], id="none: empty"),
        pytest.param({"connectionUuid": "", "subflowUuid": "{{x}}"}, [], id="none: no uuid"),
        pytest.param({"connectionUuid": 5, "connectionUuids": {"a": GONE}}, [], id="none: types"),
        pytest.param({"code": f'"connectionUuid":"{GONE}"'}, [], id="none: a key within a text"),
        pytest.param({"code": "mysecrets.GONE, secrets[GONE]"}, [], id="none: no secret's name"),
    ],
)
def test_a_nodes_references_that_are_missing_are(data, said):
    assert missing_in_node(**data) == said


def test_edges_and_the_viewport_are_looked_into():
    flow = {"edges": [{"data": {"connectionUuid": GONE}}], "viewport": {"code": "secrets.GONE"}}
    assert missing(flow) == {"flows[0]": [f"connection {GONE}", "secrets.GONE"]}


def test_the_lists_of_what_a_flow_uses_are_looked_into():
    flow = {
        "connections": [GONE.upper(), TWILIO, {"uuid": LOST, "name": "secrets.NO"}],
        "secrets": [{"uuid": GONE}, TOKEN.upper()],
    }
    assert missing(flow)["flows[0]"] == [
        f"connection {GONE}",
        f"connection {LOST}",
        f"secret {GONE}",
        "secrets.NO",
    ]


def test_a_connections_values_are_looked_into():
    connection = {"devValue": "{ a: secrets.GONE }", "prodValue": "{ a: secrets.LOST_ }"}
    assert missing(connection=connection) == {
        "connections[0]": ["secrets.GONE", "secrets.LOST_"],
    }


def test_prose_may_speak_of_what_is_not_there():
    assert (
        missing(
            {"info": "Was secrets.GONE"},
            {"description": "secrets.GONE"},
            {"description": "secrets.GONE"},
        )
        == {}
    )


def test_names_of_items_are_no_references():
    assert missing({"name": "secrets.GONE"}, {"name": "secrets.GONE"}) == {}


def test_null_fields_refer_to_nothing():
    assert (
        missing(
            {"nodes": None, "edges": None, "viewport": None, "connections": None, "secrets": None},
            {"devValue": None, "prodValue": None},
            {"description": None, "tags": None},
        )
        == {}
    )


def test_each_item_has_its_own():
    document = a_file(
        flows=[
            {"uuid": SMS, "name": "A", "nodes": [{"connectionUuid": GONE}]},
            {"uuid": TOKEN, "name": "B", "nodes": [{"connectionUuid": TWILIO}]},
            {"uuid": TWILIO, "name": "C", "nodes": [{"code": "secrets.GONE"}]},
        ]
    )
    assert find_unresolved(document) == {
        "flows[0]": [Reference(Kind.CONNECTION, GONE)],
        "flows[1]": [Reference(Kind.CONNECTION, TWILIO)],
        "flows[2]": [Reference(Kind.SECRET, "GONE", by_name=True)],
    }


def test_a_text_with_thousands_of_keys_is_searched_at_once():
    nodes = [{"connectionUuids": [TWILIO] * 200, "x": '"connectionUuids":["a",' * 50}] * 2000
    nodes.append({"connectionUuid": GONE})
    assert len(json.dumps(nodes)) > 15_000_000
    document = a_file(
        flows=[{"uuid": SMS, "name": "A", "nodes": nodes}],
        connections=[{"uuid": TWILIO, "name": "Twilio"}],
    )
    found = find_unresolved(document)
    assert found == {"flows[0]": [Reference(Kind.CONNECTION, GONE)]}


# --- In a plan

A_FLOW = a_file(flows=[{"uuid": SMS, "name": "SMS"}, {"uuid": TWILIO, "name": "Other"}])
DANGLING = {
    "flows[0]": [
        Reference(Kind.CONNECTION, GONE),
        Reference(Kind.SECRET, "LOST", by_name=True),
    ]
}
WARNINGS = (f"dangling reference to connection {GONE}", "dangling reference to secrets.LOST")


@pytest.mark.parametrize(
    ("mode", "row", "result", "warnings"),
    [
        pytest.param(Mode.SKIP, None, "CREATE", WARNINGS, id="an item that is created"),
        pytest.param(Mode.DUPLICATE, "SMS", "DUPLICATE", WARNINGS, id="a copy"),
        pytest.param(Mode.OVERWRITE, "SMS", "UNCHANGED", WARNINGS, id="an item that is the same"),
        pytest.param(
            Mode.OVERWRITE,
            "Old",
            "OVERWRITE",
            ('renames "Old" to "SMS"', *WARNINGS),
            id="an item that is overwritten, after its other warnings",
        ),
        pytest.param(Mode.SKIP, "SMS", "SKIP", (), id="not a row that is skipped"),
    ],
)
def test_a_dangling_reference_is_a_warning_of(mode, row, result, warnings):
    rows = [stored(Kind.FLOW, SMS, row)] if row else []
    first, second = planned(A_FLOW, *rows, mode=mode, dangling=DANGLING)
    assert (first.result.value, first.warnings) == (result, warnings)
    assert second.warnings == ()


def test_a_dangling_name_in_a_warning_is_printable_and_cut():
    dangling = {
        "flows[0]": [Reference(Kind.SECRET, name, by_name=True) for name in ("A\u200dB", "A" * 500)]
    }
    first, _ = planned(A_FLOW, mode=Mode.SKIP, dangling=dangling)
    assert first.warnings == (
        "dangling reference to secrets.A\\u200dB",
        "dangling reference to secrets." + "A" * 192 + "...",
    )
