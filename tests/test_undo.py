"""The undo of an import: every row that it wrote becomes what it was, or nothing does."""

import pytest

from flows.models import Flow
from imports.models import ImportRecord
from imports.undo.service import undo_import
from tests.factories import FlowFactory
from tests.importing import flow, import_items, uuid_of
from tests.undoing import undo_request

pytestmark = pytest.mark.django_db(transaction=True)


def test_it():
    FlowFactory(uuid=uuid_of("f", 1), name="Old", info="here")
    done = import_items(flow(1, "New", info="file"), flow(2, "Made"))
    undo_import(undo_request(done.record))
    assert [(f.name, f.info, f.is_deleted) for f in Flow.objects.order_by("uuid")] == [
        ("Old", "here", False),
        ("Made", "", True),
    ]
    record = ImportRecord.objects.get(mode="undo")
    assert record.counts == {"RESTORE": 1, "DELETE": 1}
    done.record.refresh_from_db()
    assert done.record.status == "undone"
    undo_import(undo_request(record))
    assert [(f.name, f.info, f.is_deleted) for f in Flow.objects.order_by("uuid")] == [
        ("New", "file", False),
        ("Made", "", False),
    ]
    done.record.refresh_from_db()
    assert done.record.status == "succeeded"
