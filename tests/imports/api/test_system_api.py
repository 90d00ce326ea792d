"""The REST door of the database as a whole: backups, a copy to fetch, vacuum, the version."""

import gzip
import hashlib
import io
import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, transaction
from django.db import connection as database
from django.db.transaction import TransactionManagementError
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

import imports.database.vacuum
import imports.exporting.downloads
from accounts.models import User
from flows.content.fields import Kind
from flows.models import Connection, Flow, Secret
from flows.saves import named_saves
from imports.database.backup import Backup
from imports.database.lock import hold_import_lock
from imports.database.vacuum import Vacuumed, vacuum_database
from imports.models import BuiltExport, BuiltTransfer, ImportItem, ImportRecord
from tests.conftest import CommandResult
from tests.support.errors import error_of
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import backup_files, flow, import_items
from tests.support.uploading import caller, client_of
from tests.support.waiting import PATIENCE

ON_POSTGRESQL = django_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
ENDING = "dump" if ON_POSTGRESQL else "sqlite3"
committed = pytest.mark.django_db(transaction=True)
A_VACUUM = Vacuumed(purged=dict.fromkeys(Kind, 0), size_before=2, size_after=1)
ROLES = ("Admin", "Editor", "Service Account", "Operator")


@pytest.fixture
def ada(db) -> APIClient:
    return caller("ada", admin=True)


@pytest.fixture
def quick_backups(monkeypatch, backup_directory) -> None:
    """Backups that are no copies of the database, so that a test needs no transactions."""

    def make() -> Backup:
        backup_directory.mkdir(exist_ok=True)
        path = backup_directory / f"local-{len(list(backup_directory.iterdir()))}.sqlite3"
        path.write_bytes(b"a copy" * 10_000)
        return Backup(path=path, size=60_000, sha256="0" * 64)

    monkeypatch.setattr(imports.exporting.downloads, "make_backup", make)
    monkeypatch.setattr("imports.api.system.make_backup", make)


@pytest.fixture
def full_directory(settings, tmp_path) -> str:
    """Backups fail; the name of the place where they should be."""
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path / "secret place"}
    settings.ZIGGY["BACKUP_DIR"].write_text("a file where the directory should be")
    return "secret place"


def refused(answer: Any) -> tuple[int, str]:
    assert list(answer.json()) == ["message", "code", "issues", "requestId"]
    return answer.status_code, answer.json()["code"]


def body_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


class TestBackUp:
    @committed
    def test_it_makes_a_backup_and_tells_its_name(self, ada, backup_directory):
        answer = ada.post("/api/system/backup-db")
        assert answer.status_code == 200
        assert list(answer.json()) == ["localBackupStatus", "localBackupFile", "remoteBackupStatus"]
        assert answer.json()["localBackupStatus"] == "success"
        assert answer.json()["remoteBackupStatus"] == "not_configured"
        name = answer.json()["localBackupFile"]
        assert re.fullmatch(rf"local-\d{{8}}T\d{{6}}-\d{{6}}Z\.{ENDING}", name)
        assert {file.name for file in backup_directory.iterdir()} == {name, f"{name}.json"}

    @pytest.mark.usefixtures("quick_backups")
    def test_an_empty_body_of_json_is_no_matter(self, ada):
        answer = ada.generic("POST", "/api/system/backup-db", b"", content_type="application/json")
        assert answer.status_code == 200

    def test_a_failure_says_so_without_a_path(self, ada, full_directory):
        answer = ada.post("/api/system/backup-db")
        assert answer.status_code == 503
        assert error_of(answer) == {
            "localBackupStatus": "failed",
            "localBackupFile": None,
            "remoteBackupStatus": "not_configured",
            "message": "The database was not backed up. The server's log says more.",
            "code": "backup-failed",
            "issues": [],
        }

    @pytest.mark.django_db
    def test_an_operator_may_not(self, backup_directory):
        answer = caller("olga", role="Operator").post("/api/system/backup-db")
        assert refused(answer) == (403, "not-permitted")
        assert not backup_directory.exists()


