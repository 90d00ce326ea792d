"""What an item uses and what uses it, and how its page in the admin says so."""

import json
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from flows.content.fields import Kind
from flows.models import Flow, Secret
from flows.relations import uses
from flows.relations.uses import find_users, find_uses
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory

NOWHERE = "99999999-9999-4999-8999-99999999999a"

pytestmark = pytest.mark.django_db


def nodes(**data):
    return json.dumps([{"data": data, "id": "1"}], separators=(",", ":"), ensure_ascii=False)


def told(groups):
    """By kind: the names, with what is to be said of them."""
    return {
        str(group.kind): [
            row.name + (" deleted" if row.is_deleted else "") + ("" if row.pk else " missing")
            for row in group.shown
        ]
        for group in groups
    }


# --- uses


def test_a_flow_uses_what_its_documents_mention():
    subflow, connection = FlowFactory(name="Sub"), ConnectionFactory(name="Twilio")
    by_uuid, by_name = SecretFactory(name="BY_UUID"), SecretFactory(name="BY_NAME")
    FlowFactory(), ConnectionFactory(), SecretFactory()
    flow = FlowFactory(
        nodes=nodes(any=[str(subflow.uuid)], code=f"x = secrets.{by_name.name};"),
        edges=f'[{{"c":"{str(connection.uuid).upper()}"}}]',
        used_secrets=f'["{by_uuid.uuid}"]',
    )
    assert told(find_uses(flow)) == {
        "flow": ["Sub"],
        "connection": ["Twilio"],
        "secret": ["BY_NAME", "BY_UUID"],
    }


def test_a_connection_uses_the_secrets_that_its_values_name():
    SecretFactory(name="A"), SecretFactory(name="AB"), SecretFactory(name="été_$")
    flow = FlowFactory()
    connection = ConnectionFactory(dev_value="{ a: secrets.AB }", prod_value="[secrets.été_$]")
    connection.description = str(flow.uuid)
    assert told(find_uses(connection)) == {"secret": ["AB", "été_$"]}


def test_a_secret_uses_nothing():
    SecretFactory(name="A")
    assert find_uses(SecretFactory(description="secrets.A")) == []


def test_what_is_deleted_or_missing_is_said_to_be():
    deleted = ConnectionFactory(name="Old", is_deleted=True)
    SecretFactory(name="GONE", is_deleted=True)
    flow = FlowFactory(
        nodes=nodes(
            connectionUuid=str(deleted.uuid),
            flowUuid=NOWHERE,
            code="secrets.GONE + secrets.NEVER",
            id="12345678-9999-4999-8999-999999999999",
        ),
    )
    assert told(find_uses(flow)) == {
        "flow": [f"{NOWHERE} missing"],
        "connection": ["Old deleted"],
        "secret": ["GONE deleted", "NEVER missing"],
    }


def test_of_the_secrets_with_one_name_the_live_one_counts():
    SecretFactory(name="KEY", is_deleted=True)
    live = SecretFactory(name="KEY")
    SecretFactory(name="KEY", is_deleted=True)
    (group,) = find_uses(FlowFactory(nodes=nodes(code="secrets.KEY")))
    assert [(row.pk, row.is_deleted) for row in group.shown] == [(live.pk, False)]


def test_a_flow_that_names_itself_does_not_use_itself():
    flow = FlowFactory()
    flow.nodes = nodes(flowUuid=str(flow.uuid))
    flow.save()
    assert (find_uses(flow), find_users(flow)) == ([], [])


@pytest.mark.parametrize("typed", ["[1]", "[{}]", '["x"]', '[{"uuid":1}]', "null", "[null]"])
def test_odd_lists_break_nothing(typed):
    assert find_uses(FlowFactory(used_connections=typed, used_secrets=typed)) == []


# --- used by


def test_each_kind_is_used_by():
    secret = SecretFactory(name="KEY")
    connection = ConnectionFactory(name="Twilio", dev_value="{ a: secrets.KEY }")
    flow = FlowFactory(name="Main", nodes=nodes(c=str(connection.uuid).upper(), s="secrets.KEY"))
    caller = FlowFactory(name="Caller", edges=f'["{flow.uuid}"]')
    assert told(find_users(secret)) == {"flow": ["Main"], "connection": ["Twilio"]}
    assert told(find_users(connection)) == {"flow": ["Main"]}
    assert told(find_users(flow)) == {"flow": ["Caller"]}
    assert find_users(caller) == []


@pytest.mark.parametrize(
    "code", ["secrets.key", "secrets.KEY_2", "secretsXKEY", "mysecrets.KEY", "secrets.KEYé"]
)
def test_what_only_looks_like_a_use_is_none(code):
    FlowFactory(nodes=nodes(code=code), info=code)
    ConnectionFactory(dev_value=code)
    assert find_users(SecretFactory(name="KEY")) == []


