"""Asking again under an `Idempotency-Key`: one effect of every POST, and always its first answer.

Every POST under /api is asked, so that a new one is covered by itself. The import has tests of its
own beside these.
"""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection as database
from rest_framework.test import APIClient

import flows.rest.requests.idempotency
from accounts.models import User
from flows.models import Connection, Flow, Secret, StoredAnswer
from imports.errors import BackupFailed
from imports.models import BuiltExport, ImportRecord
from tests.product.test_permission_matrix import (
    ROWS,
    Sent,
    caller_in,
    endpoints,
    methods_of,
    quick_and_quiet,
    request_of,
    without_converters,
)
from tests.support.digest import all_rows
from tests.support.factories import FlowFactory
from tests.support.importing import database_url, export_file, flow, import_items, uuid_of
from tests.support.threads import at_once
from tests.support.uploading import BOUNDARY, caller, client_of, upload

__all__ = ["quick_and_quiet"]  # a fixture

POSTS = sorted(
    route
    for route, view in endpoints()
    if "POST" in methods_of(view) and not route.startswith("auth/")
)
every_post = pytest.mark.parametrize("route", POSTS)


def told(answer: Any) -> tuple[int, str | None, bytes]:
    return answer.status_code, answer.headers.get("Location"), answer.content


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


class Asked:
    """A request that succeeds, to be sent as often as one likes."""

    def __init__(self, route: str, case: str | None = None) -> None:
        cases = [row["case"] for row in ROWS if (row["method"], row["route"]) == ("POST", route)]
        self.caller = caller_in("superuser")
        route = without_converters(route)
        self.sent: Sent = request_of("POST", route, case or cases[0], self.caller)
        self.path = f"/api/{route}"
        for name, value in self.sent.parameters.items():
            self.path = self.path.replace(f"<{name}>", value)

    def send(self, key: str | None = "key-1", *, client: APIClient | None = None) -> Any:
        body: Any = self.sent.form
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        if body is None:
            body = b"" if self.sent.body is None else json.dumps(self.sent.body)
            kind = "application/json"
        headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
        client = client or self.caller.client()
        return client.generic("POST", self.path, body, content_type=kind, **headers)


def test_every_post_takes_a_key_but_those_whose_answers_hold_tokens():
    views = {route: view.view_class for route, view in endpoints()}
    assert len(POSTS) >= 11
    for route in POSTS:
        assert views[route].post.takes_idempotency_key, route


@pytest.mark.django_db
@every_post
class TestEveryPost:
    def test_the_same_request_gets_the_same_answer_and_has_no_second_effect(
        self, route, monkeypatch
    ):
        asked = Asked(route)
        first = told(asked.send())
        assert first[0] in {200, 201}
        before = all_rows()
        for module in ("exporting.downloads", "api.system", "runs.carrying_out"):
            monkeypatch.setattr(f"imports.{module}.make_backup", lambda **_: 1 / 0)
        for _ in range(3):
            assert told(asked.send()) == first
        assert all_rows() == before

    def test_another_request_under_the_key_is_refused(self, route):
        asked = Asked(route)
        first = told(asked.send())
        before = all_rows(without={"imports_importrecord"})
        other = asked.caller.client().post("/api/flow/Another/HTTP", HTTP_IDEMPOTENCY_KEY="key-1")
        assert refused(other) == (422, "idempotency-mismatch")
        again = upload(asked.caller.client(), export_file(flow(9, "Ninth")), key="key-1")
        assert refused(again) == (422, "idempotency-mismatch")
        assert all_rows(without={"imports_importrecord"}) == before
        assert told(asked.send()) == first

    @pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256])
    def test_a_key_that_is_none_changes_nothing(self, route, key):
        asked = Asked(route)
        before = all_rows()
        assert refused(asked.send(key)) == (400, "invalid-idempotency-key")
        assert all_rows() == before

    def test_who_lost_the_right_is_told_nothing(self, route):
        asked = Asked(route)
        assert asked.send().status_code < 300
        User.objects.filter(pk=asked.caller.user.pk).update(is_superuser=False)
        before = all_rows(without={"imports_importrecord"})
        answer = asked.send()
        assert answer.status_code == 403
        assert answer.json()["code"] == "not-permitted"
        assert all_rows(without={"imports_importrecord"}) == before

    def test_without_a_key_it_is_as_ever(self, route):
        assert Asked(route).send(None).status_code < 300
        assert not StoredAnswer.objects.exists()


@pytest.fixture
def ada(db: Any) -> APIClient:
    return caller("ada", admin=True)


