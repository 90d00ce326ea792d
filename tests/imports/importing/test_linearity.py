"""Twice as much of anything takes about twice the work: counted, not timed.

Counted are the calls of functions, Python's and C's, the steps of SQLite's virtual machine, and
queries: the same for the same work, however busy the machine is.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection as database

from benchmarks.generate import make_export_file as generated_file
from benchmarks.linear import CASES, Case
from flows.models import MODELS, Connection, Flow, Secret
from imports.importing.service import examine_import, preview_import, run_import
from imports.models import ImportRecord
from imports.undo.service import undo_import
from tests.support.importing import export_file, flow, request_for
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db

# What a run takes at all, for nothing, makes the ratio smaller; a batch that is begun, larger.
AT_MOST = 2.2

# A size of each case, in the order of benchmarks.linear: enough that a square of it would show.
SIZES = (400, 800, 60, 200, 200)


@contextmanager
def counted() -> Iterator[SimpleNamespace]:
    """How many calls, steps of SQLite and queries the block takes."""
    counts = SimpleNamespace(calls=0, steps=0, queries=0)

    def on_event(_frame: Any, event: str, _argument: Any) -> None:
        if event in {"call", "c_call"}:
            counts.calls += 1

    def on_step() -> int:
        counts.steps += 1
        return 0

    def on_query(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        counts.queries += 1
        return execute(sql, params, many, context)

    if database.vendor == "sqlite":
        database.connection.set_progress_handler(on_step, 100)
    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        with database.execute_wrapper(on_query):
            yield counts
    finally:
        sys.setprofile(before)
        if database.vendor == "sqlite":
            database.connection.set_progress_handler(None, 0)


def work_of(stored: bytes, payload: bytes, work: Callable[[Any], object]) -> SimpleNamespace:
    """What it takes to bring a file onto a server that holds another, and nothing of earlier."""
    ImportRecord.objects.all().delete()
    for model in MODELS.values():
        model._default_manager.all().delete()
        ContentType.objects.get_for_model(model)  # Django keeps what it read once
    run_import(request_for(stored))
    request = request_for(payload, override_locks=True)
    with counted() as counts:
        work(request)
    return counts


def work_of_case(case: Case, size: int) -> SimpleNamespace:
    work = examine_import if case.is_refused else run_import
    return work_of(case.stored(size), case.payload(size, 1), work)


@pytest.mark.parametrize(
    ("case", "size"),
    [
        pytest.param(case, size, id=case.what.replace(" ", "-"))
        for case, size in zip(CASES, SIZES, strict=True)
    ],
)
def test_twice_as_much_of_what_stands_often_takes_twice_the_work(case, size):
    work_of_case(case, 2)  # what is done once in a process is done
    once, twice = work_of_case(case, size), work_of_case(case, 2 * size)
    assert once.calls > 1000
    assert twice.calls <= AT_MOST * once.calls
    assert twice.steps <= AT_MOST * once.steps


@pytest.mark.parametrize("revision", [1, 2], ids=["unchanged", "overwritten"])
def test_twice_as_many_flows_take_twice_the_work(revision):
    def work(flows: int) -> SimpleNamespace:
        stored, payload = (
            generated_file(flows, kilobytes=3, revision=number) for number in (1, revision)
        )
        return work_of(stored, payload, run_import)

    work(1)
    once, twice = work(400), work(800)
    assert twice.calls <= AT_MOST * once.calls
    assert twice.steps <= AT_MOST * once.steps
    # Two batches and four: what is left is the same for any number.
    assert twice.queries - once.queries <= once.queries


@pytest.mark.parametrize("is_there", [True, False], ids=["restored", "deleted"])
def test_the_undo_of_twice_as_many_flows_takes_twice_the_work(is_there):
    def work(flows: int) -> SimpleNamespace:
        stored, payload = (generated_file(flows, kilobytes=3, revision=number) for number in (1, 2))
        found: list[SimpleNamespace] = []

        def undo(request: Any) -> None:
            record = run_import(request).record
            with counted() as counts:
                undo_import(undo_request(record))
            found.append(counts)

        work_of(stored if is_there else export_file(), payload, undo)
        return found[0]

    work(1)
    once, twice = work(400), work(800)
    assert once.calls > 1000
    assert twice.calls <= AT_MOST * once.calls
    assert twice.steps <= AT_MOST * once.steps
    assert twice.queries - once.queries <= once.queries


def test_a_flow_that_is_twice_as_long_takes_no_more_queries():
    def queries(kilobytes: int) -> int:
        stored, payload = (
            generated_file(3, kilobytes=kilobytes, revision=revision) for revision in (1, 2)
        )
        return work_of(stored, payload, run_import).queries

    queries(1)
    assert queries(600) == queries(300)


def test_a_plan_takes_no_more_work_after_many_imports_of_other_flows():
    def work() -> SimpleNamespace:
        with counted() as counts:
            preview_import(request_for(payload))
        return counts

    payload = export_file(*(flow(number, f"F{number}") for number in range(800)))
    run_import(request_for(payload))
    work()
    before = work()
    others = export_file(*(flow(number, f"F{number}") for number in range(1000, 2000)))
    for _ in range(4):
        run_import(request_for(others))
    after = work()
    assert after.calls <= 1.1 * before.calls
    assert after.steps <= 1.1 * before.steps


def test_an_undo_takes_no_more_work_after_many_imports_of_other_flows():
    """The undo of an undo, so that the same is done before the others and after them."""

    def work(record: ImportRecord) -> tuple[ImportRecord, SimpleNamespace]:
        with counted() as counts:
            undone = undo_import(undo_request(record)).record
        return undone, counts

    flows = [flow(number, f"F{number}") for number in range(400)]
    run_import(request_for(export_file(*flows)))
    record = run_import(request_for(export_file(*({**one, "info": "x"} for one in flows)))).record
    for _ in range(2):
        record, before = work(record)
    for info in "abcd":
        others = (flow(number, f"F{number}", info=info) for number in range(1000, 2000))
        run_import(request_for(export_file(*others)))
    _, after = work(record)
    assert after.calls <= 1.1 * before.calls
    assert after.steps <= 1.1 * before.steps


def test_counting_would_show_a_square():
    rows = list(range(200))

    def square(size: int) -> int:
        with counted() as counts:
            for row in rows[:size]:
                rows[:size].count(row) and [len(rows) for _ in range(size)]
        return counts.calls

    assert square(200) > 3.5 * square(100)


def test_the_cases_write_what_they_are_for():
    for case, size in zip(CASES, (2, 2, 2, 2, 2), strict=True):
        work_of_case(case, size)
    # The last one: a secret keeps its row's uuid, which the flow's node then names.
    assert Secret.objects.count() == Connection.objects.count() == 2
    flow = Flow.objects.get()
    assert all(str(secret.uuid) in flow.nodes for secret in Secret.objects.all())
    assert set(Secret.objects.values_list("description", flat=True)) == {"1"}
