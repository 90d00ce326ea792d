"""The doors in a project whose requests are transactions (ATOMIC_REQUESTS)."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.urls import reverse

from accounts.models import User
from flows.models import Flow
from imports.models import ImportRecord, PendingImport
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from tests.support.importing import export_file, flow
from tests.support.uploading import caller, upload
from tests.support.users import logged_in

pytestmark = pytest.mark.django_db(transaction=True)
PAYLOAD = export_file(flow(1, "Orders"))


@pytest.fixture(autouse=True)
def atomic_requests(monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)


def administrator():
    return logged_in(User.objects.create_superuser("root"))


def test_the_api_imports_and_undoes():
    client = caller(admin=True)
    assert upload(client, PAYLOAD).status_code == 201
    record = ImportRecord.objects.get()
    undone = client.post(
        f"/api/imports/{record.pk}/undo",
        b'{"dryRun": false, "noBackup": true}',
        content_type="application/json",
    )
    assert undone.status_code == 201
    assert not Flow.objects.filter(is_deleted=False).exists()


def test_the_api_records_a_refusal():
    assert upload(caller(admin=True), b"{}").status_code == 422
    assert ImportRecord.objects.get().status == "failed"


def test_the_admin_imports():
    client = administrator()
    file = SimpleUploadedFile("zexport.json", PAYLOAD, "application/json")
    client.post(reverse("admin:imports_upload"), {"file": file, "mode": "overwrite"})
    pending = PendingImport.objects.get()
    shown = get_token(pending, read_page(pending))
    client.post(reverse("admin:imports_confirm", args=[pending.pk]), {"shown": shown})
    assert ImportRecord.objects.get().status == "succeeded"
    assert Flow.objects.get().name == "Orders"


def test_the_admin_records_a_refusal():
    file = SimpleUploadedFile("zexport.json", b"{}", "application/json")
    answer = administrator().post(
        reverse("admin:imports_upload"), {"file": file, "mode": "overwrite"}
    )
    assert answer.status_code == 422
    assert ImportRecord.objects.get().status == "failed"
