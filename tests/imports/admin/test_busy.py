"""While an import is being written: pages can be read, and what cannot be saved says why."""

import re
import sqlite3
from contextlib import closing

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from imports.admin.busy import is_busy
from imports.models import ImportRecord
from tests.flows.admin.test_flows_admin import url
from tests.support.factories import FlowFactory
from tests.support.pages import form_of
from tests.support.uploading import caller
from tests.support.walking import user_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def root():
    client = Client(raise_request_exception=False)
    client.force_login(user_in(None))
    return client


@pytest.fixture
def writing():
    """Another connection that writes, as an import does, and the record of its run."""
    if database.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps nobody out but from rows")
    ImportRecord.objects.create(
        started_at=timezone.now(),
        door="api",
        user_name="ada <b>",
        file_size=1,
        mode="skip",
        status="running",
        with_backup=True,
        override_locks=False,
    )
    with database.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 300")
    with closing(sqlite3.connect(database.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
        other.execute("ROLLBACK")
    database.close()


def test_pages_can_be_read_meanwhile(root, request):
    flow = FlowFactory()
    request.getfixturevalue("writing")
    for page in (url("flow", "changelist"), url("flow", "change", flow.pk), url("flow", "add")):
        assert root.get(page).status_code == 200


def test_what_cannot_be_saved_is_told_with_who_writes_and_since_when(root, request):
    flow = FlowFactory(info="before")
    page = url("flow", "change", flow.pk)
    typed = {**form_of(root.get(page)), "info": "after"}
    request.getfixturevalue("writing")
    answer = root.post(page, typed)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    text = re.sub(r"\s+", " ", answer.content.decode())
    assert "being written by <strong>ada &lt;b&gt;</strong>, through the api, since 20" in text
    assert "Nothing of what you asked for was done." in text
    assert "Traceback" not in text
    flow.refresh_from_db()
    assert flow.info == "before"


def test_the_api_says_when_to_ask_again(request):
    ada = caller("ada", admin=True)
    flow = FlowFactory()
    request.getfixturevalue("writing")
    answer = ada.put(f"/api/flow/{flow.uuid}", {"info": "after"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (503, "database-locked")
    assert answer.headers["Retry-After"] == "5"


def test_another_error_of_the_database_is_not_taken_for_that():
    assert not is_busy(OperationalError("database is locked"))
    assert not is_busy(ValueError())
