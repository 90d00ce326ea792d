"""Asking again under an `Idempotency-Key`: one import, however often and whatever happened to it."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError, transaction
from django.db import connection as database
from rest_framework.test import APIClient

import imports.importing.service
import imports.runs.carrying_out
import imports.runs.idempotency
from accounts.models import User
from flows.models import Flow
from imports.database.backup import Backup
from imports.database.lock import hold_import_lock
from imports.errors import BackupFailed
from imports.models import ImportItem, ImportRecord, Status
from imports.planfile.decisions import read_decisions
from imports.report import make_acknowledged_data, make_plan_data, make_record_data
from imports.runs.idempotency import InvalidKey, compute_digest, read_key
from tests.support.digest import all_rows, data_rows
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    secret,
    uuid_of,
)
from tests.support.threads import at_once
from tests.support.uploading import caller, client_of, upload

ORDERS = export_file(flow(1, "Orders"))
OTHER = export_file(flow(1, "Orders", info="another file"))
ON_POSTGRESQL = django_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")


@pytest.fixture
def ada(db) -> APIClient:
    return caller("ada", admin=True)


def told(answer: Any) -> tuple[int, str, str | None, bytes]:
    """All that an answer says."""
    return (
        answer.status_code,
        answer.reason_phrase,
        answer.headers.get("Location"),
        answer.content,
    )


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


class TestTheKey:
    @pytest.mark.parametrize("key", ["!", "~" * 255, "5f0c9b1e-6d0c-4c83-9a06-1f8c6f0a2b3d", '"x"'])
    def test_visible_ascii_characters_are_a_key(self, key):
        assert read_key(key) == key

    def test_none_is_none(self):
        assert read_key(None) is None

    @pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "\x7f", "é", "a\0", "x" * 256])
    def test_anything_else_is_refused(self, key):
        with pytest.raises(InvalidKey) as raised:
            read_key(key)
        assert (raised.value.status, raised.value.code) == (400, "invalid-idempotency-key")
        assert raised.value.message == (
            "An Idempotency-Key must be 1 to 255 visible ASCII characters, such as a new UUID."
        )

    def test_a_key_that_is_none_imports_nothing(self, ada):
        before = all_rows()
        assert refused(upload(ada, ORDERS, key="x" * 256)) == (400, "invalid-idempotency-key")
        assert all_rows() == before

    def test_a_dry_run_ignores_it(self, ada):
        for key in ("", "key-1", "key-1"):
            answer = upload(ada, ORDERS, key=key, dryRun="true")
            assert answer.json()["flowsProcessed"][0]["result"] == "CREATE"
        assert not ImportRecord.objects.exists()
        assert upload(ada, ORDERS, key="key-1").status_code == 201


DECISIONS = b'{"decisions": {"c4492541-118e-4e23-9450-f2d28204ebee": "skip"}}'


class TestADigestOfARequest:
    def test_it_is_the_same_for_the_same_request(self):
        first = request_for(ORDERS, file_name="a", user_name="x", door="api", idempotency_key="k")
        second = request_for(ORDERS, file_name="b", user_name="y", door="admin")
        assert compute_digest(first, "a" * 64) == compute_digest(second, "a" * 64)

    @pytest.mark.parametrize(
        "other",
        [
            {"mode": "skip"},
            {"with_backup": True},
            {"override_locks": True},
            {"server": "another"},
            {"given_decisions": read_decisions(DECISIONS, max_bytes=100)},
        ],
    )
    def test_every_option_counts(self, other):
        assert compute_digest(request_for(ORDERS), "") != compute_digest(
            request_for(ORDERS, **other), ""
        )

    def test_the_bytes_of_the_file_count(self):
        request = request_for(ORDERS)
        assert compute_digest(request, "a" * 64) != compute_digest(request, "b" * 64)

    def test_no_option_is_forgotten(self):
        """A new field of a request is an option, until somebody says that it is none."""
        assert {
            "payload", "file_name", "user", "user_name", "door", "idempotency_key",
            "lock_wait", "accept", "accept_shown", "packed", "origin", "queued_record",
        } == imports.runs.idempotency._NOT_OPTIONS  # fmt: skip


class TestAfterSuccess:
    @pytest.mark.parametrize("mode", ["LEAVE", "RENAME", "OVERWRITE"])
    def test_the_same_request_gets_the_same_answer_and_imports_nothing(self, ada, mode):
        FlowFactory(uuid=uuid_of("f", 1), name="Old")
        first = told(upload(ada, ORDERS, mode, key="key-1"))
        before = all_rows()
        assert told(upload(ada, ORDERS, mode, key="key-1")) == first
        assert first[0] == 201
        assert all_rows() == before

    def test_hundreds_of_repeats_make_no_second_copy(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders")
        first = told(upload(ada, ORDERS, "RENAME", key="key-1"))
        for _ in range(300):
            assert told(upload(ada, ORDERS, "RENAME", key="key-1")) == first
        assert sorted(Flow.objects.values_list("name", flat=True)) == ["Orders", "Orders (copy)"]
        assert ImportRecord.objects.count() == 1

    def test_the_same_request_with_another_file_name_is_the_same(self, ada):
        first = told(upload(ada, ORDERS, key="key-1", file_name="a.json"))
        assert told(upload(ada, ORDERS, key="key-1", file_name="b.json")) == first

    def test_nothing_to_do_is_remembered_too(self, ada):
        upload(ada, ORDERS)
        first = told(upload(ada, ORDERS, key="key-1"))
        assert json.loads(first[3])["flowsProcessed"][0]["result"] == "UNCHANGED"
        Flow.objects.update(info="edited since")
        assert told(upload(ada, ORDERS, key="key-1")) == first
        assert Flow.objects.get().info == "edited since"

    def test_later_changes_do_not_change_the_answer(self, ada):
        first = told(upload(ada, ORDERS, key="key-1"))
        Flow.objects.all().delete()
        assert told(upload(ada, ORDERS, key="key-1")) == first
        assert not Flow.objects.exists()

    def test_an_import_that_was_undone_is_not_done_again(self, ada):
        first = told(upload(ada, ORDERS, key="key-1"))
        ImportRecord.objects.update(status=Status.UNDONE)
        assert told(upload(ada, ORDERS, key="key-1")) == first

    def test_it_needs_no_lock(self, ada):
        first = told(upload(ada, ORDERS, key="key-1"))
        with hold_import_lock(wait=0):
            assert told(upload(ada, ORDERS, key="key-1")) == first

    def test_without_a_key_everything_is_imported_again(self, ada):
        for _ in range(3):
            assert upload(ada, ORDERS, "RENAME").status_code == 201
        assert Flow.objects.count() == 3

    @pytest.mark.parametrize(
        ("payload", "mode", "fields"),
        [
            (OTHER, "OVERWRITE", {}),
            (ORDERS + b" ", "OVERWRITE", {}),
            (ORDERS, "LEAVE", {}),
            (ORDERS, "OVERWRITE", {"overrideLocks": "true"}),
            (ORDERS, "OVERWRITE", {"noBackup": "false"}),
            (b"no JSON", "OVERWRITE", {}),
        ],
        ids=["a file", "a byte", "a mode", "locks", "a backup", "a bad file"],
    )
    def test_another_request_under_the_key_is_refused(self, ada, payload, mode, fields):
        first = told(upload(ada, ORDERS, key="key-1"))
        done = ImportRecord.objects.get()
        before = data_rows()
        answer = upload(ada, payload, mode, key="key-1", **fields)
        assert refused(answer) == (422, "idempotency-mismatch")
        assert answer.json()["message"] == (
            f"This Idempotency-Key was used for another file or other options: see record "
            f"{done.pk}. Give each import a key of its own."
        )
        assert data_rows() == before
        assert ImportRecord.objects.first().status == "refused"
        assert told(upload(ada, ORDERS, key="key-1")) == first

    def test_keys_are_each_users_own(self, ada):
        bob = caller("bob", admin=True)
        first = told(upload(ada, ORDERS, key="key-1"))
        second = told(upload(bob, ORDERS, "RENAME", key="key-1"))
        assert first[2] != second[2]
        assert json.loads(second[3])["flowsProcessed"][0]["result"] == "DUPLICATE"
        assert told(upload(ada, ORDERS, key="key-1")) == first
        assert told(upload(bob, ORDERS, "RENAME", key="key-1")) == second

    def test_another_token_of_the_user_will_do(self, ada):
        first = told(upload(ada, ORDERS, key="key-1"))
        assert told(upload(client_of(User.objects.get()), ORDERS, key="key-1")) == first

    def test_who_may_not_import_any_more_is_told_nothing(self, db):
        bob = caller("bob", may=("run_import", "skip_backup", "add_flow"))
        assert upload(bob, ORDERS, key="key-1").status_code == 201
        User.objects.get().user_permissions.clear()
        assert refused(upload(bob, ORDERS, key="key-1")) == (403, "not-permitted")

    def test_keys_differ_by_case(self, ada):
        upload(ada, ORDERS, "RENAME", key="a-key")
        upload(ada, ORDERS, "RENAME", key="A-KEY")
        assert Flow.objects.count() == 2

    def test_a_key_lasts_for_a_day(self, ada, monkeypatch):
        first = told(upload(ada, ORDERS, "RENAME", key="key-1"))
        now = datetime.now(UTC)

        def after(**since: int) -> None:
            later = now + timedelta(**since)
            monkeypatch.setattr(imports.runs.idempotency.timezone, "now", lambda: later)

        after(hours=23, minutes=59)
        assert told(upload(client_of(User.objects.get()), ORDERS, "RENAME", key="key-1")) == first
        after(hours=24, minutes=1)
        bearer = client_of(User.objects.get())
        second = told(upload(bearer, ORDERS, "RENAME", key="key-1"))
        assert json.loads(second[3])["flowsProcessed"][0]["result"] == "DUPLICATE"
        assert told(upload(bearer, ORDERS, "RENAME", key="key-1")) == second
        assert Flow.objects.count() == 2


@pytest.mark.django_db
class TestTheRebuiltAnswer:
    """What is answered again is made of the record, and equals what was answered first."""

    def check(self, outcome: Any) -> None:
        first = make_plan_data(outcome.plan, done=True, with_details=True)
        first |= make_acknowledged_data(outcome.record)
        again = make_record_data(ImportRecord.objects.get(pk=outcome.record.pk))
        assert json.dumps(again) == json.dumps(first)

    @pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
    def test_for_every_result_match_and_warning(self, mode):
        FlowFactory(uuid=uuid_of("f", 1), name="Old name")
        FlowFactory(uuid=uuid_of("a", 2), name="By name", info="here")
        FlowFactory(uuid=uuid_of("f", 3), name="Gone", is_deleted=True)
        ConnectionFactory(uuid=uuid_of("c", 1), name="Same")
        SecretFactory(uuid=uuid_of("5", 1), name="KEY", description="here")
        outcome = import_items(
            flow(1, "New name"),
            flow(2, "By name", info="there"),
            flow(3, "Back"),
            flow(4, 'Naïve 😀 "quoted" <b>\r\n\t'),
            {"uuid": uuid_of("F", 5), "name": "In upper case"},
            flow(6, ""),
            connection(1, "Same"),
            connection(2, "New", devValue="{ key: secrets.NOBODY }"),
            secret(1, "KEY", devValue="a value that is ignored"),
            secret(2, "KEY_2"),
            mode=mode,
        )
        self.check(outcome)

    @pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
    def test_for_real_flows(self, shared_data, mode):
        payload = (shared_data / "real-medium.json").read_bytes()
        self.check(imports.importing.service.run_import(request_for(payload, "overwrite")))
        self.check(imports.importing.service.run_import(request_for(payload, mode)))
        assert ImportItem.objects.count() == 2 * (300 + 214 + 225)


class TestAfterFailure:
    """What wrote nothing is not remembered: the same key tries again."""

    def test_a_refused_file_is_refused_again_and_the_key_stays_free(self, ada):
        for _ in range(2):
            assert refused(upload(ada, b"{", key="key-1")) == (400, "invalid-json")
        assert upload(ada, ORDERS, key="key-1").status_code == 201

    def test_a_plan_that_was_refused_is_tried_again(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", is_locked=True)
        assert refused(upload(ada, OTHER, key="key-1")) == (422, "locked")
        Flow.objects.update(is_locked=False)
        assert upload(ada, OTHER, key="key-1").status_code == 201

    def test_a_failed_backup_is_tried_again(self, ada, monkeypatch):
        def fail(**_: Any) -> None:
            raise BackupFailed("backup-failed", "no room")

        monkeypatch.setattr(imports.runs.carrying_out, "make_backup", fail)
        assert upload(ada, ORDERS, key="key-1", noBackup="false").status_code == 503
        monkeypatch.setattr(imports.runs.carrying_out, "make_backup", a_backup)
        assert upload(ada, ORDERS, key="key-1", noBackup="false").status_code == 201
        assert [each.status for each in ImportRecord.objects.all()] == ["succeeded", "refused"]

    def test_an_unforeseen_error_is_tried_again(self, ada, monkeypatch):
        apply_plan = imports.importing.service.apply_plan
        monkeypatch.setattr(imports.importing.service, "apply_plan", lambda *_, **__: 1 / 0)
        ada.raise_request_exception = False
        assert upload(ada, ORDERS, key="key-1").status_code == 500
        monkeypatch.setattr(imports.importing.service, "apply_plan", apply_plan)
        assert upload(ada, ORDERS, key="key-1").status_code == 201
        assert [each.status for each in ImportRecord.objects.all()] == ["succeeded", "failed"]

    def test_a_key_of_a_process_that_died_is_free(self, ada):
        """Its record still says that it runs, but nobody holds the lock."""
        upload(ada, ORDERS, key="key-1")
        ImportRecord.objects.update(status=Status.RUNNING, finished_at=None)
        Flow.objects.all().delete()
        assert upload(ada, OTHER, key="key-1").status_code == 201
        assert [each.status for each in ImportRecord.objects.all()] == ["succeeded", "interrupted"]


def a_backup(**_: Any) -> Backup:
    return Backup(path=Path("/backups/b.sqlite3"), size=1, sha256="0" * 64)


def test_the_database_itself_keeps_a_key_from_standing_for_two_imports(ada):
    upload(ada, ORDERS, key="key-1")
    done = ImportRecord.objects.get()
    for status in (Status.RUNNING, Status.SUCCEEDED, Status.UNDONE):
        done.pk, done.status = None, status
        with pytest.raises(IntegrityError), transaction.atomic():
            done.save(force_insert=True)
    for status in (Status.REFUSED, Status.FAILED, Status.INTERRUPTED):
        done.pk, done.status = None, status
        done.save(force_insert=True)
    assert ImportRecord.objects.filter(idempotency_key="key-1").count() == 4


@pytest.mark.django_db(transaction=True)
class TestWhileItRuns:
    @pytest.fixture
    def running(self, ada, settings, monkeypatch):
        """Send requests while the import of ORDERS under "key-1" makes its backup."""
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
        entered, leave = threading.Event(), threading.Event()

        def slow_backup(**_: Any) -> Backup:
            entered.set()
            assert leave.wait(timeout=20)
            return a_backup()

        monkeypatch.setattr(imports.runs.carrying_out, "make_backup", slow_backup)
        answers: list[Any] = []

        def run() -> None:
            answers.append(upload(ada, ORDERS, key="key-1", noBackup="false"))
            database.close()

        thread = threading.Thread(target=run)
        thread.start()
        assert entered.wait(timeout=10)
        yield answers
        leave.set()
        thread.join()
        assert answers[0].status_code == 201
        assert Flow.objects.count() == 1
        again = upload(ada, ORDERS, key="key-1", noBackup="false")
        assert told(again) == told(answers[0])

    def test_the_same_request_is_409_at_once(self, ada, running, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 60}
        before = data_rows()
        answer = upload(ada, ORDERS, key="key-1", noBackup="false")
        assert refused(answer) == (409, "idempotency-in-progress")
        assert answer.json()["message"] == (
            "The import with this Idempotency-Key is running. Ask again when it is done."
        )
        assert data_rows() == before

    def test_another_request_under_the_key_is_422(self, ada, running):
        answer = upload(ada, OTHER, key="key-1", noBackup="false")
        assert refused(answer) == (422, "idempotency-mismatch")

    def test_other_keys_and_other_users_wait_as_ever(self, ada, running):
        assert refused(upload(ada, ORDERS, key="key-2")) == (409, "import-locked")
        bob = caller("bob", admin=True)
        assert refused(upload(bob, ORDERS, key="key-1")) == (409, "import-locked")


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_imports_and_all_get_its_answer(ada, settings):
    settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 30}
    user = User.objects.get()
    clients = [client_of(user) for _ in range(8)]

    def send(client: APIClient) -> tuple[int, str, str | None, bytes]:
        answer = upload(client, ORDERS, "RENAME", key="key-1")
        while refused_in_progress(answer):
            answer = upload(client, ORDERS, "RENAME", key="key-1")
        return told(answer)

    answers = at_once([partial(send, client) for client in clients])
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    assert Flow.objects.count() == 1
    assert ImportRecord.objects.filter(status="succeeded").count() == 1


def refused_in_progress(answer: Any) -> bool:
    return answer.status_code == 409 and answer.json()["code"] == "idempotency-in-progress"


IMPORT_AND_DIE = """
import os, signal, sys
import django
django.setup()
import imports.importing.service
import imports.runs.carrying_out
from accounts.models import User
from imports.models import Door, ImportRecord
from imports.plans.plan import Mode
from imports.importing.request import ImportRequest

