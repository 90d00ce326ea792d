"""What is under an unknown key of a secret may be its value: it is kept nowhere, by no door.

A canary is sung somewhere under any unknown key. Afterwards no row, save, record, log line, export
or answer holds it, and whoever gave it is told which key was left out.
"""

import json
import logging
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core import serializers
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from reversion.models import Version

from accounts.models import User
from flows.content.fields import Kind, is_value_like, split_unknown_of_secret
from flows.models import Flow, Secret
from flows.saves import named_saves, saved_states
from imports.importing.service import preview_import, run_import
from imports.models import BuiltExport, ImportItem
from imports.plans.drift import Drift
from imports.undo.service import undo_import
from tests.support.digest import all_rows
from tests.support.factories import SecretFactory
from tests.support.importing import export_file, flow, import_items, request_for, secret, uuid_of
from tests.support.undoing import undo_request
from tests.support.uploading import caller, upload

pytestmark = pytest.mark.django_db

CANARY = "CANARY-5d1f-nested"
CODE = 7193552048
HARMLESS = {"isRotated": True, "isOld": False, "owner": None, "note": "", "notes": [], "more": {}}

KEYS = st.text("abcdefgh_ é", min_size=1, max_size=6).map(lambda text: f"k{text}")
CANARIES = st.sampled_from([CANARY, CODE, float(CODE) + 0.5, f"x {CANARY} y"])
HOLDERS = st.recursive(
    CANARIES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2)
        | st.dictionaries(KEYS, inner, min_size=1, max_size=2)
        | inner.map(lambda value: {CANARY: None, "x": value})
    ),
    max_leaves=4,
)
UNKNOWN = st.dictionaries(KEYS, HOLDERS, min_size=1, max_size=3)
WAYS = pytest.mark.parametrize(
    "unknown",
    [
        {"data": {"x": CANARY}},
        {"note": CANARY},
        {"pin": CODE},
        {"list": [[{"deep": [CANARY]}]]},
        {"keyed": {CANARY: None}},
    ],
    ids=["nested", "a text", "a number", "deep", "as a key"],
)


USER = flow(1, "User of both", nodes=[{"data": {"code": "secrets.KEY + secrets.B"}}])


def assert_no_canary(*texts: object) -> None:
    for text in (*texts, repr(all_rows())):
        assert CANARY not in str(text)
        assert str(CODE) not in str(text)


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.DEBUG)
    return caplog


@given(UNKNOWN, st.dictionaries(st.sampled_from(list(HARMLESS)), st.none() | st.booleans()))
def test_all_but_null_true_false_and_what_is_empty_may_be_a_value(unknown, harmless):
    kept, dropped = split_unknown_of_secret({**unknown, **harmless})
    assert (kept, dropped) == (harmless, unknown)


def test_what_can_be_no_value_is_kept_and_exported_again(run_command):
    import_items(USER, secret(1, "KEY", **HARMLESS))
    assert json.loads(Secret.objects.get().extra) == HARMLESS
    exported = json.loads(run_command("flow_export", "--file-path", "-").out)
    [found] = exported["secrets"]
    assert found | HARMLESS == found


@given(UNKNOWN)
def test_a_file_leaves_it_nowhere_and_the_plan_names_the_key(run_command, unknown):
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", description="here")
    items = secret(1, "KEY", description="new", **unknown), secret(2, "B", **unknown)
    file = export_file(USER, *items)
    try:
        preview = preview_import(request_for(file))
        outcome = run_import(request_for(file))
        for change in outcome.plan.changes[Kind.SECRET]:
            told = [warning for warning in change.warnings if " is ignored: " in warning]
            assert len(told) == len(unknown)
        exported = run_command("flow_export", "--file-path", "-").out
        assert '"B"' in exported
        assert_no_canary(preview, outcome, exported)
        assert {row.extra for row in Secret.objects.all()} == {"{}"}
    finally:
        Secret.objects.all().delete()
        Flow.objects.all().delete()
        ImportItem.objects.all().delete()
        Version.objects.all().delete()


