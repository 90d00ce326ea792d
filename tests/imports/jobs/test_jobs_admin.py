"""Large uploads in the admin: left to a worker at their confirmation, and called off."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from flows.models import Flow
from imports.database.lock import hold_import_lock
from imports.jobs.running import TryLater, run_job
from imports.jobs.sweep.service import sweep
from imports.models import BackgroundJob, ImportRecord, PendingImport, Status
from imports.plans.plan import Mode
from imports.uploads import pending as uploads
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from tests.support.importing import export_file, flow, import_items
from tests.support.queueing import fetch_all, read_queue, work
from tests.support.users import logged_in


@pytest.fixture
def ada(queue: None, settings: Any) -> User:
    settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": 100}
    return User.objects.create_superuser("ada")


@pytest.fixture
def browser(ada: User) -> Client:
    return logged_in(ada)


def staged(user: User, *items: Any) -> PendingImport:
    return uploads.stage(
        user,
        payload=export_file(*(items or [flow(1, "Orders")])),
        file_name="large.json",
        options=uploads.Options(mode=Mode.OVERWRITE, with_backup=False),
    )


def url(name: str, pending: PendingImport) -> str:
    return reverse(f"admin:imports_{name}", args=[pending.pk])


def confirm(browser: Client, pending: PendingImport, **more: Any) -> Any:
    shown = get_token(pending, read_page(pending))
    return browser.post(url("confirm", pending), {"shown": shown}, **more)


def shown(browser: Client, pending: PendingImport) -> str:
    text = browser.get(url("preview", pending)).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def progress_of(browser: Client, pending: PendingImport) -> Any:
    return browser.get(url("progress", pending)).json()


def test_a_large_upload_is_left_to_a_worker(browser, ada):
    pending = staged(ada)
    assert "a worker imports it" in shown(browser, pending)
    answer = confirm(browser, pending)
    assert answer.url == url("preview", pending)
    record = ImportRecord.objects.get()
    assert (record.status, record.door, record.user) == (Status.QUEUED, "admin", ada)
    assert record.file_size == pending.file_size
    assert progress_of(browser, pending) == {
        "running": True,
        "phase": "Waiting for a worker",
        "done": 0,
        "total": 0,
        "bytes": pending.file_size,
        "mayCancel": True,
        "record": None,
    }
    text = shown(browser, pending)
    assert "Waiting for a worker" in text
    assert "No worker is there" in text
    home = browser.get("/admin/").content.decode()
    assert "<strong>No worker is there</strong>, and 1 task waits for one" in home
    work()
    assert "No worker is there" not in browser.get("/admin/").content.decode()
    assert Flow.objects.get().updated_by == "ada"
    at = reverse("admin:imports_importrecord_change", args=[record.pk])
    assert progress_of(browser, pending)["record"] == at
    assert browser.get(url("preview", pending)).url == at


def test_a_script_is_told_where_to_wait(browser, ada):
    pending = staged(ada)
    answer = confirm(browser, pending, headers={"Accept": "application/json"})
    assert answer.json() == {"url": url("preview", pending)}


def test_a_small_one_is_imported_at_once(browser, ada, settings):
    settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": 100_000}
    pending = staged(ada)
    assert "a worker imports it" not in shown(browser, pending)
    confirm(browser, pending)
    assert Flow.objects.exists()
    assert read_queue() == []


def test_confirmed_twice_it_is_queued_once(browser, ada):
    pending = staged(ada)
    confirm(browser, pending)
    confirm(browser, pending)
    assert len(read_queue()) == ImportRecord.objects.count() == 1


def test_what_is_confirmed_of_an_earlier_plan_is_refused(browser, ada):
    pending = staged(ada)
    browser.post(url("confirm", pending), {"shown": "another"})
    assert not ImportRecord.objects.exists()


@pytest.mark.parametrize("name", ["decide", "again", "cancel"])
def test_meanwhile_nothing_is_decided(browser, ada, name):
    pending = staged(ada)
    confirm(browser, pending)
    browser.post(url(name, pending), {"mode": "skip"})
    assert "is being imported" in shown(browser, pending)
    assert PendingImport.objects.get().mode == "overwrite"


def test_it_is_called_off_before_a_worker_has_it(browser, ada):
    pending = staged(ada)
    confirm(browser, pending)
    browser.post(url("stop", pending))
    text = shown(browser, pending)
    assert "The import is called off. Nothing was written." in text
    assert "It was cancelled before its write began." in text
    work()
    assert not Flow.objects.exists()
    confirm(browser, pending)  # and it may be confirmed again
    work()
    assert Flow.objects.exists()


def test_what_writes_is_not_called_off(browser, ada, monkeypatch):
    pending = staged(ada)
    confirm(browser, pending)
    ImportRecord.objects.update(status=Status.RUNNING)
    BackgroundJob.objects.update(is_writing=True)
    monkeypatch.setattr("imports.uploads.progress.is_lock_held", lambda: True)
    browser.post(url("stop", pending))
    assert "cannot be cancelled any more" in shown(browser, pending)


def test_a_stale_plan_is_planned_again_and_the_page_says_why(browser, ada):
    pending = staged(ada, flow(1, "Orders", info="of the file"))
    confirm(browser, pending)
    import_items(flow(1, "Orders", info="changed meanwhile"))
    work()
    record = ImportRecord.objects.get(door="admin")
    assert (record.status, record.code) == (Status.REFUSED, "stale-plan")
    text = shown(browser, pending)
    assert "wrote nothing. What would happen is no longer what was shown." in text
    assert f"Record {record.pk}" in text
    confirm(browser, PendingImport.objects.get())
    work()
    assert Flow.objects.get().info == "of the file"


def test_the_page_of_the_record_says_that_it_waits(browser, ada):
    confirm(browser, staged(ada))
    record = ImportRecord.objects.get()
    page = browser.get(reverse("admin:imports_importrecord_change", args=[record.pk]))
    assert "This run waits for a worker." in page.content.decode()
    state = browser.get(reverse("admin:imports_importrecord_state", args=[record.pk])).json()
    assert (state["running"], state["status"]) == (True, "queued")


def test_the_list_shows_and_filters_what_waits(browser, ada):
    confirm(browser, staged(ada))
    page = browser.get(
        reverse("admin:imports_importrecord_changelist"), {"status__exact": "queued"}
    )
    assert "record-queued" in page.content.decode()


def test_an_upload_that_expired_meanwhile_is_told(browser, ada):
    pending = staged(ada)
    confirm(browser, pending)
    PendingImport.objects.all().delete()
    work()
    record = ImportRecord.objects.get()
    assert (record.status, record.code) == (Status.REFUSED, "nothing-pending")


@pytest.mark.parametrize("by_sweep", [True, False])
def test_an_upload_whose_worker_died_after_its_commit_is_imported(
    browser, ada, monkeypatch, by_sweep
):
    """The record says so, but the upload does not yet."""
    monkeypatch.setattr("imports.jobs.queue._GRACE_SECONDS", 0)
    pending = staged(ada)
    confirm(browser, pending)
    fetch_all()
    with monkeypatch.context() as patched:
        patched.setattr("imports.uploads.applying.note_record", die)
        with pytest.raises(KeyboardInterrupt):
            run_job(BackgroundJob.objects.get().pk)
    record = ImportRecord.objects.get()
    assert record.status == Status.SUCCEEDED
    assert PendingImport.objects.get().record is None
    if by_sweep:
        sweep()
    else:
        confirm(browser, pending)
    answer = browser.get(url("preview", pending))
    assert answer["Location"].endswith(f"/importrecord/{record.pk}/change/")
    assert PendingImport.objects.get().content is None
    assert ImportRecord.objects.count() == 1


def die(*_: Any) -> None:
    raise KeyboardInterrupt


HELD_FILE = re.compile(r'SELECT [^;]*"imports_pendingimport"\."(content|answer)".* FROM')


def test_a_job_that_waits_and_what_is_deleted_read_no_file(browser, ada):
    """A file has hundreds of megabytes, and the job comes back every two seconds."""
    pending = staged(ada)
    confirm(browser, pending)
    job = BackgroundJob.objects.get().pk
    with CaptureQueriesContext(connection) as queries:
        with hold_import_lock(wait=0), pytest.raises(TryLater):
            run_job(job)
        PendingImport.objects.filter(pk=pending.pk).delete()
    told = [query["sql"] for query in queries]
    assert any('DELETE FROM "imports_pendingimport"' in statement for statement in told)
    assert [statement for statement in told if HELD_FILE.search(statement)] == []


def test_who_waits_for_an_import_reads_no_plan(browser, ada):
    """The page asks every second, and the plan of a large file has megabytes."""
    pending = staged(ada)
    confirm(browser, pending)
    with CaptureQueriesContext(connection) as queries:
        assert progress_of(browser, pending)["running"]
    told = [query["sql"] for query in queries]
    assert any("imports_pendingimport" in statement for statement in told)
    assert [statement for statement in told if '"plan"' in statement] == []
