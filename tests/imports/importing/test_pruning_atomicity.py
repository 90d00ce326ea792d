"""An import that prunes and is stopped at any statement changes nothing, and goes on when repeated."""

import pytest
from django.db import OperationalError

from flows.models import Flow
from imports.errors import UnableToImport
from imports.importing.service import run_import
from imports.models import ImportRecord
from tests.support.digest import all_rows, data_of, data_rows, put_back
from tests.support.directories import a_directory
from tests.support.importing import connection, flow, request_for, secret
from tests.support.stopping import stopping_at

pytestmark = pytest.mark.django_db(transaction=True)

STAYS = flow(1, "Stays")
LEFT = (flow(2, "Left"), connection(2, "Left"), secret(2, "LEFT"))


def prune():
    return run_import(request_for(a_directory(STAYS, flow(3, "New")), prune=True))


def test_an_import_that_prunes_is_whole_or_nothing(settings):
    settings.ZIGGY = {**settings.ZIGGY, "HISTORY_DAYS": None}
    run_import(request_for(a_directory(STAYS, *LEFT)))
    before = all_rows()
    data = data_of(before)
    assert prune().record.counts == {"UNCHANGED": 1, "CREATE": 1, "PRUNE": 3}
    put_back(before)
    with stopping_at(0, OperationalError()) as stop:
        prune()
    put_back(before)
    for number in range(1, stop.seen + 1):
        error = OperationalError("disk I/O error")
        with stopping_at(number, error), pytest.raises((UnableToImport, OperationalError)):
            prune()
        assert data_rows() == data, f"statement {number}"
        assert not ImportRecord.objects.filter(prune=True, status="succeeded").exists()
        prune()
        assert not Flow.objects.filter(name="Left", is_deleted=False).exists()
        put_back(before)