@pytest.mark.parametrize("name", ["A_B", "A$B"])
def test_signs_with_a_meaning_in_a_search_have_none(name):
    FlowFactory(name="Exact", nodes=nodes(code=f"secrets.{name}"))
    FlowFactory(name="Other", nodes=nodes(code="secrets.AxB"))
    assert told(find_users(SecretFactory(name=name))) == {"flow": ["Exact"]}


def test_deleted_items_use_nothing():
    secret = SecretFactory(name="KEY")
    FlowFactory(nodes=nodes(code="secrets.KEY"), is_deleted=True)
    assert find_users(secret) == []


def test_items_are_in_the_order_of_code_points():
    for name in ("b", "a", "B", "é", "Z"):
        FlowFactory(name=name, nodes=nodes(code="secrets.KEY"))
    assert told(find_users(SecretFactory(name="KEY"))) == {"flow": ["B", "Z", "a", "b", "é"]}


def test_a_long_list_is_cut(monkeypatch):
    monkeypatch.setattr(uses, "MOST_SHOWN", 2)
    for number in range(5):
        FlowFactory(name=f"F{number}", nodes=nodes(code="secrets.KEY"))
    (group,) = find_users(SecretFactory(name="KEY"))
    assert (told([group]), group.more, group.count) == ({"flow": ["F0", "F1"]}, 3, 5)


def test_a_flow_with_more_uuids_than_a_query_takes():
    connection = ConnectionFactory(name="Wanted")
    many = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(2000)]
    flow = FlowFactory(nodes=json.dumps([*many, str(connection.uuid)]))
    assert told(find_uses(flow)) == {"connection": ["Wanted"]}


# --- the number of queries


def number_of_queries(work):
    with CaptureQueriesContext(database) as queries:
        work()
    return len(queries)


def test_the_number_of_queries_is_fixed():
    secret, flow = SecretFactory(name="KEY"), FlowFactory()
    connection = ConnectionFactory(dev_value="secrets.KEY")
    for _ in range(30):
        FlowFactory(nodes=nodes(code="secrets.KEY", c=str(connection.uuid), f=str(flow.uuid)))
        ConnectionFactory(dev_value="secrets.KEY")
    using = Flow.objects.last()
    assert number_of_queries(lambda: find_users(secret)) == 3
    assert number_of_queries(lambda: find_users(connection)) == 2
    assert number_of_queries(lambda: find_users(flow)) == 2
    assert number_of_queries(lambda: find_uses(using)) == 4  # its documents are read
    assert number_of_queries(lambda: find_uses(connection)) == 1


# --- the page


def page_of(client, item):
    response = client.get(reverse(f"admin:flows_{item.kind}_change", args=[item.pk]))
    assert response.status_code == 200
    return response.content.decode()


def link(item, name):
    address = reverse(f"admin:flows_{item.kind}_change", args=[item.pk])
    return f'<a href="{address}"><bdi>{name}</bdi></a>'


def test_the_page_links_in_both_directions(admin_client):
    secret = SecretFactory(name="KEY")
    connection = ConnectionFactory(name="<b>T</b>", dev_value="secrets.KEY")
    flow = FlowFactory(name="", nodes=nodes(c=str(connection.uuid), s="secrets.KEY + secrets.NO"))

    page = page_of(admin_client, flow)
    assert link(secret, "KEY") in page
    assert link(connection, "&lt;b&gt;T&lt;/b&gt;") in page
    assert "<bdi>NO</bdi> (missing)" in page
    assert "<h3>2 secrets</h3>" in page
    page = page_of(admin_client, secret)
    assert link(flow, "(no name)") in page
    assert "<h3>1 connection</h3>" in page
    assert link(flow, "(no name)") in page_of(admin_client, connection)


def test_the_page_says_what_is_deleted(admin_client):
    gone = SecretFactory(name="KEY", is_deleted=True)
    page = page_of(admin_client, ConnectionFactory(dev_value="secrets.KEY"))
    assert f"{link(gone, 'KEY')} (deleted)" in page


def test_the_page_shows_no_names_of_a_kind_that_the_user_may_not_see(client):
    SecretFactory(name="HIDDEN_KEY")
    connection = ConnectionFactory(dev_value="secrets.HIDDEN_KEY")
    FlowFactory(name="HIDDEN FLOW", nodes=nodes(c=str(connection.uuid)))
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client.force_login(user)
    page = page_of(client, connection)
    assert "<h3>1 flow</h3>" in page
    assert "HIDDEN FLOW" not in page
    assert "HIDDEN_KEY</bdi>" not in page
    assert unescape(page).count("Your account may not see them.") == 2


def test_a_page_takes_a_fixed_number_of_queries(admin_client):
    secret = Secret.objects.get(pk=SecretFactory(name="KEY").pk)
    page_of(admin_client, secret)

    def count():
        return number_of_queries(lambda: page_of(admin_client, secret))

    FlowFactory(nodes=nodes(code="secrets.KEY"))
    few = count()
    for _ in range(20):
        FlowFactory(nodes=nodes(code="secrets.KEY"))
    assert count() == few


def test_every_kind_is_asked():
    assert set(uses.USED_KINDS) == set(Kind)
