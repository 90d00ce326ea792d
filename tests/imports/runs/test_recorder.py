"""A record has one end: no write of a run that goes on brings it to life again."""

import pytest

from imports.database.backup import Backup, make_backup
from imports.models import Door, ImportRecord, Status
from imports.runs.recorder import RunRecorder, interrupt_running, make_run_record
from tests.support.importing import export_file, flow, request_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recorder():
    request = request_for(export_file(flow(1, "A")), door=Door.COMMAND)
    recorder = RunRecorder(make_run_record(request, file_size=1, override_locks=False))
    recorder.start()
    return recorder


@pytest.fixture
def backup() -> Backup:
    return make_backup()


def test_a_run_that_lost_its_lock_stays_interrupted_when_its_backup_is_there(recorder, backup):
    assert interrupt_running() == [recorder.record.pk]  # by who got the lock
    recorder.keep_backup(backup)
    record = ImportRecord.objects.get()
    assert (record.status, record.backup_sha256) == (Status.INTERRUPTED, backup.sha256)
    assert record.finished_at


def test_one_that_has_its_lock_goes_on(recorder, backup):
    recorder.keep_backup(backup)
    record = ImportRecord.objects.get()
    assert (record.status, record.backup_size) == (Status.RUNNING, backup.size)
    assert record.backup_path == str(backup.path)
