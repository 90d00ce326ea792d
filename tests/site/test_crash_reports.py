"""A crash while a value is on its way: the report that an administrator is sent has none of it."""

import pytest
from django.test import Client
from django.urls import reverse
from django.views.debug import ExceptionReporter
from reversion.models import Revision

from accounts.models import User
from flows.models import Connection, Secret
from flows.saves import named_saves
from flows.secrets import values as secret_values
from imports.filling.pasted import ValueEnvironment
from imports.filling.service import fill_pasted
from imports.records import checklist
from imports.records.checklist import read_checklist
from tests.support.factories import ConnectionFactory, SecretFactory
from tests.support.importing import import_items, secret, uuid_of

DEV = "CANARY-c7a5-dev"
PROD = "CANARY-c7a5-prod"

CRASHES = pytest.mark.parametrize(
    "where",
    ["flows.models.Secret.save", "flows.fields.seal", "flows.encryption._get_keys"],
)

pytestmark = pytest.mark.django_db


class CrashError(Exception):
    pass


def fail(*args, **kwargs):
    raise CrashError


@pytest.fixture(autouse=True)
def production(settings):
    settings.DEBUG = False


@pytest.fixture
def client():
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root"))
    client.get(reverse("admin:index"))  # the server has started, and looked at its keys, before
    return client


def assert_silent(request, kind, error, trace):
    assert kind is CrashError
    reporter = ExceptionReporter(request, kind, error, trace)
    for report in (reporter.get_traceback_text(), reporter.get_traceback_html()):
        assert "CrashError" in report
        assert DEV not in report
        assert PROD not in report


def assert_reported_silently(response):
    assert response.status_code == 500
    assert_silent(response.wsgi_request, *response.exc_info)


def form_of(page):
    form = page.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, False)}


@pytest.mark.parametrize("page", ["add", "change", "revision"])
@CRASHES
def test_the_form_of_a_secret(page, where, client, monkeypatch):
    row = SecretFactory(name="KEY")
    version = named_saves.take(row, "save").version_set.get()
    numbers = {"add": [], "change": [row.pk], "revision": [row.pk, version.pk]}[page]
    url = reverse(f"admin:flows_secret_{page}", args=numbers)
    data = {**form_of(client.get(url)), "name": "KEY_2"}
    monkeypatch.setattr(where, fail)
    response = client.post(url, {**data, "new_dev_value": DEV, "new_prod_value": PROD})
    assert_reported_silently(response)


def test_the_form_of_a_secrets_save_that_cannot_be_reverted(client, monkeypatch):
    row = SecretFactory()
    version = named_saves.take(row, "save").version_set.get()
    monkeypatch.setattr(Revision, "revert", fail)
    url = reverse("admin:flows_secret_revision", args=[row.pk, version.pk])
    response = client.post(url, {"new_dev_value": DEV, "new_prod_value": PROD})
    assert_reported_silently(response)


def test_the_form_of_a_connection(client, monkeypatch):
    url = reverse("admin:flows_connection_change", args=[ConnectionFactory().pk])
    data = form_of(client.get(url))
    monkeypatch.setattr(Connection, "save", fail)
    assert_reported_silently(client.post(url, {**data, "dev_value": DEV, "prod_value": PROD}))


@CRASHES
def test_the_form_of_a_checklist(where, client, monkeypatch):
    record = import_items(secret(1, "KEY")).record
    url = reverse("admin:imports_importrecord_fill", args=[record.pk, uuid_of("5", 1)])
    monkeypatch.setattr(where, fail)
    assert_reported_silently(client.post(url, {"dev_value": DEV, "prod_value": PROD}))


PASTED = f"# of the shop\nKEY={DEV}\n"


@CRASHES
def test_the_pasted_text_of_a_checklist(where, client, monkeypatch):
    record = import_items(secret(1, "KEY")).record
    shown = read_checklist(record).used.tag
    url = reverse("admin:imports_importrecord_checklist", args=[record.pk])
    monkeypatch.setattr(where, fail)
    sent = {"do": "fill", "pasted": PASTED, "environment": "both", "shown": shown}
    assert_reported_silently(client.post(url, sent))


@CRASHES
def test_filling_many_secrets(where, monkeypatch):
    record = import_items(secret(1, "KEY")).record
    shown = read_checklist(record).used.tag
    monkeypatch.setattr(where, fail)
    with pytest.raises(CrashError) as caught:
        fill_pasted(record, PASTED, ValueEnvironment.BOTH, user=None, user_name="ada", shown=shown)
    assert_silent(None, caught.type, caught.value, caught.tb)


@CRASHES
def test_filling_a_secret(where, monkeypatch):
    row = SecretFactory()
    monkeypatch.setattr(where, fail)
    with pytest.raises(CrashError) as caught:
        secret_values.fill_secret(
            row.uuid, dev_value=DEV, prod_value=PROD, user_name="ada", shown=""
        )
    assert_silent(None, caught.type, caught.value, caught.tb)


@CRASHES
def test_filling_a_secret_of_a_checklist(where, monkeypatch):
    record = import_items(secret(1, "KEY")).record
    uuid = Secret.objects.get().uuid
    monkeypatch.setattr(where, fail)
    with pytest.raises(CrashError) as caught:
        checklist.fill_secret(
            record, uuid, dev_value=DEV, prod_value=PROD, user_name="ada", shown=""
        )
    assert_silent(None, caught.type, caught.value, caught.tb)
