"""Addresses of the admin's lists as anybody can type them: no error, and no column is guessed."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.models import User
from tests.support.factories import ConnectionFactory, SecretFactory
from tests.support.importing import import_items, secret

LISTS = {
    "flow": "admin:flows_flow_changelist",
    "connection": "admin:flows_connection_changelist",
    "secret": "admin:flows_secret_changelist",
    "record": "admin:imports_importrecord_changelist",
    "user": "admin:accounts_user_changelist",
    "key": "admin:accounts_apitoken_changelist",
}
EVERY_LIST = pytest.mark.parametrize("which", LISTS)

pytestmark = pytest.mark.django_db


def ask(client, which, query):
    return client.get(f"{reverse(LISTS[which])}?{query}")


@EVERY_LIST
@pytest.mark.parametrize("query", ["x=%00", "%00=x", "is_active=%00", "p=%00", "o=%00"])
def test_nul_leads_to_the_bare_list(which, query, admin_client):
    response = ask(admin_client, which, query)
    assert response.url == f"{reverse(LISTS[which])}?e=1"
    assert admin_client.get(response.url).status_code == 200


@pytest.mark.parametrize(
    ("which", "query"),
    [
        ("flow", "listener_type=%00"),
        ("flow", "listener_type=a&listener_type=%00"),
        ("flow", "tag=%00"),
        ("flow", "state=%00"),
        ("connection", "type=%00"),
        ("secret", "type=%00"),
        ("secret", "group=x%00y"),
        ("record", "server=%00"),
        ("record", "status__exact=%00"),
        ("record", "started_at__year=9999"),
        ("record", "started_at__year=9999&started_at__month=12"),
        ("record", "started_at__year=9999&started_at__month=12&started_at__day=31"),
        ("record", "started_at__year=99999999999999999999"),
        ("record", f"started_at__year={'9' * 5000}"),
        ("record", "started_at__year=2025&started_at__month=13"),
        ("user", "is_active__exact=nonsense"),
    ],
)
def test_what_no_filter_can_mean_leads_to_the_bare_list(which, query, admin_client):
    import_items(secret(1, "KEY"))
    response = ask(admin_client, which, query)
    assert response.url == f"{reverse(LISTS[which])}?e=1"
    assert admin_client.get(response.url).status_code == 200


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00%2B12:00"])
def test_a_time_at_the_ends_of_the_calendar_is_no_error(time, admin_client):
    """PostgreSQL can compare with it, SQLite cannot and gives the bare list."""
    response = admin_client.get(f"{reverse(LISTS['key'])}?expiry__gte={time}", follow=True)
    assert response.status_code == 200
    assert "cl" in response.context


@EVERY_LIST
def test_a_search_for_nul_is_told_to_be_wrong(which, admin_client):
    response = ask(admin_client, which, "q=%00")
    assert response.status_code == 200
    assert "Null characters are not allowed." in response.content.decode()


@pytest.mark.parametrize(
    ("which", "lookup"),
    [
        ("secret", "dev_value"),
        ("secret", "dev_value__startswith"),
        ("secret", "prod_value__startswith"),
        ("secret", "prod_value__isnull"),
        ("secret", "description__startswith"),
        ("secret", "type__regex"),
        ("connection", "dev_value__contains"),
        ("connection", "prod_value__contains"),
        ("flow", "nodes__contains"),
        ("record", "backup_path__startswith"),
        ("record", "items__name__startswith"),
        ("user", "password__startswith"),
        ("user", "email__startswith"),
        ("key", "digest__startswith"),
        ("key", "user__password__startswith"),
    ],
)
def test_a_column_that_is_no_filter_is_not_looked_up(which, lookup, admin_client):
    SecretFactory(dev_value="CANARY-115t-value")
    ConnectionFactory()
    for value in ("gAAA", "x", "1"):
        assert ask(admin_client, which, f"{lookup}={value}").status_code == 400


def test_who_may_view_secrets_cannot_guess_a_stored_value(client):
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_secret"))
    client.force_login(user)
    row = SecretFactory(name="KEY", dev_value="CANARY-115t-value", prod_value="CANARY-115t-other")
    row.refresh_from_db()
    assert client.get(reverse(LISTS["secret"])).status_code == 200
    for column in ("dev_value", "prod_value"):
        begin = getattr(row, column).token[:20]
        for guess in (begin, "zzzz"):
            answer = ask(client, "secret", f"{column}__startswith={guess}")
            assert (answer.status_code, b"KEY" in answer.content) == (400, False)


@EVERY_LIST
def test_every_choice_that_a_list_offers_can_be_taken(which, admin_client):
    User.objects.create_user("other")
    SecretFactory(type="API", group="one")
    ConnectionFactory(type="Mail")
    import_items(secret(2, "KEY"))
    changelist = ask(admin_client, which, "").context["cl"]
    taken = 0
    for spec in changelist.filter_specs:
        for choice in spec.choices(changelist):
            assert ask(admin_client, which, choice["query_string"][1:]).status_code == 200
            taken += 1
    assert taken > 2
