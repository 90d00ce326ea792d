"""Who wrote a row last stands in the row, whatever wrote it and through whatever door."""

import ast
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient
from reversion.models import Version

from accounts.models import User
from flows.models import Connection, Flow, Item, Secret
from flows.rest.bodies.save_uuids import make_save_uuid
from flows.saves import named_saves
from imports.importing.service import run_import
from imports.models import Door
from tests.support.factories import FACTORIES, FlowFactory, SecretFactory
from tests.support.importing import export_file, flow, import_items, request_for, uuid_of
from tests.support.pages import as_opened

ROOT = Path(__file__).parents[2]
LONG_AGO = datetime(2020, 2, 29, 12, 30, tzinfo=UTC)
MODELS = {"flow": Flow, "connection": Connection, "secret": Secret}
KINDS = pytest.mark.parametrize("kind", list(FACTORIES))
TEXTS = {"flow": "info", "connection": "description", "secret": "description"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada():
    return User.objects.create_superuser("ada")


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def api(ada):
    client = APIClient()
    client.force_authenticate(ada)
    return client


def by_bob(item, **values):
    """The row as bob left it, long ago."""
    type(item).objects.filter(pk=item.pk).update(updated_by="bob", updated_at=LONG_AGO, **values)
    item.refresh_from_db()
    return item


def assert_written_by(name, *rows):
    """Everything else that is there is still bob's."""
    pks = [(type(row), row.pk) for row in rows]
    for model in MODELS.values():
        for row in model.objects.all():
            if (model, row.pk) in pks:
                assert (row.updated_by, row.updated_at > LONG_AGO) == (name, True)
            else:
                assert (row.updated_by, row.updated_at) == ("bob", LONG_AGO)


def page_of(item, page, *args):
    return reverse(f"admin:flows_{item.kind}_{page}", args=[item.pk, *args])


def form_of(response):
    """What a browser would send back for the form of a page."""
    form = response.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, False)}


def version_of(item):
    return named_saves.take(item, "a save").version_set.get()


# --- the API


def answered(response):
    assert response.status_code < 300, response.content
    return response


@pytest.mark.parametrize("kind", ["connection", "secret"])
def test_an_item_that_the_api_makes(kind, api):
    by_bob(FACTORIES[kind]())
    answered(api.post(f"/api/{kind}", {"name": "NEW"}, format="json"))
    assert_written_by("ada", MODELS[kind].objects.get(name="NEW"))


def test_a_flow_that_the_api_makes(api):
    by_bob(FlowFactory())
    answered(api.post("/api/flow/NEW/http"))
    assert_written_by("ada", Flow.objects.get(name="NEW"))


@KINDS
def test_an_item_that_the_api_changes(kind, api):
    item, _ = (by_bob(FACTORIES[kind]()) for _ in range(2))
    answered(api.put(f"/api/{kind}/{item.uuid}", {TEXTS[kind]: "new"}, format="json"))
    assert_written_by("ada", item)


@KINDS
def test_an_item_that_the_api_deletes(kind, api):
    item, _ = (by_bob(FACTORIES[kind]()) for _ in range(2))
    answered(api.delete(f"/api/{kind}/{item.uuid}"))
    assert_written_by("ada", item)


def test_a_flow_that_the_api_clones(api):
    original = by_bob(FlowFactory())
    answered(api.post(f"/api/flow/clone/{original.uuid}"))
    assert_written_by("ada", Flow.objects.exclude(pk=original.pk).get())


def test_a_value_that_the_api_sets(api):
    secret = by_bob(SecretFactory())
    body = {"executionEnvironmentMode": "DEV", "uuid": str(secret.uuid), "secret": "a value"}
    answered(api.patch("/api/secret/update-secret-value", body, format="json"))
    assert_written_by("ada", secret)


def test_a_save_that_the_api_restores(api):
    item, _ = (by_bob(FlowFactory()) for _ in range(2))
    answered(api.post(f"/api/ziggy/named-saves/{make_save_uuid(version_of(item).pk)}/restore"))
    assert_written_by("ada", item)


# --- the admin


def sent(response):
    assert response.status_code == 302, "the form was refused"


@KINDS
def test_an_item_that_the_admin_makes(kind, admin):
    by_bob(FACTORIES[kind]())
    page = reverse(f"admin:flows_{kind}_add")
    sent(admin.post(page, {**form_of(admin.get(page)), "name": "NEW"}))
    assert_written_by("ada", MODELS[kind].objects.get(name="NEW"))


