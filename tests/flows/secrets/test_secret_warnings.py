"""Every door that writes one item says which secrets it sends where they were not sent before."""

import json

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from flows.models import Flow
from flows.saves import named_saves
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import uuid_of
from tests.support.users import logged_in

pytestmark = pytest.mark.django_db

HERE = "{ host: 'a.example.com', key: secrets.KEY }"
THERE = "{ host: 'b.example.com', key: secrets.KEY }"
SENDS = (
    "sends the stored secret to another destination: secrets.KEY -> a.example.com -> b.example.com"
)
CODE = "its code uses for the first time the stored value of secrets.KEY"
USES = [{"id": "1", "data": {"code": "f(secrets.KEY)"}}]
HEADER = "Ziggy-Warnings"


def somebody(*, may_retarget: bool, sees_connections: bool = True) -> User:
    user = User.objects.create_user("ada", is_staff=True)
    rights = Permission.objects.all()
    if not may_retarget:
        rights = rights.exclude(codename="retarget_connections")
    if not sees_connections:
        rights = rights.exclude(codename__in=["view_connection", "change_connection"])
    user.user_permissions.set(rights)
    return User.objects.get(pk=user.pk)


@pytest.fixture
def mail():
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="CANARY")
    return ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value=HERE, prod_value=HERE)


def api(user, method, path, body=None):
    client = APIClient()
    client.force_authenticate(user)
    sent = "" if body is None else json.dumps(body)
    return client.generic(method, f"/api{path}", sent, content_type="application/json")


# --- The API


def test_a_write_that_needs_the_right_says_so_with_code_and_data(mail):
    user = somebody(may_retarget=False)
    answer = api(user, "PUT", f"/connection/{mail.uuid}", {"devValue": THERE, "prodValue": THERE})
    assert answer.status_code == 403
    told = answer.json()
    assert [issue["code"] for issue in told["issues"]] == [
        "not-permitted",
        "secret-to-new-destination",
    ]
    assert told["issues"][1]["message"] == f"{SENDS}."
    [detail] = told["warningDetails"]
    assert (detail["code"], detail["isSerious"]) == ("secret-to-new-destination", True)
    [data] = detail["data"]
    assert (data["secret"], data["name"]) == ("KEY", "Mail")
    assert (data["oldDestinations"], data["newDestination"]) == (["a.example.com"], "b.example.com")


def test_who_may_not_see_the_connection_is_told_no_host(mail):
    user = somebody(may_retarget=False, sees_connections=False)
    other = SecretFactory(uuid=uuid_of("5", 2), name="OTHER", dev_value="CANARY")
    ConnectionFactory(name="Hidden", dev_value="{ host: 'hidden.example.com', k: secrets.WANTED }")
    answer = api(user, "PUT", f"/secret/{other.uuid}", {"name": "WANTED"})
    assert answer.status_code == 403
    assert "hidden.example.com" not in answer.content.decode()
    assert "Hidden" not in answer.content.decode()
    [detail] = answer.json()["warningDetails"]
    assert (detail["code"], detail["data"]) == ("secret-to-new-destination", [])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/connection/{uuid}", {"devValue": THERE, "prodValue": THERE}),
        ("POST", "/connection", {"name": "New", "devValue": THERE}),
    ],
)
def test_a_write_with_the_right_tells_its_code_in_a_header(mail, method, path, body):
    answer = api(somebody(may_retarget=True), method, path.format(uuid=mail.uuid), body)
    assert answer.status_code in (200, 201)
    assert answer.headers[HEADER] == "secret-to-new-destination;serious"
    assert "warningDetails" not in answer.json()


def test_the_code_of_a_flow_is_told_of_and_needs_no_right(mail):
    user = somebody(may_retarget=False)
    flow = FlowFactory(uuid=uuid_of("f", 1), name="A")
    answer = api(user, "PUT", f"/flow/{flow.uuid}", {"nodes": USES})
    assert (answer.status_code, answer.headers[HEADER]) == (200, "code-uses-secret;serious")
    again = api(user, "PUT", f"/flow/{flow.uuid}", {"nodes": USES, "info": "x"})
    assert (again.status_code, HEADER in again.headers) == (200, False)
    copy = api(user, "POST", f"/flow/clone/{flow.uuid}")
    assert (copy.status_code, HEADER in copy.headers) == (201, False)


def test_what_has_no_value_yet_is_no_warning():
    SecretFactory(name="KEY")
    user = somebody(may_retarget=False)
    answer = api(user, "POST", "/connection", {"name": "New", "devValue": THERE})
    assert (answer.status_code, HEADER in answer.headers) == (201, False)


def test_a_restored_save_of_a_flow_is_told_of(mail):
    flow = FlowFactory(name="A", nodes='[{"code":"secrets.KEY"}]')
    named_saves.take(flow, "before")
    Flow.objects.update(nodes="[]")
    user = somebody(may_retarget=False)
    [save] = api(user, "GET", f"/ziggy/named-saves/{flow.uuid}").json()
    answer = api(user, "POST", f"/ziggy/named-saves/{save['uuid']}/restore")
    assert (answer.status_code, answer.headers[HEADER]) == (200, "code-uses-secret;serious")


# --- The admin


def message(text):
    return f'<li class="error">{text}'


def test_a_form_says_it_in_red_when_it_is_saved(mail):
    client = logged_in(somebody(may_retarget=True))
    url = reverse("admin:flows_connection_change", args=[mail.pk])
    form = client.get(url).context["adminform"].form
    typed = {
        name: value
        for name in form.fields
        if (value := form.get_initial_for_field(form.fields[name], name)) is not None
    }
    page = client.post(url, {**typed, "dev_value": THERE, "prod_value": THERE}, follow=True)
    told = page.content.decode()
    assert message("“Mail”: sends the stored secret") in told.replace("\n", "")
    assert "b.example.com" in told


@pytest.mark.parametrize("kind", ["connection", "flow"])
def test_the_page_of_a_save_shows_it_in_red_before_it_is_restored(mail, kind):
    row = {
        "connection": lambda: ConnectionFactory(name="Other", dev_value=THERE),
        "flow": lambda: FlowFactory(name="A", nodes='[{"code":"secrets.KEY"}]'),
    }[kind]()
    named_saves.take(row, "before")
    type(row).objects.filter(pk=row.pk).update(
        **({"dev_value": HERE} if kind == "connection" else {"nodes": "[]"})
    )
    number = named_saves.list_saves(row)[0].pk
    url = reverse(f"admin:flows_{kind}_restore_save", args=[row.pk, number])
    for may_retarget in (True, False):
        User.objects.all().delete()
        told = logged_in(somebody(may_retarget=may_retarget)).get(url).content.decode()
        text = SENDS if kind == "connection" else CODE
        assert message(f"{text.replace('>', '&gt;')}.") in told.replace("\n", "")


@pytest.mark.parametrize("many", [False, True])
def test_what_comes_back_is_told_of_in_red(mail, many):
    row = ConnectionFactory(name="Back", dev_value=THERE, is_deleted=True)
    client = logged_in(somebody(may_retarget=True))
    if many:
        url = reverse("admin:flows_connection_changelist")
        typed = {"action": "restore_selected", "_selected_action": [row.pk]}
        page = client.post(f"{url}?state=all", typed, follow=True)
    else:
        page = client.post(reverse("admin:flows_connection_undelete", args=[row.pk]), follow=True)
    assert message("“Back”: sends the stored secret") in page.content.decode()