def post(client: APIClient, path: str, body: Any = None, key: str = "key-1") -> Any:
    return client.post(f"/api{path}", body, format="json", HTTP_IDEMPOTENCY_KEY=key)


class TestTheMemory:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/connection?a=1", {"name": "New"}),
            ("/connection", {"name": "Other"}),
            ("/connection", {"name": "New", "type": ""}),
            ("/connection", {}),
            ("/secret", {"name": "New"}),
        ],
    )
    def test_method_address_and_body_count(self, ada, path, body):
        assert post(ada, "/connection", {"name": "New"}).status_code == 201
        assert refused(post(ada, path, body)) == (422, "idempotency-mismatch")

    def test_the_order_of_keys_does_not_count(self, ada):
        first = told(post(ada, "/connection", {"name": "New", "type": "A"}))
        assert told(post(ada, "/connection", {"type": "A", "name": "New"})) == first

    def test_keys_are_each_users_own(self, ada):
        bob = caller("bob", admin=True)
        first, second = (post(each, "/flow/New/HTTP").json()["uuid"] for each in (ada, bob))
        assert first != second
        assert (
            post(client_of(User.objects.get(username="ada")), "/flow/New/HTTP").json()["uuid"]
            == first
        )

    def test_what_was_refused_is_tried_again(self, ada):
        Secret.objects.create(name="TAKEN")
        for _ in range(2):
            assert refused(post(ada, "/secret", {"name": "TAKEN"})) == (409, "name-taken")
        assert not StoredAnswer.objects.exists()
        Secret.objects.all().delete()
        assert post(ada, "/secret", {"name": "TAKEN"}).status_code == 201

    def test_what_failed_halfway_left_nothing_and_is_tried_again(self, ada, monkeypatch):
        ada.raise_request_exception = False
        with monkeypatch.context() as patch:
            patch.setattr("flows.rest.item_views.reading.read_item", lambda *_: 1 / 0)
            assert post(ada, "/flow/New/HTTP").status_code == 500
        assert not Flow.objects.exists()
        assert post(ada, "/flow/New/HTTP").status_code == 201

    def test_an_answer_that_says_that_it_failed_is_not_remembered(self, ada, monkeypatch):
        def fail() -> None:
            raise BackupFailed("backup-failed", "no room")

        monkeypatch.setattr("imports.api.system.make_backup", fail)
        for _ in range(2):
            assert post(ada, "/system/backup-db").status_code == 503
        assert not StoredAnswer.objects.exists()

    def test_it_lasts_for_a_day(self, ada, monkeypatch):
        first = told(post(ada, "/flow/New/HTTP"))
        now = datetime.now(UTC)

        def after(**since: int) -> APIClient:
            later = now + timedelta(**since)
            monkeypatch.setattr(flows.rest.requests.idempotency.timezone, "now", lambda: later)
            return client_of(User.objects.get())

        assert told(post(after(hours=23, minutes=59), "/flow/New/HTTP")) == first
        second = told(post(after(hours=24, minutes=1), "/flow/New/HTTP"))
        assert second != first
        assert Flow.objects.count() == 2
        assert StoredAnswer.objects.count() == 1

    def test_no_secret_value_is_in_it_and_no_text_in_clear(self, ada):
        value = "CANARY-value-1"
        answer = post(ada, "/secret", {"name": "KEY", "devValue": value})
        assert answer.status_code == 201
        body = {"name": "Twilio", "devValue": "{ password: 'CANARY-2' }"}
        assert post(ada, "/connection", body, key="key-2").status_code == 201
        rows = str(
            [
                {name: bytes(v) if isinstance(v, memoryview) else v for name, v in row.items()}
                for row in all_rows()["flows_storedanswer"]
            ]
        )
        assert "CANARY" not in rows
        for stored in StoredAnswer.objects.all():
            opened = flows.rest.requests.idempotency.decrypt_bytes(bytes(stored.body)).decode()
            assert value not in opened
            assert stored.permissions

    def test_the_digest_cannot_be_guessed_without_the_servers_key(self, ada, settings):
        body = {"name": "KEY", "devValue": "1234"}
        assert post(ada, "/secret", body).status_code == 201
        before = StoredAnswer.objects.get().digest
        StoredAnswer.objects.all().delete()
        Secret.objects.all().delete()
        settings.SECRET_KEY = "another key of the server"
        assert post(ada, "/secret", body).status_code == 201
        assert StoredAnswer.objects.get().digest != before

    def test_an_answer_under_a_key_that_is_gone_is_no_second_effect(self, ada, settings):
        post(ada, "/flow/New/HTTP")
        settings.ZIGGY = {
            **settings.ZIGGY,
            "ENCRYPTION_KEYS": ["b25seS1mb3ItdGhlLXRlc3RzLW9mLXRoZS13aXJlLTE="],
        }
        assert refused(post(ada, "/flow/New/HTTP")) == (409, "idempotency-answer-lost")
        assert Flow.objects.count() == 1

    def test_a_right_that_only_this_body_needed_is_asked_for_again(self, db):
        bob = caller("bob", may=("add_secret", "view_secret", "change_secret"))
        body = {"name": "KEY", "devValue": "hidden"}
        assert post(bob, "/secret", body).status_code == 201
        may = User.objects.get().user_permissions
        may.remove(may.get(codename="change_secret"))
        assert refused(post(bob, "/secret", body)) == (403, "not-permitted")

    def test_the_role_of_an_administrator_is_asked_for_again(self, db, quick_and_quiet):
        eve = caller("eve", role="Admin")
        assert post(eve, "/system/transfer-db").status_code == 201
        User.objects.get().groups.clear()
        assert refused(post(eve, "/system/transfer-db")) == (403, "not-permitted")

    def test_a_key_of_an_import_is_not_free_for_another_request(self, ada):
        assert upload(ada, export_file(flow(1, "Orders")), key="key-1").status_code == 201
        assert refused(post(ada, "/flow/New/HTTP")) == (422, "idempotency-mismatch")

    def test_who_may_not_add_flows_any_more_is_not_told_of_an_import(self, db):
        bob = caller("bob", may=("run_import", "skip_backup", "add_flow"))
        assert upload(bob, export_file(flow(1, "Orders")), key="key-1").status_code == 201
        may = User.objects.get().user_permissions
        may.remove(may.get(codename="add_flow"))
        answer = upload(bob, export_file(flow(1, "Orders")), key="key-1")
        assert refused(answer) == (403, "not-permitted")


