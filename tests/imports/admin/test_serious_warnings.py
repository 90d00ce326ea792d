"""No page of a list hides a serious warning from whoever decides by it, at whatever size."""

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import User
from flows.models import Connection
from imports.models import PendingImport
from tests.support.factories import ConnectionFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    uuid_of,
)
from tests.support.pages import text_of

pytestmark = pytest.mark.django_db

HERE = "{ host: 'a.example.com', key: secrets.KEY }"
THERE = "{ host: 'b.example.com', key: secrets.KEY }"
SENDS = (
    "sends the stored secret to another destination: secrets.KEY -> a.example.com -> b.example.com"
)
MANY = 260  # more than a page of each list, and than the trivial warnings that a record shows


@pytest.fixture
def editor(client):
    user = User.objects.create_user("ada", is_staff=True)
    user.groups.add(Group.objects.get(name="Editor"))
    client.force_login(user)
    return client


@pytest.fixture
def file():
    """Trivial warnings by the hundred, and a connection that sends a stored secret elsewhere."""
    SecretFactory(name="KEY", dev_value="CANARY")
    ConnectionFactory(uuid=uuid_of("c", MANY), name="Mail", dev_value=HERE, prod_value=HERE)
    nameless = [flow(number, "") for number in range(MANY)]
    nameless += [connection(number, "") for number in range(MANY)]
    return [*nameless, connection(MANY, "Mail", devValue=THERE, prodValue=THERE)]


def test_the_preview_names_it_above_the_list(editor, file):
    upload = SimpleUploadedFile("zexport.json", export_file(*file), "application/json")
    url = reverse("admin:imports_upload")
    editor.post(url, {"file": upload, "mode": "overwrite"})
    pending = PendingImport.objects.get()
    text = text_of(editor.get(reverse("admin:imports_preview", args=[pending.pk])))
    assert f"1 item with a serious warning connection Mail : {SENDS}" in text
    assert text.index(SENDS) < text.index("What changes Choice")


def test_a_preview_without_one_says_nothing_of_them(editor):
    upload = SimpleUploadedFile("zexport.json", export_file(flow(1, "A")), "application/json")
    editor.post(reverse("admin:imports_upload"), {"file": upload, "mode": "overwrite"})
    pending = PendingImport.objects.get()
    assert "serious" not in text_of(editor.get(reverse("admin:imports_preview", args=[pending.pk])))


def test_the_record_shows_it_first_and_in_red(editor, file):
    record = import_items(*file).record
    page = editor.get(reverse("admin:imports_importrecord_change", args=[record.pk]))
    text = text_of(page)
    assert f"{2 * MANY + 1} items with warnings, 1 of them serious" in text
    warned = text[text.index("items with warnings,") :]
    assert warned.index(SENDS) < warned.index("has no name")
    assert f'<li class="record-retargeted">{SENDS.replace(">", "&gt;")}' in page.content.decode()
    assert "And 320 more" in text


def test_the_undo_names_it_above_the_list(editor, file):
    record = import_items(*file).record
    assert Connection.objects.get(name="Mail").dev_value == THERE
    text = text_of(editor.get(reverse("admin:imports_importrecord_undo", args=[record.pk])))
    back = SENDS.replace("a.example.com -> b.example.com", "b.example.com -> a.example.com")
    assert f"1 item with a serious warning connection Mail : {back}" in text
    assert text.index(back) < text.index("Name or uuid")
