"""manage.py import_cancel: what it calls off, what it says, and its exit codes."""

import json

import pytest

from flows.models import Flow
from imports.jobs.asking import queue_import
from imports.models import BackgroundJob, Door, ImportRecord, Status
from tests.support.importing import export_file, flow, import_items, request_for
from tests.support.queueing import work
from tests.support.users import staff_with


def queue_run(name: str = "ada") -> ImportRecord:
    """The record of an import that waits, which somebody of that name asked for."""
    user = staff_with("run_import", "overwrite_items", "skip_backup", "add_flow", name=name)
    payload = export_file(flow(1, "Orders"))
    return queue_import(request_for(payload, user=user, user_name=name, door=Door.API))


def test_what_waits_is_called_off_and_once_more_is_no_mistake(queue, run_command):
    record = queue_run()
    for _ in range(2):
        done = run_command("import_cancel", str(record.pk))
        assert (done.code, done.err) == (
            0,
            f"Import {record.pk} is called off. It wrote nothing.\n",
        )
        assert json.loads(done.out) == {
            "status": 200,
            "statusText": "OK",
            "data": {"record": record.pk, "status": "cancelled"},
        }
    work()
    record.refresh_from_db()
    assert (record.status, record.code) == (Status.CANCELLED, "cancelled")
    assert not Flow.objects.exists()


def test_what_a_worker_has_is_told_to_stop(queue, run_command):
    record = queue_run()
    ImportRecord.objects.update(status=Status.RUNNING)
    done = run_command("import_cancel", str(record.pk), "--user", "ada")
    assert (done.code, json.loads(done.out)["status"]) == (0, 202)
    assert done.err.endswith("is called off. A worker has it, and stops before it writes.\n")
    assert BackgroundJob.objects.get().is_cancelled


def test_what_writes_is_not_stopped(queue, run_command):
    record = queue_run()
    ImportRecord.objects.update(status=Status.RUNNING)
    BackgroundJob.objects.update(is_writing=True)
    done = run_command("import_cancel", str(record.pk))
    assert (done.code, json.loads(done.out)["data"]["code"]) == (3, "too-late")
    assert done.err.endswith("cannot be cancelled any more. Undo it when it is done.\n")


def test_a_run_of_somebody_else_takes_the_right_to_undo(queue, run_command):
    record = queue_run()
    staff_with("run_import", name="eve")
    done = run_command("import_cancel", str(record.pk), "--user", "eve")
    assert (done.code, json.loads(done.out)["data"]["code"]) == (7, "not-permitted")
    record.refresh_from_db()
    assert record.status == Status.QUEUED
    staff_with("undo_import", name="bob")
    assert run_command("import_cancel", str(record.pk), "--user", "bob").code == 0


@pytest.mark.django_db
def test_what_cannot_be_called_off_is_told_by_its_code(run_command):
    number = str(import_items(flow(1, "Orders")).record.pk)
    for arguments, code, told in [
        ([number], 3, "not-in-background"),
        (["12345"], 3, "no-such-record"),
        (["9" * 30], 3, "no-such-record"),
        ([number, "--server", "elsewhere"], 8, "wrong-server"),
    ]:
        done = run_command("import_cancel", *arguments)
        assert (done.code, json.loads(done.out)["data"]["code"]) == (code, told)
        assert done.err.startswith("CommandError: ")
    done = run_command("import_cancel", number, "--user", "nobody")
    assert (done.code, done.out) == (2, "")