class TestAnUndo:
    @pytest.fixture
    def record(self, db: Any) -> ImportRecord:
        FlowFactory(uuid=uuid_of("f", 1), name="Old")
        return import_items(flow(1, "New"), flow(2, "Made")).record

    def undo(self, client: APIClient, record: ImportRecord, **body: Any) -> Any:
        body = {"dryRun": False, "noBackup": True, **body}
        return post(client, f"/imports/{record.pk}/undo", body)

    def test_its_answer_is_made_of_its_record(self, ada, record):
        Flow.objects.filter(name="Made").update(info="edited")
        first = self.undo(ada, record, conflicts="restore")
        assert first.status_code == 201
        assert first.json()["flowsProcessed"][1]["warnings"]
        assert told(self.undo(ada, record, conflicts="restore")) == told(first)
        assert told(self.undo(ada, record, conflicts="RESTORE")) == told(first)
        assert ImportRecord.objects.filter(mode="undo").count() == 1

    def test_other_options_or_another_record_are_another_request(self, ada, record):
        assert self.undo(ada, record).status_code == 201
        assert refused(self.undo(ada, record, conflicts="keep")) == (422, "idempotency-mismatch")
        undo = ImportRecord.objects.get(mode="undo", status="succeeded")
        assert refused(self.undo(ada, undo)) == (422, "idempotency-mismatch")

    def test_an_undo_that_was_undone_is_answered_and_not_done_again(self, ada, record):
        first = told(self.undo(ada, record))
        undo = ImportRecord.objects.get(mode="undo")
        body = {"dryRun": False, "noBackup": True}
        assert post(ada, f"/imports/{undo.pk}/undo", body, key="key-2").status_code == 201
        assert told(self.undo(ada, record)) == first
        assert Flow.objects.get(uuid=uuid_of("f", 1)).name == "New"

    def test_a_dry_run_ignores_the_key(self, ada, record):
        assert self.undo(ada, record, dryRun=True).status_code == 200
        assert self.undo(ada, record).status_code == 201

    def test_a_refused_one_is_tried_again(self, ada, record):
        Flow.objects.filter(name="Made").update(info="edited")
        assert refused(self.undo(ada, record)) == (422, "edited-since")
        Flow.objects.filter(name="Made").update(info="")
        assert self.undo(ada, record).status_code == 201


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    @pytest.mark.parametrize("route", ["connection", "flow/clone/<anycase_uuid:uuid>"])
    def test_of_many_one_is_carried_out_and_all_get_its_answer(self, route):
        asked = Asked(route)
        made = Flow if "flow" in route else Connection
        before = made.objects.count()
        clients = [client_of(asked.caller.user) for _ in range(8)]
        answers = at_once([lambda c=client: until_done(asked, c) for client in clients])
        assert len(answers) == 8
        assert len({told(answer) for answer in answers}) == 1
        assert answers[0].status_code == 201
        assert made.objects.count() == before + 1

    def test_the_same_undo_is_done_once(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 30}
        asked = Asked("imports/<int:pk>/undo", "a restored flow")
        clients = [client_of(asked.caller.user) for _ in range(6)]
        answers = at_once([lambda c=client: until_done(asked, c) for client in clients])
        assert len({told(answer) for answer in answers}) == 1
        assert answers[0].status_code == 201
        assert ImportRecord.objects.filter(mode="undo", status="succeeded").count() == 1

    @pytest.mark.parametrize(
        ("route", "slow"),
        [
            ("connection", "flows.rest.item_views.create_item"),
            ("flow/export-tagged", "imports.api.exports.build_export"),
        ],
    )
    def test_while_the_first_works_the_second_is_told_so_at_once(self, route, slow, monkeypatch):
        asked = Asked(route)
        entered, leave = threading.Event(), threading.Event()
        module, name = slow.rsplit(".", 1)
        work = getattr(sys.modules[module], name)

        def slowly(*arguments: Any, **options: Any) -> Any:
            entered.set()
            assert leave.wait(timeout=20)
            return work(*arguments, **options)

        monkeypatch.setattr(slow, slowly)
        answers: list[Any] = []

        def run() -> None:
            answers.append(asked.send())
            database.close()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            assert entered.wait(timeout=10)
            assert refused(asked.send()) == (409, "idempotency-in-progress")
        finally:
            leave.set()
            thread.join()
        assert answers[0].status_code == 201
        assert told(asked.send()) == told(answers[0])


