"""When two plans would do the same, so that a yes to one is a yes to the other."""

import json
from dataclasses import replace

import pytest

from flows.content.fields import Kind
from imports.exportfile.document import parse
from imports.planfile.snapshot import make_confirmation_token, make_snapshot
from imports.plans.plan import Mode
from tests.support.imagined import FILE_OF_FOUR as FILE
from tests.support.imagined import a_file, planned, stored
from tests.support.uuids import HERE, ONE, THERE, THREE, TWO

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET


def plan_of(mode, *rows, document=FILE, **options):
    return planned(document, *rows, mode=mode, **options)


ROWS = (
    stored(FLOW, ONE, "A", info="old", tags='["kept"]'),
    stored(FLOW, TWO, "B"),
    stored(CONNECTION, HERE, "Twilio"),
)
A_ROW, B_ROW, TWILIO_ROW = ROWS


def token(mode, *rows, **options):
    return token_of(plan_of(mode, *rows, **options))


def token_of(plan):
    return make_confirmation_token(make_snapshot(plan))


def other_content(row, **columns):
    return replace(row, content={**row.content, **columns})


def other_row(row, **changes):
    return replace(row, row=replace(row.row, **changes))


@pytest.mark.parametrize("mode", list(Mode))
def test_two_plans_of_one_state_have_one_token(mode):
    assert token(mode, *ROWS) == token(mode, *reversed(ROWS))


def test_a_token_is_of_64_hexadecimal_digits():
    assert len(bytes.fromhex(token(Mode.SKIP, *ROWS))) == 32


@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        pytest.param(Mode.OVERWRITE, (A_ROW, TWILIO_ROW), id="a row has gone"),
        pytest.param(Mode.OVERWRITE, (*ROWS, stored(SECRET, THREE, "TOKEN")), id="a row has come"),
        pytest.param(
            Mode.SKIP, (*ROWS, stored(SECRET, THREE, "TOKEN")), id="a row to skip has come"
        ),
        pytest.param(
            Mode.OVERWRITE,
            (other_content(A_ROW, info="older"), B_ROW, TWILIO_ROW),
            id="a field that will be overwritten was edited",
        ),
        pytest.param(
            Mode.OVERWRITE,
            (other_content(A_ROW, tags='["edited"]'), B_ROW, TWILIO_ROW),
            id="another field of a row that will be overwritten was edited",
        ),
        pytest.param(
            Mode.OVERWRITE,
            (other_content(A_ROW, extra='{"edited":1}'), B_ROW, TWILIO_ROW),
            id="an unknown key of a row that will be overwritten was edited",
        ),
        pytest.param(
            Mode.OVERWRITE,
            (A_ROW, other_content(B_ROW, name="Edited"), TWILIO_ROW),
            id="a row that was the same is no longer",
        ),
        pytest.param(
            Mode.OVERWRITE,
            (other_content(A_ROW, info="new"), B_ROW, TWILIO_ROW),
            id="a row that was another is the same now",
        ),
        pytest.param(
            Mode.OVERWRITE,
            (A_ROW, B_ROW, other_row(TWILIO_ROW, uuid=THERE)),
            id="another row bears the name",
        ),
        pytest.param(
            Mode.OVERWRITE,
            (A_ROW, B_ROW, other_row(TWILIO_ROW, uuid=ONE)),
            id="the row that bears the name has the uuid now",
        ),
        pytest.param(
            Mode.SKIP,
            (A_ROW, B_ROW, other_row(TWILIO_ROW, uuid=THERE)),
            id="another row to skip bears the name",
        ),
        pytest.param(
            Mode.SKIP,
            (other_row(A_ROW, name="Renamed"), B_ROW, TWILIO_ROW),
            id="a row to skip was renamed",
        ),
        pytest.param(
            Mode.DUPLICATE,
            (other_row(A_ROW, name="Renamed"), B_ROW, TWILIO_ROW),
            id="a row to duplicate was renamed",
        ),
        pytest.param(
            Mode.DUPLICATE,
            (*ROWS, stored(FLOW, HERE, "A (copy)")),
            id="the name of a copy is taken",
        ),
        pytest.param(
            Mode.OVERWRITE,
            (*ROWS, stored(SECRET, THREE, "TOKEN", is_deleted=True)),
            id="a deleted row will come back",
        ),
        pytest.param(
            Mode.OVERWRITE,
            (A_ROW, other_row(B_ROW, is_deleted=True), TWILIO_ROW),
            id="a row was deleted",
        ),
    ],
)
def test_a_token_changes_when(mode, rows):
    assert token(mode, *rows) != token(mode, *ROWS)


def test_every_plan_of_another_file_mode_server_or_option_has_another_token():
    plan = plan_of(Mode.SKIP)
    other_bytes = a_file(flows=[{"uuid": TWO, "name": "B"}, {"uuid": ONE, "name": "A"}])
    tokens = {
        token_of(plan),
        token(Mode.OVERWRITE),
        token(Mode.DUPLICATE),
        token(Mode.SKIP, override_locks=True),
        token(Mode.SKIP, document=other_bytes),
        token_of(replace(plan, server="development")),
        token_of(replace(plan, file_sha256="0" * 64)),
    }
    assert len(tokens) == 7


def test_a_plan_that_sends_a_secret_elsewhere_has_another_token():
    document = a_file(
        connections=[{"uuid": TWO, "name": "Twilio", "devValue": "{ host: 'a', key: secrets.KEY }"}]
    )
    kept, sent = (
        planned(document, stored(SECRET, HERE, "KEY", has_value=has_value), mode=Mode.OVERWRITE)
        for has_value in (False, True)
    )
    assert not kept.changes[CONNECTION][0].retargets
    assert sent.changes[CONNECTION][0].retargets
    assert token_of(kept) != token_of(sent)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_token_is_the_same_though_a_row_that_no_item_names_has_come(mode):
    other = stored(FLOW, THERE, "C"), stored(SECRET, HERE, "OTHER")
    assert token(mode, *ROWS) == token(mode, *ROWS, *other)


@pytest.mark.parametrize("mode", [Mode.SKIP, Mode.DUPLICATE])
def test_a_token_is_the_same_though_a_row_that_is_not_written_was_edited(mode):
    edited = other_content(A_ROW, info="edited")
    assert token(mode, *ROWS) == token(mode, edited, B_ROW, TWILIO_ROW)


def test_the_uuids_of_new_copies_are_drawn_anew_and_not_in_the_token():
    one, other = plan_of(Mode.DUPLICATE, *ROWS), plan_of(Mode.DUPLICATE, *ROWS)
    assert one.changes[FLOW][0].target_uuid != other.changes[FLOW][0].target_uuid
    assert token_of(one) == token_of(other)


def test_a_token_stays_what_it_is_in_later_releases_for_uploads_that_wait_keep_it():
    lists = {
        "flows": [{"uuid": TWO, "name": "B"}, {"uuid": ONE, "name": "A", "info": "new"}],
        "connections": [{"uuid": ONE, "name": "Twilio"}],
        "secrets": [{"uuid": THREE, "name": "TOKEN"}],
    }
    rows = (
        stored(FLOW, ONE, "A", info="old", tags='["kept"]', nodes="[]", edges="[]"),
        stored(FLOW, TWO, "B", nodes="[]", edges="[]"),
        stored(CONNECTION, HERE, "Twilio", dev_value=""),
    )
    document = parse(json.dumps(lists).encode(), max_bytes=1_000)
    assert token(Mode.OVERWRITE, *rows, document=document) == (
        "e3d2567499c6ab76a619f1e61afb30f72abb6e713332477283f19ac47800818a"
    )
