"""Whatever stops an undo, the data is as it was before or as it has to be after: never between."""

from typing import Any

import pytest
from django.db import OperationalError

from imports.database.lock import hold_import_lock
from imports.errors import ImportFailed, UnableToImport
from imports.models import ImportRecord
from imports.undo.service import undo_import
from tests.support.digest import Rows, all_rows, data_rows, outcome, put_back
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, flow, import_items, secret, uuid_of
from tests.support.stopping import stopping_at
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def whole_history(settings: Any) -> None:
    """Nothing follows the commit: what is pruned there has tests of its own."""
    settings.ZIGGY = {**settings.ZIGGY, "HISTORY_DAYS": None}


@pytest.fixture
def record() -> int:
    """The number of an import's record: in every kind a row that it overwrote, brought back, made.

    Two secrets swapped their names.
    """
    for number in (1, 2, 3):
        deleted = number == 3
        FlowFactory(uuid=uuid_of("f", number), name=f"Flow {number}", is_deleted=deleted)
        ConnectionFactory(uuid=uuid_of("c", number), name=f"Conn {number}", is_deleted=deleted)
        SecretFactory(uuid=uuid_of("5", number), name="ABC"[number - 1], is_deleted=deleted)
    return import_items(
        *(flow(number, f"Flow {number}", info="file") for number in (1, 3, 4)),
        *(connection(number, f"Conn {number}", description="file") for number in (1, 3, 4)),
        *(secret(number, name) for number, name in ((1, "B"), (2, "A"), (3, "C"), (4, "D"))),
    ).record.pk


def statements_of_an_undo(record: int, before: Rows) -> tuple[dict[str, list[object]], int]:
    """What an undo leaves that nothing stops, and how many statements it takes."""
    with stopping_at(0, OperationalError()) as stop:
        undo_import(undo_request(record))
    after = outcome()
    put_back(before)
    return after, stop.seen


@pytest.mark.parametrize(
    ("error", "status"),
    [(OperationalError("disk I/O error"), "failed"), (KeyboardInterrupt(), "interrupted")],
    ids=["error", "Ctrl-C"],
)
def test_an_undo_that_is_stopped_at_any_statement_changes_nothing(record, error, status):
    before, rows = all_rows(), data_rows()
    after, statements = statements_of_an_undo(record, before)
    assert statements > 20
    for number in range(1, statements + 1):
        with stopping_at(number, error), pytest.raises((UnableToImport, type(error))):
            undo_import(undo_request(record))
        assert data_rows() == rows, f"statement {number}"
        assert ImportRecord.objects.get(pk=record).status == "succeeded"
        assert ImportRecord.objects.get(mode="undo").status == status, f"statement {number}"
        with hold_import_lock(wait=0):
            pass
        undo_import(undo_request(record))
        assert outcome() == after, f"statement {number}"
        put_back(before)


def test_an_undo_whose_database_goes_away_at_any_statement_changes_nothing(record):
    before, rows = all_rows(), data_rows()
    _, statements = statements_of_an_undo(record, before)
    for number in range(1, statements + 1):
        error = OperationalError("server closed the connection unexpectedly")
        with (
            stopping_at(number, error, for_good=True),
            pytest.raises((ImportFailed, OperationalError)),
        ):
            undo_import(undo_request(record))
        assert data_rows() == rows, f"statement {number}"
        assert ImportRecord.objects.get(pk=record).status == "succeeded"
        put_back(before)
