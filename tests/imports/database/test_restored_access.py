"""After a restore nobody enters by a session or a key that was ended since the backup."""

import json
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

import imports.database.restored_access
from accounts import tokens
from accounts.models import ApiToken, User
from accounts.tokens import find, issue_key, issue_login_token
from imports.database.backup import make_backup
from imports.models import ImportRecord, Status

pytestmark = pytest.mark.django_db(transaction=True)


def key_for(user, name):
    return issue_key(ApiToken(user=user, name=name, expiry=timezone.now() + timedelta(days=9)))


@pytest.fixture
def ada():
    return User.objects.create_user("ada", "ada@example.org", "pass", is_staff=True)


@pytest.fixture
def restored(run_command):
    """Restore a backup, and what the command answers: its data, and stderr."""

    def restore(backup, *options):
        done = run_command("database_restore", str(backup.path), "--no-prompt", *options)
        assert done.code == 0, done.err
        return json.loads(done.out)["data"], done.err

    return restore


def test_what_was_ended_since_the_backup_stays_ended(ada, restored):
    bob = User.objects.create_user("bob", password="pass")
    kept, kept_login = key_for(ada, "kept"), issue_login_token(ada)
    revoked, logged_out = key_for(ada, "revoked"), issue_login_token(ada)
    of_old_password, of_bob = key_for(bob, "old password"), issue_login_token(bob)
    client = Client()
    client.force_login(ada)
    backup = make_backup()

    ApiToken.objects.filter(name="revoked").delete()
    find(logged_out).delete()
    bob.set_password("another")
    bob.save()
    client.logout()
    assert find(of_bob) is None

    data, told = restored(backup)
    assert [bool(find(token)) for token in (kept, kept_login)] == [True, True]
    for token in (revoked, logged_out, of_old_password, of_bob):
        assert find(token) is None
    assert not Session.objects.exists()
    assert client.get("/admin/").status_code == 302
    assert (data["sessionsEnded"], data["keysRevoked"], data["loginsRevoked"]) == (1, 2, 2)
    assert "Ended: 1 session, 2 API keys, 2 API logins (all sessions, and the keys" in told


def test_who_can_sign_in_again_is_told(ada, restored):
    for name in ("bob", "carl", "dora"):
        User.objects.create_user(name, password="pass")
    backup = make_backup()
    User.objects.filter(username="bob").update(is_active=False)
    User.objects.get(username="carl").delete()
    User.objects.create_user("emil", password="pass")
    data, told = restored(backup)
    assert data["accountsActiveAgain"] == ["bob", "carl"]
    again = (
        '2 accounts can sign in that could not before the restore: "bob" and "carl". '
        "Deactivate again who should not."
    )
    assert again in told
    assert again in ImportRecord.objects.get().message


def test_where_nobody_can_sign_in_again_nothing_is_said_of_accounts(ada, restored):
    data, told = restored(make_backup())
    assert data["accountsActiveAgain"] == []
    app = "the keys and logins of accounts;"
    assert app in told
    assert "account" not in told.replace(app, "")


def test_a_session_that_is_valid_ends_too(ada, restored):
    client = Client()
    client.force_login(ada)
    assert restored(make_backup())[0]["sessionsEnded"] == 1
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("error", [OperationalError("malformed"), ValueError("no time")])
def test_where_the_state_before_cannot_be_read_all_keys_end(ada, restored, monkeypatch, error):
    def fail():
        raise error

    keys = [key_for(ada, "one"), issue_login_token(ada)]
    backup = make_backup()
    monkeypatch.setattr(imports.database.restored_access, "read_valid_digests", fail)
    data, told = restored(backup, "--no-backup")
    assert [find(key) for key in keys] == [None, None]
    assert (data["keysRevoked"], data["loginsRevoked"]) == (1, 1)
    assert "as the state before the restore could not be read" in told


def test_a_lost_table_of_keys_is_a_state_that_cannot_be_read(ada, restored):
    key = key_for(ada, "one")
    backup = make_backup()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE accounts_apitoken")
    data, _ = restored(backup, "--no-backup")
    assert (data["keysRevoked"], find(key)) == (1, None)


def test_a_restore_leaves_a_record_in_the_restored_database(ada, restored, caplog, monkeypatch):
    monkeypatch.setenv("LOGNAME", "grace h")
    key_for(ada, "revoked")
    backup = make_backup()
    ApiToken.objects.all().delete()
    data, _ = restored(backup)
    record = ImportRecord.objects.get()
    assert (record.pk, record.mode, record.status) == (data["record"], "restore", Status.SUCCEEDED)
    assert (record.file_name, record.file_size, record.file_sha256) == (
        backup.path.name,
        backup.size,
        backup.sha256,
    )
    assert record.backup_path == data["safetyBackup"]
    assert record.user_name == "grace h"
    assert (
        'database-restored system_user="grace h" server=local sessions=0 keys=1 logins=0'
    ) in caplog.messages
    assert record.message.startswith("Ended: 0 sessions, 1 API key, 0 API logins")