def until_done(asked: Asked, client: APIClient) -> Any:
    answer = asked.send(client=client)
    while answer.status_code == 409 and answer.json()["code"] == "idempotency-in-progress":
        answer = asked.send(client=client)
    return answer


POST_AND_DIE = """
import os, signal, sys
import django
django.setup()
from django.conf import settings
settings.ALLOWED_HOSTS = ["testserver"]
settings.WHITENOISE_AUTOREFRESH = True
import flows.rest.requests.idempotency as idempotency
from rest_framework.test import APIClient

def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

point, token = sys.argv[1:]
if point == "before the commit":
    remember = idempotency._remember
    idempotency._remember = lambda *arguments: (remember(*arguments), die())
client = APIClient(HTTP_AUTHORIZATION="Bearer " + token)
client.post("/api/flow/New/HTTP", HTTP_IDEMPOTENCY_KEY="key-1")
die()
"""


@pytest.mark.django_db(transaction=True)
class TestAfterACrash:
    def die(self, point: str) -> APIClient:
        ada = caller("ada", admin=True)
        token = ada._credentials.get("HTTP_AUTHORIZATION", "") or ada.defaults["HTTP_AUTHORIZATION"]
        done = subprocess.run(
            [sys.executable, "-c", POST_AND_DIE, point, token.removeprefix("Bearer ")],
            env=os.environ
            | {"DATABASE_URL": _url(), "DJANGO_SETTINGS_MODULE": "ziggy_site.settings"},
            cwd=django_settings.BASE_DIR,
            capture_output=True,
            check=False,
        )
        assert done.returncode == -9, done.stderr.decode()
        return ada

    def test_what_was_committed_is_answered(self):
        ada = self.die("after the commit")
        [made] = Flow.objects.all()
        answer = post(ada, "/flow/New/HTTP")
        assert (answer.status_code, answer.json()["uuid"]) == (201, str(made.uuid))
        assert Flow.objects.count() == 1

    def test_what_was_not_is_not_there_and_its_key_is_free(self):
        ada = self.die("before the commit")
        assert not Flow.objects.exists()
        assert post(ada, "/flow/New/HTTP").status_code == 201
        assert Flow.objects.count() == 1


def _url() -> str:
    name = database.settings_dict["NAME"]
    return f"sqlite:///{name}" if database.vendor == "sqlite" else database_url(str(name))


@pytest.mark.django_db
def test_expired_answers_go_with_what_else_is_kept_for_a_day(ada, monkeypatch):
    post(ada, "/flow/New/HTTP")
    StoredAnswer.objects.update(created_at=datetime.now(UTC) - timedelta(days=2))
    assert ada.post("/api/flow/export-tagged", {}, format="json").status_code == 201
    assert BuiltExport.objects.exists()
    assert not StoredAnswer.objects.exists()
