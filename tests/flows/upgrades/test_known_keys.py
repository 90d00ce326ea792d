"""What is written under a key takes the place of the value that `extra` has under it still."""

import pytest

from flows.content.fields import Kind
from flows.content.known_keys import find_cleared_fields, remove_known_keys
from tests.support.imagined import DEFAULTS


@pytest.mark.parametrize(
    ("extra", "columns", "after"),
    [
        ("{}", ["tenant_id"], "{}"),
        ('{"a":1}', ["tenant_id"], '{"a":1}'),
        ('{"a":1,"tenantId":5}', ["tenant_id"], '{"a":1}'),
        ('{"a":1,"tenantId":5}', ["name"], '{"a":1,"tenantId":5}'),
        ('{"tenant_id":5}', ["tenant_id"], '{"tenant_id":5}'),
        ("null", ["tenant_id"], "null"),
    ],
)
def test_a_key_whose_column_is_written_is_removed(extra, columns, after):
    assert remove_known_keys(Kind.FLOW, extra, columns) == after


@pytest.mark.parametrize(
    ("extra", "stored", "content", "cleared"),
    [
        ('{"tenantId":5}', {}, {"tenant_id": None}, ["tenantId"]),
        ('{"tenantId":5}', {}, {}, []),
        ('{"tenantId":5}', {}, {"tenant_id": "x"}, []),
        ('{"tenantId":5}', {"tenant_id": "x"}, {"tenant_id": None}, []),
        ('{"tenantId":null}', {}, {"tenant_id": None}, []),
        ('{"queueUuid":5}', {}, {"queue_uuid": None}, []),  # not optional: it is not exported
        ("{}", {}, {"tenant_id": None}, []),
    ],
)
def test_a_null_clears_what_an_export_contains_still(extra, stored, content, cleared):
    row = {**DEFAULTS[Kind.FLOW], **stored, "extra": extra}
    found = find_cleared_fields(Kind.FLOW, row, content)
    assert [field.key for field in found] == cleared
