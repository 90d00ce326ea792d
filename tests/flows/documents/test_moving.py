"""The migration that moves documents into their table, there and back, and interrupted anywhere."""

import json
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from reversion.models import Version

from flows.content import canonical
from flows.documents import moving
from flows.documents.models import Mention, StoredDocument
from flows.documents.moving import move_back, move_in
from flows.models import Flow
from flows.saves import named_saves
from tests.support.digest import all_rows
from tests.support.factories import ConnectionFactory, FlowFactory

pytestmark = pytest.mark.django_db(transaction=True)

EDITOR = SimpleNamespace(connection=connection)
DOCUMENTS = {StoredDocument._meta.db_table, Mention._meta.db_table}
CODE = canonical.encode([{"id": "a", "code": "secrets.TOKEN // \\ \u2028 é"}])


def columns():
    with connection.cursor() as cursor:
        cursor.execute("SELECT nodes, edges FROM flows_flow ORDER BY id")
        return cursor.fetchall()


def saved():
    texts = Version.objects.order_by("pk").values_list("serialized_data", flat=True)
    return [json.loads(text) for text in texts]


def without_documents():
    rows = all_rows(without=DOCUMENTS)
    for version in rows["reversion_version"]:
        version["serialized_data"] = json.loads(version["serialized_data"])
    return rows


@pytest.fixture
def server():
    """Flows with saves, a save that cannot be read, and one of another kind."""
    for number in range(450):
        FlowFactory(nodes=canonical.encode([{"id": str(number % 300)}]), edges=CODE)
    flows = list(Flow.objects.order_by("pk"))
    named_saves.take_many(flows, "before")
    Flow.objects.filter(pk=flows[0].pk).update(nodes="null")
    named_saves.take(ConnectionFactory(), "a connection's")
    broken = Version.objects.first()
    Version.objects.filter(pk=broken.pk).update(serialized_data="[")
    yield
    Version.objects.filter(pk=broken.pk).delete()


def move_all_back():
    Version.objects.filter(serialized_data="[").delete()
    move_back(apps, EDITOR)
    StoredDocument.objects.all().delete()
    Mention.objects.all().delete()


def test_there_and_back(server):
    Version.objects.filter(serialized_data="[").delete()
    moved, contents = (
        without_documents(),
        list(Flow.objects.order_by("pk").values_list("nodes", "edges")),
    )
    contents = [tuple(map(str, row)) for row in contents]
    move_all_back()
    assert columns() == contents
    assert all(isinstance(state[0]["fields"].get("nodes", ""), str) for state in saved())
    move_in(apps, EDITOR)
    assert without_documents() == moved
    assert StoredDocument.objects.count() == 302
    assert set(Mention.objects.values_list("kind", "target")) == {("n", "TOKEN"), ("s", "TOKEN")}


def test_what_was_interrupted_goes_on_where_it_ended(server, monkeypatch):
    Version.objects.filter(serialized_data="[").delete()
    moved = without_documents()
    move_all_back()
    store, stores = moving._Tables.store, []

    def store_or_stop(self, values):
        stores.append(1)
        if len(stores) in {2, 5}:
            raise KeyboardInterrupt
        return store(self, values)

    monkeypatch.setattr(moving._Tables, "store", store_or_stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            move_in(apps, EDITOR)
    assert without_documents() != moved
    move_in(apps, EDITOR)
    assert without_documents() == moved


def test_a_save_that_cannot_be_read_stays_as_it_is(server):
    move_back(apps, EDITOR)
    move_in(apps, EDITOR)
    assert Version.objects.filter(serialized_data="[").exists()


def test_its_progress_is_told(server, capsys, monkeypatch):
    monkeypatch.setattr(moving, "_TELL_EVERY", 200)
    move_all_back()
    assert "400 flows read, their documents too." in capsys.readouterr().err
