"""What is killed in the middle leaves every document in its place, and goes on when it is run again.

Imports have theirs beside them (tests/imports/importing/test_atomicity.py). At more points:
ZIGGY_KILL_PLACES.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, F
from reversion.models import Revision, Version

from flows.content import canonical
from flows.documents.models import Mention, StoredDocument
from flows.models import Flow
from flows.saves import named_saves
from imports.database.document_check import check_database
from imports.database.lock import hold_import_lock
from imports.importing.service import run_import
from imports.models import ImportRecord, Status
from tests.support.digest import all_rows, outcome, put_back
from tests.support.directories import a_directory
from tests.support.factories import FlowFactory
from tests.support.importing import flow, import_items, request_for
from tests.support.killed_tasks import PURGED
from tests.support.killing import Killer, spread_places, start_killer

pytestmark = pytest.mark.django_db(transaction=True)

LONG = timedelta(days=400)


@pytest.fixture(scope="module")
def killer(django_db_setup: None) -> Iterator[Killer]:
    with start_killer() as started:
        yield started


@pytest.fixture
def history(settings: Any) -> None:
    """Old runs, saves of all of them, deleted rows, and documents that nothing has any more."""
    settings.ZIGGY = {**settings.ZIGGY, "HISTORY_DAYS": None}
    names = [PURGED, "Stays", "Deleted"]
    for text in ("one", "two", "three"):
        import_items(
            *(flow(n, name, nodes=[{"id": f"{text} {n}"}]) for n, name in enumerate(names))
        )
    named_saves.take(Flow.objects.get(name="Stays"), "by hand")
    Flow.objects.filter(name="Stays").update(edges='[{"id":"now"}]')
    Flow.objects.filter(name="Deleted").update(is_deleted=True)
    Flow.objects.filter(pk=FlowFactory(nodes='[{"id":"orphan"}]').pk).delete()
    ImportRecord.objects.update(
        started_at=F("started_at") - LONG, finished_at=F("finished_at") - LONG
    )
    Revision.objects.update(date_created=F("date_created") - LONG)
    StoredDocument.objects.update(kept_at=F("kept_at") - LONG)


def read_state() -> dict[str, Any]:
    """What a task leaves; without times."""
    return {
        **outcome(),
        "documents": set(StoredDocument.objects.values_list("digest", flat=True)),
        "mentioning": set(Mention.objects.values_list("digest", flat=True)),
        "counts": dict(ImportRecord.objects.annotate(n=Count("items")).values_list("pk", "n")),
        "revisions": Revision.objects.count(),
    }


def assert_whole() -> None:
    """Every reference has its document, and every document what it mentions."""
    assert check_database().damaged == ()
    assert set(Mention.objects.values_list("digest", flat=True)) <= set(
        StoredDocument.objects.values_list("digest", flat=True)
    )
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert cursor.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("task", ["item_purge", "history_prune", "database_vacuum"])
def test_a_removal_that_is_killed(
    task: str, history: None, killer: Killer, run_command: Callable[..., Any]
) -> None:
    rows, before = all_rows(), read_state()
    exported = run_command("flow_export", "-fp", "-").out
    points, after = killer.run(task), read_state()
    assert after["documents"] < before["documents"]
    put_back(rows)
    for place in spread_places(points):
        killer.kill(task, place)
        assert_whole()
        now = read_state()
        if task == "item_purge":
            assert now in (before, after), f"point {place}"
        else:  # of several transactions, which remove nothing that is exported
            assert run_command("flow_export", "-fp", "-").out == exported
            for record, count in now["counts"].items():
                assert count in (before["counts"][record], after["counts"].get(record))
        with hold_import_lock(wait=30):  # the server notices late that a client is gone
            pass
        killer.run(task)
        assert read_state() == after, f"point {place}"
        put_back(rows)


def read_exported(run_command: Callable[..., Any]) -> Any:
    exported = json.loads(run_command("flow_export", "-fp", "-").out)
    del exported["exportedAt"]
    return exported


def test_an_undo_that_is_killed(
    history: None, killer: Killer, run_command: Callable[..., Any]
) -> None:
    import_items(
        *(flow(n, name, nodes=[{"id": f"four {n}"}]) for n, name in enumerate((PURGED, "Stays"))),
        flow(7, "New", nodes=[{"id": "new"}]),
    )
    rows, before = all_rows(), read_exported(run_command)
    points, after = killer.run("import_undo"), read_exported(run_command)
    undone = ImportRecord.objects.filter(status=Status.UNDONE)
    assert undone.count() == 1
    assert after != before
    put_back(rows)
    for place in spread_places(points):
        killer.kill("import_undo", place)
        assert_whole()
        assert read_exported(run_command) == (after if undone.exists() else before)
        with hold_import_lock(wait=30):  # the server notices late that a client is gone
            pass
        killer.run("import_undo")
        assert (read_exported(run_command), undone.count()) == (after, 1), f"point {place}"
        put_back(rows)


def read_untimed(run_command: Callable[..., Any]) -> Any:
    """What is exported without the times of the rows, which a new try writes anew."""
    exported = read_exported(run_command)
    for flow_row in exported["flows"]:
        del flow_row["createdAt"], flow_row["updatedAt"]
    return exported


def test_an_import_that_prunes_and_is_killed(
    history: None, killer: Killer, run_command: Callable[..., Any]
) -> None:
    left = (flow(7, "Left"), flow(8, "Left too"))
    run_import(request_for(a_directory(flow(1, "Stays"), *left)))
    rows, before = all_rows(), read_untimed(run_command)
    points, after = killer.run("prune"), read_untimed(run_command)
    pruned = Flow.objects.filter(name__startswith="Left", is_deleted=True)
    assert pruned.count() == 2
    put_back(rows)
    for place in spread_places(points):
        killer.kill("prune", place)
        assert_whole()
        is_done = ImportRecord.objects.filter(prune=True, status=Status.SUCCEEDED).exists()
        assert read_untimed(run_command) == (after if is_done else before)
        assert pruned.count() == (2 if is_done else 0)
        with hold_import_lock(wait=30):  # the server notices late that a client is gone
            pass
        killer.run("prune")
        assert (read_untimed(run_command), pruned.count()) == (after, 2), f"point {place}"
        put_back(rows)


def read_columns() -> list[Any]:
    """The columns of the documents as they are, and the saves."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, nodes, edges FROM flows_flow ORDER BY id")
        rows = cursor.fetchall()
    saves = Version.objects.order_by("pk").values_list("pk", "serialized_data")
    return [rows, [(pk, json.loads(text)) for pk, text in saves]]


@pytest.fixture
def flows_with_saves() -> None:
    for number in range(450):
        FlowFactory(nodes=canonical.encode([{"id": str(number % 300), "code": "secrets.A"}]))
    named_saves.take_many(list(Flow.objects.order_by("pk")), "before")


def test_a_move_of_documents_that_is_killed(flows_with_saves: None, killer: Killer) -> None:
    moved, contents = read_columns(), read_nodes()
    killer.run("move_back")
    back = read_columns()
    assert [nodes for _, nodes, _ in back[0]] == contents
    for task, other, end in (("move_back", "move_in", back), ("move_in", "move_back", moved)):
        killer.run(other)
        for place in spread_places(killer.run(task)):
            killer.run(other)
            killer.kill(task, place)
            assert read_nodes() == contents  # half moved, all of it is read
            killer.run(task)
            assert read_columns() == end, f"{task}, point {place}"
    assert_whole()


def read_nodes() -> list[str]:
    return [str(text) for text in Flow.objects.order_by("pk").values_list("nodes", flat=True)]
