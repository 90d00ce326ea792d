"""What must be acknowledged has a tick for each code beside the confirmation, and is recorded."""

import re

import msgspec
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import User
from flows.models import Connection, Secret
from imports.models import ImportRecord, PendingImport
from imports.planfile.page import pack_page
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, uuid_of
from tests.support.pages import text_of
from tests.support.users import logged_in

pytestmark = pytest.mark.django_db

SENDS, HIDES = "secret-to-new-destination", "invisible-characters"
HERE, THERE = (f"{{ host: '{host}.example.com', key: secrets.KEY }}" for host in "ab")
FILE = export_file(
    connection(1, "Mail", devValue=THERE, prodValue=THERE),
    flow(1, "Orders", nodes=[{"id": "1", "data": {"code": "if (a\u202e) {}"}}]),
)


@pytest.fixture(autouse=True)
def server() -> None:
    SecretFactory(name="KEY", dev_value="CANARY")
    SecretFactory(name="LATER")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value=HERE, prod_value=HERE)


@pytest.fixture
def ada():
    return logged_in(User.objects.create_superuser("ada"))


def staged(client, payload=FILE):
    file = SimpleUploadedFile("zexport.json", payload, content_type="application/json")
    fields = {"file": file, "mode": "overwrite", "no_backup": "on"}
    client.post(reverse("admin:imports_upload"), fields)
    return PendingImport.objects.get()


def preview(client, pending):
    return client.get(reverse("admin:imports_preview", args=[pending.pk]))


def confirm(client, pending, *codes):
    pending.refresh_from_db()
    shown = get_token(pending, read_page(pending))
    data = {"shown": shown, "accept": list(codes)}
    return client.post(reverse("admin:imports_confirm", args=[pending.pk]), data, follow=True)


def ticks_of(answer):
    """The codes that have a tick on the page, which a browser demands without JavaScript too."""
    boxes = re.findall(r'<input type="checkbox" name="accept"[^>]*>', answer.content.decode())
    assert all(" required" in box and 'form="import-choices"' in box for box in boxes)
    assert not any(" checked" in box for box in boxes)
    return [re.search(r'value="([^"]*)"', box)[1] for box in boxes]


def is_done():
    return Connection.objects.get(name="Mail").dev_value == THERE


def test_the_page_has_a_tick_for_each_code_with_its_items(ada):
    answer = preview(ada, staged(ada))
    assert ticks_of(answer) == [SENDS, HIDES]
    text = text_of(answer)
    part = text[text.index("To be acknowledged before the import") :]
    assert "Stored secrets go to other destinations, and that is right: 1 item" in part
    assert "Code or names read as something else than they are, and that is right: 1 item" in part
    assert "connection Mail : sends the stored secret to another destination" in part
    assert "flow Orders : reads as something else than it is" in part
    assert "2 warnings to acknowledge" in text


def test_without_a_tick_nothing_is_written(ada):
    pending = staged(ada)
    answer = confirm(ada, pending, HIDES)
    assert f"tick them: {SENDS}. Nothing was written." in text_of(answer)
    assert not is_done()
    assert not ImportRecord.objects.exists()
    assert ticks_of(preview(ada, pending)) == [SENDS, HIDES]


def test_with_every_tick_it_is_done_and_the_record_says_who_it_was(ada):
    answer = confirm(ada, staged(ada), SENDS, HIDES)
    assert is_done()
    text = text_of(answer)
    assert f"{SENDS} of 1 item, by ada" in text
    assert f"{HIDES} of 1 item, by ada" in text


def test_a_plan_without_such_warnings_asks_for_nothing(ada):
    pending = staged(ada, export_file(flow(2, "Plain")))
    answer = preview(ada, pending)
    assert ticks_of(answer) == []
    assert "acknowledge" not in text_of(answer)
    assert "Acknowledged" not in text_of(confirm(ada, pending))


def test_a_plan_that_cannot_be_confirmed_asks_for_nothing(ada):
    for number in (7, 8):
        ConnectionFactory(uuid=uuid_of("c", number), name="Twice")
    payload = export_file(
        connection(1, "Mail", devValue=THERE, prodValue=THERE), connection(2, "Twice")
    )
    assert ticks_of(preview(ada, staged(ada, payload))) == []


def test_a_warning_that_was_not_shown_is_asked_for_anew(ada, settings):
    """The code names a secret that gets a value after the page was made."""
    settings.ZIGGY = {**settings.ZIGGY, "MUST_ACKNOWLEDGE": ["code-uses-secret"]}
    FlowFactory(uuid=uuid_of("f", 3), name="Code")
    nodes = [{"id": "1", "data": {"code": "use(secrets.KEY, secrets.LATER)"}}]
    pending = staged(ada, export_file(flow(3, "Code", nodes=nodes)))
    Secret.objects.filter(name="LATER").update(dev_value="CANARY-later")
    answer = confirm(ada, pending, "code-uses-secret")
    assert "Nothing was written" in text_of(answer)
    assert not ImportRecord.objects.filter(status="succeeded").exists()
    assert ticks_of(answer) == ["code-uses-secret"]
    confirm(ada, pending, "code-uses-secret")
    assert ImportRecord.objects.filter(status="succeeded").exists()


def test_a_page_of_before_the_upgrade_is_shown_anew(ada):
    """It has none of the warnings, and so confirms none."""

    pending = staged(ada)
    page = msgspec.structs.replace(read_page(pending), unacknowledged=())
    PendingImport.objects.update(plan=pack_page(page))
    answer = confirm(ada, pending, SENDS, HIDES)
    assert not is_done()
    assert ticks_of(answer) == [SENDS, HIDES]


def test_names_are_escaped(ada):
    payload = export_file(flow(1, "<b>\u200b</b>"))
    assert b"<b>" not in preview(ada, staged(ada, payload)).content
