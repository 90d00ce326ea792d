"""System checks: each thing that is missing or unsafe is told with its id and its remedy."""

import errno
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from flows import pg_dump_checks
from flows.checks import check_deployment, check_settings
from flows.pg_dump_checks import check_pg_dump_version
from flows.secrets.checks import check_databases

KEY = Fernet.generate_key().decode()


@pytest.fixture
def complete(settings, tmp_path):
    """The settings of a project in which nothing is missing."""
    settings.ZIGGY = {"ENCRYPTION_KEYS": [KEY], "BACKUP_DIR": tmp_path / "backups"}
    return settings


def ids(messages):
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_with_all_set_they_are_silent(complete):
    assert ids(check_settings()) == ids(check_deployment()) == []


def test_with_nothing_set_each_missing_thing_is_told(settings):
    del settings.ZIGGY
    settings.SERIALIZATION_MODULES = {}
    settings.MIDDLEWARE = []
    assert ids(check_settings()) == ["ziggy.W001", "ziggy.W002", "ziggy.W003", "ziggy.W006"]


def test_the_hint_for_keys_makes_a_key(settings):
    settings.ZIGGY = {}
    [message, *_] = check_settings()
    assert "Fernet.generate_key()" in message.hint


def test_times_without_zones_are_refused(complete):
    complete.USE_TZ = False
    assert ids(check_settings()) == ["ziggy.E006"]


def test_where_a_value_is_of_a_wrong_type_no_other_check_runs(complete):
    complete.MIDDLEWARE, complete.USE_TZ = [], False
    complete.ZIGGY = {**complete.ZIGGY, "SERVERS": None, "BACKUP_DIR": None, "UNKNOWN": 1}
    assert ids(check_settings()) == ["ziggy.E007"] * 2
    assert ids(check_deployment()) == ids(check_databases(databases=["default"])) == []


def test_a_key_that_is_no_setting_is_named(complete):
    complete.ZIGGY = {**complete.ZIGGY, "BACKUP_DIRECTORY": "x"}
    [message] = check_settings()
    assert (message.id, "BACKUP_DIRECTORY" in message.msg) == ("ziggy.E001", True)


@pytest.mark.parametrize(
    "given",
    [
        {"HISTORY_DAYS": 10, "UNDO_DAYS": 11},
        {"HISTORY_DAYS": -2, "UNDO_DAYS": -3},
        {"HISTORY_DAYS": float("nan")},
        {"UNDO_DAYS": float("nan"), "HISTORY_DAYS": None},
        {"HISTORY_KEEP_RUNS": -1},
    ],
)
def test_history_is_kept_as_long_as_an_undo_needs_it(complete, given):
    complete.ZIGGY = {**complete.ZIGGY, **given}
    assert ids(check_settings()) == ["ziggy.E008"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"HISTORY_DAYS": 30.0},
            "ZIGGY_HISTORY_DAYS is 30 and ZIGGY_UNDO_DAYS is 90: history would be removed that an "
            "undo needs.",
        ),
        ({"HISTORY_KEEP_RUNS": -1}, "ZIGGY_HISTORY_KEEP_RUNS is -1: that must be 0 or more."),
        (
            {"HISTORY_DAYS": -2.0, "UNDO_DAYS": -3.5},
            "ZIGGY_HISTORY_DAYS is -2 and ZIGGY_UNDO_DAYS is -3.5: that must be 0 or more.",
        ),
        (
            {"HISTORY_DAYS": 1_000_000.0, "UNDO_DAYS": 1_000_001.0},
            "ZIGGY_HISTORY_DAYS is 1000000 and ZIGGY_UNDO_DAYS is 1000001: history would be "
            "removed that an undo needs.",
        ),
    ],
)
def test_wrong_days_of_history_are_named_as_they_are_written(complete, given, message):
    complete.ZIGGY = {**complete.ZIGGY, **given}
    [error] = check_settings()
    assert error.msg == message
    assert "ZIGGY_HISTORY_DAYS=none, or None in the setting, keeps all history." in error.hint


def test_history_may_be_kept_for_ever(complete):
    complete.ZIGGY = {**complete.ZIGGY, "HISTORY_DAYS": None, "UNDO_DAYS": 10**6}
    assert ids(check_settings()) == []


def test_a_registered_server_is_a_database_and_needs_the_router(complete):
    complete.ZIGGY = {**complete.ZIGGY, "SERVERS": {"nowhere": ""}}
    assert ids(check_settings()) == ["ziggy.E002"]
    complete.ZIGGY = {**complete.ZIGGY, "SERVERS": {"default": ""}}
    complete.DATABASE_ROUTERS = []
    assert ids(check_settings()) == ["ziggy.E003"]


def test_a_directory_for_backups_that_may_not_be_entered_is_told(complete, monkeypatch):
    def refuse(_path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "exists", refuse)
    [error] = check_settings()
    assert (error.id, "Permission denied" in error.msg) == ("ziggy.E004", True)


def test_a_file_is_no_directory_for_backups(complete):
    complete.ZIGGY["BACKUP_DIR"].write_text("")
    assert ids(check_settings()) == ["ziggy.E004"]


@pytest.mark.parametrize("root", ["MEDIA_ROOT", "STATIC_ROOT"])
def test_backups_that_are_served_are_unsafe(root, complete):
    setattr(complete, root, str(complete.ZIGGY["BACKUP_DIR"].parent))
    [message] = check_deployment()
    assert (message.id, root in message.msg) == ("ziggy.E005", True)


@pytest.mark.parametrize("prefix", ["", "docs"])
def test_backups_among_static_files_are_served_too(prefix, complete):
    folder = str(complete.ZIGGY["BACKUP_DIR"].parent)
    complete.STATICFILES_DIRS = [(prefix, folder) if prefix else folder]
    [message] = check_deployment()
    assert (message.id, "STATICFILES_DIRS" in message.msg) == ("ziggy.E005", True)


@pytest.mark.parametrize(("tool", "told"), [(None, []), (14, ["ziggy.W005"]), (15, []), (99, [])])
def test_a_pg_dump_that_is_older_than_the_server_is_told(tool, told, monkeypatch):
    class Server:
        vendor, pg_version = "postgresql", 150_020

    monkeypatch.setattr(pg_dump_checks, "connections", {"default": Server()})
    monkeypatch.setattr(pg_dump_checks.shutil, "which", lambda _: "/usr/bin/pg_dump")
    monkeypatch.setattr(pg_dump_checks, "_read_version_of_pg_dump", lambda: tool)
    assert ids(check_pg_dump_version(databases=["default"])) == told
    assert check_pg_dump_version(databases=None) == []


def test_a_pg_dump_that_is_not_there_is_told(complete, monkeypatch):
    class Server:
        vendor = "postgresql"

    monkeypatch.setattr(pg_dump_checks, "connections", {"default": Server()})
    monkeypatch.setattr(pg_dump_checks.shutil, "which", lambda _: None)
    assert ids(check_settings()) == ["ziggy.W004"]


@pytest.mark.parametrize("days", [0, -1, float("nan"), float("inf"), 36_501])
def test_a_kept_plan_is_kept_for_some_time_and_not_for_ever(complete, days):
    complete.ZIGGY = {**complete.ZIGGY, "KEPT_PLAN_DAYS": days}
    assert ids(check_settings()) == ["ziggy.E010"]
