"""`Prefer: respond-async` in the API: 202 with the record to look at, and calling a run off."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from flows.models import Flow
from imports.models import BackgroundJob, ImportRecord, Status
from imports.runs.progress import follow_progress
from tests.support.importing import export_file, flow, import_items
from tests.support.queueing import read_queue, work
from tests.support.uploading import caller, client_of, file_part, form, upload, words
from tests.support.users import logged_in

ORDERS = export_file(flow(1, "Orders"))
FORM = "multipart/form-data; boundary=a-boundary-of-tests"


@pytest.fixture
def ada(queue: None) -> APIClient:
    return caller("ada", admin=True)


@pytest.fixture
def without_workers(db: None) -> APIClient:
    return caller("ada", admin=True)


def import_later(client: APIClient, payload: bytes = ORDERS, **more: Any) -> Any:
    return upload(client, payload, HTTP_PREFER="respond-async", **more)


def undo_later(client: APIClient, record: ImportRecord) -> Any:
    return client.post(
        f"/api/imports/{record.pk}/undo",
        {"dryRun": False, "noBackup": True},
        format="json",
        HTTP_PREFER="respond-async",
    )


def keep(client: APIClient, payload: bytes = ORDERS) -> int:
    body = form(file_part(payload), *words(duplicatesMode="OVERWRITE"))
    answer = client.generic("POST", "/api/plans", body, content_type=FORM)
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def apply_later(client: APIClient, plan: int, **body: Any) -> Any:
    return client.post(
        f"/api/plans/{plan}/apply",
        {"noBackup": True, **body},
        format="json",
        HTTP_PREFER="respond-async, wait=3",
    )


def poll(client: APIClient, answer: Any) -> Any:
    return client.get(answer.headers["Location"]).json()


class TestAnImport:
    def test_it_is_queued_and_its_record_is_named(self, ada):
        answer = import_later(ada)
        record = ImportRecord.objects.get()
        assert answer.status_code == 202
        assert answer.headers["Location"].endswith(f"/api/imports/{record.pk}")
        assert answer.headers["Retry-After"] == "2"
        assert answer.headers["Preference-Applied"] == "respond-async"
        told = answer.json()
        assert (told["id"], told["status"], told["finishedAt"]) == (record.pk, "queued", None)
        assert told["queuedAt"]
        assert not Flow.objects.exists()

    def test_its_record_says_how_far_it_is_and_how_it_ended(self, ada, monkeypatch):
        answer = import_later(ada)
        size = len(ORDERS)
        waiting = {"done": 0, "total": 0, "bytes": size, "mayCancel": True}
        polled = ada.get(answer.headers["Location"])
        assert polled.headers["Retry-After"] == "2"
        assert polled.json()["progress"] == {"phase": "queued", **waiting}
        BackgroundJob.objects.update(attempts=1)
        assert poll(ada, answer)["progress"] == {"phase": "reading", **waiting}
        monkeypatch.setattr("imports.uploads.progress.is_lock_held", lambda: True)
        monkeypatch.setattr("imports.runs.progress._EVERY", 0)
        ImportRecord.objects.update(status=Status.RUNNING, with_backup=True)
        assert poll(ada, answer)["progress"] == {"phase": "planning", **waiting}
        ImportRecord.objects.update(backup_path="/x")
        BackgroundJob.objects.update(is_writing=True)
        with follow_progress(ImportRecord.objects.get(), lambda _done, _total: None) as follow:
            follow(2, 5)
            assert poll(ada, answer)["progress"] == {
                "phase": "writing", "done": 2, "total": 5, "bytes": size, "mayCancel": False,
            }  # fmt: skip
            follow(5, 5)
            assert poll(ada, answer)["progress"]["phase"] == "recording"
        ImportRecord.objects.update(status=Status.QUEUED, with_backup=False, backup_path="")
        BackgroundJob.objects.update(is_writing=False, attempts=0)
        work()
        polled = ada.get(answer.headers["Location"])
        assert "Retry-After" not in polled.headers
        assert (polled.json()["status"], polled.json()["progress"]) == ("succeeded", None)
        assert polled.json()["counts"] == {"CREATE": 1}

    def test_a_dry_run_answers_at_once(self, ada):
        answer = import_later(ada, dryRun="true")
        assert answer.status_code == 200
        assert "Preference-Applied" not in answer.headers
        assert read_queue() == []

    def test_a_form_that_is_wrong_is_refused_at_once(self, ada):
        assert import_later(ada, mode="BOGUS").status_code == 422
        assert read_queue() == []

    def test_who_may_not_import_is_refused_at_once(self, queue):
        eve = caller("eve", may=("view_importrecord",))
        assert import_later(eve).status_code == 403
        assert read_queue() == []

    def test_who_may_not_see_records_waits(self, queue):
        """The preference is ignored: the run's end could not be seen."""
        client = caller("ci", may=("run_import", "skip_backup", "add_flow", "view_flow"))
        answer = import_later(client)
        assert (answer.status_code, answer.headers.get("Preference-Applied")) == (201, None)

    @pytest.mark.parametrize("prefer", ["wait=1", "respond-sync", "x=respond-async", ""])
    def test_another_preference_is_another(self, ada, prefer):
        assert upload(ada, ORDERS, HTTP_PREFER=prefer).status_code == 201

    @pytest.mark.parametrize(
        "prefer", ["Respond-Async", "wait=10, respond-async", "respond-async;x=1"]
    )
    def test_the_preference_may_be_one_of_several(self, ada, prefer):
        answer = upload(ada, ORDERS, HTTP_PREFER=prefer)
        assert answer.status_code == 202
        assert answer.headers["Preference-Applied"] == "respond-async"


