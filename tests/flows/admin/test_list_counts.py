"""The lists of the admin count nothing for each choice of a filter, whoever asks for it and how."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from flows.content import canonical
from flows.models import Flow

pytestmark = pytest.mark.django_db

FLOWS = 1_200
TAGS = 1_179

LISTS = [
    pytest.param(model._meta, id=model._meta.model_name)
    for model, model_admin in admin.site._registry.items()
    if model_admin.list_filter
]


def list_url(opts):
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")


def test_every_kind_of_list_is_looked_at():
    names = {each.id for each in LISTS}
    assert names >= {"flow", "connection", "secret", "importrecord", "user", "apitoken"}


@pytest.mark.parametrize("opts", LISTS)
def test_no_list_counts_its_choices_when_asked_to(opts, admin_client):
    url = list_url(opts)
    admin_client.get(url)  # what Django reads once in a process is read
    with CaptureQueriesContext(connection) as plain:
        page = admin_client.get(url)
    with CaptureQueriesContext(connection) as asked:
        with_counts = admin_client.get(url, {"_facets": "True"})
    assert page.status_code == with_counts.status_code == 200
    assert "_facets" not in page.content.decode()
    assert not with_counts.context["cl"].add_facets
    assert len(asked) == len(plain)


def test_a_list_of_many_flows_and_tags_is_counted_nowhere(admin_client):
    Flow.objects.bulk_create(
        Flow(name=f"F{number}", tags=canonical.encode([f"tag {number % TAGS:04}"]))
        for number in range(FLOWS)
    )
    admin_client.get(list_url(Flow._meta))
    with CaptureQueriesContext(connection) as queries:
        page = admin_client.get(list_url(Flow._meta), {"_facets": "True"})
    assert '<option value="tag 1178">' in page.content.decode()
    assert len(queries) <= 12


def test_many_texts_of_a_column_are_offered_in_a_box(admin_client):
    Flow.objects.bulk_create(
        Flow(name=f"F{number}", listener_type=f"Type {number:03}") for number in range(40)
    )
    Flow.objects.create(name="Empty", listener_type="")
    path = list_url(Flow._meta)

    def look(**query):
        page = admin_client.get(path, query)
        changelist = page.context["cl"]
        [box] = [each for each in changelist.filter_specs if each.title == "listener type"]
        choices = [each["display"] for each in box.choices(changelist)]
        return choices, sorted(row.name for row in changelist.result_list), page.content.decode()

    choices, names, page = look()
    assert (choices, len(names)) == (["All", "(empty)"], 41)
    assert page.count('<option value="Type ') == 40
    assert look(listener_type="Type 007")[:2] == (["All", "(empty)", "Type 007"], ["F7"])
    choices, names, _ = look(listener_type="TYPE 01")
    assert names == [f"F{number}" for number in range(10, 20)]
    assert choices[2:] == [f"Type {number:03}" for number in range(10, 20)]
    assert look(listener_type="")[:2] == (["All", "(empty)"], ["Empty"])
    assert look(listener_type="never")[:2] == (["All", "(empty)"], [])