def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

point = sys.argv[1]
if point == "before the backup":
    imports.runs.carrying_out.make_backup = die
elif point == "before the commit":
    succeed = imports.runs.recorder.RunRecorder.succeed
    imports.runs.recorder.RunRecorder.succeed = lambda *arguments: (succeed(*arguments), die())
user = User.objects.get()
imports.importing.service.run_import(
    ImportRequest(
        payload=sys.stdin.buffer.read(), file_name="zexport.json", server="local",
        mode=Mode.DUPLICATE, door=Door.API, user=user, user_name=user.get_username(),
        with_backup=point == "before the backup", idempotency_key="key-1",
    )
)
die()
"""


@pytest.mark.django_db(transaction=True)
class TestAfterACrash:
    def die(self, point: str, payload: bytes = ORDERS) -> None:
        """Import in a process of its own, which is killed at the point."""
        done = subprocess.run(
            [sys.executable, "-c", IMPORT_AND_DIE, point],
            env=os.environ
            | {"DATABASE_URL": _url(), "DJANGO_SETTINGS_MODULE": "ziggy_site.settings"},
            cwd=django_settings.BASE_DIR,
            input=payload,
            capture_output=True,
            check=False,
        )
        assert done.returncode == -9, done.stderr.decode()

    def test_what_was_committed_is_answered(self, ada):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders")
        self.die("after the commit")
        [done] = ImportRecord.objects.all()
        before = all_rows()
        answer = upload(ada, ORDERS, "RENAME", key="key-1")
        assert told(answer)[:3] == (201, "Created", f"/api/imports/{done.pk}")
        copy = Flow.objects.get(name="Orders (copy)")
        assert answer.json()["flowsProcessed"] == [
            {
                "uuid": uuid_of("f", 1),
                "name": "Orders",
                "result": "DUPLICATE",
                "matchMethod": "uuid",
                "isProcessed": True,
                "targetUuid": str(copy.uuid),
                "targetName": "Orders (copy)",
            }
        ]
        assert all_rows() == before

    @pytest.mark.parametrize("point", ["before the backup", "before the commit"])
    @pytest.mark.parametrize("payload", [ORDERS, OTHER], ids=["the same file", "another file"])
    def test_what_was_not_is_done_now(self, ada, point, payload, monkeypatch):
        monkeypatch.setattr(imports.runs.carrying_out, "make_backup", a_backup)
        self.die(point)
        assert not Flow.objects.exists()
        assert ImportRecord.objects.get().status == "running"
        answer = upload(ada, payload, "RENAME", key="key-1")
        assert answer.status_code == 201
        assert Flow.objects.count() == 1
        assert [each.status for each in ImportRecord.objects.all()] == ["succeeded", "interrupted"]


def _url() -> str:
    at = database.settings_dict
    if not ON_POSTGRESQL:
        return f"sqlite:///{at['NAME']}"
    return f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
