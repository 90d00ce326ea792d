"""database_check: every document of a server, or of a backup, and what a damaged one touches."""

import json
from datetime import timedelta

import pytest
import zstandard
from django.core.management import call_command
from django.utils import timezone

from flows.content.documents import compute_document_digest
from flows.documents.models import StoredDocument
from flows.models import Flow
from flows.saves import named_saves
from flows.texts import quote
from imports.database.backup import make_backup
from imports.database.backup_tables import UncheckedBackup
from imports.database.document_check import check_backup, check_database
from tests.support.factories import FlowFactory

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = '[{"code":"line\\n\\ttab \\\\ back","id":"a"}]'


@pytest.fixture
def flow():
    flow = FlowFactory(name="Tab\tand \\ back\nnew", nodes=TEXT)
    named_saves.take(flow, "before")
    Flow.objects.filter(pk=flow.pk).update(edges="[1]")
    return flow


def damage(text):
    packed = zstandard.ZstdCompressor().compress(b"[1]")
    StoredDocument.objects.filter(digest=compute_document_digest(text)).update(body=packed)


def test_a_whole_database_and_its_backup(flow):
    for checked in (check_database(), check_backup(make_backup().path)):
        assert (checked.documents, checked.references, checked.damaged) == (3, 4, ())


def test_a_backup_names_what_a_damaged_and_a_missing_document_touch(flow):
    damage(TEXT)
    StoredDocument.objects.filter(digest=compute_document_digest("[]")).delete()
    here, there = check_database(), check_backup(make_backup().path)
    assert here == there
    found = {each.digest: each for each in here.damaged}
    [save] = named_saves.list_saves(flow)
    one, other = (found[compute_document_digest(text)] for text in (TEXT, "[]"))
    assert (one.is_missing, one.flows, one.saves) == (
        False,
        ((str(flow.uuid), flow.name),),
        ((save.pk, flow.name),),
    )
    assert (other.is_missing, other.flows, other.saves) == (True, (), ((save.pk, flow.name),))


@pytest.mark.parametrize("content", [b"", b"no backup", b"SQLite format 3\0 and no more"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UncheckedBackup, match="file"):
        check_backup(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UncheckedBackup, match="No such file"):
        check_backup(tmp_path / "none")


class TestCommand:
    def test_of_a_whole_server(self, flow, run_command):
        result = run_command("database_check")
        assert (result.code, json.loads(result.out)["data"]) == (
            0,
            {"documents": 3, "references": 4, "damaged": []},
        )
        assert result.err == "3 documents and 4 references checked, 0 damaged or missing.\n"

    def test_of_a_damaged_one_it_exits_with_2_and_names_the_flow(self, flow, run_command):
        damage(TEXT)
        result = run_command("database_check")
        assert result.code == 2
        [damaged] = json.loads(result.out)["data"]["damaged"]
        assert damaged["flows"] == [{"uuid": str(flow.uuid), "name": flow.name}]
        name = quote(flow.name)
        assert f"It belongs to the flow {name} ({flow.uuid}) and the save " in result.err
        assert "Mend them from an export or a backup of this server: --mend FILE." in result.err

    def test_of_a_backup(self, flow, run_command):
        path = make_backup().path
        damage(TEXT)
        assert run_command("database_check", "--backup", str(path)).code == 0
        assert run_command("database_check", "--backup", "/none").code == 1


def test_vacuum_removes_what_nothing_refers_to(flow):

    StoredDocument.objects.update(kept_at=timezone.now() - timedelta(days=3))
    Flow.objects.update(edges="[]")
    call_command("database_vacuum", "--no-prompt")
    assert not StoredDocument.objects.filter(digest=compute_document_digest("[1]")).exists()
    assert StoredDocument.objects.count() == 2
