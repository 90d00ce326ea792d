"""A run in the background: asked for in one transaction, carried out once, as its user may now."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.utils import timezone

import imports.jobs.asking
import imports.jobs.running
from accounts.models import User
from flows.models import Flow
from imports.database.lock import hold_import_lock
from imports.errors import NotPermitted, TooLate
from imports.importing.service import make_plan_to_save, run_import
from imports.jobs.asking import queue_import, queue_undo
from imports.jobs.cancelling import cancel_run
from imports.jobs.job_lock import hold_job_lock
from imports.jobs.queue import TASK, find_lost, forget_queue
from imports.jobs.running import TryLater, run_job
from imports.jobs.sweep.service import sweep
from imports.models import BackgroundJob, Door, ImportRecord, Status
from imports.planfile.decisions import GivenDecision
from imports.plans.decisions import ItemAction, ItemDecision
from imports.runs.idempotency import AlreadyDone, KeyInProgress, KeyMismatch
from imports.runs.recorder import RunRecorder
from imports.runs.signals import run_ended
from imports.uploads.stored_file import pack_file
from tests.support.importing import export_file, flow, import_items, request_for, uuid_of
from tests.support.queueing import (
    end_all,
    fetch_all,
    needs_postgresql,
    read_queue,
    work,
)
from tests.support.undoing import undo_request
from tests.support.users import staff_with

ORDERS = export_file(flow(1, "Orders"))
RIGHTS = ("run_import", "overwrite_items", "skip_backup", "undo_import", "view_importrecord")
ON_ROWS = ("add_flow", "change_flow", "delete_flow", "view_flow")


@pytest.fixture
def ada(queue: None) -> User:
    return staff_with(*RIGHTS, *ON_ROWS)


def asked_by(user: User, payload: bytes = ORDERS, **changes: Any) -> Any:
    return request_for(payload, user=user, user_name=user.get_username(), door=Door.API, **changes)


def state(record: ImportRecord) -> tuple[str, str]:
    record.refresh_from_db()
    return record.status, record.code


class TestAsking:
    def test_a_record_says_that_it_is_queued_and_nothing_is_written(self, ada):
        record = queue_import(asked_by(ada))
        assert state(record) == (Status.QUEUED, "")
        assert (record.queued_at, record.finished_at) == (record.started_at, None)
        assert not Flow.objects.exists()

    def test_the_queue_has_a_number_and_nothing_of_the_file(self, ada):
        record = queue_import(asked_by(ada))
        assert read_queue() == [("todo", {"number": record.job.pk})]
        assert b"Orders" not in bytes(record.job.content) + bytes(record.job.options)

    def test_without_the_queue_there_is_no_record(self, ada, monkeypatch):
        def fail(number: int) -> int:
            raise OSError("no queue")

        monkeypatch.setattr(imports.jobs.asking, "put_in_queue", fail)
        with pytest.raises(OSError, match="no queue"):
            queue_import(asked_by(ada))
        assert not BackgroundJob.objects.exists()
        assert read_queue() == []
        assert not ImportRecord.objects.filter(status=Status.QUEUED).exists()

    def test_in_a_transaction_that_is_taken_back_nothing_was_asked(self, ada):
        with transaction.atomic():
            queue_import(asked_by(ada))
            transaction.set_rollback(True)
        assert (ImportRecord.objects.count(), read_queue()) == (0, [])

    def test_who_may_not_import_is_told_so_at_once(self, queue):
        with pytest.raises(NotPermitted):
            queue_import(asked_by(staff_with("view_flow")))
        assert [state(each) for each in ImportRecord.objects.all()] == [
            (Status.REFUSED, "not-permitted")
        ]


class TestCarryingOut:
    def test_it_is_as_any_other_import(self, ada):
        record = queue_import(asked_by(ada))
        work()
        assert state(record) == (Status.SUCCEEDED, "")
        assert (record.counts, record.user, record.door) == ({"CREATE": 1}, ada, Door.API)
        assert Flow.objects.get().updated_by == "ada"
        record.job.refresh_from_db()
        assert (record.job.content, record.job.options) == (None, None)
        assert record.queued_at <= record.started_at <= record.finished_at

    def test_it_has_all_that_was_asked_for(self, ada):
        import_items(flow(1, "Old"), flow(2, "Other"))
        file = export_file(flow(1, "Old", info="new"), flow(2, "Other", info="new"), flow(3, "New"))
        decision = GivenDecision(
            key=uuid_of("f", 2),
            kind=None,
            uuid=uuid_of("f", 2),
            decision=ItemDecision(action=ItemAction.LEAVE_OUT),
        )
        record = queue_import(asked_by(ada, file, given_decisions=(decision,)))
        work()
        assert (state(record), record.counts) == (
            (Status.SUCCEEDED, ""),
            {"OVERWRITE": 1, "CREATE": 1, "SKIP": 1},
        )

    def test_a_saved_plan_is_applied(self, ada):
        _, plan = make_plan_to_save(asked_by(ada))
        record = queue_import(asked_by(ada, saved_plan=plan))
        work()
        assert (state(record), record.plan_checksum) == ((Status.SUCCEEDED, ""), plan.checksum)

    def test_a_bad_file_is_in_the_record(self, ada):
        record = queue_import(asked_by(ada, b"{"))
        work()
        assert state(record)[0] == Status.FAILED
        assert record.issues

    def test_an_undo_is_as_any_other(self, ada):
        done = import_items(flow(1, "Orders")).record
        record = queue_undo(
            undo_request(done, user=ada, user_name="ada", door=Door.API, conflicts=None)
        )
        assert (record.undoes, record.status) == (done, Status.QUEUED)
        work()
        assert (state(record)[0], state(done)[0]) == (Status.SUCCEEDED, Status.UNDONE)


class TestRights:
    """They are those of the moment when the run is carried out."""

    def test_a_right_that_is_taken_away_meanwhile(self, ada):
        record = queue_import(asked_by(ada))
        ada.user_permissions.remove(Permission.objects.get(codename="run_import"))
        work()
        assert (state(record), Flow.objects.count()) == ((Status.REFUSED, "not-permitted"), 0)

    def test_a_right_on_rows_that_is_taken_away_meanwhile(self, ada):
        record = queue_import(asked_by(ada))
        ada.user_permissions.remove(Permission.objects.get(codename="add_flow"))
        work()
        assert (state(record), Flow.objects.count()) == ((Status.REFUSED, "not-permitted"), 0)

    @pytest.mark.parametrize("is_superuser", [True, False])
    def test_an_account_that_is_deactivated_meanwhile(self, ada, is_superuser):
        User.objects.update(is_superuser=is_superuser)
        record = queue_import(asked_by(User.objects.get()))
        User.objects.update(is_active=False)
        work()
        assert (state(record), Flow.objects.count()) == ((Status.REFUSED, "not-permitted"), 0)

    def test_an_account_that_is_deleted_meanwhile(self, ada):
        record = queue_import(asked_by(ada))
        ada.delete()
        work()
        assert (state(record), Flow.objects.count()) == ((Status.REFUSED, "not-permitted"), 0)


class TestDeliveredTwice:
    def test_one_after_the_other_imports_once(self, ada):
        record = queue_import(asked_by(ada))
        (number,) = fetch_all()
        run_job(number)
        run_job(number)
        assert state(record) == (Status.SUCCEEDED, "")
        assert ImportRecord.objects.count() == 1

    def test_while_another_worker_has_it(self, ada):
        record = queue_import(asked_by(ada))
        with hold_job_lock(record.job.pk):
            run_job(record.job.pk)
        assert state(record) == (Status.QUEUED, "")

    def test_after_both_have_read_the_file(self, ada, monkeypatch):
        """The lock of the job is lost, by a cut connection: that of imports keeps it once."""
        record = queue_import(asked_by(ada))
        number = record.job.pk
        real, deliveries = imports.jobs.running.run_import, []

        def run_twice(request: Any) -> Any:
            deliveries.append(request)
            if len(deliveries) == 1:
                real(request)
            return real(request)

        monkeypatch.setattr(imports.jobs.running, "run_import", run_twice)
        run_job(number)
        assert (state(record), ImportRecord.objects.count()) == ((Status.SUCCEEDED, ""), 1)

    def test_a_job_of_nothing_is_done(self, ada):
        run_job(123456)


class TestTheLock:
    def test_it_waits_for_a_run_of_somebody_else(self, ada):
        record = queue_import(asked_by(ada))
        with hold_import_lock(wait=1), pytest.raises(TryLater):
            run_job(record.job.pk)
        assert state(record) == (Status.QUEUED, "")
        run_job(record.job.pk)
        assert state(record) == (Status.SUCCEEDED, "")

    def test_to_wait_is_no_attempt(self, ada, monkeypatch, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0.0}
        record = queue_import(asked_by(ada))
        monkeypatch.setattr(imports.jobs.running, "is_lock_held", lambda: False)
        for _ in range(5):
            with hold_import_lock(wait=1), pytest.raises(TryLater):
                run_job(record.job.pk)
        assert (state(record), BackgroundJob.objects.get().attempts) == ((Status.QUEUED, ""), 0)

    def test_it_waits_for_a_day(self, ada):
        record = queue_import(asked_by(ada))
        ImportRecord.objects.update(queued_at=timezone.now() - timedelta(hours=25))
        work()
        assert state(record) == (Status.REFUSED, "import-locked")


class TestKeys:
    def test_the_same_request_is_queued_once(self, ada):
        first = queue_import(asked_by(ada, idempotency_key="one"))
        assert queue_import(asked_by(ada, idempotency_key="one")).pk == first.pk
        assert len(read_queue()) == 1

    def test_one_that_is_done_is_told(self, ada):
        first = queue_import(asked_by(ada, idempotency_key="one"))
        work()
        for ask in (queue_import, run_import):
            with pytest.raises(AlreadyDone) as raised:
                ask(asked_by(ada, idempotency_key="one"))
            assert raised.value.record.pk == first.pk

    def test_one_at_once_finds_that_it_is_queued(self, ada):
        first = queue_import(asked_by(ada, idempotency_key="one"))
        with pytest.raises(KeyInProgress, match=f"queued as {first.pk}"):
            run_import(asked_by(ada, idempotency_key="one"))
        assert ImportRecord.objects.exclude(pk=first.pk).get().status == Status.REFUSED

    def test_another_file_under_the_key_is_refused(self, ada):
        queue_import(asked_by(ada, idempotency_key="one"))
        with pytest.raises(KeyMismatch):
            queue_import(asked_by(ada, b"{}", idempotency_key="one"))

    def test_two_at_one_moment_are_one(self, ada, monkeypatch):
        first = queue_import(asked_by(ada, idempotency_key="one"))
        real, answers = imports.jobs.asking.find_in_progress, iter([None])
        monkeypatch.setattr(
            imports.jobs.asking, "find_in_progress", lambda record: next(answers, real(record))
        )
        assert queue_import(asked_by(ada, idempotency_key="one")).pk == first.pk

    def test_what_was_cancelled_may_be_asked_again(self, ada):
        first = queue_import(asked_by(ada, idempotency_key="one"))
        cancel_run(ada, first.pk)
        second = queue_import(asked_by(ada, idempotency_key="one"))
        work()
        assert (state(first)[0], state(second)[0]) == (Status.CANCELLED, Status.SUCCEEDED)


class TestCancelling:
    def test_what_is_queued_is_never_begun(self, ada):
        record = queue_import(asked_by(ada))
        cancel_run(ada, record.pk)
        assert state(record) == (Status.CANCELLED, "cancelled")
        assert [status for status, _ in read_queue()] == ["cancelled"]
        run_job(record.job.pk)
        assert (state(record)[0], Flow.objects.count()) == (Status.CANCELLED, 0)
        cancel_run(ada, record.pk)

    def cancel_at(
        self, monkeypatch: Any, where: str, user: User, record: ImportRecord
    ) -> list[Any]:
        """Call the run off when it comes to that step; the list has what was raised."""
        raised: list[Any] = []
        real = getattr(RunRecorder, where)

        def call_off(recorder: RunRecorder, *args: Any) -> Any:
            answer = real(recorder, *args)
            try:
                cancel_run(user, record.pk)
            except TooLate as error:
                raised.append(error.code)
            return answer

        monkeypatch.setattr(RunRecorder, where, call_off)
        return raised

    @pytest.mark.parametrize("where", ["start", "check_cancelled"])
    def test_what_has_not_begun_to_write_stops(self, ada, monkeypatch, where):
        record = queue_import(asked_by(ada))
        raised = self.cancel_at(monkeypatch, where, ada, record)
        work()
        assert (state(record), Flow.objects.count()) == ((Status.CANCELLED, "cancelled"), 0)
        assert raised == []

    def test_what_writes_is_not_stopped(self, ada, monkeypatch):
        record = queue_import(asked_by(ada))
        raised = self.cancel_at(monkeypatch, "begin_writing", ada, record)
        work()
        assert (state(record), raised) == ((Status.SUCCEEDED, ""), ["too-late"])

    def test_that_of_somebody_else_needs_a_right(self, ada):
        record = queue_import(asked_by(ada))
        with pytest.raises(NotPermitted):
            cancel_run(staff_with("run_import", name="eve"), record.pk)
        cancel_run(staff_with("undo_import", name="bob"), record.pk)
        assert state(record)[0] == Status.CANCELLED

    def test_what_was_never_queued(self, ada):
        record = import_items(flow(1, "Orders")).record
        with pytest.raises(TooLate) as raised:
            cancel_run(ada, record.pk)
        assert raised.value.code == "not-in-background"

    def test_what_has_ended(self, ada):
        record = queue_import(asked_by(ada))
        work()
        with pytest.raises(TooLate):
            cancel_run(ada, record.pk)


class TestTheSweep:
    @pytest.fixture(autouse=True)
    def _no_grace(self, monkeypatch):
        monkeypatch.setattr("imports.jobs.queue._GRACE_SECONDS", 0)
        monkeypatch.setattr("imports.jobs.sweep.lost._MOMENT_SECONDS", 0)

    def test_a_run_that_died_is_interrupted_and_explained(self, ada):
        record = queue_import(asked_by(ada))
        fetch_all()
        ImportRecord.objects.update(status=Status.RUNNING)
        sweep()
        assert state(record) == (Status.INTERRUPTED, "interrupted")
        assert "Nothing of this import was written" in record.message
        assert record.finished_at
        assert [status for status, _ in read_queue()] == ["failed"]
        assert BackgroundJob.objects.get().content is None

    def test_one_that_lives_is_left_alone(self, ada):
        record = queue_import(asked_by(ada))
        fetch_all()
        ImportRecord.objects.update(status=Status.RUNNING)
        with hold_job_lock(record.job.pk), hold_import_lock(wait=1):
            sweep()
        assert state(record)[0] == Status.RUNNING
        assert [status for status, _ in read_queue()] == ["doing"]

    def test_a_sweep_that_dies_leaves_all_as_it_was(self, ada, monkeypatch):
        record = queue_import(asked_by(ada))
        fetch_all()
        ImportRecord.objects.update(status=Status.RUNNING)

        def die(_numbers: Any) -> None:
            list(_numbers)
            raise KeyboardInterrupt

        monkeypatch.setattr("imports.jobs.sweep.runs.end_in_queue", die)
        with pytest.raises(KeyboardInterrupt):
            sweep()
        assert state(record)[0] == Status.RUNNING
        assert BackgroundJob.objects.get().content is not None

    def test_a_job_whose_worker_died_early_is_given_to_another(self, ada):
        record = queue_import(asked_by(ada))
        fetch_all()  # and dies
        sweep()
        assert [status for status, _ in read_queue()] == ["todo"]
        work()
        assert state(record) == (Status.SUCCEEDED, "")

    def test_a_job_that_the_queue_ended_is_put_there_again(self, ada):
        record = queue_import(asked_by(ada))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")
        sweep()
        work()
        assert state(record) == (Status.SUCCEEDED, "")

    def test_a_job_that_ends_its_workers_is_given_up(self, ada, monkeypatch):
        record = queue_import(asked_by(ada))

        def die(_request: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(imports.jobs.running, "run_import", die)
        begun = 0
        while numbers := fetch_all():
            for number in numbers:
                with pytest.raises(KeyboardInterrupt):
                    run_job(number)
                begun += 1
            sweep()
        assert (begun, state(record)) == (3, (Status.FAILED, "gave-up"))

    def test_a_job_that_fails_before_its_run_is_given_up(self, ada):
        """What was asked for cannot be read, though its keys are right: the same each time."""
        record = queue_import(asked_by(ada))
        behind = queue_import(asked_by(ada, export_file(flow(2, "Behind it"))))
        BackgroundJob.objects.filter(record=record).update(options=pack_file(b"{}"))
        begun = 0
        while record.job.pk in (numbers := fetch_all()):
            assert numbers == [record.job.pk]
            with pytest.raises(msgspec.ValidationError):
                run_job(record.job.pk)
            begun += 1
            end_all("failed")  # as procrastinate does, which tries none again
            if begun == 1:  # it goes behind the others
                assert fetch_all() == [behind.job.pk]
                run_job(behind.job.pk)
                end_all("succeeded")
            sweep()
        assert (begun, state(record)) == (3, (Status.FAILED, "gave-up"))
        assert state(behind) == (Status.SUCCEEDED, "")

    def test_what_is_done_ends_in_the_queue_too(self, ada):
        record = queue_import(asked_by(ada))
        (number,) = fetch_all()
        run_job(number)  # and the worker dies before it says so, or loses its connection
        sweep()
        assert (state(record)[0], [status for status, _ in read_queue()]) == (
            Status.SUCCEEDED,
            ["failed"],
        )

    def test_what_is_done_is_left_to_its_worker_for_a_moment(self, ada, monkeypatch, caplog):
        """The sweep comes between the end of the run and the worker's saying so."""
        queue_import(asked_by(ada))
        run_job(*fetch_all())
        monkeypatch.setattr("imports.jobs.sweep.lost.time.sleep", lambda _: end_all("succeeded"))
        sweep()
        assert [status for status, _ in read_queue()] == ["succeeded"]
        assert "was lost" not in caplog.text

    def test_a_run_whose_worker_died_keeps_its_place(self, ada, caplog):
        first = queue_import(asked_by(ada))
        second = queue_import(asked_by(ada, export_file(flow(2, "Behind it"))))
        assert fetch_all() == [first.job.pk]  # and its worker dies
        sweep()
        assert f"imports.background {first.job.pk} was lost" in caplog.text
        assert fetch_all() == [first.job.pk]
        run_job(first.job.pk)
        end_all("succeeded")
        assert fetch_all() == [second.job.pk]

    def test_two_sweeps_that_meet_give_it_back_once(self, ada, monkeypatch):
        record = queue_import(asked_by(ada))
        fetch_all()  # and its worker dies
        found = find_lost()
        sweep()  # the other one
        assert fetch_all() == [record.job.pk]  # by a worker that does not hold its lock yet
        monkeypatch.setattr("imports.jobs.queue._GRACE_SECONDS", 3600)
        monkeypatch.setattr(
            "imports.jobs.sweep.lost.find_lost", lambda task: found if task == TASK else []
        )
        sweep()
        assert [status for status, _ in read_queue()] == ["doing"]

    def test_two_sweeps_that_meet_queue_a_forgotten_job_once(self, ada, monkeypatch):
        record = queue_import(asked_by(ada))
        forget_queue()
        waiting = {record.job.pk}
        sweep()  # the other one
        assert [status for status, _ in read_queue()] == ["todo"]
        monkeypatch.setattr(
            "imports.jobs.sweep.lost._find_forgotten",
            lambda task, _: waiting if task == TASK else set(),
        )
        sweep()
        assert [status for status, _ in read_queue()] == ["todo"]

    def test_a_worker_of_two_that_holds_the_queue_up_is_gone(self, ada):
        """Jobs are carried out in their order: one that was lost must not stop those behind it."""
        first, second = queue_import(asked_by(ada)), queue_import(asked_by(ada))
        assert len(fetch_all()) == 1
        ImportRecord.objects.filter(pk=first.pk).update(status=Status.RUNNING)
        assert fetch_all() == []
        sweep()
        work()
        assert (state(first)[0], state(second)[0]) == (Status.INTERRUPTED, Status.SUCCEEDED)