@KINDS
def test_an_item_that_the_admin_changes(kind, admin):
    item, _ = (by_bob(FACTORIES[kind]()) for _ in range(2))
    page = page_of(item, "change")
    sent(admin.post(page, {**form_of(admin.get(page)), TEXTS[kind]: "new"}))
    assert_written_by("ada", item)


@KINDS
def test_an_item_that_the_admin_deletes(kind, admin):
    item, _ = (by_bob(FACTORIES[kind]()) for _ in range(2))
    sent(admin.post(page_of(item, "delete"), {"post": "yes"}))
    assert_written_by("ada", item)


@KINDS
@pytest.mark.parametrize("action", ["delete_selected", "restore_selected"])
def test_items_that_an_action_of_the_admin_deletes_or_brings_back(kind, action, admin):
    is_deleted = action == "restore_selected"
    items = [by_bob(FACTORIES[kind](), is_deleted=is_deleted) for _ in range(3)][:2]
    selected = {"action": action, "_selected_action": [item.pk for item in items], "post": "yes"}
    sent(admin.post(f"{reverse(f'admin:flows_{kind}_changelist')}?state=all", selected))
    assert_written_by("ada", *items)


@KINDS
def test_an_item_that_the_admin_brings_back(kind, admin):
    item, _ = (by_bob(FACTORIES[kind](), is_deleted=True) for _ in range(2))
    sent(admin.post(page_of(item, "undelete")))
    assert_written_by("ada", item)


@KINDS
def test_a_save_that_the_admin_restores(kind, admin):
    item, _ = (by_bob(FACTORIES[kind]()) for _ in range(2))
    sent(admin.post(page_of(item, "restore_save", version_of(item).pk), as_opened(item)))
    assert_written_by("ada", item)


@KINDS
def test_a_save_that_the_pages_of_reversion_restore(kind, admin):
    item, _ = (by_bob(FACTORIES[kind]()) for _ in range(2))
    page = page_of(item, "revision", version_of(item).pk)
    sent(admin.post(page, form_of(admin.get(page))))
    assert_written_by("ada", item)


@KINDS
def test_an_item_that_the_pages_of_reversion_recover(kind, admin):
    item, _ = (by_bob(FACTORIES[kind]()) for _ in range(2))
    number = version_of(item).pk
    item.delete()
    page = reverse(f"admin:flows_{kind}_recover", args=[number])
    sent(admin.post(page, form_of(admin.get(page))))
    assert_written_by("ada", MODELS[kind].objects.order_by("pk").get(uuid=item.uuid))


def test_a_value_that_the_checklist_of_a_record_is_given(admin):
    record = import_items({"uuid": uuid_of("5", 1), "name": "KEY"}).record
    secret = by_bob(Secret.objects.get())
    by_bob(SecretFactory())
    fill = reverse("admin:imports_importrecord_fill", args=[record.pk, secret.uuid])
    sent(admin.post(fill, {"dev_value": "a value", "prod_value": ""}))
    assert_written_by("ada", secret)


# --- the import


def file_of_each_kind():
    return export_file(
        *({"uuid": uuid_of(letter, 1), "name": "NAME", "type": "new"} for letter in "c5"),
        flow(1, "NAME", info="new"),
    )


def rows_of_each_kind(**values):
    return [
        by_bob(factory(uuid=UUID(uuid_of(letter, 1)), name="NAME"), **values)
        for letter, factory in zip("fc5", FACTORIES.values(), strict=True)
    ]


@pytest.fixture(params=list(Door))
def request_of(request, ada):
    """A request through each door; the shell has a name and no user."""
    user = None if request.param is Door.COMMAND else ada

    def make(mode):
        return request_for(
            file_of_each_kind(), mode, door=request.param, user=user, user_name="ada"
        )

    return make


def test_rows_that_an_import_creates(request_of):
    others = [by_bob(factory()) for factory in FACTORIES.values()]
    run_import(request_of("skip"))
    assert_written_by(
        "ada",
        *(row for model in MODELS.values() for row in model.objects.all() if row not in others),
    )


def test_rows_that_an_import_brings_back(request_of):
    rows = rows_of_each_kind(is_deleted=True)
    run_import(request_of("skip"))
    assert_written_by("ada", *rows)


