"""An export in the background: the bytes of one at once, its user's own, built once, for a day."""

import io
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from threading import Thread
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from rest_framework.test import APIClient

import imports.jobs.exports.building
from accounts.models import User
from flows.content.fields import Kind
from flows.models import Flow, Secret
from imports.expiry import drop_expired
from imports.exporting.choice import ExportChoice
from imports.importing.service import run_import
from imports.jobs.exports.asking import queue_export
from imports.jobs.exports.building import run_export
from imports.jobs.exports.following import ExportFollower
from imports.jobs.job_lock import hold_export_lock
from imports.jobs.restored import discard_queued
from imports.jobs.sweep.exports import sweep_exports
from imports.models import BackgroundExport, ExportStatus
from imports.purging.service import purge_items
from imports.samples.sample import SampleRequest, write_sample
from imports.uploads.stored_file import unpack_file
from tests.support.importing import flow, import_items, request_for, uuid_of
from tests.support.importing import secret as secret_item
from tests.support.queueing import fetch_all, read_queue
from tests.support.uploading import caller, client_of
from tests.support.workers import run_worker, wait_until

TAGGED, ALL = "/api/flow/export-tagged", "/api/flow/export-all"
FORMS = ("?", "?gzip=true", "?format=dir")
VIEW = tuple(f"view_{kind}" for kind in Kind)


