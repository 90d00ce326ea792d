"""A server of an earlier release is restored, migrated, and has all that it had and does all it did.

Each release has left a dump: see docs/how-to/release.md.
"""

import json
from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from reversion.models import Version

from accounts.models import ApiToken, User
from flows import __version__
from flows.content.fields import Kind
from flows.encryption import Sealed
from flows.models import MODELS, Connection, Flow, Secret, StoredAnswer
from flows.roles import ROLES
from flows.saves import named_saves
from flows.secrets.canary import check_keys_open
from imports.models import BuiltExport, ImportRecord, PendingImport, Status
from imports.undo.service import undo_import
from imports.uploads import pending as uploads
from tests.support.dumps import DUMPS, RELEASES, dump_of, export_of, list_empty_tables, restored
from tests.support.importing import confirmed
from tests.support.undoing import undo_request
from tests.support.uploading import client_of
from tests.support.users import logged_in
from tools.sample_server import PASSWORD, SAVE_NAME, SECRET_VALUES, USERS

LARGEST = 200_000  # bytes of all files of a release
EVERYTHING = "ffffffff-0000-4000-8000-000000000001"


@pytest.fixture(params=RELEASES)
def release(request):
    return request.param


@pytest.fixture
def dumped(release, tmp_path, django_db_setup, django_db_blocker):
    """The server as that release left it."""
    with django_db_blocker.unblock(), restored(dump_of(release), tmp_path):
        yield release


@pytest.fixture
def migrated(dumped):
    """The server, brought to the newest state."""
    call_command("migrate", verbosity=0)
    return dumped


def describe_schema():
    """Every table with its columns and constraints, as the database knows them."""
    with connection.cursor() as cursor:
        describe = connection.introspection
        return {
            table: (
                {
                    column.name: (column.type_code, column.null_ok, column.display_size)
                    for column in describe.get_table_description(cursor, table)
                },
                sorted(
                    (name, repr(sorted(constraint.items())))
                    for name, constraint in describe.get_constraints(cursor, table).items()
                    if not name.startswith("__")
                ),
            )
            for table in describe.table_names()
        }


# --- The dump itself


def test_every_release_has_a_small_dump_of_each_kind_of_database():
    assert __version__ in RELEASES
    for release in RELEASES:
        files = {path.name: path.stat().st_size for path in (DUMPS / release).iterdir()}
        assert files.keys() == {
            f"{vendor}{suffix}"
            for vendor in ("sqlite", "postgresql")
            for suffix in (".sql", ".export.json")
        }
        assert sum(files.values()) < LARGEST


def test_a_dump_has_rows_in_every_table(dumped):
    assert list_empty_tables() == []


def test_a_table_without_rows_is_found(dumped):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM flows_attempts")
        cursor.execute("DELETE FROM accounts_user_user_permissions")
    assert list_empty_tables() == ["accounts_user_user_permissions", "flows_attempts"]


# --- What a migration leaves


@pytest.fixture
def fresh_schema(db):
    return describe_schema()


def test_the_schema_is_that_of_a_new_database(fresh_schema, migrated):
    assert describe_schema() == fresh_schema


def test_no_migration_is_missing(migrated):
    out = StringIO()
    call_command("makemigrations", check=True, dry_run=True, stdout=out)
    assert out.getvalue() == "No changes detected\n"
    call_command("migrate", check_unapplied=True, verbosity=0)


def test_the_export_is_that_of_the_release_byte_by_byte(migrated, run_command):
    assert run_command("flow_export", "--file-path", "-").out == export_of(migrated)


def test_secrets_open_with_the_key_of_then(migrated):
    check_keys_open()
    values = {
        secret.name: tuple(
            value.reveal() if isinstance(value, Sealed) else ""
            for value in (secret.dev_value, secret.prod_value)
        )
        for secret in Secret.objects.all()
    }
    assert values == {**SECRET_VALUES, "NO_VALUE": ("", "")}


