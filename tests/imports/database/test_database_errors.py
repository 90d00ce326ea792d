"""An error of the database is told by its code, in words of ours: at every door, and on record."""

import json
import sqlite3
from contextlib import closing
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import IntegrityError, OperationalError, connection
from rest_framework.test import APIClient

from accounts.models import User
from imports.database.errors import find_trouble, format_for_log, is_by_another_writer, make_failure
from imports.errors import ImportFailed
from imports.importing.service import preview_import, run_import
from imports.management.console import refuse_errors
from imports.models import ImportRecord
from tests.support.factories import FlowFactory
from tests.support.importing import export_file, flow, request_for, secret, uuid_of

ON_POSTGRESQL = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
ONE_FLOW = export_file(flow(1, "Flow 1", info="file"))
CANARY = "CANARY-value"


class DriverError(Exception):
    """An error of a driver: psycopg's has `sqlstate`, SQLite's `sqlite_errorcode`."""


def postgresql_error(sqlstate: str | None, kind: type[Exception] = OperationalError) -> Exception:
    name = kind.__name__ if sqlstate is None else "SomeError"
    cause = type(name, (DriverError,), {"sqlstate": sqlstate})(f"words\nDETAIL: {CANARY}")
    return _caused(kind, cause)


def sqlite_error(code: str, kind: type[Exception] = OperationalError) -> Exception:
    cause = DriverError(CANARY)
    cause.__dict__ |= {"sqlite_errorcode": getattr(sqlite3, code), "sqlite_errorname": code}
    return _caused(kind, cause)


def _caused(kind: type[Exception], cause: Exception) -> Exception:
    error = kind(str(cause))
    error.__cause__ = cause
    return error


KNOWN = [
    pytest.param(postgresql_error("53100"), "database-full", 503, id="disk full"),
    pytest.param(postgresql_error("55P03"), "database-locked", 503, id="lock timeout"),
    pytest.param(postgresql_error("57P01"), "database-lost", 503, id="terminated"),
    pytest.param(postgresql_error("57P03"), "database-lost", 503, id="starting"),
    pytest.param(postgresql_error("08006"), "database-lost", 503, id="connection failure"),
    pytest.param(postgresql_error(None), "database-lost", 503, id="cut"),
    pytest.param(postgresql_error("25006"), "database-read-only", 503, id="standby"),
    pytest.param(postgresql_error("57014"), "database-timeout", 503, id="statement timeout"),
    pytest.param(postgresql_error("40P01"), "database-deadlock", 503, id="deadlock"),
    pytest.param(postgresql_error("53300"), "database-overloaded", 503, id="connections"),
    pytest.param(postgresql_error("P0001"), "database-refused", 500, id="RAISE EXCEPTION"),
    pytest.param(postgresql_error("23514"), "database-refused", 500, id="CHECK"),
    pytest.param(sqlite_error("SQLITE_FULL"), "database-full", 503, id="SQLite: full"),
    pytest.param(sqlite_error("SQLITE_BUSY"), "database-locked", 503, id="SQLite: busy"),
    pytest.param(sqlite_error("SQLITE_BUSY_SNAPSHOT"), "database-locked", 503, id="SQLite: more"),
    pytest.param(sqlite_error("SQLITE_READONLY"), "database-read-only", 503, id="SQLite: ro"),
    pytest.param(sqlite_error("SQLITE_IOERR_WRITE"), "database-damaged", 500, id="SQLite: io"),
    pytest.param(
        sqlite_error("SQLITE_CONSTRAINT_TRIGGER", IntegrityError),
        "database-refused",
        500,
        id="SQLite: RAISE",
    ),
]


@pytest.mark.parametrize(("error", "code", "status"), KNOWN)
def test_what_is_wrong_is_known_by_the_code(error, code, status):
    failure = make_failure(error, outcome="Nothing was written.")
    assert (failure.code, failure.status) == (code, status)
    assert failure.message.endswith("Nothing was written.")
    assert CANARY not in failure.message
    assert failure.message.startswith(find_trouble(error).text)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("no code"),
        postgresql_error("22P02"),
        postgresql_error("42P01"),
        sqlite_error("SQLITE_ERROR"),
    ],
)
def test_what_no_code_explains_is_left_to_the_door(error):
    assert make_failure(error) is None


@pytest.mark.parametrize(
    ("error", "is_rival"),
    [
        (postgresql_error("23505", IntegrityError), True),
        (postgresql_error("23503", IntegrityError), True),
        (postgresql_error("23514", IntegrityError), False),
        (sqlite_error("SQLITE_CONSTRAINT_UNIQUE", IntegrityError), True),
        (sqlite_error("SQLITE_CONSTRAINT_TRIGGER", IntegrityError), False),
        (sqlite_error("SQLITE_CONSTRAINT_CHECK", IntegrityError), False),
        (IntegrityError("no code"), True),
    ],
)
def test_a_rival_is_told_from_a_rule_of_the_database(error, is_rival):
    assert is_by_another_writer(error) == is_rival


def test_the_log_has_the_code_and_no_words_of_a_trigger():
    assert format_for_log(postgresql_error("P0001")) == "OperationalError, SQLSTATE P0001"
    error = sqlite_error("SQLITE_CONSTRAINT_TRIGGER", IntegrityError)
    assert format_for_log(error) == "IntegrityError, SQLITE_CONSTRAINT_TRIGGER"


def refusal_of(error: Exception) -> str:
    """What a command says of the error on its last line."""
    with pytest.raises(CommandError) as raised, refuse_errors(BaseCommand(StringIO()), "local"):
        raise error
    return str(raised.value)


