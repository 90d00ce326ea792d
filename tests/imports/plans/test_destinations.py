"""Connections that an import would make send a stored secret elsewhere are marked in the plan."""

import pytest
from django.contrib.auth.models import Permission

from accounts.models import User
from flows.models import Connection
from imports.errors import NotPermitted
from imports.importing.service import preview_import, run_import
from tests.support.factories import ConnectionFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, request_for, secret, uuid_of

pytestmark = pytest.mark.django_db

BEFORE = "{ host: 'db.example.com', password: secrets.DB }"
AFTER = "{ host: 'evil.example.com', password: secrets.DB }"
WARNING = (
    "sends the stored secret to another destination: "
    "secrets.DB -> db.example.com -> evil.example.com"
)


@pytest.fixture
def stored_connection() -> None:
    SecretFactory(name="DB", dev_value="CANARY")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Warehouse", dev_value=BEFORE)


def the_change(mode: str, text: str, **keys: object):
    payload = export_file(connection(1, "Warehouse", devValue=text, type="Twilio", **keys))
    [change] = preview_import(request_for(payload, mode)).plan
    return change


@pytest.mark.parametrize("mode", ["overwrite", "duplicate"])
def test_a_changed_destination_of_a_stored_secret_is_marked(mode: str, stored_connection) -> None:
    change = the_change(mode, AFTER)
    assert change.retargets
    assert change.warnings == (WARNING,)


def test_a_skipped_connection_is_not_marked(stored_connection) -> None:
    assert not the_change("skip", AFTER).retargets


def test_a_change_that_leaves_the_destination_alone_is_not_marked(stored_connection) -> None:
    change = the_change("overwrite", BEFORE, description="The warehouse.")
    assert change.result == "OVERWRITE"
    assert not change.retargets


def test_a_secret_without_a_value_can_be_sent_nowhere() -> None:
    SecretFactory(name="DB")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Warehouse", dev_value=BEFORE)
    assert not the_change("overwrite", AFTER).retargets


def test_a_deleted_secret_can_be_sent_nowhere() -> None:
    SecretFactory(name="DB", dev_value="CANARY", is_deleted=True)
    ConnectionFactory(uuid=uuid_of("c", 1), name="Warehouse", dev_value=BEFORE)
    assert not the_change("overwrite", AFTER).retargets


def test_a_value_that_the_file_does_not_name_stays_and_counts() -> None:
    SecretFactory(name="DB", prod_value="CANARY")
    ConnectionFactory(
        uuid=uuid_of("c", 1), name="Warehouse", dev_value="{ host: 'a' }", prod_value=BEFORE
    )
    payload = export_file(connection(1, "Warehouse", devValue=AFTER))
    [change] = preview_import(request_for(payload)).plan
    assert change.warnings == (
        "sends the stored secret to another destination: secrets.DB -> db.example.com "
        "-> evil.example.com (in development)",
    )


def test_only_who_may_retarget_may_import_it(stored_connection) -> None:
    payload = export_file(connection(1, "Warehouse", devValue=AFTER))
    user = user_who_may("anna", "run_import", "overwrite_items", "change_connection")
    request = request_for(payload, user=user, user_name="anna", with_backup=True)
    with pytest.raises(NotPermitted) as refused:
        run_import(request)
    assert refused.value.message == (
        "anna may not point a connection that uses a stored secret elsewhere. "
        'An administrator can give the right. The connection "Warehouse" sends the stored secret to '
        "another destination: secrets.DB -> db.example.com -> evil.example.com."
    )
    needs, item = refused.value.issues
    assert needs.message == "Needs the permission imports.retarget_connections."
    assert (item.code, item.path) == ("secret-to-new-destination", "connections[0]")
    assert (item.uuid, item.name) == (uuid_of("c", 1), "Warehouse")
    rights = ("run_import", "overwrite_items", "change_connection", "skip_backup")
    allowed = user_who_may("otto", *rights, "retarget_connections")
    run_import(request_for(payload, user=allowed, user_name="otto"))
    assert Connection.objects.get().dev_value == AFTER


def test_who_may_not_see_the_connections_is_not_told_their_hosts(stored_connection) -> None:
    payload = export_file(
        secret(1, "NEW"), flow(1, "A"), connection(1, "Warehouse", devValue=AFTER)
    )
    rights = ("run_import", "overwrite_items", "skip_backup", "add_flow", "add_secret")
    user = user_who_may("anna", *rights, "view_flow", "view_secret")
    with pytest.raises(NotPermitted) as refused:
        run_import(request_for(payload, user=user, user_name="anna"))
    told = str([refused.value.message, *(issue.message for issue in refused.value.issues)])
    assert "example.com" not in told


def user_who_may(name: str, *codenames: str) -> User:
    user = User.objects.create_user(name)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)