class TestTransfer:
    def fetch(self, client: APIClient, **headers: str) -> Any:
        return client.get("/api/system/download-transfer", **headers)

    @committed
    def test_the_copy_that_was_made_can_be_fetched_in_gzip(self, ada, tmp_path):
        FlowFactory(name="Orders")
        made = ada.post("/api/system/transfer-db")
        assert (made.status_code, made.reason_phrase) == (201, "Created")
        assert made.headers["Location"] == "/api/system/download-transfer"
        assert list(made.json()) == ["file", "size", "sha256"]
        Flow.objects.all().delete()
        for _ in range(2):
            answer = self.fetch(ada)
            assert answer.headers["Content-Type"] == "application/gzip"
            assert answer.headers["Content-Disposition"] == (
                f'attachment; filename="{made.json()["file"]}"'
            )
            assert answer.headers["Cache-Control"] == "no-store"
            copy = gzip.decompress(body_of(answer))
            assert len(copy) == made.json()["size"]
            assert hashlib.sha256(copy).hexdigest() == made.json()["sha256"]
        assert re.fullmatch(rf"local-[\dTZ-]+\.{ENDING}\.gz", made.json()["file"])
        self.check_that_it_holds_orders(copy, tmp_path)

    def check_that_it_holds_orders(self, copy: bytes, tmp_path: Path) -> None:
        if ON_POSTGRESQL:
            assert copy.startswith(b"PGDMP")
            return
        file = tmp_path / "copy.sqlite3"
        file.write_bytes(copy)
        with sqlite3.connect(file) as fetched:
            assert fetched.execute("SELECT name FROM flows_flow").fetchall() == [("Orders",)]
        fetched.close()

    @pytest.mark.usefixtures("quick_backups")
    def test_whatever_type_the_client_accepts(self, ada):
        ada.post("/api/system/transfer-db")
        for accept in ("application/gzip", "application/octet-stream", "*/*"):
            answer = self.fetch(ada, HTTP_ACCEPT=accept, CONTENT_TYPE="application/json")
            assert answer.status_code == 200
            assert gzip.decompress(body_of(answer))

    @pytest.mark.usefixtures("quick_backups")
    def test_each_admin_fetches_their_own(self, ada):
        bob = caller("bob", admin=True)
        ada.post("/api/system/transfer-db")
        assert refused(self.fetch(bob)) == (404, "no-transfer")

    @pytest.mark.django_db
    def test_nothing_was_made_yet(self, ada):
        answer = self.fetch(ada, HTTP_ACCEPT="application/gzip")
        assert refused(answer) == (404, "no-transfer")
        assert answer.json()["message"] == (
            "There is no copy of yours. Make one with POST /api/system/transfer-db."
        )

    @pytest.mark.usefixtures("quick_backups")
    def test_a_copy_that_newer_backups_pushed_out_is_gone(self, ada, backup_directory):
        ada.post("/api/system/transfer-db")
        [file] = backup_files(backup_directory)
        file.unlink()
        assert refused(self.fetch(ada)) == (404, "no-transfer")

    @pytest.mark.usefixtures("quick_backups")
    def test_it_lasts_a_day(self, ada, monkeypatch):
        ada.post("/api/system/transfer-db")
        later = datetime.now(UTC) + timedelta(hours=24, minutes=1)
        monkeypatch.setattr(imports.exporting.downloads.timezone, "now", lambda: later)
        assert refused(self.fetch(client_of(User.objects.get()))) == (404, "no-transfer")

    @pytest.mark.django_db
    def test_a_failure_is_503_without_a_path(self, ada, full_directory):
        answer = ada.post("/api/system/transfer-db")
        assert refused(answer) == (503, "backup-failed")
        assert full_directory not in answer.content.decode()
        assert not BuiltTransfer.objects.exists()

    @pytest.mark.parametrize(
        ("method", "path"),
        [("post", "/api/system/transfer-db"), ("get", "/api/system/download-transfer")],
    )
    @pytest.mark.parametrize("role", ROLES[1:])
    def test_only_an_admin_may(self, db, role, method, path, backup_directory):
        everything = ("back_up_database", "vacuum_database", "view_importrecord")
        answer = getattr(caller("bob", role=role, may=everything), method)(path)
        assert refused(answer) == (403, "not-permitted")
        assert answer.json()["message"] == (
            "bob may not fetch a copy of the whole database. An administrator can give the right."
        )
        assert refused(getattr(APIClient(), method)(path))[0] == 401
        assert not backup_directory.exists()

    @pytest.mark.usefixtures("quick_backups")
    def test_it_streams_in_pieces(self, ada, monkeypatch):
        monkeypatch.setattr(imports.exporting.downloads, "_CHUNK", 1000)
        ada.post("/api/system/transfer-db")
        pieces = list(self.fetch(ada).streaming_content)
        assert len(pieces) == 61
        assert gzip.decompress(b"".join(pieces)) == b"a copy" * 10_000

    def test_a_file_is_closed_when_it_is_sent(self):
        file = io.BytesIO(b"abc")
        assert gzip.decompress(b"".join(imports.exporting.downloads.gzip_file(file))) == b"abc"
        assert file.closed


