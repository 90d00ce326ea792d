"""What a user may not do is a security event once where it is refused, and none where it is shown."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from flows.security_events import SecurityEvent, note_security_events
from imports.errors import NotPermitted
from imports.importing.service import examine_import, run_import
from imports.models import PendingImport
from imports.undo.service import examine_undo, undo_import
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    ALL_CODES,
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    uuid_of,
)
from tests.support.keeping import apply, kept
from tests.support.undoing import undo_request
from tests.support.uploading import caller, client_of, upload
from tests.support.users import logged_in, staff_with

pytestmark = pytest.mark.django_db

RIGHTS = (
    *("view_flow", "view_connection", "view_secret", "view_importrecord"),
    *("run_import", "plan_import", "overwrite_items", "skip_backup", "undo_import"),
)
EVIL = "{ host: 'evil.example.com', key: secrets.KEY }"


@pytest.fixture(params=["change_flow", "retarget_connections"])
def case(request):
    """Who lacks that right, the file of an import that needs it, and the event of its refusal."""
    if request.param == "change_flow":
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="old")
        file = export_file(flow(1, "Sync", info="new"))
        return staff_with(*RIGHTS), file, SecurityEvent.PERMISSION_REFUSED
    SecretFactory(name="KEY", dev_value="CANARY")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value="{ host: 'good.example.com' }")
    file = export_file(connection(1, "Mail", devValue=EVIL))
    user = staff_with(*RIGHTS, "change_connection")
    return user, file, SecurityEvent.RETARGET_REFUSED


def stage(client, file):
    """The address of the preview of an upload."""
    sent = SimpleUploadedFile("zexport.json", file)
    form = {"file": sent, "mode": "overwrite", "no_backup": "on"}
    answer = client.post(reverse("admin:imports_upload"), form)
    assert answer.status_code == 302, answer.content
    return answer.url


def test_a_preview_that_shows_the_refusal_is_no_event(case):
    user, file, _ = case
    client = logged_in(user)
    with note_security_events() as events:
        preview = examine_import(request_for(file, user=user))
        shown = client.get(stage(client, file))
    assert isinstance(preview.refusal, NotPermitted)
    assert "An administrator can give the right." in shown.content.decode()
    assert events == []


def test_the_page_of_a_kept_plan_is_no_event(case):
    user, file, _ = case
    plan = kept(caller("root", admin=True), file)
    client = logged_in(user)
    with note_security_events() as events:
        shown = client.get(reverse("admin:imports_preview", args=[plan["id"]]))
    assert "An administrator can give the right." in shown.content.decode()
    assert events == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["service", "api", "dry run", "confirmed", "kept plan"])
def test_a_refused_import_is_one_event(case, door):
    user, file, event = case
    plan = kept(caller("root", admin=True), file) if door == "kept plan" else None
    client = logged_in(user)
    if door == "confirmed":
        page = stage(client, file)
        shown = client.get(page).context["token"]
    with note_security_events() as events:
        if door == "service":
            with pytest.raises(NotPermitted):
                run_import(request_for(file, user=user))
        elif door == "confirmed":
            client.post(f"{page}confirm/", {"shown": shown, "accept": ALL_CODES})
            assert PendingImport.objects.get().record is None
        elif plan:
            assert apply(client_of(user), plan, accept=ALL_CODES).status_code == 403
        else:
            form = {"dryRun": "true"} if door == "dry run" else {}
            accept = ",".join(ALL_CODES)
            assert upload(client_of(user), file, accept=accept, **form).status_code == 403
    assert events == [event]


@pytest.mark.django_db(transaction=True)
def test_an_undo_is_an_event_where_it_is_refused_and_none_where_it_is_looked_at():
    record = import_items(flow(1, "Sync")).record
    user = staff_with(*RIGHTS)
    client, request = logged_in(user), undo_request(record, user=user)
    with note_security_events() as events:
        assert isinstance(examine_undo(request).refusal, NotPermitted)
        page = client.get(reverse("admin:imports_importrecord_undo", args=[record.pk]))
    assert "An administrator can give the right." in page.content.decode()
    assert events == []
    with note_security_events() as events, pytest.raises(NotPermitted):
        undo_import(request)
    assert events == [SecurityEvent.PERMISSION_REFUSED]
