"""A sample is imported as a real export is, and comes out as it went in."""

from io import BytesIO

import pytest

from imports.exporting.selection import select_everything
from imports.exporting.write import write_export
from imports.importing.service import preview_import, run_import
from imports.plans.plan import Result
from imports.samples.sample import SERVER, SampleRequest, write_sample
from tests.support.importing import request_for

pytestmark = pytest.mark.django_db

FLOWS, CHANGED = 120, 25


def written(*, changed: int = 0) -> bytes:
    stream = BytesIO()
    write_sample(SampleRequest(flows=FLOWS, changed=changed), stream)
    return stream.getvalue()


def counts(plan) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for change in plan:
        key = change.item.kind.value, change.result.value
        found[key] = found.get(key, 0) + 1
    return found


def test_nothing_is_warned_of():
    plan = run_import(request_for(written())).plan
    assert {change.result for change in plan} == {Result.CREATE}
    assert [warning for change in plan for warning in change.all_warnings] == []


def test_an_export_of_it_is_the_same_bytes_but_for_the_name_of_the_server():
    payload = written()
    run_import(request_for(payload))
    stream = BytesIO()
    statistics = write_export(select_everything(), stream, server=SERVER)
    assert stream.getvalue() == payload
    assert statistics.warnings == []


def test_again_it_is_unchanged():
    run_import(request_for(written()))
    plan = preview_import(request_for(written())).plan
    assert {change.result for change in plan} == {Result.UNCHANGED}


def test_the_edits_overwrite_just_so_many_flows():
    run_import(request_for(written()))
    plan = preview_import(request_for(written(changed=CHANGED))).plan
    found = counts(plan)
    assert found["flow", "OVERWRITE"] == CHANGED
    assert found["flow", "UNCHANGED"] == FLOWS - CHANGED
    assert found.keys() <= {
        *(("flow", "OVERWRITE"), ("flow", "UNCHANGED")),
        *(
            (kind, result)
            for kind in ("connection", "secret")
            for result in ("CREATE", "UNCHANGED")
        ),
    }
    assert found["connection", "CREATE"] >= 1
