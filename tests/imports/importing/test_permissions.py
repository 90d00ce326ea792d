"""Rights by import are never more than rights by hand."""

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from accounts.models import User
from flows.models import Connection, Flow, Secret
from imports.errors import NotPermitted, UnableToImport
from imports.importing.service import preview_import, run_import
from imports.models import ImportRecord, Status
from imports.permissions import get_message, get_record_message
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, request_for, secret, uuid_of

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
    user = user_who_may("run_import", f"add_{kind}", f"view_{kind}")
    assert missing(user, export_file(item)) == [
        f"Needs the permission flows.change_{kind}.",
        "Needs the permission imports.overwrite_items.",
    ]


@pytest.mark.parametrize("kind", ITEMS)
def test_duplicating_needs_the_rights_to_see_and_to_add_only(kind: str) -> None:
    item, factory, uuid, _ = ITEMS[kind]
    factory(uuid=uuid, name=item["name"])
    user = user_who_may("run_import", f"view_{kind}", f"add_{kind}")
    assert missing(user, export_file(item), "duplicate") == []


@pytest.mark.parametrize("mode", ["skip", "duplicate", "overwrite"])
def test_what_writes_nothing_needs_the_rights_to_import_and_to_see_only(mode: str) -> None:
    FlowFactory(uuid=uuid_of("f", 1), name="A flow", timeout=1)
    user = user_who_may("run_import", "view_flow")
    expected = ["Needs the permission flows.add_flow."] if mode == "duplicate" else []
    assert missing(user, export_file(ITEMS["flow"][0]), mode) == expected


SIGHTS = {
    **{
        f"a {kind} that matches": (
            kind,
            export_file(item),
            lambda make=factory, at=uuid: make(uuid=at),
        )
        for kind, (item, factory, uuid, _) in ITEMS.items()
    },
    "a flow that several rows may be": (
        "flow",
        export_file(flow(1, "Hidden")),
        lambda: [FlowFactory(name="Hidden") for _ in range(2)],
    ),
    "a secret that a connection uses by the name that it loses": (
        "connection",
        export_file(secret(1, "NEW")),
        lambda: [
            SecretFactory(uuid=uuid_of("5", 1), name="OLD"),
            ConnectionFactory(name="Hidden", dev_value="{ host: 'a', key: secrets.OLD }"),
        ],
    ),
    "a flow with the uuid of a connection, which lands elsewhere": (
        "connection",
        export_file(flow(1, "Hidden"), flow(2, "New", nodes=[{"connectionUuid": uuid_of("f", 1)}])),
        lambda: [FlowFactory(name="Hidden"), ConnectionFactory(uuid=uuid_of("f", 1))],
    ),
}


@pytest.mark.parametrize("run", [preview_import, run_import])
@pytest.mark.parametrize("case", SIGHTS)
def test_who_may_not_see_rows_learns_nothing_of_them(case: str, run: Any) -> None:
    """Not by a dry run, a run, or the record of it; only which right is missing."""
    kind, payload, make = SIGHTS[case]
    make()
    rights = [
        right.codename
        for right in Permission.objects.filter(content_type__app_label__in=("flows", "imports"))
        if right.codename not in (f"view_{kind}", f"change_{kind}")
    ]
    user = user_who_may(*rights)
    with pytest.raises(NotPermitted) as refused:
        run(request_for(payload, user=user, user_name="anna"))
    assert refused.value.message == (
        f"anna may not view {kind}s. An administrator can give the right."
    )
    assert [issue.message for issue in refused.value.issues] == [
        f"Needs the permission flows.view_{kind}."
    ]
    assert "HIDDEN" not in repr(ImportRecord.objects.values()).upper()
    user.user_permissions.add(Permission.objects.get(codename=f"view_{kind}"))
    seeing = request_for(payload, user=User.objects.get(), user_name="anna")
    assert f"view_{kind}" not in str(_refusal(seeing))


def _refusal(request: Any) -> Exception | None:
    try:
        preview_import(request, record_refusal=False)
    except UnableToImport as refusal:
        return refusal
    return None


def test_whether_what_is_referred_to_exists_is_told_to_who_may_see_it() -> None:
    payload = export_file(flow(1, "New", nodes=[{"code": "secrets.GONE"}]))
    user = user_who_may("run_import", "add_flow", "view_flow")
    request = request_for(payload, user=user, user_name="anna", with_backup=True)
    [change] = preview_import(request).plan
    assert change.warnings == ()
    user.user_permissions.add(Permission.objects.get(codename="view_secret"))
    [change] = preview_import(replace(request, user=User.objects.get())).plan
    assert "dangling reference to secrets.GONE" in change.warnings


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
    assert get_message(user, code, PATH) == hidden
    assert get_record_message(user, ImportRecord(code=code, message=PATH)) == hidden
    user.user_permissions.add(Permission.objects.get(codename="back_up_database"))
    assert get_message(User.objects.get(), code, PATH) == PATH


def test_what_names_no_place_of_the_server_is_told_as_it_is() -> None:
    assert get_message(user_who_may("run_import"), "stale-plan", "Look again.") == "Look again."
