"""database_check --mend: damaged and missing documents are written anew from a file that has them."""

import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection, transaction

from flows.content.documents import Document, compute_document_digest
from flows.documents.mending import mend_documents
from flows.documents.models import Mention, StoredDocument
from flows.documents.packing import unpack
from flows.documents.store import keep_documents
from flows.models import Flow
from flows.saves import named_saves
from imports.database.backup import make_backup
from imports.database.backup_notes import get_note_path
from imports.database.document_check import check_database
from imports.database.errors import DatabaseUnavailable
from imports.database.lock import HeldLock, hold_import_lock
from tests.support.factories import FlowFactory
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)

NODES = '[{"code":"secrets.TOKEN Zürich","uuid":"99999999-9999-4999-8999-99999999999a"}]'
EDGES = '[{"code":"secrets.OTHER"}]'
SAVED = '[{"id":"of the save alone"}]'


@pytest.fixture
def flow():
    flow = FlowFactory(name="Orders", nodes=SAVED, edges=EDGES)
    named_saves.take(flow, "before")
    Flow.objects.filter(pk=flow.pk).update(nodes=NODES)
    return flow


@pytest.fixture
def export(flow, run_command, tmp_path):
    """Return the path of an export of the server, as it was when it was whole."""

    def make(name="export.json"):
        path = tmp_path / name
        assert run_command("flow_export", "-fp", str(path), "--no-prompt").code == 0
        return path

    return make


def damage(*texts):
    digests = [compute_document_digest(text) for text in texts]
    assert StoredDocument.objects.filter(digest__in=digests).update(body=b"no zstd") == len(texts)


def lose(text):
    digest = compute_document_digest(text)
    StoredDocument.objects.filter(digest=digest).delete()
    Mention.objects.filter(digest=digest).delete()


def read_stored():
    """Everything that is stored of documents, but when they were kept."""
    documents = {
        digest: (unpack(bytes(body), digest), size)
        for digest, body, size in StoredDocument.objects.values_list("digest", "body", "size")
    }
    return documents, sorted(Mention.objects.values_list("digest", "kind", "target"))


@pytest.mark.parametrize("name", ["export.json", "export.json.gz"])
def test_an_export_mends_a_damaged_and_a_missing_document(flow, export, run_command, name):
    before, path = read_stored(), export(name)
    damage(NODES)
    lose(EDGES)
    done = run_command("database_check", "--mend", str(path), "--no-prompt")
    assert (done.code, done.err) == (
        0,
        "2 documents mended, 0 left.\n3 documents and 4 references checked, 0 damaged or missing.\n",
    )
    assert json.loads(done.out)["data"] == {
        "documents": 3,
        "references": 4,
        "damaged": [],
        "mended": sorted(map(compute_document_digest, [NODES, EDGES])),
    }
    assert read_stored() == before
    stored = Flow.objects.get()
    assert (stored.nodes, stored.edges) == (NODES, EDGES)


def test_a_backup_mends_what_a_save_alone_has(flow, run_command):
    before, path = read_stored(), make_backup().path
    damage(NODES, SAVED)
    lose(EDGES)
    done = run_command("database_check", "--mend", str(path), "--no-prompt")
    assert (done.code, len(json.loads(done.out)["data"]["mended"])) == (0, 3)
    assert read_stored() == before


def test_what_is_left_is_named_and_the_command_exits_with_2(flow, export, run_command):
    path = export()
    damage(NODES, SAVED)
    done = run_command("database_check", "--mend", str(path), "--no-prompt")
    [save] = named_saves.list_saves(flow)
    digest = compute_document_digest(SAVED)
    assert done.code == 2
    assert done.err.splitlines()[:3] == [
        f'Document {digest} is damaged. It belongs to the save {save.pk} of "Orders".',
        "1 document mended, 1 left.",
        "3 documents and 4 references checked, 1 damaged or missing.",
    ]
    [left] = json.loads(done.out)["data"]["damaged"]
    assert left["digest"] == digest


def test_what_is_damaged_in_the_backup_too_is_not_taken(flow, run_command):
    damage(NODES)
    path = make_backup().path
    done = run_command("database_check", "--mend", str(path), "--no-prompt")
    assert (done.code, json.loads(done.out)["data"]["mended"]) == (2, [])