def test_rows_that_an_import_overwrites(request_of):
    rows = rows_of_each_kind()
    run_import(request_of("overwrite"))
    assert_written_by("ada", *rows)
    saved = [version.field_dict["updated_by"] for version in Version.objects.all()]
    assert saved == ["bob"] * 3


def test_rows_that_an_import_duplicates_and_rows_that_it_does_not_write(request_of):
    rows = rows_of_each_kind()
    run_import(request_of("duplicate"))
    copies = [
        model.objects.exclude(pk=row.pk).get()
        for row, model in zip(rows, MODELS.values(), strict=True)
    ]
    assert_written_by("ada", *copies)


def test_rows_that_an_import_skips_or_finds_unchanged(request_of):
    rows_of_each_kind()
    run_import(request_of("skip"))
    assert_written_by("ada")


def test_a_name_that_no_database_can_keep_is_kept_as_the_record_has_it():
    record = run_import(request_for(file_of_each_kind(), user_name="a\x00\ud800da")).record
    assert Flow.objects.get().updated_by == record.user_name


# --- what leaves it


def test_a_rotation_of_keys_leaves_who_wrote_the_row(settings):
    by_bob(SecretFactory(dev_value="a value"))
    new = Fernet.generate_key().decode()
    settings.ZIGGY = {
        **settings.ZIGGY,
        "ENCRYPTION_KEYS": [new, *settings.ZIGGY["ENCRYPTION_KEYS"]],
    }
    call_command("rotate_encryption_keys", stdout=StringIO())
    assert_written_by("ada")


def test_a_save_of_some_columns_writes_the_name_as_well():
    item = by_bob(FlowFactory())
    item.updated_by = "ada"
    item.save(update_fields=["info"])
    assert_written_by("ada", item)


# --- where it is shown


@KINDS
@pytest.mark.parametrize("name", ["ada", "<script>alert(1)</script>"])
def test_the_page_of_an_item_shows_who_wrote_it_and_takes_no_name(kind, name, admin):
    item = by_bob(FACTORIES[kind]())
    type(item).objects.update(updated_by=name)
    response = admin.get(page_of(item, "change"))
    page = response.content.decode()
    assert "Updated by:" in page
    assert name.replace("<", "&lt;").replace(">", "&gt;") in page
    assert "<script>alert" not in page
    assert "updated_by" not in response.context["adminform"].form.fields


# --- a writer that somebody adds


def names_in(node):
    """The columns that a call or a dict literal sets."""
    if isinstance(node, ast.Call):
        return {keyword.arg for keyword in node.keywords}
    if isinstance(node, ast.Dict | ast.Set):
        keys = node.keys if isinstance(node, ast.Dict) else node.elts
        return {key.value for key in keys if isinstance(key, ast.Constant)}
    return set()


def forgetful(source):
    """The lines that set when a row was written and not who wrote it."""
    found = [(node, names_in(node)) for node in ast.walk(ast.parse(source))]
    return [node.lineno for node, names in found if "updated_at" in names and not _knows(names)]


def _knows(names):
    return "updated_by" in names


READ_FROM_A_FILE = {
    "imports/exportfile/items.py",
    "imports/exportfile/known_items.py",
    "imports/exporting/selection.py",
    "flows/rest/reading.py",
    "imports/samples/outlines.py",
}
"""They make no row: what they set is in an item of a file or of an export."""


def test_every_writer_that_sets_the_time_sets_the_name():
    modules = [
        path
        for package in ("flows", "imports")
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts
    ]
    found = {
        module: lines
        for path in modules
        if (module := path.relative_to(ROOT).as_posix()) not in READ_FROM_A_FILE
        and (lines := forgetful(path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("rows.update(updated_at=now)", [1]),
        ("rows.update(updated_at=now, updated_by=name)", []),
        ("values = {**values, 'updated_at': now}", [1]),
        ("values = {**values, 'updated_at': now, 'updated_by': name}", []),
        ("fields = {*fields, 'updated_at'}", [1]),
    ],
)
def test_a_writer_that_forgets_the_name_is_found(source, lines):
    assert forgetful(source) == lines


def test_every_kind_of_item_has_the_name():
    assert set(Item.__subclasses__()) == set(MODELS.values())
