"""The list of flows in the admin: its button to import, and the export of what is selected."""

import json

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.models import User
from flows.models import Flow
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/flows/flow/"


def export(client, *flows, follow=False):
    data = {"action": "export_selected", "_selected_action": [flow.pk for flow in flows]}
    return client.post(LIST, data, follow=follow)


def staff_with(*codenames):
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def test_the_selected_flows_are_downloaded_with_all_that_they_need(admin_client):
    secret = SecretFactory(name="KEY", dev_value="CANARY-value")
    connection = ConnectionFactory(name="Mail", dev_value="{ key: secrets.KEY }")
    called = FlowFactory(name="Called")
    nodes = [{"id": "1", "data": {"use": str(connection.uuid), "call": str(called.uuid)}}]
    chosen = FlowFactory(name="Chosen", nodes=json.dumps(nodes))
    FlowFactory(name="Other")
    answer = export(admin_client, chosen)
    payload = b"".join(answer.streaming_content)
    assert answer["Content-Disposition"] == 'attachment; filename="zexport.json"'
    assert int(answer["Content-Length"]) == len(payload)
    document = json.loads(payload)
    assert [flow["name"] for flow in document["flows"]] == ["Called", "Chosen"]
    assert [one["uuid"] for one in document["connections"]] == [str(connection.uuid)]
    assert [one["uuid"] for one in document["secrets"]] == [str(secret.uuid)]
    assert b"CANARY" not in payload


def test_a_deleted_flow_is_not_exported(admin_client):
    deleted = FlowFactory(is_deleted=True)
    data = {"action": "export_selected", "_selected_action": [deleted.pk]}
    page = admin_client.post(f"{LIST}?state=all", data, follow=True)
    assert [str(message) for message in page.context["messages"]] == [
        "A deleted flow cannot be exported: restore it, or leave it out."
    ]


def test_a_credential_in_a_connection_is_warned_of(admin_client):
    connection = ConnectionFactory(name="Mail", dev_value="{ password: 'CANARY-literal' }")
    flow = FlowFactory(nodes=json.dumps([{"id": "1", "use": str(connection.uuid)}]))
    assert export(admin_client, flow).status_code == 200
    page = admin_client.get(LIST)
    (told,) = (str(message) for message in page.context["messages"])
    assert 'connection "Mail": devValue seems to hold a credential' in told
    assert "CANARY" not in told


@pytest.mark.parametrize(
    ("rights", "may"),
    [
        (("view_flow", "view_connection", "view_secret"), True),
        (("view_flow", "view_connection"), False),
        (("view_flow", "change_flow", "view_secret"), False),
    ],
)
def test_who_may_not_see_all_that_it_holds_cannot_export(client, rights, may):
    client.force_login(staff_with(*rights))
    flow = FlowFactory()
    assert ("export_selected" in client.get(LIST).content.decode()) is may
    answer = export(client, flow)
    assert answer.has_header("Content-Disposition") is may


def test_the_button_to_import_is_there_for_who_may(client):
    user = staff_with("view_flow")
    client.force_login(user)
    upload = f'href="{reverse("admin:imports_upload")}"'
    assert upload not in client.get(LIST).content.decode()
    user.user_permissions.add(Permission.objects.get(codename="run_import"))
    assert upload in client.get(LIST).content.decode()


def test_nothing_is_changed_by_an_export(admin_client):
    flow = FlowFactory()
    before = Flow.objects.values().get()
    export(admin_client, flow)
    assert Flow.objects.values().get() == before
