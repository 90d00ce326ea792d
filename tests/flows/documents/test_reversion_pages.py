"""django-reversion's own pages revert and recover flows, by saves of before the move and after."""

import json

import pytest
from django.db.models import Q
from django.urls import reverse
from reversion.models import Version

from flows.content import canonical
from flows.content.documents import compute_document_digest
from flows.documents.check import check_documents
from flows.documents.models import Mention, StoredDocument
from flows.models import Flow
from flows.saves import named_saves
from tests.support.factories import FlowFactory
from tests.support.pages import form_of

pytestmark = pytest.mark.django_db(transaction=True)

NODES = canonical.encode([{"id": "a", "code": "use(secrets.TOKEN) // \\ \u2028 é"}])
EDGES = canonical.encode([{"id": "e", "source": "a", "target": "b"}])


def keep_whole_texts(version):
    """Make it a save of a release that wrote the texts themselves, and stored no document."""
    states = json.loads(version.serialized_data)
    states[0]["fields"] |= {"nodes": NODES, "edges": EDGES}
    Version.objects.filter(pk=version.pk).update(serialized_data=json.dumps(states))
    for model in (StoredDocument, Mention):
        model.objects.filter(
            digest__in=[compute_document_digest(text) for text in (NODES, EDGES)]
        ).delete()


@pytest.fixture(params=["texts", "digests"])
def version(request):
    """A save of a flow that was edited since, with its documents as texts or as digests."""
    flow = FlowFactory(name="As saved", nodes=NODES, edges=EDGES)
    version = named_saves.take(flow, "a save").version_set.get()
    Flow.objects.filter(pk=flow.pk).update(name="Edited", nodes="[]", edges="[]")
    if request.param == "texts":
        keep_whole_texts(version)
    return Version.objects.get(pk=version.pk)


def find_page(version, page):
    pks = [version.pk] if page == "recover" else [version.object_id, version.pk]
    return reverse(f"admin:flows_flow_{page}", args=pks)


def assert_as_saved():
    flow = Flow.objects.get()
    assert (flow.name, flow.nodes, flow.edges) == ("As saved", NODES, EDGES)
    assert check_documents(Flow, "default").damaged == ()
    # What the page saved by itself refers to the documents too, and what they mention is known.
    newest = json.loads(Version.objects.order_by("-pk")[0].serialized_data)[0]["fields"]
    assert newest["nodes"] == {"$document": compute_document_digest(NODES)}
    assert newest["edges"] == {"$document": compute_document_digest(EDGES)}
    mentions = Mention.objects.filter(digest=compute_document_digest(NODES))
    assert set(mentions.values_list("kind", "target")) == {("n", "TOKEN"), ("s", "TOKEN")}


def remove_row(flow):
    """Delete the row for good, as earlier releases did: its saves stay."""
    Flow.objects.filter(pk=flow.pk).delete()
    assert not Flow.objects.filter(Q(pk=flow.pk)).exists()


@pytest.mark.parametrize("page", ["revision", "recover"])
def test_the_page_shows_the_saved_documents_and_writes_nothing(page, version, admin_client):
    if page == "recover":
        remove_row(Flow.objects.get())
    before = list(StoredDocument.objects.order_by("digest").values_list("digest", "kept_at"))
    shown = form_of(admin_client.get(find_page(version, page)))
    assert json.loads(shown["nodes"]) == json.loads(NODES)
    assert json.loads(shown["edges"]) == json.loads(EDGES)
    assert (
        list(StoredDocument.objects.order_by("digest").values_list("digest", "kept_at")) == before
    )
    assert not Flow.objects.filter(name="As saved").exists()


def test_a_flow_is_reverted(version, admin_client):
    page = find_page(version, "revision")
    done = admin_client.post(page, form_of(admin_client.get(page)))
    assert done.status_code == 302
    assert_as_saved()


def test_a_flow_that_is_gone_is_recovered(version, admin_client):
    remove_row(Flow.objects.get())
    page = find_page(version, "recover")
    done = admin_client.post(page, form_of(admin_client.get(page)))
    assert done.status_code == 302
    assert_as_saved()


@pytest.mark.parametrize("page", ["revision", "recover"])
def test_a_save_whose_document_is_missing_changes_nothing(page, version, admin_client):
    states = json.loads(version.serialized_data)
    missing = compute_document_digest('["never stored"]')
    states[0]["fields"]["nodes"] = {"$document": missing}
    Version.objects.filter(pk=version.pk).update(serialized_data=json.dumps(states))
    flow = Flow.objects.get()
    if page == "recover":
        remove_row(flow)
    form = {"name": "As saved", "nodes": NODES, "edges": EDGES}
    answers = [admin_client.get(find_page(version, page), follow=True)]
    answers.append(admin_client.post(find_page(version, page), form, follow=True))
    assert [missing in answer.content.decode() for answer in answers] == [True, True]
    assert list(Flow.objects.values_list("name", flat=True)) == (
        [] if page == "recover" else ["Edited"]
    )