class TestTheEndIsTold:
    """To metrics and other apps, also where no process carried the run out; once for each run."""

    @pytest.fixture(autouse=True)
    def _no_grace(self, monkeypatch):
        monkeypatch.setattr("imports.jobs.queue._GRACE_SECONDS", 0)
        monkeypatch.setattr("imports.jobs.sweep.lost._MOMENT_SECONDS", 0)

    @pytest.fixture
    def told(self):
        told: list[tuple[int, str]] = []

        def hear(record: ImportRecord, **_: Any) -> None:
            told.append((record.pk, record.status))

        run_ended.connect(hear)
        yield told
        run_ended.disconnect(hear)

    def test_of_one_that_was_cancelled_in_the_queue(
        self, ada, told, django_capture_on_commit_callbacks
    ):
        record = queue_import(asked_by(ada))
        with django_capture_on_commit_callbacks(execute=True):
            cancel_run(ada, record.pk)
            assert told == []
        assert told == [(record.pk, Status.CANCELLED)]

    def test_of_one_whose_process_died(self, ada, told, django_capture_on_commit_callbacks):
        record = queue_import(asked_by(ada))
        fetch_all()
        ImportRecord.objects.update(status=Status.RUNNING)
        with django_capture_on_commit_callbacks(execute=True):
            sweep()
            sweep()
        assert told == [(record.pk, Status.INTERRUPTED)]

    def test_of_one_that_is_given_up(self, ada, told, django_capture_on_commit_callbacks):
        record = queue_import(asked_by(ada))
        BackgroundJob.objects.update(attempts=3)
        fetch_all()
        with django_capture_on_commit_callbacks(execute=True):
            sweep()
        assert told == [(record.pk, Status.FAILED)]

    def test_of_one_that_is_refused_before_it_begins(
        self, ada, told, django_capture_on_commit_callbacks
    ):
        record = queue_import(asked_by(ada))
        ImportRecord.objects.update(user=None)
        with django_capture_on_commit_callbacks(execute=True):
            run_job(*fetch_all())
        assert told == [(record.pk, Status.REFUSED)]

    def test_of_one_that_is_done(self, ada, told, django_capture_on_commit_callbacks):
        record = queue_import(asked_by(ada))
        with django_capture_on_commit_callbacks(execute=True):
            work()
        assert told == [(record.pk, Status.SUCCEEDED)]


@needs_postgresql
@pytest.mark.parametrize(
    ("error", "again"), [(TryLater(), True), (ValueError(), False), (MemoryError(), False)]
)
def test_the_queue_tries_again_what_waits_for_the_lock_and_nothing_else(error, again):
    from procrastinate.jobs import Job  # noqa: PLC0415 - of an extra

    from imports.jobs.worker import _make_app  # noqa: PLC0415 - of an extra

    task = _make_app().tasks[TASK]
    job = Job(id=1, queue="imports", lock=None, queueing_lock=None, task_name=TASK, attempts=99)
    assert (task.get_retry_exception(exception=error, job=job) is not None) is again
