"""What is said of secrets that would be sent elsewhere tells nothing that the account may not see."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from flows.models import Connection, Secret
from flows.saves import named_saves
from imports.errors import NotPermitted
from imports.importing.service import examine_import, preview_import
from imports.undo.service import preview_undo
from tests.flows.secrets.test_secret_doors import form_of
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    import_items,
    request_for,
    secret,
    uuid_of,
)
from tests.support.undoing import undo_request
from tests.support.users import staff_with

pytestmark = pytest.mark.django_db

HOST = "internal.example.com"
WANTED = f"{{ host: '{HOST}', key: secrets.WANTED }}"
ALL = f"(() => fetch('{HOST}', secrets))()"


@pytest.fixture
def key() -> Secret:
    ConnectionFactory(name="Hidden connection", dev_value=WANTED)
    FlowFactory(name="Hidden flow", nodes='[{"code":"secrets.WANTED"}]')
    return SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="CANARY")


def assert_tells_nothing(answer: str) -> None:
    assert "stored secret" in answer or "permission" in answer
    for hidden in (HOST, "Hidden", "HIDDEN"):
        assert hidden not in answer


def _put(user: User, key: Secret) -> str:
    client = APIClient()
    client.force_authenticate(user)
    answer = client.put(f"/api/secret/{key.uuid}", {"name": "WANTED"}, format="json")
    assert answer.status_code == 403
    return answer.content.decode()


def _form(user: User, key: Secret) -> str:
    client = Client()
    client.force_login(user)
    url = reverse("admin:flows_secret_change", args=[key.pk])
    return client.post(
        url, {**form_of(client, url), "name": "WANTED"}, follow=True
    ).content.decode()


def _undelete(user: User, key: Secret) -> str:
    Secret.objects.filter(pk=key.pk).update(is_deleted=True, name="WANTED")
    client = Client()
    client.force_login(user)
    url = reverse("admin:flows_secret_undelete", args=[key.pk])
    return client.post(url, follow=True).content.decode()


def _page_of_a_save(user: User, key: Secret) -> str:
    Secret.objects.filter(pk=key.pk).update(name="WANTED")
    number = named_saves.take(Secret.objects.get(), "save").version_set.get().pk
    Secret.objects.filter(pk=key.pk).update(name="KEY")
    client = Client()
    client.force_login(user)
    page = client.get(reverse("admin:flows_secret_restore_save", args=[key.pk, number]))
    return page.content.decode()


@pytest.mark.parametrize("door", [_put, _form, _undelete, _page_of_a_save])
def test_a_refusal_tells_no_connection_that_the_account_may_not_see(door, key: Secret) -> None:
    assert_tells_nothing(door(staff_with("view_secret", "change_secret"), key))


def test_what_is_done_tells_no_more_either(key: Secret) -> None:
    user = staff_with("view_secret", "change_secret", "retarget_connections")
    answer = _form(user, key)
    assert Secret.objects.get().name == "WANTED"
    assert_tells_nothing(answer)


def test_a_connection_that_may_use_every_secret_tells_no_names_of_them() -> None:
    SecretFactory(name="HIDDEN_KEY", dev_value="CANARY")
    row = ConnectionFactory()
    client = APIClient()
    client.force_authenticate(staff_with("view_connection", "change_connection"))
    answer = client.put(f"/api/connection/{row.uuid}", {"devValue": ALL}, format="json")
    assert answer.status_code == 403
    assert "HIDDEN_KEY" not in answer.content.decode()
    assert Connection.objects.get().dev_value != ALL


IMPORT = (
    *("run_import", "overwrite_items", "undo_import", "skip_backup"),
    *("change_secret", "add_connection", "retarget_connections"),
)


def test_an_import_tells_nothing_of_what_the_account_may_not_see(key: Secret) -> None:
    user = staff_with(*IMPORT)
    request = request_for(export_file(secret(1, "WANTED")), user=user, user_name="ada")
    for look in (examine_import, preview_import):
        with pytest.raises(NotPermitted) as refused:
            look(request)
        told = json.dumps([issue.message for issue in refused.value.issues])
        assert "flows.view_connection" in told
        assert_tells_nothing(f"{refused.value} {told} permission")


def test_an_import_of_a_new_connection_needs_no_sight_of_others(key: Secret) -> None:
    user = staff_with(*IMPORT)
    item = connection(7, "New", devValue="{ host: 'a', key: secrets.NONE }")
    preview_import(request_for(export_file(item), user=user, user_name="ada"))


def test_an_undo_tells_nothing_of_what_the_account_may_not_see() -> None:
    key = SecretFactory(uuid=uuid_of("5", 1), name="WANTED", dev_value="CANARY")
    record = import_items(secret(1, "KEY")).record
    ConnectionFactory(name="Hidden connection", dev_value=WANTED)
    with pytest.raises(NotPermitted) as refused:
        preview_undo(undo_request(record, user=staff_with(*IMPORT), user_name="ada"))
    told = json.dumps([issue.message for issue in refused.value.issues])
    assert "flows.view_connection" in told
    assert key.name == "WANTED"