class TestVersion:
    @pytest.mark.django_db
    @pytest.mark.parametrize("role", ROLES)
    def test_everybody_who_is_logged_in_may_know_it(self, role, monkeypatch):
        monkeypatch.setattr("imports.api.system.__version__", "12.3.45rc6")
        answer = caller("bob", role=role).get("/api/system/version-info")
        assert answer.status_code == 200
        assert answer.content.decode() == (
            '{"major":12,"minor":3,"build":45,"info":"Ziggy flow import 12.3.45rc6"}'
        )

    @pytest.mark.django_db
    def test_nobody_else_may(self):
        assert refused(APIClient().get("/api/system/version-info"))[0] == 401

    @pytest.mark.django_db
    def test_this_release_has_one(self, ada):
        body = ada.get("/api/system/version-info").json()
        assert all(type(body[part]) is int for part in ("major", "minor", "build"))


@pytest.fixture
def rows(transactional_db) -> None:
    """Of each kind one live row, and deleted ones: three flows, two connections, one secret."""
    for factory, deleted in ((FlowFactory, 3), (ConnectionFactory, 2), (SecretFactory, 1)):
        factory(name="live")
        for number in range(deleted):
            factory(name=f"deleted{number}", is_deleted=True)


@committed
@pytest.mark.usefixtures("rows")
class TestVacuum:
    def counts(self) -> list[tuple[int, int]]:
        """Live and deleted rows of each kind."""
        return [
            (model.objects.filter(is_deleted=False).count(),
             model.objects.filter(is_deleted=True).count())
            for model in (Flow, Connection, Secret)
        ]  # fmt: skip

    def test_deleted_rows_are_purged_and_counted(self, ada):
        answer = ada.get("/api/flow/vacuum", CONTENT_TYPE="application/json")
        assert answer.status_code == 200
        body = answer.json()
        assert list(body) == [
            *("flows", "connections", "secrets"),
            *("documents", "sizeBefore", "sizeAfter"),
        ]
        assert (body["flows"], body["connections"], body["secrets"]) == (3, 2, 1)
        assert body["sizeBefore"] > 0 < body["sizeAfter"]
        assert self.counts() == [(1, 0), (1, 0), (1, 0)]
        again = ada.get("/api/flow/vacuum").json()
        assert (again["flows"], again["connections"], again["secrets"]) == (0, 0, 0)

    def test_the_database_gets_smaller(self, ada):
        # Too random to be compressed much, and far more than what else a run of tests leaves.
        large = Random(1).randbytes(8_000_000).hex()
        FlowFactory(name="large", info=large, is_deleted=True)
        before = ada.get("/api/flow/vacuum").json()["sizeBefore"]
        # PostgreSQL keeps a row for as long as its own analysing of tables may still see it.
        sizes = (ada.get("/api/flow/vacuum").json()["sizeAfter"] for _ in range(20))
        assert any(before - size > 1_000_000 or time.sleep(0.5) for size in sizes)

    @pytest.mark.skipif(ON_POSTGRESQL, reason="about a file")
    def test_so_does_its_file(self, ada):
        FlowFactory(name="large", info="x" * 3_000_000, is_deleted=True)
        file = Path(database.settings_dict["NAME"])
        with database.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = file.stat().st_size
        after = ada.get("/api/flow/vacuum").json()["sizeAfter"]
        assert file.stat().st_size == after < before - 2_900_000

    def test_live_rows_their_history_and_records_stay(self, ada):
        outcome = import_items(flow(1, "live too"))
        kept = Flow.objects.get(name="live too")
        named_saves.take(kept, "kept", user=None)
        purged = FlowFactory(name="purged")
        named_saves.take(purged, "kept as well", user=None)
        Flow.objects.filter(pk=purged.pk).update(is_deleted=True)
        user, long_ago = User.objects.get(), datetime(2026, 3, 16, tzinfo=UTC)
        BuiltExport.objects.create(user=user, built_at=long_ago, content=b"", size=0)
        BuiltTransfer.objects.create(user=user, built_at=datetime.now(UTC), backup_name="x")
        ada.get("/api/flow/vacuum")
        assert not Flow.objects.filter(pk=purged.pk).exists()
        for item, name in ((kept, "kept"), (purged, "kept as well")):
            assert [save.revision.comment for save in named_saves.list_saves(item)] == [name]
        assert ImportRecord.objects.get().pk == outcome.record.pk
        assert ImportItem.objects.count() == 1
        assert not BuiltExport.objects.exists()
        assert BuiltTransfer.objects.count() == 1

    def test_it_is_refused_while_an_import_runs(self, ada, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
        with hold_import_lock(wait=0):
            answer = ada.get("/api/flow/vacuum")
        assert refused(answer) == (409, "import-locked")
        assert answer.json()["message"] == (
            "An import is running on this database: vacuum it when that has finished."
        )
        assert self.counts() == [(1, 3), (1, 2), (1, 1)]

    def test_an_import_waits_for_it(self, ada, settings, monkeypatch):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 30}
        reorganise = imports.database.vacuum._reorganise
        started: list[threading.Thread] = []

        def meanwhile() -> None:
            import_items(flow(1, "later"))
            database.close()

        def check_that_it_waits(connection: Any) -> None:
            thread = threading.Thread(target=meanwhile)
            started.append(thread)
            thread.start()
            thread.join(timeout=0.5)
            assert thread.is_alive()
            reorganise(connection)

        monkeypatch.setattr(imports.database.vacuum, "_reorganise", check_that_it_waits)
        assert ada.get("/api/flow/vacuum").status_code == 200
        started[0].join(timeout=PATIENCE)
        assert Flow.objects.filter(name="later").exists()

    def test_a_database_that_others_use_is_409_and_the_rows_are_purged(self, ada, monkeypatch):
        def busy(connection: Any) -> None:
            raise OperationalError("/var/lib/db.sqlite3 is locked")

        monkeypatch.setattr(imports.database.vacuum, "_vacuum", busy)
        answer = ada.get("/api/flow/vacuum")
        assert refused(answer) == (409, "database-busy")
        assert "/var" not in answer.content.decode()
        assert self.counts() == [(1, 0), (1, 0), (1, 0)]

    @pytest.mark.skipif(not ON_POSTGRESQL, reason="about locks on tables")
    def test_it_does_not_wait_for_ever_for_a_table(self, ada, monkeypatch):
        monkeypatch.setattr(imports.database.vacuum, "_WAIT", "200ms")
        holds, done = threading.Event(), threading.Event()

        def hold() -> None:
            with transaction.atomic():
                list(Flow.objects.all())
                holds.set()
                done.wait(timeout=PATIENCE)
            database.close()

        holder = threading.Thread(target=hold)
        holder.start()
        assert holds.wait(timeout=PATIENCE)
        answer = ada.get("/api/flow/vacuum")
        done.set()
        holder.join()
        assert refused(answer) == (409, "database-busy")
        assert ada.get("/api/flow/vacuum").status_code == 200
        with database.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("0",)

    def test_it_is_no_part_of_a_transaction(self):
        with transaction.atomic(), pytest.raises(TransactionManagementError):
            vacuum_database()
        assert self.counts() == [(1, 3), (1, 2), (1, 1)]


