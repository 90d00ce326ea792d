"""Which warnings of a plan must be acknowledged: of what is written, and of stored values."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flows.acknowledgeable import MAY_ACKNOWLEDGE
from flows.conf import Ziggy
from flows.content.fields import Kind, get_columns
from imports.plans.acknowledgement import count_items, find_red_warnings
from imports.plans.build import build_plan
from imports.plans.drift import LastImport
from imports.plans.plan import Mode, compute_content_digest
from tests.support.imagined import Server, a_file, planned, stored
from tests.support.uuids import ONE, THREE, TWO

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET
HERE, THERE = (f"{{ host: '{host}.example.com', key: secrets.KEY }}" for host in "ab")


def codes_of(plan):
    return [str(red.code) for red in find_red_warnings(plan)]


def sent(*, has_value=True, mode=Mode.OVERWRITE, to=THERE):
    rows = [
        stored(SECRET, ONE, "KEY", has_value=has_value),
        stored(CONNECTION, TWO, "Mail", dev_value=HERE),
    ]
    item = {"uuid": TWO, "name": "Mail", "devValue": to}
    return planned(a_file(connections=[item]), *rows, mode=mode)


def used(*, has_value=True, is_new=False):
    nodes = [{"id": "1", "data": {"code": "secrets.KEY"}}]
    rows = [stored(SECRET, ONE, "KEY", has_value=has_value)]
    if not is_new:
        rows.append(stored(FLOW, THREE, "A"))
    return planned(
        a_file(flows=[{"uuid": THREE, "name": "A", "nodes": nodes}]), *rows, mode=Mode.OVERWRITE
    )


def drifted(mode=Mode.OVERWRITE, info="new"):
    row = stored(FLOW, ONE, "A", info="edited")
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    left = compute_content_digest({**row.content, "info": "imported"}, get_columns(FLOW))
    inputs = replace(
        Server([row]).as_stored(),
        live_names={kind: set() for kind in Kind},
        last_imports={FLOW: {ONE: LastImport(at=at, digest=left, file_updated_at=at)}},
    )
    item = {"uuid": ONE, "name": "A", "info": info, "updatedAt": "2026-02-01T00:00:00Z"}
    return build_plan(a_file(flows=[item]), inputs, server="production", mode=mode)


def hidden(mode=Mode.OVERWRITE, *, info="", **data):
    row = stored(FLOW, ONE, "A")
    nodes = [{"id": "1", "data": data or {"code": "if (a\u202e) {}"}}]
    item = {"uuid": ONE, "name": "A", "nodes": nodes, "info": info}
    return planned(a_file(flows=[item]), row, mode=mode)


def test_the_setting_may_name_these_codes_and_no_others():
    assert set(Ziggy.MUST_ACKNOWLEDGE) <= set(MAY_ACKNOWLEDGE)


@pytest.mark.parametrize(
    ("plan", "codes"),
    [
        pytest.param(sent(), ["secret-to-new-destination"], id="a stored value goes elsewhere"),
        pytest.param(sent(has_value=False), [], id="there is no value"),
        pytest.param(sent(to=HERE), [], id="it goes where it goes now"),
        pytest.param(sent(mode=Mode.SKIP), [], id="it is skipped"),
        pytest.param(used(), ["code-uses-secret"], id="code uses a stored value"),
        pytest.param(used(has_value=False), [], id="code names a secret without a value"),
        pytest.param(used(is_new=True), [], id="a new flow uses a stored value"),
        pytest.param(drifted(), ["edited-here", "older-file"], id="an edit is overwritten"),
        pytest.param(drifted(Mode.SKIP), [], id="an edited row is left alone"),
        pytest.param(drifted(Mode.DUPLICATE), [], id="an edited row gets a copy beside it"),
        pytest.param(drifted(info="edited"), [], id="the file has the edit as well"),
        pytest.param(hidden(), ["invisible-characters"], id="code hides something"),
        pytest.param(hidden(label="a\u202eb", info="\u202e"), [], id="prose does"),
        pytest.param(hidden(Mode.DUPLICATE), ["invisible-characters"], id="its copy does"),
        pytest.param(hidden(Mode.SKIP), [], id="it is not written"),
    ],
)
def test_what_must_be_acknowledged(plan, codes):
    assert codes_of(plan) == codes


def test_it_is_said_of_its_item():
    (red,) = find_red_warnings(sent())
    assert (red.issue.code, red.issue.path, red.issue.uuid, red.issue.name) == (
        *("secret-to-new-destination", "connections[0]"),
        *(TWO, "Mail"),
    )
    assert "a.example.com -> b.example.com" in red.issue.message
    (hides,) = find_red_warnings(hidden())
    assert hides.issue.path == "flows[0].nodes[0].data.code"
    assert count_items([red, red]) == {"secret-to-new-destination": 1}


def test_the_same_warning_of_another_plan_has_the_same_key_and_no_other_has():
    def key(plan):
        return [red.key for red in find_red_warnings(plan)]

    assert key(sent()) == key(sent())
    elsewhere = THERE.replace("b.example", "c.example")
    keys = [*key(sent()), *key(sent(to=elsewhere)), *key(used()), *key(hidden()), *key(drifted())]
    assert len({*keys}) == len(keys) == 6
