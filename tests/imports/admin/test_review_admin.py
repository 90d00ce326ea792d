"""Going through the items of an upload: the order, the words, what is reviewed, the steps."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from flows.content.fields import Kind
from flows.models import Flow
from imports.models import PendingImport
from imports.planfile.item_list import make_review_mark
from imports.plans.plan import Mode
from imports.uploads import pending as uploads
from imports.uploads.pending import Options
from imports.uploads.planning import read_page
from imports.uploads.reviewing import count_reviewed
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection as a_connection
from tests.support.importing import export_file, flow, secret, uuid_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    client.user = get_user_model().objects.create_superuser("ada", password=None)
    client.force_login(client.user)
    return client


def stage(ada, *items, mode=Mode.OVERWRITE):
    return uploads.stage(
        ada.user, payload=export_file(*items), file_name="a.json", options=Options(mode=mode)
    )


def preview(ada, pending, query=""):
    answer = ada.get(reverse("admin:imports_preview", args=[pending.pk]) + query)
    assert answer.status_code == 200
    return answer


def names(answer):
    return [
        (group.title, [one.item.name for one in group.items]) for group in answer.context["groups"]
    ]


def mark_of(pending, name):
    pending.refresh_from_db()
    return next(make_review_mark(item) for item in read_page(pending).items if item.name == name)


def review(ada, pending, *reviewed, tick=(), **extra):
    """Keep these items as reviewed, and those of `tick` not."""
    marks = [mark_of(pending, name) for name in reviewed]
    data = {"tick": [*marks, *(mark_of(pending, name) for name in tick)], "reviewed": marks}
    return ada.post(reverse("admin:imports_review", args=[pending.pk]), {**data, **extra})


def count(pending):
    pending.refresh_from_db()
    found = count_reviewed(pending, read_page(pending))
    return found.done, found.total


@pytest.fixture
def pending(ada):
    """Two flows that change, one that does not, and a new secret."""
    for number in (1, 2, 3):
        FlowFactory(uuid=uuid_of("f", number), name=f"F{number}", info="old")
    changed = (flow(number, f"F{number}", info="new") for number in (1, 2))
    return stage(ada, *changed, flow(3, "F3", info="old"), secret(1, "KEY"))


def test_the_list_opens_on_what_changes_and_counts_the_rest(ada, pending):
    answer = preview(ada, pending)
    assert names(answer) == [("Flows", ["F1", "F2"]), ("Secrets", ["KEY"])]
    assert 'href="?result=UNCHANGED">1 UNCHANGED</a>' in answer.content.decode()
    assert names(preview(ada, pending, "?result=UNCHANGED")) == [("Flows", ["F3"])]
    assert names(preview(ada, pending, "?show=rest")) == [("Flows", ["F3"])]


def test_what_cannot_be_imported_comes_first_then_what_is_serious(ada):
    SecretFactory(name="KEY", dev_value="value", prod_value=None)
    ConnectionFactory(uuid=uuid_of("c", 1), name="C", dev_value='{host: "a", key: secrets.KEY}')
    FlowFactory(uuid=uuid_of("f", 3), name="L", info="old", is_locked=True)
    pending = stage(
        ada,
        flow(1, "F1"),
        a_connection(1, "C", devValue='{host: "b", key: secrets.KEY}'),
        flow(3, "L", info="new"),
    )
    assert names(preview(ada, pending)) == [
        ("Cannot be imported as it stands", ["L"]),
        ("With a serious warning", ["C"]),
        ("Flows", ["F1"]),
    ]


def test_a_refusal_names_the_pages_own_control_and_no_option_of_the_command(ada):
    FlowFactory(uuid=uuid_of("f", 1), name="L", info="old", is_locked=True)
    pending = stage(ada, flow(1, "L", info="new"))
    item = reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 1)])
    for text in (preview(ada, pending).content.decode(), ada.get(item).content.decode()):
        assert "choose “Overwrite locked flows as well”" in text
        assert "--override-locks" not in text


def test_a_row_says_what_changes_in_words(ada):
    FlowFactory(uuid=uuid_of("f", 1), name="F", timeout=60, nodes='[{"id":"a"},{"id":"b"}]')
    ConnectionFactory(uuid=uuid_of("c", 1), name="C", dev_value='{host: "old.example"}')
    pending = stage(
        ada,
        flow(1, "F", timeout=99, nodes=[{"id": "a", "code": "1"}]),
        flow(2, "New", nodes=[{"id": "a"}]),
        a_connection(1, "C", devValue='{host: "new.example"}'),
    )
    told = {item.name: item.words for item in read_page(pending).items}
    assert told == {
        "F": ("1 node changed, 1 removed, code in 1", "timeout 60 → 99"),
        "New": ("1 node",),
        "C": ("host old.example → new.example", "devValue changed"),
    }
    text = preview(ada, pending).content.decode()
    assert all(word in text for words in told.values() for word in words)


def test_what_is_reviewed_is_kept_and_can_be_taken_back(ada, pending):
    assert count(pending) == (0, 3)
    review(ada, pending, "F1", "KEY")
    assert count(pending) == (2, 3)
    assert names(preview(ada, pending, "?show=unreviewed")) == [("Flows", ["F2"])]
    review(ada, pending, tick=["F1"])
    assert count(pending) == (1, 3)


def test_a_plan_that_changes_an_item_takes_its_review_back(ada, pending):
    review(ada, pending, "F1", "F2")
    Flow.objects.filter(name="F1").update(info="edited meanwhile")
    ada.post(reverse("admin:imports_again", args=[pending.pk]))
    assert count(pending) == (1, 3)
    assert names(preview(ada, pending, "?show=unreviewed")) == [
        ("Flows", ["F1"]),
        ("Secrets", ["KEY"]),
    ]


def test_a_plan_that_says_the_same_keeps_what_is_reviewed(ada, pending):
    review(ada, pending, "F1", "F2")
    Flow.objects.filter(name="F1").update(info="edited meanwhile")
    ada.post(reverse("admin:imports_again", args=[pending.pk]))
    review(ada, pending, "F1")
    ada.post(reverse("admin:imports_again", args=[pending.pk]))
    assert count(pending) == (2, 3)


def test_a_mark_of_an_earlier_plan_is_not_kept(ada, pending):
    earlier = mark_of(pending, "F1")
    Flow.objects.filter(name="F1").update(info="edited meanwhile")
    ada.post(reverse("admin:imports_again", args=[pending.pk]))
    url = reverse("admin:imports_review", args=[pending.pk])
    ada.post(url, {"tick": [earlier], "reviewed": [earlier]})
    assert count(pending) == (0, 3)


@pytest.mark.parametrize("action", ["decide", "again", "confirm"])
def test_the_ticks_of_the_list_are_kept_by_each_of_its_buttons(ada, pending, action):
    mark = mark_of(pending, "F1")
    data = {"mode": "overwrite", "tick": [mark], "reviewed": [mark]}
    ada.post(reverse(f"admin:imports_{action}", args=[pending.pk]), data)
    assert count(pending) == (1, 3)


def test_a_script_is_answered_with_the_count(ada, pending):
    mark = mark_of(pending, "F1")
    answer = ada.post(
        reverse("admin:imports_review", args=[pending.pk]),
        {"tick": [mark], "reviewed": [mark]},
        headers={"Accept": "application/json"},
    )
    assert answer.json() == {"done": 1, "total": 3}


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:1", ""])
def test_a_review_leads_nowhere_else(ada, pending, address):
    answer = review(ada, pending, "F1", next=address)
    assert answer.url == reverse("admin:imports_preview", args=[pending.pk])


def test_the_page_of_an_item_leads_through_the_list(ada, pending):
    def page(query, *key):
        url = reverse("admin:imports_pending_item", args=[pending.pk, *key])
        return ada.get(f"{url}{query}").context["walk"]

    first, second = ((Kind.FLOW, uuid_of("f", number)) for number in (1, 2))
    walk = page("", *first)
    assert (walk["number"], walk["count"], walk["previous"]) == (1, 3, "")
    assert walk["next"] == reverse("admin:imports_pending_item", args=[pending.pk, *second])
    walk = page("?q=F&page=2", *second)
    assert walk["previous"].endswith(f"{uuid_of('f', 1)}/?q=F")
    assert walk["next"].endswith(f"{uuid_of('f', 3)}/?q=F")
    walk = page("", Kind.FLOW, uuid_of("f", 3))  # which the list does not have
    assert "number" not in walk
    assert walk["mark"] == ""


def test_reviewed_leads_to_the_next_item(ada, pending):
    first, second = (
        reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", number)])
        for number in (1, 2)
    )
    text = ada.get(first).content.decode()
    assert re.search(rf'name="next" value="{re.escape(second)}"', text)
    assert review(ada, pending, "F1", next=second).url == second
    assert "✓ Reviewed" in ada.get(first).content.decode().replace("&#10003;", "✓")


def test_a_page_that_is_looked_at_writes_nothing(ada, pending):
    review(ada, pending, "F1")
    before = list(PendingImport.objects.values())
    preview(ada, pending)
    ada.get(reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 1)]))
    assert list(PendingImport.objects.values()) == before


def test_another_users_upload_is_not_reviewed(ada, pending, client):
    mark = mark_of(pending, "F1")
    client.force_login(get_user_model().objects.create_superuser("bob", password=None))
    client.post(
        reverse("admin:imports_review", args=[pending.pk]), {"tick": mark, "reviewed": mark}
    )
    assert count(pending) == (0, 3)
