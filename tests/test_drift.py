"""Rows that were edited on this server since an import wrote them, told when one would overwrite them."""

import pytest
from django.utils import timezone

from flows.models import Flow
from imports.history import read_last_imports
from imports.models import ImportItem, ImportRecord, Status
from imports.plan import content_digest, differ
from imports.service import preview_import
from tests.factories import FlowFactory
from tests.importing import export_file, flow, import_items, request_for, uuid_of

pytestmark = pytest.mark.django_db(transaction=True)


def warnings(*items, mode="overwrite"):
    """Of the first item, were the file imported now."""
    preview = preview_import(request_for(export_file(*items), mode))
    return next(iter(preview.plan)).warnings


def edited():
    at = ImportRecord.objects.get(status=Status.SUCCEEDED).finished_at
    return f"edited on this server since its last import on {at:%Y-%m-%d %H:%M} UTC"


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


@pytest.mark.parametrize("mode", ["skip", "duplicate"])
def test_what_is_not_overwritten_is_not_told(mode):
    import_items(flow(1, "Sync"))
    Flow.objects.update(timeout=61)
    assert warnings(flow(1, "Sync", info="next"), mode=mode) == ()


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
    one = content_digest({"a": 1, "b": 2}, ["a"])
    assert not differ(one, content_digest({"a": 7, "b": 2}, ["a", "b"]))
    assert differ(one, content_digest({"a": 7}, ["a"]))
    assert not differ(one, content_digest({"a": 1}, ["a"]))
