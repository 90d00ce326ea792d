"""Large uploads are planned by a worker: once, healed where it dies, and told where it cannot."""

import gzip
import re
from contextlib import closing
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import imports.jobs.planning.carrying_out
from accounts.models import User
from flows.models import Flow
from imports.database.one_state import read_one_state
from imports.jobs.availability import read_waiting
from imports.jobs.job_lock import hold_planning_lock
from imports.jobs.planning.carrying_out import _keep_progress, run_planning
from imports.jobs.restored import discard_queued
from imports.jobs.sweep.service import sweep
from imports.models import ImportRecord, PendingImport, PlanningJob, Status
from imports.runs.beside import BesideWriter
from imports.runs.recorder import NotQueued
from imports.uploads.errors import NotPlanned
from imports.uploads.pending import MOST_WAITING
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from tests.support.importing import export_file, flow, import_items
from tests.support.queueing import fetch_all, read_queue, work
from tests.support.users import logged_in, staff_with

ORDERS = export_file(flow(1, "Orders"), flow(2, "Returns"))
BAD = export_file({"uuid": "f1", "name": "A"}, {"uuid": "f2", "name": "B"})


@pytest.fixture
def large(queue: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is a large one. No other connection sees what a test writes in its transaction."""
    settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": 0}
    monkeypatch.setattr(BesideWriter, "execute", execute_here)


def execute_here(_writer: BesideWriter, statement: str, values: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


@pytest.fixture
def ada(large: None) -> User:
    return User.objects.create_superuser("ada")


@pytest.fixture
def browser(ada: User) -> Client:
    return logged_in(ada)


def upload(browser: Client, content: bytes = ORDERS, **more: Any) -> Any:
    file = SimpleUploadedFile("large.json", content)
    fields = {"mode": "overwrite", "no_backup": "on", "file": file}
    return browser.post(reverse("admin:imports_upload"), fields, **more)


def uploaded(browser: Client, content: bytes = ORDERS) -> PendingImport:
    assert upload(browser, content).status_code == 302
    return PendingImport.objects.latest("pk")


def url(name: str, pending: PendingImport) -> str:
    return reverse(f"admin:imports_{name}", args=[pending.pk])


def shown(browser: Client, pending: PendingImport) -> str:
    text = browser.get(url("preview", pending)).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def progress_of(browser: Client, pending: PendingImport) -> Any:
    return browser.get(url("progress", pending)).json()


def token_of(pending: PendingImport) -> str:
    pending = PendingImport.objects.get(pk=pending.pk)
    return get_token(pending, read_page(pending))


def watch(monkeypatch: Any, see: Any) -> None:
    """Call `see` for every step that a plan tells of."""
    monkeypatch.setattr(imports.jobs.planning.carrying_out, "_EVERY", 0)
    real = imports.jobs.planning.carrying_out.plan_first

    def plan_watched(pending: Any, request: Any, *, progress: Any) -> None:
        def tell(done: int, total: int) -> None:
            progress(done, total)
            see(done, total)

        real(pending, request, progress=tell)

    monkeypatch.setattr(imports.jobs.planning.carrying_out, "plan_first", plan_watched)


class TestTheWay:
    def test_a_large_upload_is_stored_and_its_page_waits(self, browser, ada):
        answer = upload(browser)
        pending = PendingImport.objects.get()
        assert answer.url == url("preview", pending)
        assert (pending.plan, pending.file_size) == (None, len(ORDERS))
        assert b"Orders" not in bytes(pending.content)
        assert read_queue() == [("todo", {"number": pending.pk})]
        assert read_waiting().count == 1
        assert "A worker plans what would happen Waiting for a worker" in shown(browser, pending)
        assert "No worker is there" in shown(browser, pending)
        assert progress_of(browser, pending) == {
            "running": True,
            "phase": "Waiting for a worker",
            "done": 0,
            "total": 0,
            "bytes": len(ORDERS),
            "mayCancel": True,
            "record": None,
        }
        listed = browser.get(reverse("admin:imports_upload")).content.decode()
        assert "a worker makes it" in listed

    def test_the_page_becomes_the_preview(self, browser):
        pending = uploaded(browser)
        work()
        assert not PlanningJob.objects.exists()
        assert progress_of(browser, pending)["running"] is False
        assert "What would happen" in shown(browser, pending)
        assert (ImportRecord.objects.count(), Flow.objects.count()) == (0, 0)
        browser.post(url("confirm", pending), {"shown": token_of(pending)})
        work()
        assert ImportRecord.objects.get().status == Status.SUCCEEDED
        assert Flow.objects.count() == 2

    def test_it_is_the_plan_that_is_made_at_once_for_a_small_one(self, browser, settings):
        import_items(flow(1, "Orders", info="before"))
        packed = gzip.compress(ORDERS)
        pending = uploaded(browser, packed)
        assert pending.file_size == len(ORDERS)
        work()
        settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": 100_000}
        at_once = uploaded(browser, packed)
        assert token_of(pending) == token_of(at_once)
        pending.refresh_from_db()
        assert (pending.file_sha256, pending.file_size) == (
            at_once.file_sha256,
            at_once.file_size,
        )
        assert len(bytes(pending.content)) == len(bytes(at_once.content))

    def test_how_many_items_are_planned_is_seen_meanwhile(self, browser, monkeypatch):
        import_items(flow(1, "Orders", info="before"))
        uploaded(browser)
        seen: list[Any] = []
        watch(monkeypatch, lambda *numbers: seen.append(numbers))
        work()
        assert seen == [(0, 2), (1, 2), (2, 2)]

    @pytest.mark.parametrize(
        ("numbers", "phase"),
        [
            ((0, 0), "Reading the file"),
            ((1, 2), "Comparing with this server"),
            ((2, 2), "Storing the plan"),
        ],
    )
    def test_the_phase_is_told_by_the_numbers(self, browser, numbers, phase):
        pending = uploaded(browser)
        PlanningJob.objects.update(attempts=1, done=numbers[0], total=numbers[1])
        now = progress_of(browser, pending)
        assert (now["phase"], now["done"], now["total"]) == (phase, *numbers)

    @pytest.mark.parametrize("name", ["decide", "again", "confirm", "review"])
    def test_until_then_nothing_is_decided(self, browser, name):
        pending = uploaded(browser)
        assert browser.post(url(name, pending), {"mode": "skip"}).url == url("preview", pending)
        assert "There is no plan of this upload yet." in shown(browser, pending)

    def test_nobody_else_sees_it(self, browser):
        pending = uploaded(browser)
        other = logged_in(staff_with("run_import", name="eve"))
        assert other.get(url("progress", pending)).status_code == 404


class TestABadFile:
    def test_its_page_says_what_the_form_says_of_a_small_one(self, browser, settings):
        pending = uploaded(browser, BAD)
        work()
        settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": 100_000}
        at_once = upload(browser, BAD)
        problem = re.compile(
            r'<div class="import-problem".*?</div>\s*(?:</details>)?\s*</div>', re.DOTALL
        )
        page = browser.get(url("preview", pending)).content.decode()
        assert problem.findall(page) == problem.findall(at_once.content.decode()) != []
        first, second = ImportRecord.objects.order_by("pk")
        for name in ("status", "code", "message", "issues", "door", "file_sha256", "file_size"):
            assert getattr(first, name) == getattr(second, name), name

    def test_its_file_is_dropped_and_it_is_in_no_way(self, browser):
        for _ in range(MOST_WAITING):
            uploaded(browser, BAD)
        work()
        assert set(PendingImport.objects.values_list("content", flat=True)) == {None}
        pending = uploaded(browser)
        assert "could not be made" in browser.get(reverse("admin:imports_upload")).content.decode()
        browser.post(url("cancel", pending))
        assert not PendingImport.objects.filter(pk=pending.pk).exists()

    def test_a_right_that_is_taken_away_meanwhile(self, large):
        browser = logged_in(staff_with("run_import", name="eve"))
        pending = uploaded(browser)
        User.objects.get(username="eve").user_permissions.clear()
        work()
        assert PlanningJob.objects.get(pk=pending.pk).code == "not-permitted"

    def test_other_keys_than_those_it_was_stored_with(self, browser, monkeypatch):
        uploaded(browser)
        PendingImport.objects.update(content=b"\x01\x00\x00\x00\x03abc")
        work()
        assert PlanningJob.objects.get().code == "wrong-encryption-key"


class TestCallingItOff:
    def test_before_a_worker_has_it(self, browser):
        pending = uploaded(browser)
        browser.post(url("cancel", pending))
        work()
        assert (PendingImport.objects.count(), PlanningJob.objects.count()) == (0, 0)

    def test_while_a_worker_plans_it_stops(self, browser, monkeypatch):
        pending, seen = uploaded(browser), []

        def cancel(done: int, _total: int) -> None:
            seen.append(done)
            PendingImport.objects.filter(pk=pending.pk).delete()

        watch(monkeypatch, cancel)
        run_planning(pending.pk)
        assert seen == [0]
        assert (PendingImport.objects.count(), ImportRecord.objects.count()) == (0, 0)

    def test_its_numbers_are_seen_outside_of_the_snapshot_it_is_made_in(self, shared_queue):
        pending = PendingImport.objects.create(
            user=User.objects.create_superuser("ada"), created_at=timezone.now(), file_size=1
        )
        PlanningJob.objects.create(pending=pending)
        with _keep_progress(pending.pk) as keep, read_one_state():
            keep(3, 7)
            with closing(connections["default"].copy()) as other, other.cursor() as cursor:
                cursor.execute("SELECT done, total FROM imports_planningjob")
                assert cursor.fetchall() == [(3, 7)]
                cursor.execute("DELETE FROM imports_planningjob")
            with pytest.raises(NotQueued):
                keep(7, 7)


class TestDeliveredTwice:
    def test_one_after_the_other_is_the_same_plan(self, browser):
        pending = uploaded(browser)
        run_planning(pending.pk)
        page = bytes(PendingImport.objects.get().plan)
        run_planning(pending.pk)
        assert bytes(PendingImport.objects.get().plan) == page

    def test_while_another_worker_has_it(self, browser):
        pending = uploaded(browser)
        with hold_planning_lock(pending.pk):
            run_planning(pending.pk)
        assert PlanningJob.objects.get().attempts == 0

    def test_a_plan_that_was_shown_is_not_replaced(self, browser, monkeypatch):
        """The lock is lost, and both workers plan; rows are written between."""
        pending = uploaded(browser)
        real, tokens = imports.jobs.planning.carrying_out.plan_first, []

        def plan_late(*args: Any, **kwargs: Any) -> None:
            monkeypatch.setattr(imports.jobs.planning.carrying_out, "plan_first", real)
            imports.jobs.planning.carrying_out._plan(PlanningJob.objects.get())
            tokens.append(token_of(pending))
            import_items(flow(1, "Orders", info="meanwhile"))
            real(*args, **kwargs)

        monkeypatch.setattr(imports.jobs.planning.carrying_out, "plan_first", plan_late)
        monkeypatch.setattr(BesideWriter, "execute", lambda *_: None)
        run_planning(pending.pk)
        assert [token_of(pending)] == tokens


class TestTheSweep:
    @pytest.fixture(autouse=True)
    def _no_grace(self, monkeypatch):
        monkeypatch.setattr("imports.jobs.queue._GRACE_SECONDS", 0)

    def test_a_killed_worker_is_healed_and_the_plan_is_made(self, browser):
        pending = uploaded(browser)
        fetch_all()  # and dies
        with pytest.raises(NotPlanned):
            token_of(pending)
        sweep()
        assert [status for status, _ in read_queue()] == ["todo"]
        work()
        assert token_of(pending)

    def test_one_that_lives_is_left_alone(self, browser):
        pending = uploaded(browser)
        fetch_all()
        with hold_planning_lock(pending.pk):
            sweep()
        assert [status for status, _ in read_queue()] == ["doing"]

    def test_what_ends_its_workers_is_given_up_and_told(self, browser, monkeypatch):
        pending, begun = uploaded(browser), 0

        def die(*_args: Any, **_more: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(imports.jobs.planning.carrying_out, "plan_first", die)
        while numbers := fetch_all():
            for number in numbers:
                with pytest.raises(KeyboardInterrupt):
                    run_planning(number)
                begun += 1
            sweep()
        assert begun == 3
        assert "Its worker died 3 times while it planned this file" in shown(browser, pending)
        assert PendingImport.objects.get().content is None

    def test_what_nobody_foresaw_is_told_and_not_tried_again(self, browser, monkeypatch):
        pending = uploaded(browser)

        def fail(*_args: Any, **_more: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("imports.importing.service.make_preview", fail)
        with pytest.raises(ZeroDivisionError):
            work()
        assert "ZeroDivisionError: nothing of this import was written." in shown(browser, pending)
        sweep()
        assert fetch_all() == []

    def test_a_refusal_is_recorded_once_though_its_worker_dies_behind_it(
        self, browser, monkeypatch
    ):
        pending = uploaded(browser, BAD)

        def die(*_args: Any, **_more: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as dying:
            dying.setattr(imports.jobs.planning.carrying_out, "end_planning", die)
            with pytest.raises(KeyboardInterrupt):
                run_planning(*fetch_all())
        sweep()
        work()
        record = ImportRecord.objects.get()
        assert PlanningJob.objects.get(pk=pending.pk).record == record
        assert "All 2 problems" in shown(browser, pending)


def test_what_waited_when_a_backup_was_made_is_told(browser):
    pending = uploaded(browser)
    discard_queued()
    assert read_queue() == []
    assert "The database was restored while it waited to be planned." in shown(browser, pending)