def test_the_record_is_shown_and_cannot_be_undone(ada, restored, run_command):
    restored(make_backup())
    record = ImportRecord.objects.get()
    admin = User.objects.create_superuser("root2", password="pass")
    client = Client()
    client.force_login(admin)
    page = client.get(f"/admin/imports/importrecord/{record.pk}/change/", follow=True)
    assert page.status_code == 200
    assert client.get("/admin/imports/importrecord/").status_code == 200
    token = issue_login_token(admin)
    answer = Client().get(f"/api/imports/{record.pk}", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["mode"] == "restore"
    undone = run_command("import_undo", str(record.pk), "--no-prompt")
    assert (undone.code, json.loads(undone.out)["data"]["code"]) == (3, "nothing-to-undo")


@pytest.mark.parametrize("table", ["django_session", "accounts_apitoken", "imports_importrecord"])
def test_a_backup_of_an_earlier_version_without_a_table_is_restored(ada, restored, table):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO renamed")
    try:
        backup = make_backup()
        data, _ = restored(backup)
        assert (data["record"] is None) == (table == "imports_importrecord")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE renamed RENAME TO {table}")


def test_access_that_cannot_be_ended_is_an_error_that_says_so(ada, run_command, monkeypatch):
    def fail(_):
        raise OperationalError("disk I/O error")

    backup = make_backup()
    monkeypatch.setattr(imports.database.restored_access, "revoke_all_but", fail)
    done = run_command("database_restore", str(backup.path), "--no-prompt")
    assert done.code == 1
    assert json.loads(done.out)["data"]["code"] == "access-not-ended"
    assert "could not be ended: disk I/O error" in done.err


ENGINE = "django.contrib.sessions.backends."


@pytest.mark.parametrize("engine", ["signed_cookies", "cache", "file", "cached_db"])
def test_sessions_that_are_not_in_the_database_are_said_to_stay_valid(
    ada, restored, settings, engine
):
    settings.SESSION_ENGINE = ENGINE + engine
    data, told = restored(make_backup())
    assert data["sessionsKeptBy"] == ENGINE + engine
    assert (
        f"Sessions outside of the database are kept by {ENGINE}{engine} and stay valid: to end "
        "them, set a new SECRET_KEY, and leave the old one out of SECRET_KEY_FALLBACKS."
    ) in told
    assert "(all sessions in the database, and the keys" in told
    assert "stay valid" in ImportRecord.objects.get().message


@pytest.mark.parametrize("engine", ["signed_cookies", "cached_db"])
def test_what_is_said_of_them_holds(ada, restored, settings, engine, client):
    """The session is valid after the restore, and ends with a new SECRET_KEY."""
    settings.SESSION_ENGINE = ENGINE + engine
    client.force_login(ada)
    restored(make_backup())
    assert client.get("/admin/").status_code == 200
    settings.SECRET_KEY = "another"
    assert client.get("/admin/").status_code == 302


def test_sessions_of_the_database_end_also_where_this_project_has_its_own_elsewhere(
    ada, restored, settings
):
    client = Client()
    client.force_login(ada)
    backup = make_backup()
    settings.SESSION_ENGINE = f"{ENGINE}file"
    assert restored(backup)[0]["sessionsEnded"] == 1
    assert not Session.objects.exists()


def test_without_an_issuer_nothing_is_said_to_be_revoked(ada, restored, monkeypatch):
    monkeypatch.setattr("flows.access._issuers", {})
    key = key_for(ada, "revoked")
    backup = make_backup()
    ApiToken.objects.all().delete()
    data, told = restored(backup)
    assert find(key), "the premise: nobody looked at it"
    assert data["tokenIssuers"] == []
    assert "Ended: 0 sessions (all sessions). No app has registered the keys and logins" in told
    assert "may be valid again that were revoked since" in told


def test_whose_tokens_were_looked_at_is_said(ada, restored, monkeypatch):
    issuers = {"accounts": tokens, "ours": tokens}
    monkeypatch.setattr("flows.access._issuers", issuers)
    data, told = restored(make_backup())
    assert data["tokenIssuers"] == ["accounts", "ours"]
    assert "These are the keys and logins of accounts and ours; those of any other app" in told
