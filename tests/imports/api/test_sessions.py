"""The API with the session of a page, as other projects have it: a form needs the page's token."""

import pytest
from django.test import Client
from rest_framework.authentication import SessionAuthentication

from accounts.models import User
from flows.models import Flow
from flows.rest.endpoint.view import ApiView
from imports.api.importing import ImportFlows
from tests.support.factories import FlowFactory
from tests.support.importing import export_file, flow
from tests.support.uploading import BOUNDARY, file_part, form, words

pytestmark = pytest.mark.django_db
ADDRESS = "/api/flow/import"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture
def page(monkeypatch):
    """Somebody with a session, whose browser sends the token of a page only where a test says so."""
    for view in (ApiView, ImportFlows):
        monkeypatch.setattr(view, "authentication_classes", [SessionAuthentication])
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    client.get("/admin/")
    client.get("/admin/password_change/")  # a page with a form sets the token
    return client


def send(client, *, header=True, **fields):
    payload = export_file(flow(1, "Orders"))
    body = form(file_part(payload), *words(duplicatesMode="OVERWRITE", noBackup="true", **fields))
    headers = {"X-CSRFToken": client.cookies["csrftoken"].value} if header else {}
    return client.generic("POST", ADDRESS, body, content_type=FORM, headers=headers)


def test_a_script_sends_the_token_in_the_header(page):
    assert send(page).status_code == 201
    assert Flow.objects.get().name == "Orders"


def test_a_form_sends_it_as_a_field(page):
    token = page.cookies["csrftoken"].value
    assert send(page, header=False, csrfmiddlewaretoken=token).status_code == 201


def test_without_it_nothing_is_imported(page):
    answer = send(page, header=False)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission-denied")
    assert not Flow.objects.exists()


def test_an_unreadable_body_is_told_as_without_a_session(page):
    token = page.cookies["csrftoken"].value
    unreadable = "multipart/form-data"
    headers = {"X-CSRFToken": token}
    answer = page.generic("POST", ADDRESS, b"{", content_type=unreadable, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-form")


def test_a_get_that_changes_data_takes_no_session(page):
    """Any page's link would do it: the session goes with it."""
    FlowFactory(is_deleted=True)
    answer = page.get("/api/flow/vacuum")
    assert (answer.status_code, answer.json()["code"]) == (403, "token-needed")
    assert Flow.objects.count() == 1