def test_the_command_does_not_ask_for_migrations_where_the_cause_is_known():
    told = refusal_of(postgresql_error("57P01"))
    assert told == (
        "The database cannot be reached: it is not there, is stopping or starting, or "
        "cut the connection off. Try again when it answers. PostgreSQL's code is 57P01."
    )
    told = refusal_of(postgresql_error("42P01"))
    assert told == (
        "The database cannot be used: words. Is it there, and migrated (manage.py migrate)?"
    )


def failing_on(table: str, error: Exception, verb: str = "") -> Any:
    """The database gives the error for every statement on the table."""

    def refuse(execute, sql, params, many, context):
        if f'"{table}"' in sql and sql.startswith(verb):
            raise error
        return execute(sql, params, many, context)

    return connection.execute_wrapper(refuse)


@pytest.mark.django_db
@pytest.mark.parametrize(("error", "code", "status"), KNOWN)
def test_an_import_is_refused_with_the_cause_and_records_it(error, code, status, caplog):
    for wrapper in (
        failing_on("flows_flow", error),
        failing_on("flows_flow", error, "INSERT"),
    ):
        ImportRecord.objects.all().delete()
        with wrapper, pytest.raises(ImportFailed) as raised:
            run_import(request_for(ONE_FLOW))
        assert (raised.value.code, raised.value.status) == (code, status)
        assert raised.value.__suppress_context__  # a traceback would quote the row
        record = ImportRecord.objects.get()
        assert (record.status, record.code, record.message) == (
            "failed",
            code,
            raised.value.message,
        )
        assert CANARY not in caplog.text + record.message


@pytest.mark.django_db
def test_a_preview_and_a_command_tell_the_cause(run_command, tmp_path):
    file = tmp_path / "file.json"
    file.write_bytes(ONE_FLOW)
    error = sqlite_error("SQLITE_FULL")
    with failing_on("flows_flow", error):
        with pytest.raises(ImportFailed):
            preview_import(request_for(ONE_FLOW), record_refusal=False)
        done = run_command(
            "flow_import", "-s", "local", "--skip", "-fp", str(file), "--no-prompt", "--no-backup"
        )
    data = json.loads(done.out)
    assert (done.code, data["status"], data["data"]["code"]) == (1, 503, "database-full")
    assert data["data"]["message"] == (
        "The disk of the database, or the room that it may use, is full: make room, then try "
        "again. SQLite's code is SQLITE_FULL. Nothing was written."
    )


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("ada", password="correct horse battery")


@pytest.mark.django_db
def test_the_api_tells_the_cause(admin, caplog):
    client = APIClient()
    client.force_authenticate(admin)
    FlowFactory(uuid=uuid_of("f", 1))
    with failing_on("flows_flow", postgresql_error("57014")):
        answer = client.get("/api/flow")
    assert (answer.status_code, answer.json()["code"]) == (503, "statement-timeout")
    assert CANARY not in caplog.text
    with failing_on("flows_flow", postgresql_error("P0001"), "UPDATE"):
        answer = client.put(f"/api/flow/{uuid_of('f', 1)}", {"name": "new"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (500, "database-refused")
    assert CANARY not in caplog.text + answer.content.decode()


TRIGGERS = {
    True: """
        CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'not %', NEW.info; END $$;
        CREATE TRIGGER forbidding BEFORE INSERT OR UPDATE ON flows_flow
        FOR EACH ROW EXECUTE FUNCTION forbid();
    """,
    False: """
        CREATE TRIGGER forbidding BEFORE INSERT ON flows_flow
        BEGIN SELECT RAISE(ABORT, 'not CANARY-value'); END;
    """,
}


@pytest.mark.django_db
def test_a_trigger_that_forbids_the_write_is_told_alike_on_both_databases(caplog):
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS[ON_POSTGRESQL])
    payload = export_file(flow(1, "Flow 1", info=CANARY), secret(1, "A"))
    with pytest.raises(ImportFailed) as raised:
        run_import(request_for(payload))
    told = raised.value.message
    assert raised.value.code == ImportRecord.objects.get().code == "database-refused"
    assert told.startswith("A trigger or a constraint of the database forbids the write: ")
    assert CANARY not in told + caplog.text + ImportRecord.objects.get().message


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has no such time-outs")
def test_real_errors_of_postgresql(run_command, tmp_path):
    file = tmp_path / "file.json"
    file.write_bytes(ONE_FLOW)
    arguments = ("-s", "local", "--overwrite", "-fp", str(file), "--no-prompt", "--no-backup")
    for statement, code in (
        ("SET default_transaction_read_only = on", "database-read-only"),
        ("SET statement_timeout = '1ms'", "database-timeout"),
    ):
        with connection.cursor() as cursor:
            cursor.execute(statement)
        slow = patch("imports.runs.carrying_out.check_encryption_keys", _take_time)
        with slow:
            done = run_command("flow_import", *arguments)
        connection.close()
        assert json.loads(done.out)["data"]["code"] == code


def _take_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.1)")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(ON_POSTGRESQL, reason="about a file")
def test_real_errors_of_sqlite(monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0)
    connection.close()
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with closing(other):
        assert code_of_a_failed_import() == "database-locked"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = on")
    assert code_of_a_failed_import() == "database-read-only"


def code_of_a_failed_import() -> str:
    """The code of the refusal; the connection is closed then, and with it what was set on it."""
    try:
        with pytest.raises(ImportFailed) as raised:
            run_import(request_for(ONE_FLOW))
    finally:
        connection.close()
    return raised.value.code
