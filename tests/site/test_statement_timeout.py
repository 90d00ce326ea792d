"""A statement of a request ends in time; one of a run that writes, or of a command, takes its own."""

import time
from io import StringIO

import pytest
from django.conf import settings as site_settings
from django.core.management import BaseCommand, call_command
from django.db import OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from flows.admin.items import FlowAdmin
from flows.database.statement_timeout import is_statement_timeout, limit_statements
from flows.models import Flow
from imports.database import vacuum as maintenance
from imports.database.lock import hold_import_lock
from imports.importing import service
from imports.undo import service as undo_service
from tests.support.factories import FlowFactory
from tests.support.importing import export_file, flow, request_for
from tests.support.uploading import caller, upload

pytestmark = pytest.mark.django_db(transaction=True)

ON_POSTGRESQL = site_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
only_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has no such time-out")
LIMIT = 0.2
LONG = 1.0
OURS = "flows.web.statement_timeout"


@pytest.fixture(autouse=True)
def _short_limit(settings):
    settings.ZIGGY = {**settings.ZIGGY, "STATEMENT_TIMEOUT": LIMIT}


@pytest.fixture
def slow_rows(monkeypatch):
    """Reading a flow's row takes long, in the admin's list and in the API."""
    FlowFactory()

    def slow(rows):
        return rows.extra(where=["(SELECT pg_sleep(5)) IS NOT NULL"])

    monkeypatch.setattr(FlowAdmin, "get_queryset", lambda self, request: slow(Flow.objects.all()))
    manager = Flow._default_manager
    monkeypatch.setattr(
        type(manager), "get_queryset", _slowed(type(manager).get_queryset, slow), raising=True
    )


def _slowed(get_queryset, slow):
    return lambda self: slow(get_queryset(self)) if self.model is Flow else get_queryset(self)


def sleep(seconds=LONG):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def timeout_of(alias="default"):
    with connections[alias].cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return cursor.fetchone()[0]


# --- Where it strikes


@only_postgresql
def test_a_page_says_what_to_do_and_the_log_has_one_line(admin_client, slow_rows, caplog):
    start = time.monotonic()
    page = admin_client.get("/admin/flows/flow/?q=secret-search")
    assert time.monotonic() - start < 3
    assert page.status_code == 503
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Narrow the list" in page.content.decode()
    assert "Ziggy flow import" in page.content.decode()
    assert [each.getMessage() for each in caplog.records] == [
        "A statement was ended after 0.2 s: GET /admin/flows/flow/"
    ]
    assert caplog.records[0].name == OURS
    assert caplog.records[0].exc_info is None


@only_postgresql
def test_the_api_answers_a_code_and_the_log_has_one_line(slow_rows, caplog):
    client = caller(admin=True)
    answer = client.get("/api/flow")
    assert (answer.status_code, answer.json()["code"]) == (503, "statement-timeout")
    assert answer.json()["issues"] == []
    assert "filter" in answer.json()["message"]
    assert [each.getMessage() for each in caplog.records] == [
        "A statement was ended after 0.2 s: GET /api/flow"
    ]


@only_postgresql
def test_the_next_page_on_the_same_connection_works(admin_client, slow_rows, monkeypatch):
    assert admin_client.get("/admin/flows/flow/").status_code == 503
    monkeypatch.undo()
    assert admin_client.get("/admin/flows/flow/").status_code == 200
    assert timeout_of() == "0"


@only_postgresql
def test_other_errors_of_the_database_are_no_timeouts():
    with connection.cursor() as cursor, pytest.raises(OperationalError) as caught:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    connection.close()
    assert not is_statement_timeout(caught.value)


# --- Who has which limit


@only_postgresql
def test_a_request_leaves_no_limit_behind(admin_client):
    assert admin_client.get("/admin/").status_code == 200
    assert timeout_of() == "0"
    with limit_statements(LIMIT):
        assert timeout_of() == "200ms"
    assert timeout_of() == "0"


@only_postgresql
def test_a_connection_that_is_opened_in_a_request_has_the_limit():
    connection.close()
    with limit_statements(LIMIT):
        assert timeout_of() == "200ms"
        connection.close()
        assert timeout_of() == "200ms"
    assert timeout_of() == "0"


@only_postgresql
def test_a_registered_server_has_the_limit_as_well(settings):
    name = "elsewhere"
    connections.databases[name] = {**connection.settings_dict}
    connections[name] = connection.copy()
    try:
        with limit_statements(LIMIT):
            assert timeout_of(name) == "200ms"
        assert timeout_of(name) == "0"
        with limit_statements(LIMIT):
            assert timeout_of(name) == "200ms"
    finally:
        connections[name].close()
        del connections[name]
        del connections.databases[name]


@only_postgresql
def test_a_connection_that_was_lost_leaves_no_limit_and_no_error():
    with limit_statements(LIMIT):
        timeout_of()
        connection.connection.close()
    connection.close()
    assert timeout_of() == "0"


@only_postgresql
def test_a_rollback_leaves_the_limit():
    connection.close()
    with limit_statements(LIMIT):
        with transaction.atomic():
            assert timeout_of() == "200ms"
            transaction.set_rollback(True)
        assert timeout_of() == "200ms"


@only_postgresql
def test_no_limit_is_none(settings, admin_client):
    settings.ZIGGY = {**settings.ZIGGY, "STATEMENT_TIMEOUT": 0}
    with limit_statements(settings.ZIGGY["STATEMENT_TIMEOUT"]):
        sleep(0.4)


@only_postgresql
def test_a_command_has_no_limit():
    class Sleeps(BaseCommand):
        def handle(self, **options):
            sleep(0.4)
            self.stdout.write(timeout_of())

    out = StringIO()
    call_command(Sleeps(stdout=out))
    assert out.getvalue() == "0\n"


def test_the_limit_takes_no_query_of_a_page(client):
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/api/health").status_code == 200
    assert not [query["sql"] for query in queries if "timeout" in query["sql"]]


# --- Runs that write


@only_postgresql
def test_who_holds_the_lock_takes_as_long_as_it_needs():
    with limit_statements(LIMIT):
        with hold_import_lock(wait=0):
            sleep(0.4)
        assert timeout_of() == "200ms"


@only_postgresql
def test_the_write_of_an_import_through_the_api_is_not_ended(monkeypatch):
    client = caller(admin=True)
    monkeypatch.setattr(service, "apply_plan", _after_a_sleep(service.apply_plan))
    answer = upload(client, export_file(flow(1, "One")))
    assert answer.status_code == 201


@only_postgresql
def test_the_write_of_an_undo_through_the_api_is_not_ended(monkeypatch):
    record = service.run_import(request_for(export_file(flow(1, "One")))).record
    client = caller(admin=True)
    monkeypatch.setattr(undo_service, "apply_undo", _after_a_sleep(undo_service.apply_undo))
    answer = client.post(
        f"/api/imports/{record.pk}/undo", {"noBackup": True, "dryRun": False}, format="json"
    )
    assert answer.status_code == 201, answer.content


@only_postgresql
def test_a_vacuum_through_the_api_is_not_ended(monkeypatch):
    monkeypatch.setattr(maintenance, "_purge", _after_a_sleep(maintenance._purge))
    assert caller(admin=True).get("/api/flow/vacuum").status_code == 200


def _after_a_sleep(work):
    def slowly(*args, **kwargs):
        sleep()
        return work(*args, **kwargs)

    return slowly
