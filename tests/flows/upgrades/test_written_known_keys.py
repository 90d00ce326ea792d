"""A key that became a field, and whose old value did not fit the column: a later write replaces it."""

import json

import pytest

from flows.models import Flow
from tests.support.factories import FlowFactory
from tests.support.importing import flow, import_items, results, uuid_of
from tests.support.uploading import caller

pytestmark = pytest.mark.django_db

MISFIT = '{"a":1,"tenantId":5}'


@pytest.fixture
def row():
    return FlowFactory(uuid=uuid_of("f", 1), name="A", extra=MISFIT, nodes="[]", edges="[]")


def exported(run_command):
    [item] = json.loads(run_command("flow_export", "--file-path", "-").out)["flows"]
    return item


@pytest.mark.parametrize("value", ["new", None])
def test_by_an_import(row, run_command, value):
    assert exported(run_command)["tenantId"] == 5
    file = flow(1, "A", tenantId=value, nodes=[], edges=[])
    outcome = import_items(file)
    assert results(outcome) == [("A", "OVERWRITE")]
    assert [field.key for change in outcome.plan for field in change.fields] == ["tenantId"]
    written = Flow.objects.get()
    assert (written.tenant_id, written.extra) == (value, '{"a":1}')
    assert exported(run_command).get("tenantId") == value
    assert results(import_items(file)) == [("A", "UNCHANGED")]


@pytest.mark.parametrize("value", ["new", None])
def test_by_the_api(row, value):
    api = caller(admin=True)
    answer = api.put(f"/api/flow/{row.uuid}", {"tenantId": value}, format="json")
    assert answer.status_code in {200, 204}, answer.content
    assert api.get(f"/api/flow/{row.uuid}").json().get("tenantId") == value
    written = Flow.objects.get()
    assert (written.tenant_id, written.extra) == (value, '{"a":1}')


def test_it_stays_where_the_write_says_nothing_of_the_key(row):
    import_items(flow(1, "A", info="new", b=2, nodes=[], edges=[]))
    assert Flow.objects.get().extra == '{"a":1,"b":2,"tenantId":5}'
    caller(admin=True).put(f"/api/flow/{row.uuid}", {"info": "newer"}, format="json")
    assert Flow.objects.get().info == "newer"
    assert Flow.objects.get().extra == '{"a":1,"b":2,"tenantId":5}'


def test_a_null_that_stays_is_no_difference(run_command):
    FlowFactory(uuid=uuid_of("f", 1), name="A", extra='{"tenantId":null}', nodes="[]", edges="[]")
    assert exported(run_command)["tenantId"] is None
    file = flow(1, "A", tenantId=None, nodes=[], edges=[])
    assert results(import_items(file)) == [("A", "UNCHANGED")]