def test_a_changed_backup_mends_with_what_is_whole_in_it(flow, run_command):
    path = make_backup().path
    get_note_path(path).write_text(json.dumps({"sha256": "0" * 64}))
    damage(NODES)
    assert run_command("database_check", "--mend", str(path), "--no-prompt").code == 0


def test_a_whole_server_is_left_as_it_is(flow, export, run_command, monkeypatch):
    path = export()
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    done = run_command("database_check", "--mend", str(path))  # nothing to ask
    assert (done.code, json.loads(done.out)["data"]["mended"]) == (0, [])


@pytest.mark.parametrize(("typed", "is_mended"), [("y\n", True), ("\n", False), ("n\n", False)])
def test_it_asks_first(export, run_command, monkeypatch, typed, is_mended):
    path = export()
    damage(NODES, SAVED)
    terminal = io.StringIO(typed)
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    done = run_command("database_check", "--mend", str(path))
    assert done.err.startswith(
        f'Mend 1 of 2 damaged or missing documents of the server "local" from {path}? [y/N] '
    )
    assert len(check_database().damaged) == (1 if is_mended else 2)
    if not is_mended:
        assert (done.code, json.loads(done.out)["data"]) == (
            0,
            {"message": "Operation cancelled by user"},
        )


def test_without_a_terminal_there_is_nobody_to_ask(flow, export, run_command):
    assert run_command("database_check", "--mend", str(export())).code == 2


def test_it_is_refused_while_an_import_runs(flow, export, run_command, settings):
    settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
    path = export()
    damage(NODES)
    with hold_import_lock(wait=0):
        done = run_command("database_check", "--mend", str(path), "--no-prompt")
    assert (done.code, json.loads(done.out)["data"]["code"]) == (4, "import-locked")


def test_nothing_is_written_where_the_lock_is_lost(flow, export, run_command, monkeypatch):
    path = export()
    damage(NODES)
    lose(EDGES)

    def lose_lock(self):
        raise DatabaseUnavailable("lock-lost", "The lock was lost.")

    monkeypatch.setattr(HeldLock, "check", lose_lock)
    done = run_command("database_check", "--mend", str(path), "--no-prompt")
    assert json.loads(done.out)["data"]["code"] == "lock-lost"
    assert len(check_database().damaged) == 2
    assert not Mention.objects.filter(digest=compute_document_digest(EDGES)).exists()


@pytest.mark.parametrize(("content", "code"), [("no JSON", 3), ("{}", 3), ("[1]", 3)])
def test_another_file_is_refused(flow, run_command, tmp_path, content, code):
    path = tmp_path / "file"
    path.write_text(content)
    damage(NODES)
    assert run_command("database_check", "--mend", str(path), "--no-prompt").code == code


def test_a_file_that_is_not_there_and_two_files_are_usage_errors(flow, run_command, tmp_path):
    nowhere = str(tmp_path / "none")
    assert run_command("database_check", "--mend", nowhere, "--no-prompt").code == 2
    done = run_command("database_check", f"--mend={nowhere}", f"--backup={nowhere}")
    assert "not allowed with argument" in done.err


def test_a_whole_document_is_not_written(flow):
    [before] = StoredDocument.objects.filter(digest=compute_document_digest(EDGES)).values()
    damage(NODES)
    with transaction.atomic():
        mended = mend_documents([Document(NODES), Document(EDGES), Document(SAVED)], "default")
    assert mended == [compute_document_digest(NODES)]
    assert [before] == list(StoredDocument.objects.filter(digest=before["digest"]).values())


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_who_keeps_a_document_meanwhile_is_not_waited_for(flow):
    damage(NODES)
    is_kept, is_mended = Event(), Event()

    def keep():
        with transaction.atomic():
            keep_documents([Document(NODES)], "default")
            is_kept.set()
            is_mended.wait(PATIENCE)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(keep)
        assert is_kept.wait(PATIENCE)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            assert len(mend_documents([Document(NODES)], "default")) == 1
        is_mended.set()
        keeping.result()
    assert check_database().damaged == ()