class TestWithoutWorkers:
    """On every database: the preference is ignored, and the answer says so by not being 202."""

    def test_an_import_is_done_at_once(self, without_workers):
        answer = import_later(without_workers)
        assert (answer.status_code, Flow.objects.count()) == (201, 1)
        assert "Preference-Applied" not in answer.headers

    def test_an_undo_is_done_at_once(self, without_workers):
        assert undo_later(without_workers, import_items(flow(1, "X")).record).status_code == 201

    def test_a_plan_is_applied_at_once(self, without_workers):
        answer = apply_later(without_workers, keep(without_workers))
        assert (answer.status_code, Flow.objects.count()) == (201, 1)
        assert answer.headers["Preference-Applied"] == "wait=3"

    def test_there_is_nothing_to_cancel(self, without_workers):
        record = import_items(flow(1, "X")).record
        answer = without_workers.post(f"/api/imports/{record.pk}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (409, "not-in-background")

    def test_there_is_no_such_record(self, without_workers):
        answer = without_workers.post("/api/imports/12345/cancel")
        assert (answer.status_code, answer.json()["code"]) == (404, "no-such-record")


class TestKeys:
    def test_the_same_request_again_is_the_same_record(self, ada):
        first, second = import_later(ada, key="k"), import_later(ada, key="k")
        assert (first.status_code, second.status_code) == (202, 202)
        assert first.headers["Location"] == second.headers["Location"]
        assert len(read_queue()) == 1

    def test_when_it_is_done_the_answer_is_that_of_the_run(self, ada):
        first = import_later(ada, key="k")
        work()
        again, at_once = import_later(ada, key="k"), upload(ada, ORDERS, key="k")
        assert (again.status_code, at_once.status_code) == (201, 201)
        assert again.headers["Location"] == first.headers["Location"]
        assert again.content == at_once.content
        assert again.json()["flowsProcessed"][0]["result"] == "CREATE"

    def test_at_once_it_is_in_progress(self, ada):
        import_later(ada, key="k")
        answer = upload(ada, ORDERS, key="k")
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-in-progress")

    def test_for_another_file_it_is_refused(self, ada):
        import_later(ada, key="k")
        answer = import_later(ada, export_file(flow(1, "Other")), key="k")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-mismatch")

    def test_what_was_refused_may_be_asked_again(self, ada):
        first = import_later(ada, key="k")
        User.objects.update(is_active=False)
        work()
        User.objects.update(is_active=True)
        assert poll(ada, first)["code"] == "not-permitted"
        assert import_later(ada, key="k").headers["Location"] != first.headers["Location"]


class TestAnUndo:
    def test_it_is_queued_and_done(self, ada):
        done = import_items(flow(1, "X")).record
        answer = undo_later(ada, done)
        assert (answer.status_code, answer.json()["undoes"]) == (202, done.pk)
        work()
        assert poll(ada, answer)["status"] == "succeeded"
        done.refresh_from_db()
        assert done.status == Status.UNDONE

    def test_what_cannot_be_undone_is_refused_at_once(self, ada):
        done = import_items(flow(1, "X")).record
        undo_later(ada, done)
        work()
        answer = undo_later(ada, done)
        assert (answer.status_code, answer.json()["code"]) == (409, "already-undone")
        assert ada.post(
            "/api/imports/99/undo", {"dryRun": False}, format="json", HTTP_PREFER="respond-async"
        ).status_code == 404  # fmt: skip


class TestAPlan:
    def test_it_is_queued_and_applied_by_who_asked(self, ada):
        plan = keep(caller("ci", role="Service Account"))
        answer = apply_later(ada, plan)
        assert answer.status_code == 202
        assert answer.headers["Preference-Applied"] == "respond-async"
        assert answer.json()["origin"]["plan"] == plan
        work()
        told = poll(ada, answer)
        assert (told["status"], told["user"], told["door"]) == ("succeeded", "ada", "api")
        assert apply_later(ada, plan).status_code == 201  # once; the answer is that of the run

    def test_a_plan_is_queued_once(self, ada):
        plan = keep(ada)
        first, second = apply_later(ada, plan), apply_later(ada, plan)
        assert first.headers["Location"] == second.headers["Location"]

    def test_meanwhile_it_is_not_deleted(self, ada):
        plan = keep(ada)
        apply_later(ada, plan)
        answer = ada.delete(f"/api/plans/{plan}")
        assert (answer.status_code, answer.json()["code"]) == (409, "import-running")

    def test_a_stale_one_is_refused_in_its_record(self, ada):
        plan = keep(ada)
        answer = apply_later(ada, plan)
        import_items(flow(1, "Orders", info="changed meanwhile"))
        work()
        told = poll(ada, answer)
        assert (told["status"], told["code"]) == ("refused", "stale-plan")

    def test_a_right_to_skip_the_backup_is_checked_at_once(self, ada):
        ci = caller("bo", role="Service Account")
        plan = keep(ada)
        assert apply_later(ci, plan).status_code == 403


class TestCancelling:
    def test_what_waits_is_called_off(self, ada):
        answer = import_later(ada)
        number = answer.json()["id"]
        called_off = ada.post(f"/api/imports/{number}/cancel")
        assert (called_off.status_code, called_off.json()["status"]) == (200, "cancelled")
        work()
        assert (poll(ada, answer)["code"], Flow.objects.count()) == ("cancelled", 0)

    def test_what_a_worker_has_stops_a_moment_later(self, ada):
        answer = import_later(ada)
        ImportRecord.objects.update(status=Status.RUNNING)
        called_off = ada.post(f"/api/imports/{answer.json()['id']}/cancel")
        assert called_off.status_code == 202
        assert called_off.headers["Location"] == answer.headers["Location"]
        assert called_off.headers["Retry-After"] == "2"
        assert "Preference-Applied" not in called_off.headers
        assert BackgroundJob.objects.get().is_cancelled

    def test_what_writes_is_not_stopped_and_each_is_told_what_they_may_do(self, ada):
        ci = caller("ci", role="Service Account")
        remedies = {
            ada: "Undo it when it is done.",
            ci: "When it is done, somebody who may undo imports can undo it.",
        }
        for asker, remedy in remedies.items():
            answer = upload(asker, ORDERS, HTTP_PREFER="respond-async", noBackup="false")
            ImportRecord.objects.update(status=Status.RUNNING)
            BackgroundJob.objects.update(is_writing=True)
            too_late = asker.post(f"/api/imports/{answer.json()['id']}/cancel")
            assert (too_late.status_code, too_late.json()["code"]) == (409, "too-late")
            assert too_late.json()["message"].endswith(f"any more. {remedy}")

    def test_who_asked_may_and_who_may_undo(self, ada):
        ci = caller("ci", role="Service Account")
        answer = upload(ci, ORDERS, HTTP_PREFER="respond-async", noBackup="false")
        assert answer.status_code == 202
        path = f"/api/imports/{answer.json()['id']}/cancel"
        eve = User.objects.create_user("eve")
        eve.user_permissions.set(
            Permission.objects.filter(codename__in=["view_importrecord", "run_import"])
        )
        assert client_of(eve).post(path).status_code == 403
        assert ci.post(path).status_code == 200


HELD_FILE = re.compile(r'"(?:imports_backgroundjob|imports_pendingimport)"."(?:content|options)"')


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING])
def test_who_looks_how_far_a_run_is_reads_no_file(ada, monkeypatch, status):
    """A file has hundreds of megabytes, and a page asks every second or so."""
    record = import_later(ada).json()["id"]
    ImportRecord.objects.filter(pk=record).update(status=status)
    monkeypatch.setattr("imports.uploads.progress.is_lock_held", lambda: True)
    browser = logged_in(User.objects.get(username="ada"))
    addresses = (f"/admin/imports/importrecord/{record}/change/", "/admin/")
    with CaptureQueriesContext(connections["default"]) as queries:
        assert ada.get(f"/api/imports/{record}").status_code == 200
        assert ada.get("/api/imports").status_code == 200
        for address in addresses:
            assert browser.get(address).status_code == 200
    told = [query["sql"] for query in queries]
    assert any("imports_backgroundjob" in statement for statement in told)
    assert [statement for statement in told if HELD_FILE.search(statement)] == []