@pytest.mark.parametrize("method", ["head", "post", "put", "patch", "delete", "options"])
def test_no_other_method_vacuums(ada, method):
    FlowFactory(is_deleted=True)
    answer = getattr(ada, method)("/api/flow/vacuum")
    assert answer.status_code == (200 if method == "options" else 405)
    assert Flow.objects.count() == 1


@pytest.mark.django_db
def test_only_who_has_the_right_may_vacuum(monkeypatch):
    monkeypatch.setattr("imports.api.system.vacuum_database", lambda **_: A_VACUUM)
    bob = caller("bob", may=("back_up_database", "run_import"))
    assert refused(bob.get("/api/flow/vacuum")) == (403, "not-permitted")
    assert refused(APIClient().get("/api/flow/vacuum"))[0] == 401
    may = caller("carl", may=("vacuum_database",))
    assert may.get("/api/flow/vacuum").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_of_the_roles_only_the_admin_may_vacuum(role, monkeypatch):
    done = imports.database.vacuum.Vacuumed(
        purged=dict.fromkeys(Kind, 0), size_before=2, size_after=1
    )
    monkeypatch.setattr("imports.api.system.vacuum_database", lambda **_: done)
    answer = caller("bob", role=role).get("/api/flow/vacuum")
    assert answer.status_code == (200 if role == "Admin" else 403)


