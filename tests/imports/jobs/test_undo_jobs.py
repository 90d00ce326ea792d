"""Undos of large runs in the admin: left to a worker, seen on the page of their record, called off."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

import imports.jobs.asking
from accounts.models import User
from flows.models import Flow
from imports.models import BackgroundJob, ImportRecord, Status
from tests.support.importing import flow, import_items
from tests.support.queueing import read_queue, work
from tests.support.users import logged_in, staff_with


@pytest.fixture
def ada(queue: None, settings: Any) -> User:
    settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": 100}
    return User.objects.create_superuser("ada")


@pytest.fixture
def browser(ada: User) -> Client:
    return logged_in(ada)


@pytest.fixture
def done(ada: User) -> ImportRecord:
    import_items(flow(1, "Orders", info="before"))
    return import_items(flow(1, "Orders", info="after"), flow(2, "Returns")).record


def url(name: str, record: ImportRecord) -> str:
    return reverse(f"admin:imports_importrecord_{name}", args=[record.pk])


def confirm(browser: Client, record: ImportRecord) -> Any:
    page = browser.get(url("undo", record)).content.decode()
    shown = re.search(r'name="shown" value="([^"]+)"', page)[1]
    return browser.post(url("undo", record), {"confirm": "1", "shown": shown, "no_backup": "on"})


def undo_of(record: ImportRecord) -> ImportRecord:
    return ImportRecord.objects.get(undoes=record)


def page_of(browser: Client, record: ImportRecord) -> str:
    text = browser.get(url("change", record)).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_a_large_one_is_left_to_a_worker_and_its_record_shows_how_far_it_is(browser, done):
    assert "a worker does it" in browser.get(url("undo", done)).content.decode()
    answer = confirm(browser, done)
    undo = undo_of(done)
    assert (undo.status, undo.door, answer.url) == (Status.QUEUED, "admin", url("change", undo))
    text = page_of(browser, undo)
    assert "This run waits for a worker." in text
    assert "Waiting for a worker" in text
    assert "No worker is there" in text
    assert "Call this run off" in browser.get(url("change", undo)).content.decode()
    state = browser.get(url("state", undo)).json()
    del state["seconds"]
    assert state == {
        "running": True,
        "status": "queued",
        "phase": "Waiting for a worker",
        "done": 0,
        "total": 0,
        "mayCancel": True,
    }
    work()
    undo.refresh_from_db()
    assert (undo.status, Flow.objects.get(name="Orders").info) == (Status.SUCCEEDED, "before")
    assert browser.get(url("state", undo)).json()["running"] is False


@pytest.mark.parametrize(("most", "status"), [(1, Status.QUEUED), (2, Status.SUCCEEDED)])
def test_a_small_file_that_wrote_many_rows_is_large(browser, done, settings, most, status):
    settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": 100_000}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports.jobs.asking, "MANY_ITEMS", most)
        confirm(browser, done)
    assert undo_of(done).status == status


def test_confirmed_twice_it_is_queued_once(browser, done):
    assert confirm(browser, done).url == confirm(browser, done).url
    assert len(read_queue()) == 1


def test_what_changed_since_it_was_shown_is_not_undone(browser, done):
    confirm(browser, done)
    Flow.objects.get(name="Returns").delete()
    import_items(flow(1, "Orders", info="since"))
    work()
    undo = undo_of(done)
    assert (undo.status, undo.code) == (Status.REFUSED, "stale-plan")
    assert Flow.objects.get(name="Orders").info == "since"


def test_it_is_called_off_on_the_page_of_its_record(browser, done):
    confirm(browser, done)
    undo = undo_of(done)
    assert browser.get(url("cancel", undo)).status_code == 405
    answer = browser.post(url("cancel", undo))
    assert answer.url == url("change", undo)
    text = page_of(browser, undo)
    assert "This run is called off. Nothing was written." in text
    assert "It was cancelled before its write began." in text
    work()
    assert Flow.objects.get(name="Orders").info == "after"


def test_what_writes_is_not_called_off(browser, done, monkeypatch):
    confirm(browser, done)
    undo = undo_of(done)
    ImportRecord.objects.filter(pk=undo.pk).update(status=Status.RUNNING)
    BackgroundJob.objects.update(is_writing=True)
    monkeypatch.setattr("imports.uploads.progress.is_lock_held", lambda: True)
    assert browser.get(url("state", undo)).json()["mayCancel"] is False
    browser.post(url("cancel", undo))
    assert "cannot be cancelled any more" in page_of(browser, undo)


def test_who_may_not_undo_cannot_call_it_off(browser, done):
    confirm(browser, done)
    undo = undo_of(done)
    other = logged_in(staff_with("view_importrecord", name="eve"))
    assert other.get(url("state", undo)).json()["mayCancel"] is False
    assert "Call this run off" not in other.get(url("change", undo)).content.decode()
    assert other.post(url("cancel", undo)).status_code == 403
    undo.refresh_from_db()
    assert undo.status == Status.QUEUED