def test_the_warning_names_the_key():
    [change] = import_items(secret(1, "KEY", data={"x": CANARY})).plan
    assert (
        "data is ignored: what is under an unknown key of a secret may be its value"
        in change.warnings
    )


@WAYS
@pytest.mark.parametrize("mode", ["OVERWRITE", "RENAME", "LEAVE"])
def test_an_upload_leaves_it_nowhere(unknown, mode, log):
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", description="here")
    api = caller(admin=True)
    items = secret(1, "KEY", description="new", **unknown), secret(2, "B", **unknown)
    file = export_file(USER, *items)
    answer = upload(api, file, mode)
    assert answer.status_code == 201
    assert " is ignored: " in answer.content.decode()
    exported = b"".join(api.get("/api/flow/export-all").streaming_content).decode()
    assert '"KEY"' in exported
    record = api.get(answer["Location"]).content.decode()
    assert_no_canary(answer.content.decode(), exported, record, log.text)


@WAYS
@pytest.mark.parametrize("method", ["post", "put"])
def test_a_body_leaves_what_may_be_a_value_nowhere(unknown, method, log):
    """A key that sounds like one is refused; clients may send any other, which is not kept."""
    stored = SecretFactory(name="KEY")
    api = caller(admin=True)
    path = "/api/secret" if method == "post" else f"/api/secret/{stored.uuid}"
    answer = getattr(api, method)(path, {"name": "OTHER", **unknown}, format="json")
    if any(map(is_value_like, unknown)):
        assert answer.status_code == 422
    else:
        assert answer.status_code in {200, 201}
        assert all(row.extra == "{}" for row in Secret.objects.all())
    assert_no_canary(answer.content.decode(), log.text)


def test_the_admins_form_takes_no_unknown_keys(admin_client, log):
    stored = SecretFactory(name="KEY", extra='{"isOld":true}')
    for page in (
        reverse("admin:flows_secret_change", args=[stored.pk]),
        reverse("admin:flows_secret_add"),
    ):
        opened = getattr(admin_client.get(page).context["adminform"].form, "state", "")
        for name in ("1 is no name", "OTHER" if stored.pk and opened else "THIRD"):
            form = {"name": name, "tags": "[]", "opened_on": opened}
            answer = admin_client.post(page, {**form, "extra": json.dumps({"data": CANARY})})
            assert_no_canary(answer.content.decode(), log.text)
    assert {row.name: row.extra for row in Secret.objects.all()} == {
        "OTHER": '{"isOld":true}',
        "THIRD": "{}",
    }


# --- What was stored before


def dirty(pk: int) -> None:
    """Make the row one of those that were stored before."""
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE flows_secret SET extra = %s WHERE id = %s",
            [json.dumps({"isOld": True, "data": {"x": CANARY}}), pk],
        )


def dirty_save(stored: Secret, name: str = "earlier") -> Version:
    version = named_saves.take(stored, name).version_set.get()
    [state] = json.loads(version.serialized_data)
    state["fields"]["extra"] = json.dumps({"isOld": True, "data": {"x": CANARY}})
    Version.objects.filter(pk=version.pk).update(serialized_data=json.dumps([state]))
    return Version.objects.get(pk=version.pk)


def row_text(stored: Secret) -> str:
    stored.refresh_from_db()
    return stored.extra


def test_a_restore_of_an_earlier_state_leaves_it_out():
    stored = SecretFactory(name="KEY")
    version = dirty_save(stored)
    saved_states.restore(stored, version, user=None, user_name="anna")
    assert row_text(stored) == '{"isOld":true}'


def test_an_undo_that_restores_an_earlier_state_leaves_it_out():
    stored = SecretFactory(uuid=uuid_of("5", 1), name="KEY", description="here")
    record = import_items(secret(1, "KEY", description="new")).record
    version = Version.objects.get()
    [state] = json.loads(version.serialized_data)
    state["fields"]["extra"] = json.dumps({"data": CANARY})
    Version.objects.filter(pk=version.pk).update(serialized_data=json.dumps([state]))
    undo_import(undo_request(record))
    assert (row_text(stored), stored.description) == ("{}", "here")


