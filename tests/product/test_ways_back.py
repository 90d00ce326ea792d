"""From the newest state of a server back to that of an earlier release, and forward again.

By a restore of the backup that the release made, and by taking the migrations back.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts.models import User
from flows.documents.models import StoredDocument
from flows.models import Flow
from flows.saves import named_saves
from imports.database.backup import make_backup
from imports.database.document_check import check_database
from imports.models import ImportRecord, PendingImport
from imports.plans.plan import Mode
from imports.uploads import pending as uploads
from tests.support.digest import Rows, all_rows
from tests.support.dumps import RELEASES, dump_of, export_of, restored
from tests.support.importing import confirmed, export_file, flow, import_items

APPS = ("flows", "imports", "accounts")
OF_MIGRATIONS = {"django_migrations", "django_content_type", "auth_permission"}
OF_MIGRATIONS |= {"auth_group", "auth_group_permissions", "sqlite_sequence"}
NEWS = [flow(90, "News", nodes=[{"id": "n"}]), flow(91, "More news", edges=[{"id": "e"}])]


@pytest.fixture(params=RELEASES)
def release(request: Any) -> str:
    name: str = request.param
    return name


@pytest.fixture
def dumped(
    release: str, tmp_path: Path, django_db_setup: None, django_db_blocker: Any
) -> Iterator[str]:
    """The server as that release left it."""
    with django_db_blocker.unblock(), restored(dump_of(release), tmp_path):
        yield release


def list_last_migrations() -> dict[str, str]:
    """The last migration of each app that the database has."""
    applied = sorted(MigrationRecorder(connection).applied_migrations())
    return {app: name for app, name in applied if app in APPS}


def migrate_back(last: dict[str, str]) -> None:
    for app in APPS:
        call_command("migrate", app, last[app], verbosity=0)


def read_rows() -> Rows:
    """Every row, with texts as the values that they are of, and without what migrations number."""
    rows = {table: list(found) for table, found in all_rows(without=OF_MIGRATIONS).items()}
    for save in rows["reversion_version"]:
        save["serialized_data"] = json.loads(save["serialized_data"])
    for upload in rows["imports_pendingimport"]:
        if upload["plan"]:
            upload["plan"] = json.loads(zlib.decompress(bytes(upload["plan"])))
    for document in rows.get("flows_document", ()):
        del document["kept_at"]
    for mention in rows.get("flows_document_mention", ()):
        del mention["id"]
    return {table: sorted(found, key=repr) for table, found in rows.items()}


def write_news() -> PendingImport:
    """Do what people do after an upgrade: import, edit, save, and leave an upload waiting."""
    import_items(*NEWS)
    import_items({**NEWS[0], "nodes": [{"id": "m"}]}, NEWS[1])
    named_saves.take(Flow.objects.get(name="News"), "after the upgrade")
    Flow.objects.filter(name="More news").update(nodes='[{"id":"by hand"}]')
    return uploads.stage(
        User.objects.get(username="root"),
        payload=export_file(NEWS[0]),
        file_name="zexport.json",
        options=uploads.Options(mode=Mode.OVERWRITE, with_backup=False),
    )


class TestRestore:
    def test_a_backup_that_a_release_made_is_restored_and_migrated(
        self, dumped: str, run_command: Callable[..., Any]
    ) -> None:
        backup = make_backup().path
        is_older = connection.introspection.table_names()
        call_command("migrate", verbosity=0)
        is_older = is_older != connection.introspection.table_names()
        write_news()
        done = run_command("database_restore", str(backup), "--no-prompt")
        assert done.code == 0, done.err
        assert json.loads(done.out)["data"]["needsMigration"] == is_older
        assert ("run manage.py migrate on this database" in done.err) == is_older
        call_command("migrate", verbosity=0)
        assert run_command("flow_export", "--file-path", "-").out == export_of(dumped)
        assert check_database().damaged == ()
        assert StoredDocument.objects.count() == check_database().documents

    def test_of_the_present_version_nothing_is_said(
        self, dumped: str, run_command: Callable[..., Any]
    ) -> None:
        call_command("migrate", verbosity=0)
        done = run_command("database_restore", str(make_backup().path), "--no-prompt")
        assert json.loads(done.out)["data"]["needsMigration"] is False
        assert "migrate" not in done.err


class TestMigrations:
    def test_back_all_is_as_the_release_left_it_and_forward_as_before(self, dumped: str) -> None:
        last, before = list_last_migrations(), read_rows()
        call_command("migrate", verbosity=0)
        after = read_rows()
        migrate_back(last)
        assert read_rows() == before
        call_command("migrate", verbosity=0)
        assert read_rows() == after

    def test_what_was_written_since_the_upgrade_goes_back_and_comes_again(
        self, dumped: str, run_command: Callable[..., Any]
    ) -> None:
        last = list_last_migrations()
        call_command("migrate", verbosity=0)
        PendingImport.objects.update(created_at=timezone.now())  # they are kept for a day
        waiting = write_news()
        exported = run_command("flow_export", "--file-path", "-").out
        rows = read_rows()
        migrate_back(last)
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, nodes FROM flows_flow WHERE name LIKE '%%ews'")
            nodes = dict(cursor.fetchall())
            assert nodes == {"News": '[{"id":"m"}]', "More news": '[{"id":"by hand"}]'}
        call_command("migrate", verbosity=0)
        again = read_rows()
        for table in rows.keys() - {"imports_parsed_item", "flows_document"}:
            assert again[table] == rows[table], table
        assert run_command("flow_export", "--file-path", "-").out == exported
        found = uploads.find_pending(waiting.user, waiting.pk)
        assert confirmed(found).counts == {"OVERWRITE": 1}

    def test_the_way_back_is_refused_where_a_document_is_damaged(self, dumped: str) -> None:
        last = list_last_migrations()
        call_command("migrate", verbosity=0)
        write_news()
        damaged = Flow.objects.values_list("nodes", flat=True).get(name="News").digest
        StoredDocument.objects.filter(digest=damaged).update(body=b"")
        before = all_rows(without=OF_MIGRATIONS)
        with pytest.raises(IrreversibleError, match=f"{damaged} is damaged.*database_check names"):
            migrate_back(last)
        assert all_rows(without=OF_MIGRATIONS) == before
        call_command("migrate", verbosity=0)
        StoredDocument.objects.filter(digest=damaged).delete()
        with pytest.raises(IrreversibleError, match=f"{damaged} is not there any more"):
            migrate_back(last)

    def test_records_without_their_history_are_named(
        self, dumped: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        last = list_last_migrations()
        call_command("migrate", verbosity=0)
        pruned = sorted(ImportRecord.objects.values_list("pk", flat=True)[:2])
        ImportRecord.objects.filter(pk__in=pruned).update(history_pruned_at=timezone.now())
        migrate_back(last)
        assert f"Do not undo them: {pruned[0]}, {pruned[1]}." in capsys.readouterr().err

    def test_killed_after_any_commit_the_way_forward_and_back_goes_on(
        self, dumped: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        last, before = list_last_migrations(), read_rows()
        kills = [die_once(monkeypatch, name) for name in ("record_applied", "record_unapplied")]
        for _ in range(20):
            with suppress(KeyboardInterrupt):
                call_command("migrate", verbosity=0)
        call_command("migrate", check_unapplied=True, verbosity=0)
        for _ in range(20):
            with suppress(KeyboardInterrupt):
                migrate_back(last)
        assert read_rows() == before
        assert all(kills)


def die_once(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """Die once for each migration where Django records it outside of its transaction."""
    record, kills = getattr(MigrationRecorder, name), []

    def record_or_die(self: MigrationRecorder, app: str, migration: str) -> None:
        if not connection.in_atomic_block and migration not in kills:
            kills.append(migration)
            raise KeyboardInterrupt
        record(self, app, migration)

    monkeypatch.setattr(MigrationRecorder, name, record_or_die)
    return kills