@committed
@pytest.mark.usefixtures("rows")
class TestTheCommand:
    def test_it_does_what_the_api_does(self, run_command: Callable[..., CommandResult]):
        result = run_command("database_vacuum", "--no-prompt")
        assert result.code == 0
        answer = json.loads(result.out)
        assert (answer["status"], answer["statusText"]) == (200, "OK")
        assert list(answer["data"]) == [
            "isDone", "flows", "connections", "secrets", "documents", "sizeBefore", "sizeAfter",
        ]  # fmt: skip
        assert [answer["data"][key] for key in ("flows", "connections", "secrets")] == [3, 2, 1]
        assert result.err == "Vacuumed local.\n"
        assert Flow.objects.count() == 1

    def test_it_is_refused_while_an_import_runs(self, run_command, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
        with hold_import_lock(wait=0):
            result = run_command("database_vacuum", "--no-prompt")
        assert result.code == 4
        assert json.loads(result.out)["status"] == 409
        assert Flow.objects.count() == 4


class TestTheQuestion:
    """Of the command, before it does anything."""

    @pytest.fixture
    def done(self, monkeypatch) -> list[str]:
        calls: list[str] = []

        def vacuum() -> Vacuumed:
            calls.append("vacuumed")
            return A_VACUUM

        place = "imports.management.commands.database_vacuum.vacuum_database"
        monkeypatch.setattr(place, vacuum)
        deleted = {Kind.FLOW: 2, Kind.CONNECTION: 0, Kind.SECRET: 1}
        place = "imports.management.commands.database_vacuum.count_deleted"
        monkeypatch.setattr(place, lambda: deleted)
        return calls

    def test_it_asks_nobody_where_nobody_is(self, run_command, monkeypatch, done):
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        result = run_command("database_vacuum")
        assert (result.code, result.out) == (2, "")
        assert done == []

    @pytest.mark.parametrize(("said", "expected"), [("y", ["vacuumed"]), ("n", []), ("", [])])
    def test_it_asks_at_a_terminal(self, run_command, monkeypatch, done, said, expected):
        terminal = io.StringIO(f"{said}\n")
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", terminal)
        result = run_command("database_vacuum")
        assert result.code == 0
        question = "Remove 3 deleted items (2 flows and 1 secret) of local for good? [y/N] "
        assert result.err.startswith(question)
        assert done == expected
        if not expected:
            assert json.loads(result.out)["data"] == {"message": "Operation cancelled by user"}

    def test_an_unknown_server_is_refused(self, run_command, done):
        result = run_command("database_vacuum", "--no-prompt", "--server", "nowhere")
        assert result.code == 8
        assert json.loads(result.out)["data"]["code"] == "wrong-server"
        assert done == []


@pytest.fixture(scope="module")
def paths() -> Any:
    """The endpoints, as the OpenAPI document tells of them."""
    return SchemaGenerator().get_schema(public=True)["paths"]


class TestTheDescription:
    """The OpenAPI document tells of every endpoint of imports what it takes, answers and refuses."""

    OPERATIONS: ClassVar = {
        ("/api/flow/import", "post"): {200, 201, 202, 400, 401, 403, 409, 413, 415, 422, 503},
        ("/api/flow/export-tagged", "post"): {201, 202, 400, 401, 403, 404, 409, 413, 415, 422},
        ("/api/flow/export-tagged", "get"): {200, 401, 403, 404, 422},
        ("/api/flow/tagged-export", "delete"): {204, 401, 403},
        ("/api/flow/export-all", "get"): {200, 202, 401, 403, 422},
        ("/api/flow/vacuum", "get"): {200, 401, 403, 409},
        ("/api/imports", "get"): {200, 401, 403, 404, 422},
        ("/api/imports/{id}", "get"): {200, 401, 403, 404, 422},
        ("/api/imports/{id}/undo", "post"): {
            *(200, 201, 202, 400, 401, 403, 404, 409, 413, 415, 422, 503),
        },
        ("/api/exports/{id}", "get"): {200, 401, 403, 404},
        ("/api/exports/{id}", "delete"): {204, 401, 403, 404},
        ("/api/exports/{id}/file", "get"): {200, 401, 403, 404, 409, 422},
        ("/api/system/backup-db", "post"): {200, 400, 401, 403, 409, 422, 503},
        ("/api/system/transfer-db", "post"): {201, 400, 401, 403, 409, 422, 503},
        ("/api/system/download-transfer", "get"): {200, 401, 403, 404},
        ("/api/system/version-info", "get"): {200, 401},
    }

    @pytest.mark.parametrize(("path", "method"), OPERATIONS)
    def test_it_has_all_answers_and_an_example(self, paths, path, method):
        told = paths[path][method]
        # 406 and 429 may come from any endpoint.
        answers = {int(status) for status in told["responses"]} - {406, 429}
        assert answers == self.OPERATIONS[path, method]
        assert told["summary"]
        good = [
            content
            for status, answer in told["responses"].items()
            for kind, content in answer.get("content", {}).items()
            if status < "300" and kind == "application/json"
        ]
        assert all(content["examples"] for content in good)
        for content in told.get("requestBody", {}).get("content", {}).values():
            assert content["examples"]
