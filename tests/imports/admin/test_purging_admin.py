"""The action of the admin that deletes selected items for good, and its page."""

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.urls import reverse

from flows.models import Connection, Flow
from imports.database.lock import hold_import_lock
from tests.support.digest import all_rows
from tests.support.importing import connection as connection_of
from tests.support.importing import flow, import_items, uuid_of

pytestmark = pytest.mark.django_db

RIGHTS = ("view_flow", "delete_flow", "view_connection", "delete_connection", "purge_items")


@pytest.fixture
def used():
    """A connection that a flow uses."""
    import_items(connection_of(1, "CANARY"), flow(2, "Uses <it>", connections=[uuid_of("c", 1)]))
    return Connection.objects.get()


def act(client, *items):
    """Choose the action for these items."""
    kind = type(items[0]).__name__.lower()
    return client.post(
        reverse(f"admin:flows_{kind}_changelist"),
        {"action": "purge_selected", "_selected_action": [item.pk for item in items]},
    )


def words(page):
    return " ".join(page.content.decode().split())


def messages(client, url):
    return [str(message) for message in client.get(url, follow=True).context["messages"]]


def purge_url(kind="connection"):
    return reverse(f"admin:flows_{kind}_purge")


def changelist(kind="connection"):
    return reverse(f"admin:flows_{kind}_changelist")


def test_the_page_shows_what_would_be_removed(staff, used):
    client = staff(*RIGHTS)
    led = act(client, used)
    assert led.url == f"{purge_url()}?item={used.pk}"
    before = all_rows(without={"django_session"})
    page = client.get(led.url)
    text = words(page)
    assert "Are you sure that you want to delete this connection for good?" in text
    assert f"<bdi>CANARY</bdi> <code>{used.uuid}</code>: 0 saved states" in text
    assert "is used by the flow <bdi>Uses &lt;it&gt;</bdi>" in text
    assert 'name="with_used" value="yes" required' in text
    assert all_rows(without={"django_session"}) == before


def test_a_user_who_may_not_see_flows_is_not_told_which_uses_it(staff, used):
    client = staff("view_connection", "delete_connection", "purge_items")
    text = words(client.get(f"{purge_url()}?item={used.pk}"))
    assert "is used by a flow" in text
    assert "Uses" not in text


def test_once_it_is_confirmed_it_is_gone_and_the_log_has_its_uuid(staff, used):
    client = staff(*RIGHTS)
    done = client.post(purge_url(), {"item": [used.pk], "with_used": "yes"})
    assert done.url == changelist()
    assert messages(client, done.url) == ["Deleted 1 connection for good."]
    assert not Connection.objects.exists()
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_repr) == (DELETION, uuid_of("c", 1))
    assert entry.user.username == "staff"


def test_what_others_use_needs_a_tick(staff, used):
    client = staff(*RIGHTS)
    done = client.post(purge_url(), {"item": [used.pk]})
    assert messages(client, done.url) == [
        'Nothing was deleted. The connection "CANARY" is used by the flow "Uses <it>", which would '
        "refer to nothing."
    ]
    assert Connection.objects.exists()


def test_several_go_at_once(staff):
    import_items(flow(1, "A"), flow(2, "B"), flow(3, "C"))
    client = staff(*RIGHTS)
    led = act(client, *Flow.objects.exclude(name="C"))
    assert "delete these 2 flows for good?" in words(client.get(led.url))
    pks = list(Flow.objects.exclude(name="C").values_list("pk", flat=True))
    client.post(purge_url("flow"), {"item": pks})
    assert [item.name for item in Flow.objects.all()] == ["C"]


@pytest.mark.parametrize("lacking", ["delete_connection", "purge_items"])
def test_each_right_is_needed(staff, used, lacking):
    client = staff(*({*RIGHTS} - {lacking}))
    assert "purge_selected" not in client.get(changelist()).content.decode()
    assert client.get(f"{purge_url()}?item={used.pk}").status_code == 403
    assert client.post(purge_url(), {"item": [used.pk], "with_used": "yes"}).status_code == 403
    assert Connection.objects.exists()


def test_who_may_delete_but_not_see_is_refused(staff, used):
    client = staff("delete_connection", "purge_items")
    assert client.post(purge_url(), {"item": [used.pk], "with_used": "yes"}).status_code == 403
    assert Connection.objects.exists()


@pytest.mark.parametrize("query", ["", "?item=999999"])
def test_a_page_of_nothing_leads_back(staff, query):
    client = staff(*RIGHTS)
    page = client.get(f"{purge_url()}{query}")
    assert page.url == changelist()
    assert messages(client, page.url) == ["Nothing is selected that is still there."]


def test_an_address_that_is_none_is_not_found(staff):
    assert staff(*RIGHTS).get(f"{purge_url()}?item=x").status_code == 404


def test_no_more_than_a_hundred_are_deleted_at_a_time(staff, monkeypatch):
    monkeypatch.setattr("imports.admin.items.purging._MOST", 1)
    import_items(flow(1, "A"), flow(2, "B"))
    client = staff(*RIGHTS)
    done = act(client, *Flow.objects.all())
    assert messages(client, done.url) == [
        "At most 1 items are deleted for good at a time: select fewer."
    ]


def test_while_an_import_runs_it_says_so(staff, used, settings):
    settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
    client = staff(*RIGHTS)
    with hold_import_lock(wait=0):
        done = client.post(purge_url(), {"item": [used.pk], "with_used": "yes"})
    assert messages(client, done.url) == [
        "Nothing was deleted. An import is running on this database: delete items when it has "
        "finished."
    ]
    assert Connection.objects.exists()
