"""An item with a thousand saved states: its pages have some of them, and read none."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from reversion.models import Revision, Version

from flows.models import Flow
from flows.saves import named_saves
from tests.support.factories import FlowFactory

pytestmark = pytest.mark.django_db

MANY = 1000


@pytest.fixture
def flow():
    """A flow with MANY saves, from "save 0" to the newest."""
    item = FlowFactory()
    for number in range(MANY):
        named_saves.take(Flow.objects.get(), f"save {number}")
    return item


def names_on(page):
    text = page.content.decode()
    return {number for number in range(MANY) if f">save {number}<" in text.replace("</bdi>", "<")}


@pytest.mark.parametrize("view", ["saves", "history"])
def test_a_page_has_a_hundred_newest_first_and_reads_no_state(view, flow, admin_client):
    address = reverse(f"admin:flows_flow_{view}", args=[flow.pk])
    admin_client.get(address)
    with CaptureQueriesContext(database) as queries:
        first = admin_client.get(address)
    assert names_on(first) == set(range(900, 1000))
    assert "serialized_data" not in "".join(each["sql"] for each in queries)
    assert f"{MANY} " in first.content.decode()
    assert names_on(admin_client.get(f"{address}?page=10")) == set(range(100))
    assert names_on(admin_client.get(f"{address}?page=99")) == set(range(100))
    assert names_on(admin_client.get(f"{address}?page=x")) == set(range(900, 1000))


def test_a_state_without_a_name_is_in_the_history_alone(admin_client):
    flow = FlowFactory()
    named_saves.take(flow, "by hand")
    revision = Revision.objects.create(date_created=timezone.now(), comment="")
    save = Version.objects.get()
    save.pk, save.revision = None, revision
    save.save()
    saves, history = (
        admin_client.get(reverse(f"admin:flows_flow_{view}", args=[flow.pk]))
        for view in ("saves", "history")
    )
    assert len(saves.context["saves"].object_list) == 1
    assert len(history.context["action_list"]) == 2


def test_the_history_of_what_is_not_there_leads_away(admin_client):
    answer = admin_client.get(reverse("admin:flows_flow_history", args=[404]))
    assert answer.status_code == 302


def test_the_history_is_refused_without_the_right(staff):
    flow = FlowFactory()
    address = reverse("admin:flows_flow_history", args=[flow.pk])
    assert staff("view_secret").get(address).status_code == 403
