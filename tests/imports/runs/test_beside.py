"""How far a run is, written beside it: nothing that another transaction has locked holds it up."""

import time
from contextlib import closing
from unittest.mock import patch

import pytest
from django.db import connection, transaction

from imports.models import RunProgress
from imports.runs import progress
from imports.runs.beside import BesideWriter
from tests.support.importing import flow, import_items
from tests.support.queueing import needs_postgresql

pytestmark = [pytest.mark.django_db(transaction=True), needs_postgresql]

UPDATE = "UPDATE imports_runprogress SET done = %s WHERE record_id = %s"


@pytest.fixture
def kept() -> int:
    """The number of a record whose row of progress is there."""
    return RunProgress.objects.create(
        record_id=import_items(flow(1, "Sync")).record.pk, done=1, total=2
    ).pk


def test_rows_that_somebody_has_locked_are_not_waited_for(kept, caplog):
    with closing(BesideWriter()) as writer:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(UPDATE, [1, kept])
            began = time.monotonic()
            assert writer.execute(UPDATE, [2, kept]) is None
            assert time.monotonic() - began < 5
        assert "How far it is could not be kept" in caplog.text
        assert writer.execute(UPDATE, [2, kept]) == 1
        assert writer.execute(UPDATE, [2, kept + 1]) == 0


def test_a_run_goes_on_while_another_transaction_removes_what_an_earlier_run_kept(kept):
    with closing(connection.copy()) as other, patch.object(progress, "_EVERY", 0):
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("DELETE FROM imports_runprogress")
        record = import_items(flow(2, "Orders")).record
        other.rollback()
    assert record.status == "succeeded"
    assert set(RunProgress.objects.values_list("pk", "done")) == {(kept, 1), (record.pk, 1)}
