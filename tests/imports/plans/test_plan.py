"""A plan as data: what it counts and holds."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

import imports.plans.plan
from flows.content.fields import Kind
from imports.plans.plan import (
    WRITING_RESULTS,
    Drift,
    Mode,
    Result,
    UndoResult,
    are_comparable,
    compute_content_digest,
    differ,
)
from tests.support.imagined import FILE_OF_FOUR as FILE
from tests.support.imagined import a_file, planned, stored
from tests.support.inert import assert_inert
from tests.support.uuids import HERE, ONE, TWO

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET


def plan_of(mode, *rows, document=FILE, **options):
    return planned(document, *rows, mode=mode, **options)


# --- What it holds


def test_a_plan_goes_through_flows_then_connections_then_secrets_in_the_files_order():
    plan = plan_of(Mode.SKIP)
    assert [change.item.path for change in plan] == [
        "flows[0]",
        "flows[1]",
        "connections[0]",
        "secrets[0]",
    ]


def test_a_plan_counts_every_result():
    rows = [stored(FLOW, ONE, "A"), stored(FLOW, TWO, "B"), stored(CONNECTION, HERE, "Twilio")]
    assert plan_of(Mode.OVERWRITE, *rows).counts == {"OVERWRITE": 1, "UNCHANGED": 2, "CREATE": 1}
    assert plan_of(Mode.SKIP, *rows).counts == {"SKIP": 3, "CREATE": 1}
    assert plan_of(Mode.DUPLICATE, *rows).counts == {"DUPLICATE": 3, "CREATE": 1}


def test_a_plan_says_what_it_was_made_for():
    plan = plan_of(Mode.DUPLICATE, override_locks=True)
    assert (plan.file_sha256, plan.server, plan.mode, plan.override_locks) == (
        FILE.sha256,
        "production",
        Mode.DUPLICATE,
        True,
    )


@pytest.mark.parametrize(
    ("mode", "writes"), [(Mode.SKIP, False), (Mode.DUPLICATE, True), (Mode.OVERWRITE, False)]
)
def test_a_plan_for_what_is_here_already_writes_only_copies(mode, writes):
    document = a_file(flows=[{"uuid": ONE, "name": "A"}])
    assert plan_of(mode, stored(FLOW, ONE, "A"), document=document).writes is writes


@pytest.mark.parametrize("mode", list(Mode))
def test_a_plan_for_an_empty_file_writes_nothing(mode):
    plan = plan_of(mode, stored(FLOW, ONE, "A"), document=a_file())
    assert (plan.writes, list(plan), plan.counts, plan.issues) == (False, [], {}, ())


@pytest.mark.parametrize(
    ("result", "writes"),
    [
        ("CREATE", True),
        ("OVERWRITE", True),
        ("DUPLICATE", True),
        ("SKIP", False),
        ("UNCHANGED", False),
    ],
)
def test_what_a_result_writes(result, writes):
    assert Result(result).writes is writes


def written_rows(mode, *rows):
    return [change.written_row for change in plan_of(mode, *rows)]


def test_only_an_overwrite_and_what_is_brought_back_write_a_row_that_exists():
    flow = stored(FLOW, ONE, "A")
    same = stored(FLOW, TWO, "B")
    deleted = stored(CONNECTION, ONE, "Twilio", is_deleted=True)
    rows = [flow, same, deleted]
    assert written_rows(Mode.OVERWRITE, *rows) == [None, flow.row, deleted.row, None]
    assert written_rows(Mode.SKIP, *rows) == [None, None, deleted.row, None]
    assert written_rows(Mode.DUPLICATE, *rows) == [None, None, deleted.row, None]


def test_a_plan_cannot_be_altered():
    plan = plan_of(Mode.SKIP)
    with pytest.raises(FrozenInstanceError):
        plan.mode = Mode.OVERWRITE
    with pytest.raises(FrozenInstanceError):
        next(iter(plan)).result = Result.OVERWRITE


# --- The digest of a row's content


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "", "b": None}, {"a": None, "b": ""}),
        ({"a": "1", "b": None}, {"a": 1, "b": None}),
        ({"a": 1, "b": None}, {"a": True, "b": None}),
        ({"a": None, "b": None}, {"a": "null", "b": None}),
        ({"a": "x", "b": "yz"}, {"a": "xy", "b": "z"}),
        ({"a": 'x","y', "b": "z"}, {"a": "x", "b": 'y","z'}),
        ({"a": "\u00e9", "b": None}, {"a": "e\u0301", "b": None}),
    ],
)
def test_other_content_has_another_digest(one, other):
    assert compute_content_digest(one, ["a", "b"]) != compute_content_digest(other, ["a", "b"])


def test_a_digest_is_of_the_columns_asked_for_in_whatever_order_the_content_has_them():
    columns = ["a", "b"]
    assert compute_content_digest({"a": 1, "b": 2}, columns) == compute_content_digest(
        {"b": 2, "c": 3, "a": 1}, columns
    )


def test_a_digest_begins_with_one_of_the_columns():
    digest = compute_content_digest({"a": 1, "b": 2}, ["a", "b"])
    assert len(digest) == 4 + 32
    assert set(digest) <= set("0123456789abcdef")
    same_columns = compute_content_digest({"a": 3, "b": 4}, ["a", "b"])
    other_columns = compute_content_digest({"a": 1}, ["a"])
    assert same_columns[:4] == digest[:4] != other_columns[:4]
    assert same_columns[4:] != digest[4:]


def test_only_digests_of_the_same_columns_can_be_compared_and_differ():
    one, same = (compute_content_digest({"a": 1, "b": 2}, ["a", "b"]) for _ in range(2))
    other = compute_content_digest({"a": 1, "b": 3}, ["a", "b"])
    elsewhere = compute_content_digest({"a": 1}, ["a"])
    assert are_comparable(one, other)
    assert not are_comparable(one, elsewhere)
    assert not are_comparable("", "")
    assert not are_comparable("", one)
    assert not are_comparable(one, "")
    assert not are_comparable(one[:3], one)
    assert differ(one, other)
    assert not differ(one, same)
    assert not differ(one, elsewhere)
    assert not differ("", one)


# --- Words that are kept, sent and read again


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (Mode, ["skip", "duplicate", "overwrite"]),
        (Result, ["CREATE", "OVERWRITE", "DUPLICATE", "SKIP", "UNCHANGED", "AMBIGUOUS", "PRUNE"]),
        (UndoResult, ["RESTORE", "DELETE", "KEEP"]),
    ],
)
def test_the_words_of_a_plan_stay_what_they_are(words, told):
    assert [word.value for word in words] == told


def test_the_results_with_which_a_row_is_written():
    assert {"CREATE", "OVERWRITE", "DUPLICATE", "PRUNE", "RESTORE", "DELETE"} == WRITING_RESULTS


# --- What is told of the last import

OLD, NEWER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("own", "imported", "is_older"),
    [
        (OLD, NEWER, True),
        (NEWER, OLD, False),
        (OLD, OLD, False),
        (None, NEWER, False),
        (OLD, None, False),
        (None, None, False),
    ],
)
def test_an_item_is_older_only_than_one_with_a_later_time(own, imported, is_older):
    drift = Drift(last_import_at=NEWER, file_updated_at=own, last_file_updated_at=imported)
    assert drift.is_older is is_older


def test_of_an_unknown_edit_nothing_is_said():
    drift = Drift(last_import_at=OLD)
    assert (drift.is_edited, drift.edited_at, drift.edited_by) == (None, None, "")


def test_a_plan_is_inert_data():
    assert_inert(imports.plans.plan)
