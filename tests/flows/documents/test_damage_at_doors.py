"""A damaged document is an error that every door tells plainly, and nothing is written."""

import json

import pytest
import zstandard
from django.urls import reverse

from flows.content.documents import compute_document_digest
from flows.documents.models import StoredDocument
from flows.models import Flow
from tests.support.factories import FlowFactory
from tests.support.importing import flow, import_items, results
from tests.support.ordinary import NODES_TEXT
from tests.support.uploading import caller

pytestmark = pytest.mark.django_db

DIGEST = compute_document_digest(NODES_TEXT)


@pytest.fixture
def damaged():
    stored = FlowFactory(name="Orders", uuid=flow(1, "A")["uuid"])
    packed = zstandard.ZstdCompressor().compress(b"[1]")
    StoredDocument.objects.filter(digest=DIGEST).update(body=packed)
    return stored


def test_the_api_says_which(damaged):
    answer = caller("ada", role="Admin").get(f"/api/flow/{damaged.uuid}")
    assert (answer.status_code, answer.json()["code"]) == (500, "damaged-document")
    assert f"{DIGEST} is damaged" in answer.json()["message"]


def test_an_export_is_refused(damaged, run_command, tmp_path):
    result = run_command("flow_export", "--no-prompt", "-fp", str(tmp_path / "x.json"))
    assert (result.code, json.loads(result.out)["data"]["code"]) == (1, "damaged-document")
    assert not (tmp_path / "x.json").exists()
    message = (
        f'The stored document {DIGEST} is damaged. It belongs to the flow "Orders". database_check '
        "names all flows and named saves that have it. Mend it from an export or a backup with "
        "database_check --mend FILE, or restore a backup from before."
    )
    assert json.loads(result.out)["data"]["message"] == message
    assert result.err == f"CommandError: {message}\n"


def test_the_page_of_the_flow_says_so(damaged, admin_client):
    answer = admin_client.get(reverse("admin:flows_flow_change", args=[damaged.pk]))
    assert answer.status_code == 500
    assert f"The stored document {DIGEST} is damaged." in answer.content.decode()


def test_a_list_is_shown_all_the_same(damaged, admin_client):
    assert "Orders" in admin_client.get(reverse("admin:flows_flow_changelist")).content.decode()


def test_an_import_of_another_state_mends_it(damaged):
    outcome = import_items(flow(1, "Orders", nodes=[{"id": "new"}]))
    assert [result for _, result in results(outcome)] == ["OVERWRITE"]
    assert Flow.objects.get().nodes == '[{"id":"new"}]'


def test_the_admin_deletes_it_for_good(damaged, admin_client):
    address = reverse("admin:flows_flow_purge")
    assert "Orders" in admin_client.get(address, {"item": damaged.pk}).content.decode()
    admin_client.post(address, {"item": damaged.pk})
    assert not Flow.objects.exists()
    assert not StoredDocument.objects.filter(digest=DIGEST).exists()
