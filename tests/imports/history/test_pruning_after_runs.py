"""A run that wrote removes a part of the old history, and fails by nothing that happens there."""

import json
import logging
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from reversion.models import Revision

from imports.history.prune import prune_after_run
from imports.models import ImportItem, ImportRecord, Status
from imports.undo.service import undo_import
from tests.support.ageing import age_history
from tests.support.digest import all_rows, put_back
from tests.support.importing import SERVER, export_file, flow, import_items
from tests.support.stopping import stopping_at
from tests.support.undoing import undo_request
from tests.support.users import staff_with

pytestmark = pytest.mark.django_db

PRUNED = {"records": 1, "reduced": 1, "items": 1, "saves": 1}
FAILED = {"code": "history-not-pruned"}


@pytest.fixture(autouse=True)
def retention(settings):
    settings.ZIGGY = {
        **settings.ZIGGY,
        "HISTORY_DAYS": 100,
        "HISTORY_KEEP_RUNS": 1,
        "UNDO_DAYS": 30,
    }


@pytest.fixture
def old():
    """Two old imports of one flow."""
    records = [import_items(flow(1, "A", info=info)).record for info in ("1", "2")]
    age_history(101)
    return records


def queries(run):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        run()
    return [query["sql"] for query in captured.captured_queries]


def test_an_import_prunes_and_says_so_in_its_record(old):
    record = import_items(flow(1, "A", info="3")).record
    assert record.pruned == PRUNED
    assert ImportRecord.objects.get(pk=record.pk).pruned == PRUNED
    assert set(ImportRecord.objects.values_list("pk", flat=True)) == {old[1].pk, record.pk}
    assert Revision.objects.count() == 1
    assert import_items(flow(1, "A", info="4")).record.pruned == {}


def test_an_undo_prunes_too(old):
    record = import_items(flow(2, "B")).record
    assert record.pruned == PRUNED
    import_items(flow(3, "C"))
    ImportRecord.objects.update(history_pruned_at=None)
    undo = undo_import(undo_request(record)).record
    assert undo.pruned == {"records": 0, "reduced": 1, "items": 0, "saves": 0}


def test_a_run_that_writes_nothing_prunes_nothing(old):
    record = import_items(flow(1, "A", info="2")).record
    assert record.counts == {"UNCHANGED": 1}
    assert record.pruned == {}
    assert ImportRecord.objects.count() == 3


def test_what_is_about_to_be_undone_is_not_pruned_before(old):
    undo = undo_import(undo_request(old[1])).record
    assert undo.counts == {"RESTORE": 1}
    assert set(ImportRecord.objects.values_list("pk", flat=True)) == {
        old[0].pk,
        old[1].pk,
        undo.pk,
    }


def test_it_costs_one_query_where_nothing_is_old(settings):
    import_items(flow(1, "A"))
    with_it = queries(lambda: import_items(flow(1, "A", info="2")))
    settings.ZIGGY = {**settings.ZIGGY, "HISTORY_DAYS": None}
    without = queries(lambda: import_items(flow(1, "A", info="3")))
    assert len(with_it) == len(without) + 1


def test_a_run_prunes_no_more_than_a_part(old):
    with patch("imports.history.prune._ITEMS_AFTER_RUN", 1):
        record = import_items(flow(1, "A", info="3")).record
        assert record.pruned == {"records": 0, "reduced": 1, "items": 0, "saves": 0}
        record = import_items(flow(1, "A", info="4")).record
        assert record.pruned == {"records": 1, "reduced": 1, "items": 1, "saves": 1}


@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.django_db(transaction=True)
def test_whatever_stops_it_the_import_is_done_and_the_history_whole(old, for_good, caplog):
    before = all_rows()
    reached = []

    def prune(number):
        """Import, and stop the statement of that number of what follows the commit."""

        def stopped(record, lock):
            error = OperationalError("disk I/O error")
            with stopping_at(number or 10**9, error, for_good=for_good) as stop:
                prune_after_run(record, lock)
            reached.append(stop.seen)

        with patch("imports.importing.service.prune_after_run", stopped):
            return import_items(flow(1, "A", info="3")).record

    assert prune(0).pruned == PRUNED
    put_back(before)
    statements = reached[0]
    assert statements > 8
    for number in range(1, statements + 1):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            record = prune(number)
        assert record.pruned in (FAILED, PRUNED), number
        stored = ImportRecord.objects.get(pk=record.pk)
        assert (stored.status, ImportItem.objects.filter(record=record).count()) == (
            Status.SUCCEEDED,
            1,
        )
        if record.pruned == FAILED:
            assert "The old history could not be pruned after a run: disk I/O error" in caplog.text
            assert ImportItem.objects.count() == 3, number
            assert Revision.objects.count() == 2, number
            assert stored.pruned == ({} if for_good else FAILED)
        put_back(before)


def test_an_error_that_is_none_of_the_database_stops_no_import_either(old):
    with patch("imports.history.prune.read_runs", side_effect=ValueError("CANARY")):
        record = import_items(flow(1, "A", info="3")).record
    assert ImportRecord.objects.get(pk=record.pk).pruned == FAILED


# --- how it is told


def test_the_command_says_it(old, run_command, tmp_path):
    path = tmp_path / "file.json"
    path.write_bytes(export_file(flow(1, "A", info="3")))
    arguments = ["-s", SERVER, "--overwrite", "--no-prompt", "--no-backup", "-fp", str(path)]
    done = run_command("flow_import", *arguments)
    record = ImportRecord.objects.first()
    assert (
        f"Done: record {record.pk}. Old history: removed 1 record, 1 item, 1 named save; 1 more "
        "record cannot be undone any more.\n" in done.err
    )
    assert json.loads(done.out)["status"] == 201


def test_the_pages_say_it(old, client):
    record = import_items(flow(1, "A", info="3")).record
    client.force_login(staff_with("view_importrecord", "undo_import", "change_flow", name="ada"))
    page = client.get(reverse("admin:imports_importrecord_change", args=[record.pk]))
    words = " ".join(page.content.decode().split())
    assert "<dt>Old history</dt><dd>Removed 1 record, 1 item, 1 named save;" in words
    page = client.get(reverse("admin:imports_importrecord_change", args=[old[1].pk]))
    words = " ".join(page.content.decode().split())
    assert "This import is old: its history was removed on" in words
    assert "Undo this import" not in words
    ImportRecord.objects.update(pruned=FAILED)
    page = client.get(reverse("admin:imports_importrecord_change", args=[record.pk]))
    assert "Could not be pruned: the server&#x27;s log says why." in page.content.decode()