@pytest.fixture(autouse=True)
def _unfollowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second connection, which would not see what the transaction of a test has made."""
    monkeypatch.setattr("imports.jobs.exports.following._EVERY", 3600)


@pytest.fixture
def ada(queue: None) -> APIClient:
    import_items(flow(1, "Orders", tags=["sms"]), flow(2, "Mail"))
    return caller("ada", may=VIEW)


def later(client: APIClient, path: str = ALL, wanted: Any = None) -> Any:
    if wanted is None:
        return client.get(path, HTTP_PREFER="respond-async")
    return client.post(path, wanted, format="json", HTTP_PREFER="respond-async")


def build() -> None:
    """Build what waits, as a worker does."""
    for number in fetch_all():
        run_export(number)


def poll(client: APIClient, answer: Any) -> Any:
    return client.get(answer.headers["Location"]).json()


def whole(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    told = ("Content-", "Ziggy-")
    headers = {name: text for name, text in answer.headers.items() if name.startswith(told)}
    return answer.status_code, answer.getvalue(), headers


class TestTheBytes:
    """They are those of an export at once, in every form, with the same headers."""

    @pytest.fixture(params=[1, 2], autouse=True)
    def _sample(self, ada: APIClient, request: pytest.FixtureRequest) -> None:
        file = io.BytesIO()
        write_sample(SampleRequest(flows=6, seed=request.param), file)
        run_import(request_for(file.getvalue()))
        Secret.objects.update(dev_value="CANARY-8f1c", prod_value="CANARY-8f1c")
        Secret.objects.create(name="UNUSED", prod_value="CANARY-8f1c")

    def test_of_everything(self, ada):
        for compact, form in product(("", "&compact=true"), FORMS):
            path = f"{ALL}{form}{compact}"
            answer = later(ada, path)
            build()
            built = whole(ada.get(poll(ada, answer)["file"]))
            assert built == whole(ada.get(path))
            assert b"CANARY" not in built[1]

    def test_of_chosen_flows(self, ada):
        for compact, wanted in (
            ("", {}),
            ("?compact=true", {}),
            ("", {"tags": ["sms"]}),
            ("", {"tags": ["none"]}),
            ("?compact=true", {"flowUuids": [uuid_of("f", 2)]}),
        ):
            answer = later(ada, f"{TAGGED}{compact}", wanted)
            build()
            told = poll(ada, answer)
            at_once = ada.post(f"{TAGGED}{compact}", wanted, format="json")
            assert told["statistics"] == at_once.json()
            for form in FORMS:
                assert whole(ada.get(f"{told['file']}{form}")) == whole(ada.get(f"{TAGGED}{form}"))


class TestAsking:
    def test_it_is_queued_and_named(self, ada):
        answer = later(ada, TAGGED, {"tags": ["sms"]})
        export = BackgroundExport.objects.get()
        assert answer.status_code == 202
        assert answer.headers["Location"] == f"/api/exports/{export.pk}"
        assert answer.headers["Retry-After"] == "2"
        assert answer.headers["Preference-Applied"] == "respond-async"
        assert answer.json() == poll(ada, answer)
        told = answer.json()
        assert (told["id"], told["status"], told["file"]) == (export.pk, "queued", None)
        assert told["progress"] == {"done": 0, "total": 0, "bytes": 0}
        assert read_queue() == [("todo", {"number": export.pk})]
        assert ada.get(answer.headers["Location"]).headers["Retry-After"] == "2"

    def test_when_it_is_built_it_says_for_how_long_it_is_kept(self, ada):
        answer = later(ada)
        build()
        polled = ada.get(answer.headers["Location"])
        told = polled.json()
        assert "Retry-After" not in polled.headers
        assert (told["status"], told["progress"], told["code"]) == ("succeeded", None, "")
        ended = datetime.fromisoformat(told["finishedAt"])
        assert datetime.fromisoformat(told["expiresAt"]) - ended == timedelta(hours=24)

    def test_there_is_never_a_row_without_its_job(self, ada):
        with transaction.atomic():
            later(ada)
            transaction.set_rollback(True)
        assert (BackgroundExport.objects.count(), read_queue()) == (0, [])

    def test_an_unknown_flow_is_told_at_once(self, ada):
        answer = later(ada, TAGGED, {"flowUuids": [uuid_of("f", 9)]})
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-flows")
        assert read_queue() == []

    def test_the_same_again_is_the_same_while_it_waits(self, ada):
        first, again, other = later(ada), later(ada), later(ada, f"{ALL}?compact=true")
        assert first.headers["Location"] == again.headers["Location"] != other.headers["Location"]
        build()
        assert later(ada).headers["Location"] != first.headers["Location"]

    def test_one_that_is_being_built_may_be_of_an_earlier_state(self, ada):
        first = later(ada)
        BackgroundExport.objects.update(status=ExportStatus.RUNNING)
        assert later(ada).headers["Location"] != first.headers["Location"]

    def test_a_user_has_five_and_the_oldest_that_ended_goes(self, ada):
        numbers = [later(ada, TAGGED, {"tags": [f"{n}"]}).json()["id"] for n in range(5)]
        refused = later(ada)
        assert (refused.status_code, refused.json()["code"]) == (429, "too-many-exports")
        assert later(caller("bob", may=VIEW)).status_code == 202
        build()
        later(ada)
        kept = BackgroundExport.objects.filter(user__username="ada").order_by("pk")
        assert [export.pk for export in kept][:4] == numbers[1:]

    def test_a_repeated_post_with_a_key_is_one(self, ada):
        headers = {"HTTP_PREFER": "respond-async", "HTTP_IDEMPOTENCY_KEY": "one"}
        answers = []
        for _ in range(2):
            answers.append(ada.post(TAGGED, {}, format="json", **headers))
            build()
        assert answers[0].json() == answers[1].json()
        assert BackgroundExport.objects.count() == 1

    def test_a_head_asks_for_nothing(self, ada):
        assert ada.head(ALL, HTTP_PREFER="respond-async").status_code == 200
        assert read_queue() == []

    def test_the_limits_that_it_is_beyond_are_named(self, ada, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 10}
        answer = later(ada)
        build()
        polled = ada.get(answer.headers["Location"])
        assert polled.headers["Ziggy-Warnings"] == "larger-than-import"
        assert whole(ada.get(polled.json()["file"])) == whole(ada.get(ALL))


class TestWithoutWorkers:
    """On every database: the preference is ignored, and the answer says so by not being 202."""

    def test_the_usual_answer_comes(self, db):
        client = caller("ada", may=VIEW)
        for answer, status in ((later(client), 200), (later(client, TAGGED, {}), 201)):
            assert (answer.status_code, answer.headers.get("Preference-Applied")) == (status, None)
        assert not BackgroundExport.objects.exists()


class TestRights:
    def take_away(self, name: str) -> None:
        User.objects.get(username="ada").user_permissions.remove(
            Permission.objects.get(codename=name)
        )

    def test_they_are_checked_at_asking(self, ada):
        self.take_away("view_secret")
        assert later(ada).status_code == 403
        assert read_queue() == []

    def test_and_when_it_is_built(self, ada):
        later(ada)
        self.take_away("view_secret")
        build()
        export = BackgroundExport.objects.get()
        assert (export.status, export.code) == (ExportStatus.REFUSED, "not-permitted")
        assert export.content is None

    @pytest.mark.parametrize("is_superuser", [True, False])
    def test_an_account_that_is_deactivated_meanwhile(self, ada, is_superuser):
        User.objects.update(is_superuser=is_superuser)
        later(ada)
        User.objects.update(is_active=False)
        build()
        assert BackgroundExport.objects.get().code == "not-permitted"

    def test_an_account_that_is_deleted_meanwhile(self, ada):
        later(ada)
        User.objects.get(username="ada").delete()
        build()
        assert not BackgroundExport.objects.exists()

    def test_and_when_it_is_fetched(self, ada):
        answer = later(ada)
        build()
        file = poll(ada, answer)["file"]
        assert ada.get(file).status_code == 200
        self.take_away("view_flow")
        again = client_of(User.objects.get(username="ada"))
        for path in (file, answer.headers["Location"]):
            assert again.get(path).status_code == 403

    def test_it_is_its_users_own(self, ada):
        answer = later(ada)
        build()
        root = caller("root", admin=True)
        place = answer.headers["Location"]
        for told in (root.get(place), root.get(f"{place}/file"), root.delete(place)):
            assert (told.status_code, told.json()["code"]) == (404, "no-export")
        assert ada.get(f"{place}/file").status_code == 200


class TestKeeping:
    @pytest.fixture
    def place(self, ada: APIClient) -> str:
        answer = later(ada)
        build()
        return str(answer.headers["Location"])

    def test_it_is_encrypted(self, place, ada, settings):
        stored = bytes(BackgroundExport.objects.get().content)
        packed = ada.get(f"{place}/file?gzip=true").getvalue()
        assert unpack_file(stored) == packed
        assert packed[20:60] not in stored
        settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
        answer = ada.get(f"{place}/file")
        assert (answer.status_code, answer.json()["code"]) == (503, "wrong-encryption-key")

    @pytest.mark.parametrize(("hours", "status", "left"), [(23.9, 200, 1), (24.1, 404, 0)])
    def test_it_lasts_a_day_after_it_was_built(self, place, ada, hours, status, left):
        ended = datetime.now(UTC) - timedelta(hours=hours)
        BackgroundExport.objects.update(finished_at=ended, asked_at=ended - timedelta(hours=5))
        assert ada.get(f"{place}/file").status_code == status
        drop_expired()
        assert BackgroundExport.objects.count() == left

    def test_what_is_not_built_has_no_file(self, place, ada):
        for state in set(ExportStatus) - {ExportStatus.SUCCEEDED}:
            BackgroundExport.objects.update(status=state)
            answer = ada.get(f"{place}/file")
            assert (answer.status_code, answer.json()["code"]) == (409, "not-built")

    def test_it_is_forgotten(self, place, ada):
        assert ada.delete(place).status_code == 204
        assert ada.delete(place).status_code == 404
        assert not BackgroundExport.objects.exists()

    def test_a_restore_keeps_what_is_built_and_nothing_that_waits(self, place, ada):
        later(ada)
        discard_queued()
        assert [export.status for export in BackgroundExport.objects.all()] == ["succeeded"]
        assert read_queue() == []


@pytest.mark.django_db(transaction=True)
def test_an_item_that_is_deleted_for_good_is_in_none(shared_queue):
    ada, key = User.objects.create_superuser("ada"), (Kind.FLOW, uuid_of("f", 1))
    import_items(flow(1, "Orders", tags=["a"]), flow(2, "Mail", tags=["b"]))
    for tag in "ab":
        queue_export(ada, ExportChoice(tags=(tag,)))
    build()
    waiting = queue_export(ada, ExportChoice())
    purge = purge_items([key], user=None, user_name="root")
    assert purge.export_count == 2
    assert waiting.pk in purge.background_exports
    assert BackgroundExport.objects.get().choice["tags"] == ["b"]


class TestBuilding:
    @pytest.fixture
    def export(self, ada: APIClient) -> BackgroundExport:
        later(ada)
        return BackgroundExport.objects.get()

    @pytest.fixture(autouse=True)
    def _no_grace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("imports.jobs.queue._GRACE_SECONDS", 0)

    def test_a_job_that_is_delivered_twice_is_built_once(self, export):
        run_export(export.pk)
        ended = BackgroundExport.objects.get().finished_at
        run_export(export.pk)
        assert BackgroundExport.objects.get().finished_at == ended
        assert BackgroundExport.objects.get().attempts == 1

    def test_while_another_worker_has_it(self, export):
        with hold_export_lock(export.pk):
            run_export(export.pk)
        assert BackgroundExport.objects.get().status == ExportStatus.QUEUED

    def test_what_another_worker_has_begun_anew_is_left_to_it(self, export, monkeypatch):
        """The lock of the first one is lost, by a cut connection."""
        real = imports.jobs.exports.building.pack_export

        def lose(*args: Any, **options: Any) -> Any:
            BackgroundExport.objects.update(attempts=2)
            return real(*args, **options)

        monkeypatch.setattr(imports.jobs.exports.building, "pack_export", lose)
        run_export(export.pk)
        export.refresh_from_db()
        assert (export.status, export.content) == (ExportStatus.RUNNING, None)

    def test_flows_that_go_meanwhile_are_told(self, ada):
        answer = later(ada, TAGGED, {"flowUuids": [uuid_of("f", 1)]})
        Flow.objects.update(is_deleted=True)
        build()
        assert (poll(ada, answer)["status"], poll(ada, answer)["code"]) == (
            "refused", "unknown-flows",
        )  # fmt: skip

    def test_a_fault_is_told_and_not_tried_again(self, ada, export, monkeypatch):
        def fail(*_args: Any, **_options: Any) -> None:
            raise ValueError("CANARY of a value")

        monkeypatch.setattr(imports.jobs.exports.building, "pack_export", fail)
        with pytest.raises(ValueError, match="CANARY"):
            build()
        sweep_exports()
        sweep_exports()
        export.refresh_from_db()
        assert (export.status, export.code) == (ExportStatus.FAILED, "internal-error")
        assert "CANARY" not in export.message
        assert [status for status, _ in read_queue()] == ["failed"]

    def test_a_worker_that_dies_leaves_it_to_another(self, export):
        fetch_all()  # and dies
        BackgroundExport.objects.update(status=ExportStatus.RUNNING, attempts=1, done=1)
        sweep_exports()
        assert [status for status, _ in read_queue()] == ["todo"]
        build()
        export.refresh_from_db()
        assert (export.status, export.attempts) == (ExportStatus.SUCCEEDED, 2)

    def test_one_that_lives_is_left_alone(self, export):
        fetch_all()
        with hold_export_lock(export.pk):
            sweep_exports()
        assert [status for status, _ in read_queue()] == ["doing"]

    def test_a_job_that_the_queue_ended_is_put_there_again(self, export):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")
        sweep_exports()
        build()
        export.refresh_from_db()
        assert export.status == ExportStatus.SUCCEEDED

    def test_one_that_ends_its_workers_is_given_up(self, export, monkeypatch):
        def die(*_args: Any, **_options: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(imports.jobs.exports.building, "pack_export", die)
        begun = 0
        while numbers := fetch_all():
            for number in numbers:
                with pytest.raises(KeyboardInterrupt):
                    run_export(number)
                begun += 1
            sweep_exports()
        export.refresh_from_db()
        assert (begun, export.status, export.code) == (3, ExportStatus.FAILED, "gave-up")

    def test_what_waits_and_is_called_off_is_never_built(self, ada, export):
        assert ada.delete(f"/api/exports/{export.pk}").status_code == 204
        assert [status for status, _ in read_queue()] == ["cancelled"]
        run_export(export.pk)
        sweep_exports()
        assert not BackgroundExport.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_while_it_is_built_its_progress_is_seen_and_it_can_be_called_off(
    shared_queue, monkeypatch, caplog
):
    monkeypatch.setattr("imports.jobs.exports.following._EVERY", 0)
    import_items(flow(1, "Orders"), flow(2, "Mail"), secret_item(1, "KEY"))
    ada = caller("ada", admin=True)
    answer = later(ada)
    seen: list[Any] = []
    real = ExportFollower.__call__

    def watch(follower: ExportFollower, done: int, total: int, size: int) -> None:
        real(follower, done, total, size)
        if done == 2:
            thread = Thread(target=look_and_call_off)
            thread.start()
            thread.join()

    def look_and_call_off() -> None:
        seen.append(poll(ada, answer))
        seen.append(ada.delete(answer.headers["Location"]).status_code)
        connection.close()

    monkeypatch.setattr(ExportFollower, "__call__", watch)
    caplog.set_level("INFO", "imports.jobs.exports")
    build()
    told, status = seen
    assert (told["status"], status) == ("running", 204)
    assert told["progress"]["done"] == 2
    assert told["progress"]["total"] == 3
    assert told["progress"]["bytes"] > 100
    assert not BackgroundExport.objects.exists()
    assert "is not wanted any more" in caplog.text


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_leaves_it_to_another(shared_queue, tmp_path, monkeypatch):
    monkeypatch.setattr("imports.jobs.queue._GRACE_SECONDS", 1)
    import_items(flow(1, "Orders"), secret_item(1, "KEY"))
    ada = caller("ada", admin=True)
    with run_worker(tmp_path) as worker, closing(connection.copy()) as other:
        other.set_autocommit(False)
        other.cursor().execute("LOCK TABLE flows_flow IN ACCESS EXCLUSIVE MODE")
        answer = later(ada)
        wait_until(lambda: poll(ada, answer)["status"] == "running")
        worker.kill()

    def is_given_back() -> bool:
        sweep_exports()
        return "todo" in dict(read_queue())

    wait_until(is_given_back)
    assert BackgroundExport.objects.get().content is None
    build()
    assert whole(ada.get(poll(ada, answer)["file"])) == whole(ada.get(ALL))
    assert BackgroundExport.objects.get().attempts == 2