@pytest.mark.parametrize("page", ["revision", "recover"])
def test_the_pages_of_django_reversion_leave_it_out(page, admin_client):
    stored = SecretFactory(name="KEY")
    version = dirty_save(stored)
    args = [stored.pk, version.pk]
    if page == "recover":
        stored.delete()
        args = [version.pk]
    url = reverse(f"admin:flows_secret_{page}", args=args)
    opened = getattr(admin_client.get(url).context["adminform"].form, "state", "")
    form = {"name": "KEY", "tags": "[]", "opened_on": opened}
    answer = admin_client.post(url, form)
    if answer.status_code == 200:  # the state that was shown is not the one that gets stored
        state = answer.context["adminform"].form.state
        answer = admin_client.post(url, {**form, "save_over": state})
    assert answer.status_code == 302
    assert Secret.objects.get().extra == '{"isOld":true}'


def test_a_fixture_leaves_it_out():
    stored = SecretFactory(name="KEY")
    text = serializers.serialize("json", [stored])
    [state] = json.loads(text)
    state["fields"]["extra"] = json.dumps({"data": CANARY})
    for each in serializers.deserialize("json", json.dumps([state])):
        each.save()
    assert row_text(stored) == "{}"


class TestTheMigration:
    @pytest.fixture
    def migrate(self):
        module = import_module("imports.migrations.0010_secret_extra")
        return lambda: module.clean_secrets(apps, SimpleNamespace(connection=database))

    def test_it_cleans_rows_and_saved_states(self, migrate, admin_user):
        stored = SecretFactory(name="KEY", dev_value="kept")
        other = SecretFactory(name="OTHER", extra='{"isOld":true}')
        version = dirty_save(stored)
        dirty(stored.pk)
        BuiltExport.objects.create(
            user=admin_user, built_at=stored.created_at, content=b"x", size=1
        )
        migrate()
        assert_no_canary()
        assert row_text(stored) == row_text(other) == '{"isOld":true}'
        assert stored.dev_value.reveal() == "kept"
        version.refresh_from_db()
        [state] = json.loads(version.serialized_data)
        assert state["fields"]["extra"] == '{"isOld":true}'
        assert not BuiltExport.objects.exists()

    def test_nobody_finds_the_secret_edited_since_its_import(self, migrate, monkeypatch):
        unkept = import_module("flows.content.fields").split_unknown_of_secret
        monkeypatch.setattr(
            "imports.exportfile.items.split_unknown_of_secret", lambda keys: (keys, {})
        )
        monkeypatch.setattr("flows.fields.split_unknown_of_secret", lambda keys: (keys, {}))
        record = import_items(secret(1, "KEY", data={"x": CANARY})).record
        import_items(secret(1, "KEY", description="new", data={"x": CANARY}))
        monkeypatch.setattr("imports.exportfile.items.split_unknown_of_secret", unkept)
        monkeypatch.setattr("flows.fields.split_unknown_of_secret", unkept)
        assert CANARY in Secret.objects.get().extra
        migrate()
        assert_no_canary()
        [change] = preview_import(request_for(export_file(secret(1, "KEY", description="x")))).plan
        assert isinstance(change.drift, Drift)
        assert change.drift.is_edited is False
        assert record.items.get().content_digest


def test_who_sees_the_page_of_a_secret_sees_what_is_kept():
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    stored = SecretFactory(name="KEY", extra='{"isOld":true}')
    page = client.get(reverse("admin:flows_secret_change", args=[stored.pk])).content.decode()
    assert "isOld" in page


def test_the_page_that_recovers_a_secret_opens(admin_client):
    stored = SecretFactory(name="KEY")
    version = named_saves.take(stored, "earlier").version_set.get()
    stored.delete()
    url = reverse("admin:flows_secret_recover", args=[version.pk])
    assert admin_client.get(url).status_code == 200
