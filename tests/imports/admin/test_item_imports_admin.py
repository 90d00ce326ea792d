"""The imports of an item in the admin: listed, each with what it changed, and for whom."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from reversion.models import Revision, Version

from accounts.models import User
from flows.models import MODELS, Connection, Flow, Secret
from flows.saves import named_saves
from imports.models import ImportItem, ImportRecord
from imports.undo.service import undo_import
from tests.support.factories import FlowFactory, SecretFactory
from tests.support.importing import connection, flow, import_items, secret, uuid_of
from tests.support.pages import text_of
from tests.support.undoing import undo_request

VALUE = "CANARY-71d0-value"
INLINE = "INLINE-71d0-password"
SCRIPT = "<script>alert(1)</script>"
ITEMS = {"flow": flow, "connection": connection, "secret": secret}
TEXTS = {"flow": "info", "connection": "description", "secret": "description"}
KINDS = pytest.mark.parametrize("kind", ITEMS)

pytestmark = pytest.mark.django_db


def url(item, page, *args):
    return reverse(f"admin:flows_{item.kind}_{page}", args=[item.pk, *args])


def imported(kind, *texts, name="KEY"):
    """The row of an item that was imported with these texts, one after the other."""
    for text in texts:
        import_items(ITEMS[kind](1, name, **{TEXTS[kind]: text}))
    return MODELS[kind].objects.get()


def newest():
    return ImportItem.objects.order_by("-pk")[0].pk


def rows_of(response):
    """Of each import, its result, what changed, and the links and notes of the last cell."""
    assert response.status_code == 200
    table = response.content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<t[dh].*?>(.*?)</t[dh]>", row, re.DOTALL) for row in table.split("</tr>")]
    words = [
        [" ".join(unescape(re.sub(r"<[^>]*>", " ", cell)).split()) for cell in row]
        for row in rows
        if row
    ]
    return [tuple(row[4:]) for row in words]


# --- the list


@KINDS
def test_the_page_of_an_item_leads_to_its_imports(kind, admin_client):
    row = imported(kind, "first")
    page = admin_client.get(url(row, "change")).content.decode()
    assert f'<a href="{url(row, "imports")}">Imports</a>' in page


@KINDS
def test_the_imports_are_listed_newest_first(kind, admin_client):
    row = imported(kind, "first", "second")
    import_items(ITEMS[kind](1, "KEY", **{TEXTS[kind]: "second"}))
    untouched, second, first = ImportRecord.objects.order_by("-pk")
    response = admin_client.get(url(row, "imports"))
    difference = "Difference that import {} made"
    assert rows_of(response) == [
        ("unchanged", "", "It was left as it was."),
        (
            "overwritten",
            TEXTS[kind],
            f"{difference.format(second.pk)} Restore what was before import {second.pk}",
        ),
        ("created", "", difference.format(first.pk)),
    ]
    page = response.content.decode()
    for record in (untouched, second, first):
        assert f'<a href="/admin/imports/importrecord/{record.pk}/change/">' in page
    [save] = named_saves.list_saves(row)
    assert f'href="{url(row, "restore_save", save.pk)}"' in page


def test_what_is_not_kept_is_told_and_leads_nowhere(admin_client):
    row = imported("flow", "first", "second")
    Flow.objects.update(info="edited")
    Revision.objects.all().delete()
    lost = "What the import left is not kept any more: it was changed since without a save."
    response = admin_client.get(url(row, "imports"))
    assert rows_of(response) == [
        ("overwritten", "info", f"What it was before is not kept any more. {lost}"),
        ("created", "", lost),
    ]
    assert admin_client.get(url(row, "import", newest())).status_code == 404


def test_an_item_that_no_import_met_says_so(admin_client):
    response = admin_client.get(url(FlowFactory(), "imports"))
    assert "No import was about this flow yet." in text_of(response)


def test_what_was_undone_is_marked(admin_client):
    row = imported("flow", "first")
    ImportRecord.objects.update(status="undone")
    assert "Undone" in text_of(admin_client.get(url(row, "imports")))


def test_they_come_in_pages_of_fifty(admin_client):
    row = imported("flow", "first")
    item = ImportItem.objects.get()
    for _ in range(50):
        item.pk = None
        item.result = "SKIP"
        item.save()
    first = admin_client.get(url(row, "imports"))
    assert len(rows_of(first)) == 50
    assert '<a href="?page=2" aria-label="Page 2">2</a>' in first.content.decode()
    [last] = rows_of(admin_client.get(url(row, "imports"), {"page": 2}))
    assert last[0] == "created"
    for nonsense in ("0", "x", "9" * 5000, "\0", "-1"):
        assert rows_of(admin_client.get(url(row, "imports"), {"page": nonsense}))


def test_a_longer_list_takes_no_more_queries(admin_client):
    row = imported("flow", "first", "second")

    def number_of_queries():
        with CaptureQueriesContext(database) as queries:
            admin_client.get(url(row, "imports"))
        return len(queries)

    few = number_of_queries()
    imported("flow", *(f"another {number}" for number in range(8)))
    assert number_of_queries() == few


def test_a_name_in_a_file_or_of_a_user_is_no_markup(admin_client):
    import_items(flow(1, SCRIPT, info=SCRIPT), file_name=SCRIPT, user_name=SCRIPT)
    row = Flow.objects.get()
    for page in (url(row, "imports"), url(row, "import", newest())):
        content = admin_client.get(page).content.decode()
        assert SCRIPT not in content
        assert "&lt;script&gt;" in content


# --- what one import changed


@KINDS
def test_what_an_import_changed_is_between_its_own_two_states(kind, admin_client):
    row = imported(kind, "first", "second")
    changed = newest()
    imported(kind, "third")
    text = text_of(admin_client.get(url(row, "import", changed)))
    assert "was overwritten. Before: as it was saved by the import" in text
    assert "After: as the import left it, which a later save holds." in text
    assert f"{TEXTS[kind]} Before first After second" in text
    assert "third" not in text


def test_what_an_import_made_was_nothing_before(admin_client):
    row = imported("flow", "first")
    text = text_of(admin_client.get(url(row, "import", newest())))
    assert "Before: there was no such flow." in text
    assert "After: as the import left it, which is how it is now." in text
    assert "This flow is new." in text


def test_what_an_undo_deleted_is_gone_afterwards_and_comes_back(admin_client):
    row = imported("flow", "first")
    undo = undo_import(undo_request(ImportRecord.objects.get())).record
    text = text_of(admin_client.get(url(row, "import", newest())))
    assert "After: it was deleted." in text
    assert "This flow is gone." in text
    undo_import(undo_request(undo))
    text = text_of(admin_client.get(url(row, "import", newest())))
    assert "Before, it was deleted: this import brought it back." in text
    assert "Nothing differs." in text


def test_a_save_that_cannot_be_read_is_told(admin_client):
    row = imported("flow", "first", "second")
    Version.objects.update(serialized_data="[7]")
    text = text_of(admin_client.get(url(row, "import", newest())))
    assert "One of the two states does not fit the database any more." in text


def test_a_credential_in_a_connections_text_is_hidden(admin_client):
    for password in (INLINE, f"{INLINE}-2"):
        import_items(connection(1, "Mail", devValue=f"{{ password: '{password}' }}"))
    row = Connection.objects.get()
    page = admin_client.get(url(row, "import", newest())).content.decode()
    shown = unescape(re.sub("<[^>]*>", "", page))
    assert "password: '[hidden 1]'" in shown
    assert "password: '[hidden 2]'" in shown
    assert INLINE not in page


def test_no_value_of_a_secret_is_on_the_pages(admin_client):
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value=VALUE)
    import_items(secret(1, "KEY", description="imported"))
    row = Secret.objects.get()
    token = row.dev_value.token
    for page in (url(row, "imports"), url(row, "import", newest())):
        content = admin_client.get(page).content.decode()
        assert VALUE not in content
        assert token not in content


def test_an_import_of_another_item_or_none_is_404(admin_client):
    row = imported("flow", "first")
    import_items(flow(2, "Another"))
    other = newest()
    assert admin_client.get(url(row, "import", other)).status_code == 404
    assert admin_client.get(url(row, "import", other + 100)).status_code == 404
    import_items(flow(1, "KEY", info="first"))
    assert admin_client.get(url(row, "import", newest())).status_code == 404, "it was unchanged"
    assert admin_client.get("/admin/flows/flow/999999/imports/").status_code == 404


# --- who may


@pytest.mark.parametrize(
    ("role", "answer"),
    [
        ("anonymous", 302),
        ("staff", 403),
        ("Operator", 200),
        ("Service Account", 302),
        ("Editor", 200),
        ("Admin", 200),
    ],
)
def test_which_role_may_see_them(role, answer):
    row = imported("secret", "first")
    client = Client()
    if role != "anonymous":
        user = User.objects.create_user(role, is_staff=True)
        user.groups.set(Group.objects.filter(name=role))
        client.force_login(user)
    for page in (url(row, "imports"), url(row, "import", newest())):
        assert client.get(page).status_code == answer


@pytest.mark.parametrize("may", [["view_flow"], ["view_importrecord"], ["change_secret"]])
def test_the_rights_to_see_the_kind_and_records_are_both_needed(may, staff):
    row = imported("flow", "first")
    client = staff(*may)
    for page in (url(row, "imports"), url(row, "import", newest())):
        assert client.get(page).status_code == 403


def test_without_the_right_to_see_records_the_page_of_an_item_leads_to_none(staff):
    row = imported("flow", "first")
    page = staff("view_flow").get(url(row, "change"))
    assert page.status_code == 200
    assert url(row, "imports") not in page.content.decode()


def test_who_may_only_look_is_offered_no_restore(staff):
    row = imported("flow", "first", "second")
    client = staff("view_flow", "view_importrecord")
    for page in (url(row, "imports"), url(row, "import", newest())):
        assert "Restore" not in text_of(client.get(page))
