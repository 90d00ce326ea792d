"""The signal after a run: what is told to other apps, when, and what their faults do."""

import pytest
from django.db import connection as database

from flows.models import Flow
from imports.database.lock import hold_import_lock
from imports.errors import FileInvalid, UnableToImport
from imports.importing.service import preview_import, run_import
from imports.models import ImportRecord
from imports.runs.idempotency import AlreadyDone
from imports.runs.signals import import_finished
from imports.undo.service import undo_import
from tests.support.importing import export_file, flow, import_items, request_for
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told():
    """What the signal told: status and mode of the stored record, and the alias."""
    heard = []

    def receive(sender, record, using, **_):
        assert sender is ImportRecord
        assert not database.in_atomic_block
        with hold_import_lock(wait=0):  # nobody holds it any more
            stored = ImportRecord.objects.get(pk=record.pk)
        heard.append((str(stored.status), stored.mode, using))

    import_finished.connect(receive)
    yield heard
    import_finished.disconnect(receive)


def test_an_import_and_its_undo_are_told_when_they_are_committed(told):
    record = import_items(flow(1, "Orders")).record
    undo_import(undo_request(record))
    assert told == [("succeeded", "overwrite", "default"), ("succeeded", "undo", "default")]


def test_an_import_that_changes_nothing_is_told_as_well(told):
    import_items(flow(1, "Orders"))
    import_items(flow(1, "Orders"))
    assert len(told) == 2


def test_what_was_refused_or_only_planned_is_not_told(told):
    payload = export_file(flow(1, "Orders"))
    with pytest.raises(FileInvalid):
        run_import(request_for(b"{}"))
    preview_import(request_for(payload), record_refusal=False)
    run_import(request_for(payload, idempotency_key="once"))
    with pytest.raises(AlreadyDone):
        run_import(request_for(payload, idempotency_key="once"))
    with pytest.raises(UnableToImport):
        undo_import(undo_request(999))
    assert len(told) == 1


def test_what_a_receiver_raises_is_logged_and_the_import_is_done(caplog):
    def fail(**_):
        raise RuntimeError("no network")

    import_finished.connect(fail)
    try:
        record = import_items(flow(1, "Orders")).record
    finally:
        import_finished.disconnect(fail)
    assert ImportRecord.objects.get().status == record.status == "succeeded"
    assert Flow.objects.get().name == "Orders"
    assert "no network" in caplog.text
