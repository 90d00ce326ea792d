"""Rights by import are never more than rights by hand."""

import pytest
from django.contrib.auth.models import Permission

from accounts.models import User
from flows.models import Connection, Flow, Secret
from imports.errors import NotPermitted
from imports.models import ImportRecord, Status
from imports.permissions import message_for, message_to
from imports.service import preview_import, run_import
from tests.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.importing import connection, export_file, flow, request_for, secret, uuid_of

pytestmark = pytest.mark.django_db

ITEMS = {
    "flow": (flow(1, "A flow", timeout=1), FlowFactory, uuid_of("f", 1), Flow),
    "connection": (
        connection(1, "A connection", description="x"),
        ConnectionFactory,
        uuid_of("c", 1),
        Connection,
    ),
    "secret": (secret(1, "A_SECRET", description="x"), SecretFactory, uuid_of("5", 1), Secret),
}


def user_who_may(*codenames: str) -> User:
    user = User.objects.create_user("anna")
    permissions = Permission.objects.filter(codename__in=codenames)
    assert len(permissions) == len(codenames)
    user.user_permissions.set(permissions)
    return User.objects.get(pk=user.pk)


def missing(user: User | None, payload: bytes, mode: str = "overwrite", **options) -> list[str]:
    """What the user lacks for the import; an empty list where it may be done."""
    options = {"with_backup": True, **options}
    request = request_for(payload, mode, user=user, user_name="anna", **options)
    try:
        preview_import(request, record_refusal=False)
    except NotPermitted as error:
        return [issue.message for issue in error.issues]
    return []


@pytest.mark.parametrize("kind", ITEMS)
def test_creating_needs_the_right_to_add_by_hand(kind: str) -> None:
    item = ITEMS[kind][0]
    user = user_who_may("run_import", "overwrite_items", f"change_{kind}")
    assert missing(user, export_file(item)) == [f"Needs the permission flows.add_{kind}."]


@pytest.mark.parametrize("kind", ITEMS)
def test_overwriting_needs_the_right_to_change_by_hand_and_to_overwrite(kind: str) -> None:
    item, factory, uuid, _ = ITEMS[kind]
    factory(uuid=uuid, name=item["name"])
    user = user_who_may("run_import", f"add_{kind}")
    assert missing(user, export_file(item)) == [
        f"Needs the permission flows.change_{kind}.",
        "Needs the permission imports.overwrite_items.",
    ]


@pytest.mark.parametrize("kind", ITEMS)
def test_duplicating_needs_the_right_to_add_only(kind: str) -> None:
    item, factory, uuid, _ = ITEMS[kind]
    factory(uuid=uuid, name=item["name"])
    user = user_who_may("run_import", f"add_{kind}")
    assert missing(user, export_file(item), "duplicate") == []


@pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
def test_what_writes_nothing_needs_the_right_to_import_only(mode: str) -> None:
    FlowFactory(uuid=uuid_of("f", 1), name="A flow", timeout=1)
    user = user_who_may("run_import")
    expected = ["Needs the permission flows.add_flow."] if mode == "duplicate" else []
    assert missing(user, export_file(ITEMS["flow"][0]), mode) == expected


def test_without_the_right_to_import_not_even_a_preview_is_given() -> None:
    user = user_who_may("add_flow", "change_flow", "overwrite_items")
    assert missing(user, b"no JSON at all") == ["Needs the permission imports.run_import."]


@pytest.mark.parametrize(
    ("option", "permission"),
    [({"with_backup": False}, "skip_backup"), ({"override_locks": True}, "override_locks")],
)
def test_options_that_take_a_safeguard_away_need_a_right(option: dict, permission: str) -> None:
    payload = export_file(ITEMS["flow"][0])
    user = user_who_may("run_import", "add_flow")
    assert missing(user, payload, **option) == [f"Needs the permission imports.{permission}."]


def test_a_superuser_and_the_shell_may_do_everything() -> None:
    payload = export_file(*(ITEMS[kind][0] for kind in ITEMS))
    options = {"with_backup": False, "override_locks": True}
    assert missing(User.objects.create_superuser("root"), payload, **options) == []
    assert missing(None, payload, **options) == []


def test_an_inactive_superuser_may_do_nothing() -> None:
    root = User.objects.create_superuser("root", is_active=False)
    assert missing(root, export_file(ITEMS["flow"][0])) == [
        "Needs the permission imports.run_import."
    ]


def test_a_refused_import_writes_nothing_but_its_record() -> None:
    user = user_who_may("run_import", "add_flow")
    payload = export_file(*(ITEMS[kind][0] for kind in ITEMS))
    with pytest.raises(NotPermitted) as refused:
        run_import(request_for(payload, user=user, user_name="anna", with_backup=True))
    assert refused.value.message == (
        "anna may not add connections and add secrets. An administrator can give the right."
    )
    assert not any(model.objects.exists() for _, _, _, model in ITEMS.values())
    record = ImportRecord.objects.get()
    assert (record.status, record.code, record.user) == (Status.REFUSED, "not-permitted", user)


# --- What is told of the server itself

PATH = "The directory /srv/ziggy/backups cannot be written to."


@pytest.mark.parametrize("code", ["backup-failed", "no-lock"])
def test_where_something_lies_is_told_only_to_who_may_back_up(code: str) -> None:
    user = user_who_may("run_import", "view_importrecord")
    hidden = "The server could not do it, and nothing was changed. Its log says more."
    assert message_to(user, code, PATH) == hidden
    assert message_for(user, ImportRecord(code=code, message=PATH)) == hidden
    user.user_permissions.add(Permission.objects.get(codename="back_up_database"))
    assert message_to(User.objects.get(), code, PATH) == PATH


def test_what_names_no_place_of_the_server_is_told_as_it_is() -> None:
    assert message_to(user_who_may("run_import"), "stale-plan", "Look again.") == "Look again."