def test_the_roles_have_the_permissions_of_today(migrated):
    found = {
        group.name: {
            f"{permission.content_type.app_label}.{permission.codename}"
            for permission in group.permissions.select_related("content_type")
        }
        for group in Group.objects.all()
    }
    assert found == {role.group: set(role.permissions) for role in ROLES.values()}
    assert {
        user.username: user.groups.get().name for user in User.objects.exclude(username="root")
    } == USERS


# --- What the server does afterwards


def test_accounts_log_in_and_keys_are_good(migrated, client):
    for name in (*USERS, "root"):
        assert client.login(username=name, password=PASSWORD)
    assert ApiToken.objects.get(name="CI").is_good()


def test_records_are_read_by_the_api(migrated):
    api = client_of(User.objects.get(username="ada"))
    records = ImportRecord.objects.all()
    assert {record.status for record in records} >= {
        *(Status.SUCCEEDED, Status.UNDONE, Status.REFUSED, Status.FAILED),
    }
    for record in records:
        answer = api.get(f"/api/imports/{record.pk}")
        assert answer.status_code == 200, answer.content
        assert answer.json()["items"]["count"] == record.items.count()


def test_pages_of_the_admin_are_shown(migrated):
    admin = logged_in(User.objects.get(username="root"))
    pages = [reverse("admin:index")]
    for model in (*MODELS.values(), ImportRecord, User, ApiToken):
        label = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages.append(reverse(f"{label}_changelist"))
        ways = ("change", "history") if model in MODELS.values() else ("change",)
        pages += [
            reverse(f"{label}_{way}", args=[row.pk])
            for row in model._default_manager.all()
            for way in ways
        ]
    for page in pages:
        assert admin.get(page, follow=True).status_code == 200, page


def test_the_last_import_is_undone_and_redone(migrated, run_command):
    before = run_command("flow_export", "--file-path", "-").out
    last = ImportRecord.objects.filter(status=Status.SUCCEEDED).latest("pk")
    undo = undo_import(undo_request(last)).record
    flow = Flow.objects.get(uuid=EVERYTHING)
    assert (flow.name, flow.timeout) == ("Everything", 2**40)
    assert Flow.objects.get(name="Last").is_deleted
    undo_import(undo_request(undo))
    assert items_of(run_command("flow_export", "--file-path", "-").out) == items_of(before)


def items_of(exported):
    return [
        {key: value for key, value in item.items() if key != "updatedAt"}
        for kind in Kind
        for item in json.loads(exported)[kind.plural]
    ]


def test_every_named_save_can_be_read_and_restored(migrated):
    versions = Version.objects.all()
    assert SAVE_NAME in {version.revision.comment for version in versions}
    # Each state once more over the present one, in the order in which they were.
    for version in versions.order_by("pk"):
        named_saves.restore(version)
        model = {model._meta.label_lower: model for model in MODELS.values()}
        state = json.loads(Version.objects.get(pk=version.pk).serialized_data)[0]
        row = model[state["model"]].objects.get(pk=state["pk"])
        assert row.name == state["fields"]["name"]


def test_a_waiting_upload_is_confirmed(migrated):
    PendingImport.objects.update(created_at=timezone.now())  # they are kept for a day
    waiting, done = (
        PendingImport.objects.filter(record__isnull=is_waiting).first()
        for is_waiting in (True, False)
    )
    assert done.record.status == Status.SUCCEEDED
    found = uploads.find_pending(waiting.user, waiting.pk)
    assert confirmed(found).status == Status.SUCCEEDED
    assert Flow.objects.get(name="").info == "waits"


def test_a_repeated_request_has_the_answer_of_then(migrated):
    StoredAnswer.objects.update(created_at=timezone.now())
    api = client_of(User.objects.get(username="ada"))
    body = {"name": "By the API", "type": "HTTP"}
    again = api.post("/api/connection", body, format="json", HTTP_IDEMPOTENCY_KEY="sample-1")
    assert again.status_code == 201, again.content
    assert Connection.objects.filter(name="By the API").count() == 1


def test_a_built_export_is_there(migrated):
    built = BuiltExport.objects.get()
    assert built.size > 0
