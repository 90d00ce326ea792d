"""Each document is stored once, by its digest; rows and named saves hold the digest."""

import json
from datetime import timedelta
from io import StringIO

import pytest
import zstandard
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from reversion.errors import RevertError
from reversion.models import Version

from flows.content import canonical
from flows.content.documents import Document, compute_document_digest
from flows.documents import store
from flows.documents.check import check_documents
from flows.documents.models import Mention, StoredDocument
from flows.documents.packing import DamagedDocumentError, pack, unpack
from flows.documents.read import group_rows
from flows.documents.sweep import sweep_documents
from flows.models import Flow
from flows.saves import named_saves
from tests.support.factories import FlowFactory
from tests.support.ordinary import EDGES_TEXT, NODES_TEXT

pytestmark = pytest.mark.django_db

TEXT = canonical.encode([{"id": "a", "code": "use(secrets.TOKEN)"}])
OTHER = canonical.encode([{"id": "b"}])


def columns(flow):
    with connection.cursor() as cursor:
        cursor.execute("SELECT nodes, edges FROM flows_flow WHERE id = %s", [flow.pk])
        return cursor.fetchone()


class TestField:
    def test_the_column_has_the_digest_and_the_attribute_the_text(self):
        flow = FlowFactory(nodes=TEXT, edges="[]")
        assert columns(flow) == (compute_document_digest(TEXT), compute_document_digest("[]"))
        assert (flow.nodes, Flow.objects.get().nodes) == (TEXT, TEXT)

    def test_two_rows_have_one_document(self):
        FlowFactory(nodes=TEXT, edges="[]")
        FlowFactory(nodes=TEXT, edges=TEXT)
        assert sorted(StoredDocument.objects.values_list("size", flat=True)) == [2, len(TEXT)]

    def test_a_querys_values_are_documents_that_are_read_when_they_are_used(self):
        FlowFactory.create_batch(3, nodes=TEXT, edges=EDGES_TEXT)
        with CaptureQueriesContext(connection) as queries:
            rows = list(group_rows(Flow.objects.values_list("name", "nodes", "edges")))
            assert len(queries) == 1
            assert [str(nodes) for _, nodes, _ in rows] == [TEXT] * 3
            assert [str(edges) for *_, edges in rows] == [EDGES_TEXT] * 3
        assert len(queries) == 2  # all of them in one

    def test_a_list_of_flows_reads_no_document(self):
        FlowFactory.create_batch(3)
        with CaptureQueriesContext(connection) as queries:
            names = [flow.name for flow in Flow.objects.all()]
        assert (len(names), len(queries)) == (3, 1)

    def test_an_update_and_a_filter_take_the_text(self):
        one, other = FlowFactory(nodes=TEXT), FlowFactory(nodes=OTHER)
        Flow.objects.filter(nodes=TEXT).update(edges=OTHER)
        one.refresh_from_db()
        assert (one.edges, Flow.objects.get(nodes=OTHER)) == (OTHER, other)
        Flow.objects.update(nodes=F("edges"))
        assert set(Flow.objects.values_list("nodes", flat=True)) == {
            Document(OTHER),
            Document("[]"),
        }
        assert list(Flow.objects.filter(nodes__in=[OTHER])) == [one]

    def test_no_query_searches_in_a_document(self):
        with pytest.raises(FieldError):
            Flow.objects.filter(nodes__contains="secrets")

    def test_a_column_of_before_the_migration_is_read(self):
        flow = FlowFactory()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE flows_flow SET nodes = %s", [TEXT])
        assert Flow.objects.get(pk=flow.pk).nodes == TEXT

    def test_bulk_writes_of_django_store_the_documents(self):
        Flow.objects.bulk_create([Flow(name="A", nodes=TEXT), Flow(name="B", nodes=OTHER)])
        flows = list(Flow.objects.order_by("name"))
        assert [flow.nodes for flow in flows] == [TEXT, OTHER]
        for flow in flows:
            flow.edges = TEXT
        Flow.objects.bulk_update(flows, ["edges"])
        assert {flow.edges for flow in Flow.objects.all()} == {TEXT}

    @given(st.text())
    def test_any_text_comes_back(self, text):
        document = Document(text)
        stored = Document(digest=document.digest)
        stored.utf8 = unpack(pack(document.utf8), document.digest)
        assert (stored.text, stored.digest) == (text, compute_document_digest(text))

    def test_a_document_equals_its_text_and_no_other(self):
        document = Document(digest=compute_document_digest(TEXT))
        assert document == TEXT
        assert document == Document(TEXT)
        assert document != OTHER
        assert document != Document(OTHER)


class TestSaves:
    def test_a_save_has_the_digests_alone(self):
        flow = FlowFactory(nodes=canonical.encode([{"id": str(n)} for n in range(5000)]))
        named_saves.take(flow, "by hand")
        named_saves.take_rows(Flow, [flow.pk], "by the database")
        for version in Version.objects.all():
            assert len(version.serialized_data) < 1000
            fields = json.loads(version.serialized_data)[0]["fields"]
            assert fields["nodes"] == {"$document": compute_document_digest(flow.nodes)}

    def test_restoring_one_stores_nothing(self):
        flow = FlowFactory(nodes=TEXT)
        named_saves.take(flow, "before")
        Flow.objects.update(nodes=OTHER)
        count = StoredDocument.objects.count()
        named_saves.restore(named_saves.list_saves(flow)[0])
        assert (Flow.objects.get().nodes, StoredDocument.objects.count()) == (TEXT, count)

    def test_one_with_the_whole_text_is_restored(self):
        flow = FlowFactory(nodes=TEXT)
        named_saves.take(flow, "before")
        version = Version.objects.get()
        state = json.loads(version.serialized_data)
        state[0]["fields"] |= {"nodes": OTHER, "edges": TEXT}
        version.serialized_data = json.dumps(state)
        version.save()
        named_saves.restore(Version.objects.get())
        flow.refresh_from_db()
        assert (flow.nodes, flow.edges) == (OTHER, TEXT)

    def test_one_whose_document_is_gone_says_so(self):
        flow = FlowFactory(nodes=TEXT)
        named_saves.take(flow, "before")
        Flow.objects.update(nodes=OTHER)
        StoredDocument.objects.filter(digest=compute_document_digest(TEXT)).delete()
        with pytest.raises(RevertError, match="does not fit the database any more"):
            named_saves.restore(named_saves.list_saves(flow)[0])
        assert Flow.objects.get().nodes == OTHER


