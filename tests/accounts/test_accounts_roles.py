"""The roles: what each may do, literally, in the database that the migrations make."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from flows.roles import (
    GroupTakenError,
    Role,
    find_role,
    is_service_account,
    make_roles,
    write_roles,
)
from tests.support.uploading import caller

PROJECT = Path(__file__).resolve().parents[2]

VIEW_ITEMS = {"flows.view_flow", "flows.view_connection", "flows.view_secret"}
ADD_ITEMS = {"flows.add_flow", "flows.add_connection", "flows.add_secret"}
CHANGE_ITEMS = {"flows.change_flow", "flows.change_connection", "flows.change_secret"}
DELETE_ITEMS = {"flows.delete_flow", "flows.delete_connection", "flows.delete_secret"}
VIEW_RECORDS = {"imports.view_importrecord", "imports.view_importitem"}
PLAN = {"imports.plan_import"}
IMPORT = {"imports.run_import", "imports.overwrite_items", "imports.back_up_database", *PLAN}
ACCOUNTS = {
    "accounts.view_user",
    "accounts.add_user",
    "accounts.change_user",
    "accounts.delete_user",
    "accounts.view_apitoken",
    "accounts.add_apitoken",
    "accounts.change_apitoken",
    "accounts.delete_apitoken",
    "auth.view_group",
}
PERMISSIONS = {
    "Admin": VIEW_ITEMS
    | ADD_ITEMS
    | CHANGE_ITEMS
    | DELETE_ITEMS
    | VIEW_RECORDS
    | IMPORT
    | ACCOUNTS
    | {
        "imports.undo_import",
        "imports.retarget_connections",
        "imports.skip_backup",
        "imports.override_locks",
        "imports.vacuum_database",
        "imports.transfer_database",
        "imports.purge_items",
        "imports.prune_items",
    },
    "Editor": VIEW_ITEMS
    | ADD_ITEMS
    | CHANGE_ITEMS
    | DELETE_ITEMS
    | VIEW_RECORDS
    | IMPORT
    | {"imports.undo_import", "imports.retarget_connections", "imports.prune_items"},
    "Operator": VIEW_ITEMS | VIEW_RECORDS,
    "Planner": VIEW_ITEMS | VIEW_RECORDS | PLAN,
    "Service Account": VIEW_ITEMS | ADD_ITEMS | CHANGE_ITEMS | VIEW_RECORDS | IMPORT,
}


@pytest.fixture
def user(db):
    return User.objects.create_user("ada")


def put_into(user, *groups):
    user.groups.set(Group.objects.filter(name__in=groups))
    return User.objects.get(pk=user.pk)


# --- what each may do


@pytest.mark.django_db
def test_the_migrations_make_the_groups_of_the_roles():
    names = Group.objects.order_by("name").values_list("name", flat=True)
    assert [*names] == ["Admin", "Editor", "Operator", "Planner", "Service Account"]


@pytest.mark.parametrize("group", PERMISSIONS)
def test_a_member_may_do_exactly_this_as(user, group):
    assert put_into(user, group).get_all_permissions() == PERMISSIONS[group]


def test_an_admin_may_do_all_that_the_models_have_of_their_own(user):
    own = {
        f"{app}.{codename}"
        for model in apps.get_models()
        for app in [model._meta.app_label]
        for codename, _ in model._meta.permissions
    }
    assert len(own) == 12
    assert own <= PERMISSIONS["Admin"]


@pytest.mark.django_db
def test_no_permission_is_there_twice_and_none_is_missing():
    def rows():
        return sorted(Permission.objects.values_list("content_type__app_label", "codename", "name"))

    before = rows()
    assert len({(app, codename) for app, codename, _ in before}) == len(before)
    for app_config in apps.get_app_configs():
        create_permissions(app_config, verbosity=0)
    assert rows() == before
    assert ("flows", "add_flow", "Can add flow") in before
    assert ("imports", "run_import", "Can import export files") in before


@pytest.mark.django_db
def test_writing_the_roles_again_puts_right_what_was_changed_and_keeps_the_members(user):
    put_into(user, "Operator")
    operator = Group.objects.get(name="Operator")
    operator.permissions.set(Permission.objects.filter(codename="delete_flow"))
    Group.objects.get(name="Editor").delete()
    other = Group.objects.create(name="Other")
    other.permissions.set(Permission.objects.filter(codename="view_flow"))

    write_roles(apps, connection.schema_editor())

    assert User.objects.get(pk=user.pk).get_all_permissions() == PERMISSIONS["Operator"]
    assert Group.objects.get(name="Operator").pk == operator.pk
    assert put_into(user, "Editor").get_all_permissions() == PERMISSIONS["Editor"]
    assert put_into(user, "Other").get_all_permissions() == {"flows.view_flow"}


def test_a_registered_server_gets_its_roles_by_its_own_migration(tmp_path):
    own, other = tmp_path / "own.sqlite3", tmp_path / "other.sqlite3"
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"sqlite:///{own}",
        "ZIGGY_SERVERS": f"production=sqlite:///{other}",
    }
    run = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", "migrate", "--database", "production"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    with closing(sqlite3.connect(other)) as database:
        counts = database.execute(
            "SELECT name, count(*) FROM auth_group JOIN auth_group_permissions"
            " ON group_id = auth_group.id GROUP BY name ORDER BY name"
        ).fetchall()
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    assert counts == [
        ("Admin", 35), ("Editor", 21), ("Operator", 5), ("Planner", 6), ("Service Account", 15),
    ]  # fmt: skip
    assert "accounts_apitoken" in tables
    assert "knox_authtoken" not in tables


# --- who has which


@pytest.mark.parametrize(
    ("group", "role"),
    [
        ("Admin", "ADMIN"),
        ("Editor", "EDITOR"),
        ("Operator", "OPERATOR"),
        ("Planner", "PLANNER"),
        ("Service Account", "SERVICE_ACCOUNT"),
    ],
)
def test_a_member_has_the_role_of_the_group(user, group, role):
    assert find_role(put_into(user, group)) == role


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["Operator", "Editor"], "EDITOR"),
        (["Service Account", "Operator"], "SERVICE_ACCOUNT"),
        (["Service Account", "Editor"], "EDITOR"),
        (["Operator", "Service Account", "Editor", "Admin"], "ADMIN"),
    ],
)
def test_of_several_roles_a_user_has_the_strongest(user, groups, role):
    assert find_role(put_into(user, *groups)) == role


def test_a_stronger_role_may_do_all_that_a_weaker_one_may():
    assert [*Role] == ["ADMIN", "EDITOR", "SERVICE_ACCOUNT", "PLANNER", "OPERATOR"]
    for stronger, weaker in [
        ("Admin", "Editor"),
        ("Editor", "Service Account"),
        ("Service Account", "Planner"),
        ("Planner", "Operator"),
    ]:
        assert PERMISSIONS[stronger] > PERMISSIONS[weaker]


def test_a_superuser_is_an_admin_whatever_the_groups(user):
    user.is_superuser = True
    user.save()
    assert find_role(put_into(user)) == "ADMIN"
    assert find_role(put_into(user, "Operator")) == "ADMIN"


def test_a_user_in_no_group_or_in_others_has_no_role(user):
    Group.objects.create(name="admin")
    Group.objects.create(name="Editors")
    assert find_role(user) is None
    assert find_role(put_into(user, "admin", "Editors")) is None
    assert user.get_all_permissions() == set()


@pytest.mark.django_db
def test_nobody_in_particular_has_no_role():
    assert find_role(AnonymousUser()) is None
    assert not is_service_account(AnonymousUser())


@pytest.mark.parametrize(
    ("groups", "is_one"),
    [
        ([], False),
        (["Editor"], False),
        (["Service Account"], True),
        (["Service Account", "Admin"], True),
    ],
)
def test_who_is_a_service_account_is_one_whatever_else(user, groups, is_one):
    assert is_service_account(put_into(user, *groups)) is is_one


def test_the_role_of_a_user_whose_groups_are_at_hand_takes_no_query(user):
    put_into(user, "Editor")
    (ada,) = User.objects.filter(pk=user.pk).prefetch_related("groups")
    with CaptureQueriesContext(connection) as queries:
        assert find_role(ada) == "EDITOR"
    assert len(queries) == 0


def test_an_inactive_member_may_do_nothing(user):
    user.is_active = False
    user.save()
    assert put_into(user, "Admin").get_all_permissions() == set()


# --- in a project with groups of its own


def test_permissions_of_other_apps_stay_when_roles_are_made_again(db):
    editors = Group.objects.get(name="Editor")
    own = Permission.objects.get(content_type__app_label="sessions", codename="view_session")
    editors.permissions.add(own)
    make_roles()
    assert own in editors.permissions.all()
    assert editors.permissions.count() == 22


def test_a_group_of_the_project_is_no_role(db):
    group = Group.objects.get(name="Editor")
    group.permissions.set(Permission.objects.filter(content_type__app_label="sessions"))
    before = set(group.permissions.all())
    with pytest.raises(GroupTakenError, match="Editor"):
        make_roles()
    assert set(group.permissions.all()) == before
    make_roles(prefix="Flows: ")
    assert set(group.permissions.all()) == before
    assert Group.objects.get(name="Flows: Editor").permissions.count() == 21


def test_the_name_of_a_group_alone_gives_no_right_to_the_database(db):
    Group.objects.get(name="Admin").permissions.clear()
    client = caller("bob", role="Admin")
    assert client.post("/api/system/transfer-db").status_code == 403
