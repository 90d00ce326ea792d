"""Rows that were edited on this server since an import wrote them, told of each that an item is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from flows.content.fields import Kind, get_columns
from flows.models import Flow
from imports.errors import NotPermitted
from imports.importing.service import preview_import
from imports.models import ImportItem, ImportRecord, Status
from imports.plans.decisions import ItemDecision
from imports.plans.drift import LastImport, LastWrite, mark_drift
from imports.plans.matching import MatchMethod, Row
from imports.plans.plan import Change, Mode, Result, compute_content_digest, differ
from imports.records.last_imports import read_last_imports
from tests.support.factories import FlowFactory
from tests.support.imagined import a_file
from tests.support.importing import export_file, flow, import_items, request_for, uuid_of

pytestmark = pytest.mark.django_db(transaction=True)


def warnings(*items, mode="overwrite"):
    """Of the first item, were the file imported now."""
    preview = preview_import(request_for(export_file(*items), mode))
    return next(iter(preview.plan)).warnings


def edited(by=""):
    at = ImportRecord.objects.get(status=Status.SUCCEEDED).finished_at
    return f"edited on this server{by} since its last import on {at:%Y-%m-%d %H:%M} UTC"


def drift(*items, mode="overwrite"):
    """Of the first item, were the file imported now."""
    return next(iter(preview_import(request_for(export_file(*items), mode)).plan)).drift


@pytest.mark.parametrize(
    "before", [[], [flow(1, "Sync", info="before")]], ids=["created", "overwritten"]
)
def test_a_row_that_was_edited_since_its_import_is_told(before):
    if before:
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="by hand")
    import_items(flow(1, "Sync", info="imported"))
    assert warnings(flow(1, "Sync", info="next")) == ()
    Flow.objects.update(timeout=61)
    assert warnings(flow(1, "Sync", info="next")) == (edited(),)


def test_a_row_that_an_import_found_unchanged_counts_as_imported():
    FlowFactory(uuid=uuid_of("f", 1), name="Sync")
    import_items(flow(1, "Sync"))
    Flow.objects.update(timeout=61)
    assert warnings(flow(1, "Sync", info="next")) == (edited(),)


def test_a_key_that_the_file_does_not_have_is_no_edit():
    FlowFactory(uuid=uuid_of("f", 1), name="Sync", timeout=7, extra='{"kept":1}')
    import_items(flow(1, "Sync", info="imported", more=2))
    assert warnings(flow(1, "Sync", info="next")) == ()


def test_a_row_that_came_from_no_import_is_not_told():
    FlowFactory(uuid=uuid_of("f", 1), name="Sync")
    assert warnings(flow(1, "Sync", info="next")) == ()


def test_an_edit_that_the_file_has_too_is_not_told():
    import_items(flow(1, "Sync"))
    Flow.objects.update(info="next")
    assert warnings(flow(1, "Sync", info="next")) == ()


def test_the_last_import_counts_and_not_one_before_it():
    import_items(flow(1, "Sync", info="first"))
    Flow.objects.update(timeout=61)
    import_items(flow(1, "Sync", info="second"))
    assert warnings(flow(1, "Sync", info="next")) == ()


def test_a_row_under_another_uuid_is_told_too():
    FlowFactory(uuid=uuid_of("f", 9), name="Sync")
    import_items(flow(1, "Sync", info="imported"))
    Flow.objects.update(timeout=61)
    assert warnings(flow(1, "Sync", info="next")) == (edited(),)


def test_a_skipped_item_and_a_run_that_failed_leave_no_mark():
    FlowFactory(uuid=uuid_of("f", 1), name="Sync")
    import_items(flow(1, "Sync", info="next"), mode="skip")
    assert read_last_imports("flow", [uuid_of("f", 1)]) == {}
    ImportItem.objects.update(content_digest="0123")
    ImportRecord.objects.update(status=Status.FAILED, finished_at=timezone.now())
    assert read_last_imports("flow", [uuid_of("f", 1)]) == {}


def test_digests_over_other_columns_are_not_held_against_each_other():
    one = compute_content_digest({"a": 1, "b": 2}, ["a"])
    assert not differ(one, compute_content_digest({"a": 7, "b": 2}, ["a", "b"]))
    assert differ(one, compute_content_digest({"a": 7}, ["a"]))
    assert not differ(one, compute_content_digest({"a": 1}, ["a"]))


# --- who edited, and when

BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
LATER = datetime(2126, 11, 24, 10, 12, 30, tzinfo=UTC)
ON = " on 2126-11-24 10:12 UTC,"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("ada", f" by ada{ON}", id="somebody"),
        pytest.param("", ON, id="nobody knows who"),
        pytest.param("a\x1b[31m\nda", f" by a\\x1b[31m\\nda{ON}", id="control characters"),
        pytest.param("\u202eada", f" by \\u202eada{ON}", id="right to left"),
        pytest.param("x" * 500, f" by {'x' * 200}...{ON}", id="a long name"),
    ],
)
def test_who_edited_the_row_is_told_with_when(name, told):
    import_items(flow(1, "Sync"))
    Flow.objects.update(timeout=61, updated_at=LATER, updated_by=name)
    assert warnings(flow(1, "Sync", info="next")) == (edited(told),)
    told_of = drift(flow(1, "Sync", info="next"))
    assert (told_of.is_edited, told_of.edited_at, told_of.edited_by) == (True, LATER, name)
    assert told_of.last_import_at == ImportRecord.objects.get().finished_at


def test_an_import_is_not_told_as_who_edited():
    import_items(flow(1, "Sync"))
    Flow.objects.update(timeout=61)  # past every door: the row still has the import's name
    assert Flow.objects.get().updated_by == "alice"
    assert warnings(flow(1, "Sync", info="next")) == (edited(),)


def test_an_edit_that_the_file_has_too_is_known_and_no_warning():
    import_items(flow(1, "Sync"))
    Flow.objects.update(info="next", updated_at=LATER, updated_by="ada")
    told = drift(flow(1, "Sync", info="next"))
    assert (told.is_edited, told.edited_by) == (True, "ada")


@pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
@pytest.mark.parametrize("info", ["next", ""], ids=["another content", "the same content"])
def test_a_row_that_is_as_its_last_import_left_it_is_said_to_be(mode, info):
    import_items(flow(1, "Sync"))
    told = drift(flow(1, "Sync", info=info), mode=mode)
    assert (told.is_edited, told.edited_at, told.edited_by, told.is_older) == (
        False,
        None,
        "",
        False,
    )
    assert told.last_import_at == ImportRecord.objects.get().finished_at
    assert warnings(flow(1, "Sync", info=info), mode=mode) == ()


def test_who_edited_is_read_in_batches_for_the_edited_rows_only():
    numbers = range(1000)
    import_items(*(flow(number, f"F{number}") for number in numbers))
    request = request_for(
        export_file(*(flow(number, f"F{number}", info="n") for number in numbers))
    )

    def queries():
        with CaptureQueriesContext(database) as captured:
            preview_import(request, record_refusal=False)
        return len(captured)

    before = queries()
    Flow.objects.filter(name="F7").update(timeout=61)
    assert queries() - before == 1
    Flow.objects.update(timeout=61)
    assert queries() - before == 3  # 1,000 rows, 400 at a time


# --- a file that is older

OLD, NEW = "2026-03-01T08:00:00.000Z", "2026-03-16T17:10:06.999Z"
OLDER = (
    "older than what was imported last: this file's is of 2026-03-01 08:00:00 UTC, "
    "the last import brought one of 2026-03-16 17:10:06 UTC"
)


def test_when_an_item_was_changed_last_is_kept_as_its_file_has_it():
    import_items(flow(1, "Sync", updatedAt=NEW), flow(2, "Other"))
    kept = list(ImportItem.objects.order_by("position").values_list("file_updated_at", flat=True))
    assert kept == [datetime(2026, 3, 16, 17, 10, 6, 999_000, tzinfo=UTC), None]


@pytest.mark.parametrize(
    ("imported", "file", "told"),
    [
        pytest.param(NEW, OLD, (OLDER,), id="older"),
        pytest.param(OLD, NEW, (), id="newer"),
        pytest.param(NEW, NEW, (), id="as old"),
        pytest.param(NEW, None, (), id="of an unknown time"),
        pytest.param(None, OLD, (), id="after one of an unknown time"),
    ],
)
def test_a_file_whose_item_is_older_than_the_last_imported_one_is_told(imported, file, told):
    def item(at, info):
        return flow(1, "Sync", info=info, **({"updatedAt": at} if at else {}))

    import_items(item(imported, "imported"))
    assert warnings(item(file, "next")) == told
    assert drift(item(file, "next")).is_older is bool(told)


def test_the_last_import_counts_for_the_age_and_not_the_newest_file():
    import_items(flow(1, "Sync", info="newest", updatedAt=NEW))
    import_items(flow(1, "Sync", info="old", updatedAt=OLD))
    assert warnings(flow(1, "Sync", info="next", updatedAt=OLD)) == ()


def test_an_older_file_and_an_edited_row_are_both_told():
    import_items(flow(1, "Sync", updatedAt=NEW))
    Flow.objects.update(timeout=61)
    assert warnings(flow(1, "Sync", info="next", updatedAt=OLD)) == (edited(), OLDER)


def test_a_skipped_item_does_not_count_as_imported_for_the_age():
    import_items(flow(1, "Sync", info="imported", updatedAt=OLD))
    import_items(flow(1, "Sync", info="skipped", updatedAt=NEW), mode="skip")
    assert warnings(flow(1, "Sync", info="next", updatedAt=OLD)) == ()


# --- rows whose content the plan is not about

UNREAD = pytest.mark.parametrize("mode", ["skip", "duplicate"])


def edit(number=1, at=LATER, by="ada", **values):
    """As every door does it."""
    Flow.objects.filter(uuid=uuid_of("f", number)).update(**values, updated_at=at, updated_by=by)


@UNREAD
def test_an_edited_row_that_is_not_overwritten_is_told_too(mode):
    import_items(flow(1, "Sync"))
    edit(timeout=61)
    assert warnings(flow(1, "Sync", info="next"), mode=mode) == (edited(f" by ada{ON}"),)
    told = drift(flow(1, "Sync", info="next"), mode=mode)
    assert (told.is_edited, told.edited_at, told.edited_by) == (True, LATER, "ada")
    assert told.last_import_at == ImportRecord.objects.get().finished_at


def test_an_item_that_somebody_decided_to_skip_is_told_of_among_overwritten_ones():
    import_items(flow(1, "Sync"), flow(2, "Other"))
    edit(timeout=61)
    request = request_for(
        export_file(flow(1, "Sync", info="next"), flow(2, "Other", info="next")),
        decisions={(Kind.FLOW, uuid_of("f", 1)): ItemDecision(mode=Mode.SKIP)},
    )
    told = [
        (str(change.result), change.drift.is_edited, bool(change.warnings))
        for change in preview_import(request).plan
    ]
    assert told == [("SKIP", True, True), ("OVERWRITE", False, False)]


@UNREAD
def test_a_row_that_was_written_and_holds_the_same_is_not_edited(mode):
    import_items(flow(1, "Sync"))
    edit()
    assert drift(flow(1, "Sync", info="next"), mode=mode).is_edited is False
    assert warnings(flow(1, "Sync", info="next"), mode=mode) == ()


@UNREAD
def test_a_row_that_took_a_later_time_from_its_file_is_not_edited(mode):
    import_items(flow(1, "Sync", updatedAt="2126-11-24T10:12:30.000Z"))
    assert Flow.objects.get().updated_at == LATER
    assert drift(flow(1, "Sync", info="next"), mode=mode).is_edited is False


@UNREAD
def test_an_older_file_that_overwrites_nothing_is_told_too(mode):
    import_items(flow(1, "Sync", updatedAt=NEW))
    assert warnings(flow(1, "Sync", info="next", updatedAt=OLD), mode=mode) == (OLDER,)
    assert drift(flow(1, "Sync", info="next", updatedAt=OLD), mode=mode).is_older


def test_an_older_file_that_changes_nothing_is_known_and_no_warning():
    import_items(flow(1, "Sync", updatedAt=NEW))
    assert drift(flow(1, "Sync", updatedAt=OLD)).is_older
    assert warnings(flow(1, "Sync", updatedAt=OLD)) == ()


@pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
def test_of_a_row_that_came_from_no_import_nothing_is_said(mode):
    FlowFactory(uuid=uuid_of("f", 1), name="Sync")
    assert drift(flow(1, "Sync", info="next"), mode=mode) is None


def test_of_a_deleted_row_that_is_brought_back_nothing_is_said():
    import_items(flow(1, "Sync"))
    edit(timeout=61, is_deleted=True)
    assert drift(flow(1, "Sync", info="next"), mode="skip") is None


@pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
@pytest.mark.parametrize(("at", "is_edited"), [(LATER, None), (BEFORE, False)])
def test_where_nobody_can_compare_only_the_time_tells(mode, at, is_edited):
    import_items(flow(1, "Sync"))
    ImportItem.objects.update(content_digest=compute_content_digest({"name": "Sync"}, ["name"]))
    edit(at=at, timeout=61)
    assert drift(flow(1, "Sync", info="next"), mode=mode).is_edited is is_edited
    assert warnings(flow(1, "Sync", info="next"), mode=mode) == ()


@UNREAD
def test_rows_that_were_written_since_alone_are_read_in_batches(mode):
    numbers = range(1000)
    import_items(*(flow(number, f"F{number}") for number in numbers))
    file = export_file(*(flow(number, f"F{number}", info="n") for number in numbers))
    request = request_for(file, mode)

    def queries():
        with CaptureQueriesContext(database) as captured:
            preview_import(request, record_refusal=False)
        return len(captured)

    before = queries()
    edit(7, timeout=61)
    assert queries() - before == 1
    Flow.objects.update(timeout=61, updated_at=LATER)
    assert queries() - before == 5  # 1,000 rows, 200 at a time


def test_a_row_that_was_not_written_since_is_not_read():
    read = []

    def read_contents(kind, pks):
        read.extend(pks)
        return [(pk, dict.fromkeys(get_columns(kind))) for pk in pks]

    changes = [
        Change(
            item=next(iter(a_file(flows=[flow(number, "Sync")]))),
            result=Result.SKIP,
            method=MatchMethod.UUID,
            target_uuid=uuid_of("f", number),
            target_name="Sync",
            row=Row(pk=number, uuid=uuid_of("f", number), name="Sync"),
        )
        for number in (1, 2, 3, 4)
    ]
    lasts = {
        uuid_of("f", number): LastImport(at=BEFORE, digest=compute_content_digest({"a": 1}, ["a"]))
        for number in (1, 2, 4)
    }
    writes = {1: LastWrite(at=BEFORE, by=""), 2: LastWrite(at=LATER, by="")}
    marked = mark_drift(Kind.FLOW, changes, lasts, lambda _kind, _pks: writes, read_contents)
    assert read == [2]
    told = [change.drift and change.drift.is_edited for change in marked]
    # Of other columns than today's, without an import, and purged just now.
    assert told == [False, None, None, None]
    assert [bool(change.drift) for change in marked] == [True, True, False, True]


def test_who_may_not_see_rows_is_not_told_who_edited_them():
    import_items(flow(1, "Sync"))
    edit(timeout=61)
    user = User.objects.create_user("bob")
    user.user_permissions.add(Permission.objects.get(codename="run_import"))
    file = export_file(flow(1, "Sync", info="next"))
    request = request_for(file, "skip", user=user, user_name="bob", with_backup=True)
    with pytest.raises(NotPermitted, match="bob may not view flows"):
        preview_import(request)
    user.user_permissions.add(Permission.objects.get(codename="view_flow"))
    [change] = preview_import(replace(request, user=User.objects.get())).plan
    assert change.drift.edited_by == "ada"
    assert change.warnings == (edited(f" by ada{ON}"),)