def test_dumpdata_and_loaddata_carry_the_whole_content(tmp_path):
    FlowFactory(nodes=TEXT, edges="[]")
    out = StringIO()
    call_command("dumpdata", "flows.flow", stdout=out)
    assert json.loads(out.getvalue())[0]["fields"]["nodes"] == TEXT
    Flow.objects.all().delete()
    StoredDocument.objects.all().delete()
    Mention.objects.all().delete()
    (tmp_path / "flows.json").write_text(out.getvalue())
    call_command("loaddata", str(tmp_path / "flows.json"), verbosity=0)
    assert Flow.objects.get().nodes == TEXT
    assert Mention.objects.filter(kind="s", target="TOKEN").exists()


class TestDamage:
    def damage(self, text):
        packed = zstandard.ZstdCompressor().compress(b"[1]")
        StoredDocument.objects.filter(digest=compute_document_digest(text)).update(body=packed)

    def test_another_body_is_noticed_when_it_is_read(self):
        FlowFactory(nodes=TEXT)
        self.damage(TEXT)
        with pytest.raises(DamagedDocumentError, match=compute_document_digest(TEXT)):
            _ = Flow.objects.get().nodes

    def test_a_missing_one_is_noticed_when_it_is_read(self):
        FlowFactory(nodes=TEXT)
        StoredDocument.objects.all().delete()
        with pytest.raises(DamagedDocumentError, match="not there any more"):
            _ = Flow.objects.get().nodes

    def test_the_check_names_all_that_a_damaged_one_touches(self):
        one, other = FlowFactory(nodes=TEXT, name="One"), FlowFactory(nodes=OTHER, name="Other")
        named_saves.take(one, "before")
        named_saves.take(other, "before")
        Flow.objects.filter(pk=other.pk).update(edges=TEXT, nodes="[]")
        self.damage(TEXT)
        StoredDocument.objects.filter(digest=compute_document_digest(OTHER)).delete()
        checked = check_documents(Flow, "default")
        of_one, of_other = Version.objects.order_by("pk")
        damaged = {each.digest: each for each in checked.damaged}
        assert len(damaged) == 2
        found = damaged[compute_document_digest(TEXT)]
        assert (found.is_missing, found.flows, found.saves) == (
            False,
            tuple(sorted([(str(one.uuid), "One"), (str(other.uuid), "Other")])),
            ((of_one.pk, "One"),),
        )
        found = damaged[compute_document_digest(OTHER)]
        assert (found.is_missing, found.flows, found.saves) == (
            True,
            (),
            ((of_other.pk, "Other"),),
        )

    def test_the_check_of_a_whole_database_finds_nothing(self):
        named_saves.take(FlowFactory(nodes=TEXT), "before")
        checked = check_documents(Flow, "default")
        assert (checked.documents, checked.references, checked.damaged) == (2, 4, ())


class TestSweep:
    def sweep(self):
        return sweep_documents(Flow, "default", grace=timedelta(0))

    def test_what_rows_and_saves_have_stays(self):
        flow = FlowFactory(nodes=TEXT)
        named_saves.take(flow, "before")
        Flow.objects.update(nodes=OTHER)
        assert self.sweep() == 0
        assert StoredDocument.objects.count() == 3

    def test_what_nothing_has_goes_with_its_mentions(self):
        FlowFactory(nodes=TEXT)
        Flow.objects.update(nodes=OTHER)
        assert Mention.objects.exists()
        assert self.sweep() == 1
        assert {StoredDocument.objects.count(), Mention.objects.count()} == {2, 0}

    def test_what_was_kept_of_late_stays(self):
        FlowFactory(nodes=TEXT)
        Flow.objects.update(nodes=OTHER)
        assert sweep_documents(Flow, "default") == 0

    def test_what_is_written_again_after_a_sweep_is_there_again(self):
        flow = FlowFactory(nodes=TEXT)
        flow.nodes = OTHER
        flow.save()
        StoredDocument.objects.update(kept_at=timezone.now() - timedelta(days=3))
        assert self.sweep() == 1
        flow.nodes = TEXT
        flow.save()
        assert Flow.objects.get().nodes == TEXT


def test_the_ordinary_documents_are_canonical():
    assert [canonical.encode(canonical.decode(text)) for text in (NODES_TEXT, EDGES_TEXT)] == [
        NODES_TEXT,
        EDGES_TEXT,
    ]


@pytest.mark.django_db(transaction=True)
def test_a_document_is_never_without_its_mentions(monkeypatch):
    """What a secret is used by would miss it. Also outside of a transaction, where each write stays."""
    FlowFactory(nodes="[]", edges="[]")

    def stop(_rows):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "insert_rows", stop)
    with pytest.raises(KeyboardInterrupt):
        Flow.objects.update(nodes=TEXT)
    assert not StoredDocument.objects.filter(digest=compute_document_digest(TEXT)).exists()
