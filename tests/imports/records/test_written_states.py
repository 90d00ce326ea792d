"""What a run changed in its rows, in words, from the states that are kept of them."""

import json

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from flows.content.fields import Kind
from flows.documents.models import StoredDocument
from flows.models import Connection, Flow
from imports.records.written_states import describe_change, read_written_states
from imports.undo.service import undo_import
from tests.support.factories import ConnectionFactory, FlowFactory
from tests.support.importing import connection, flow, import_items, uuid_of
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db


def node(name, **data):
    return {"id": name, "type": "code", "data": data}


def orders(**keys):
    return flow(1, "Orders", **keys)


def words_of(record):
    """By name, what the page says of each item."""
    found = {}
    for kind in Kind:
        items = list(record.items.filter(kind=kind))
        states = read_written_states(kind, items)
        found |= {item.target_name: describe_change(item, states.get(item.pk)) for item in items}
    return found


def make_orders():
    nodes = json.dumps([node("a", code="1"), node("b")])
    return FlowFactory(uuid=uuid_of("f", 1), name="Orders", timeout=60, nodes=nodes)


CHANGED = {"nodes": [node("a", code="2")], "timeout": 99}
WORDS = ("1 node changed, 1 removed, code in 1", "timeout 60 → 99")


def test_a_flow_s_nodes_and_settings_are_told():
    make_orders()
    assert words_of(import_items(orders(**CHANGED)).record) == {"Orders": WORDS}


def test_of_a_connection_the_hosts_are_told_and_no_credential():
    ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value="{ host: 'a.b', key: 'CANARY' }")
    record = import_items(connection(1, "Mail", devValue="{ host: 'c.d', key: 'CANARY' }")).record
    words = words_of(record)["Mail"]
    assert words[0] == "host a.b → c.d"
    assert "CANARY" not in str(words)


def test_what_a_run_made_has_no_words():
    assert words_of(import_items(orders()).record) == {"Orders": ()}


@pytest.mark.parametrize("later", ["edit", "import", "two imports"])
def test_later_writes_are_not_taken_for_the_run_s(later):
    make_orders()
    record = import_items(orders(**CHANGED)).record
    if later == "edit":  # nothing keeps what the run wrote
        Flow.objects.update(timeout=7)
        assert words_of(record) == {"Orders": ("timeout, nodes changed",)}
        return
    import_items(orders(timeout=7))
    if later == "two imports":
        import_items(orders(timeout=8))
    assert words_of(record) == {"Orders": WORDS}


def test_an_undo_tells_the_way_back():
    make_orders()
    undone = import_items(orders(**CHANGED)).record
    assert words_of(undo_import(undo_request(undone)).record) == {
        "Orders": ("1 node changed, 1 added, code in 1", "timeout 99 → 60")
    }


@pytest.mark.parametrize("gone", ["save", "row", "document"])
def test_where_a_state_is_gone_the_keys_are_named(gone):
    make_orders()
    record = import_items(orders(**CHANGED)).record
    if gone == "save":
        record.items.get().named_save.delete()
    elif gone == "row":
        Flow.objects.all().delete()
    else:
        StoredDocument.objects.update(body=b"damaged")
    assert words_of(record) == {"Orders": ("timeout, nodes changed",)}


def test_many_items_take_no_more_queries():
    counts = []
    for number in (2, 30):
        for model in (Flow, Connection):
            model.objects.all().delete()
        names = [f"Flow {each}" for each in range(number)]
        for each, name in enumerate(names):
            FlowFactory(uuid=uuid_of("f", each), name=name, nodes=json.dumps([node(name)]))
        items = (
            flow(each, name, nodes=[node(name, x=1)], timeout=5) for each, name in enumerate(names)
        )
        record = import_items(*items).record
        import_items(*(flow(each, name, timeout=6) for each, name in enumerate(names)))
        with CaptureQueriesContext(database) as queries:
            assert len([words for words in words_of(record).values() if len(words) == 2]) == number
        counts.append(len(queries))
    assert counts[0] == counts[1]
