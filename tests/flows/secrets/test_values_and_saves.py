"""Named saves hold no value of a secret: by no door is one kept in them, or comes back from them.

A value is only ever set by whoever knows it.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from reversion.models import Version

from accounts.models import User
from flows.models import Secret
from flows.saves import named_saves
from imports.undo.service import undo_import
from tests.flows.secrets.test_secret_doors import BARE, EVIL, api, user_with
from tests.support.factories import ConnectionFactory, SecretFactory
from tests.support.importing import import_items, secret, uuid_of
from tests.support.pages import as_opened, sent_form_of
from tests.support.undoing import undo_request
from tests.support.users import logged_in

pytestmark = pytest.mark.django_db

REAL, OTHER = "CANARY-5a7e-real", "CANARY-5a7e-other"


def address(row: Secret, page: str, *args: Any) -> str:
    return reverse(f"admin:flows_secret_{page}", args=[row.pk, *args])


def submit(client: Client, url: str, **typed: str) -> None:
    """Send the form of a page as it stands, but for what is typed."""
    answer = client.post(url, {**sent_form_of(client.get(url)), **typed})
    assert answer.status_code == 302, answer.context["errors"]


def set_value(user: User, row: Secret, value: str) -> None:
    body = {"executionEnvironmentMode": "DEV", "uuid": str(row.uuid), "secret": value}
    assert api(user, "PATCH", "/secret/update-secret-value", body) == 200


def values_of(row: Secret) -> list[str | None]:
    row.refresh_from_db()
    return [value and value.token for value in (row.dev_value, row.prod_value)]


# --- Doors to the state before: each saves the row, whose description is "then", changes it, and
# --- returns what puts it back.

Door = Callable[[User, Secret, Any], Callable[[], Any]]


def save(row: Secret) -> int:
    number: int = named_saves.take(row, "then").version_set.get().pk
    Secret.objects.filter(pk=row.pk).update(description="today")
    return number


def by_the_page_of_saves(user: User, row: Secret, _run: Any) -> Callable[[], Any]:
    url = address(row, "restore_save", save(row))
    return lambda: logged_in(user).post(url, as_opened(row))


def by_reversions_own_page(user: User, row: Secret, _run: Any) -> Callable[[], Any]:
    url = address(row, "revision", save(row))
    return lambda: submit(logged_in(user), url)


def by_the_command(user: User, row: Secret, run_command: Any) -> Callable[[], Any]:
    number = str(save(row))
    return lambda: run_command(
        "named_save", "restore", number, "--no-prompt", "--user", user.get_username()
    )


def by_an_undo(user: User, row: Secret, _run: Any) -> Callable[[], Any]:
    record = import_items(secret(1, row.name, description="today")).record
    return lambda: undo_import(undo_request(record, user=user, user_name="anna"))


def by_a_redo(user: User, row: Secret, _run: Any) -> Callable[[], Any]:
    Secret.objects.filter(pk=row.pk).update(description="today")
    undone = undo_import(
        undo_request(import_items(secret(1, row.name, description="then")).record)
    ).record
    return lambda: undo_import(undo_request(undone, user=user, user_name="anna"))


DOORS: list[Door] = [
    *(by_the_page_of_saves, by_reversions_own_page, by_the_command),
    *(by_an_undo, by_a_redo),
]


@pytest.fixture
def user() -> User:
    return user_with(may_retarget=False)


@pytest.fixture
def make_row() -> Callable[[], Secret]:
    def make() -> Secret:
        Secret.objects.all().delete()
        return SecretFactory(
            uuid=uuid_of("5", 1), name="KEY", description="then", dev_value=REAL, prod_value=REAL
        )

    return make


def test_a_restore_leaves_the_values_and_brings_the_rest_back(user, make_row, run_command) -> None:
    for door in DOORS:
        for value in ("", OTHER):
            row = make_row()
            put_back = door(user, row, run_command)
            set_value(user, row, value)
            stored = values_of(row)
            put_back()
            assert values_of(row) == stored, door.__name__
            assert row.description == "then", door.__name__


def test_no_value_comes_back_to_be_sent_elsewhere(user, make_row, run_command) -> None:
    for door in DOORS:
        row, mail = make_row(), ConnectionFactory(dev_value=BARE)
        Secret.objects.update(prod_value=None)
        put_back = door(user, row, run_command)
        set_value(user, row, "")
        assert api(user, "PUT", f"/connection/{mail.uuid}", {"devValue": EVIL}) == 200
        set_value(user, row, "a dummy")
        put_back()
        row.refresh_from_db()
        assert (row.dev_value.reveal(), row.prod_value) == ("a dummy", None), door.__name__
        mail.delete()


def test_a_recovered_secret_has_no_value(admin_client, make_row) -> None:
    row = make_row()
    url = reverse("admin:flows_secret_recover", args=[save(row)])
    row.delete()
    submit(admin_client, url)
    back = Secret.objects.get()
    assert (str(back.uuid), back.description, back.has_value) == (row.uuid, "then", False)


def test_the_page_of_a_saved_state_tells_which_values_are_stored_now(
    admin_client, make_row
) -> None:
    row = make_row()
    url = address(row, "revision", save(row))
    Secret.objects.update(prod_value=None)
    shown = admin_client.get(url).context["original"]
    assert [shown.description, shown.dev_value, shown.prod_value] == ["then", row.dev_value, None]


def test_no_save_holds_a_value(admin_user, admin_client, run_command) -> None:
    admin = User.objects.get(pk=admin_user.pk)
    submit(admin_client, reverse("admin:flows_secret_add"), name="KEY", new_dev_value=REAL)
    row = Secret.objects.get()
    Secret.objects.update(uuid=uuid_of("5", 1))
    row.refresh_from_db()
    submit(admin_client, address(row, "change"), new_prod_value=OTHER, description="by the form")
    admin_client.post(address(row, "saves"), {"name": "taken in the admin"})
    run_command("named_save", "take", str(row.uuid), "--name", "taken by the command")
    set_value(admin, row, OTHER)
    for door in DOORS:
        Secret.objects.update(description="then")
        row.refresh_from_db()
        door(admin, row, run_command)()
    api(admin, "PUT", f"/secret/{row.uuid}", {"description": "by the API", "devValue": REAL})
    submit(admin_client, address(row, "delete"), post="yes")
    recovered = Version.objects.get_for_object(row)[0]
    row.delete()
    submit(admin_client, reverse("admin:flows_secret_recover", args=[recovered.pk]))

    versions = Version.objects.get_for_model(Secret).select_related("revision")
    names = {version.revision.comment for version in versions}
    assert names >= {"taken in the admin", "taken by the command", "then"}
    assert names >= {"Pre import", "Pre undo", "Pre restore", "Pre edit"}
    for version in versions:
        [state] = json.loads(version.serialized_data)
        assert not {"dev_value", "prod_value"} & state["fields"].keys(), version.revision.comment
        assert "gAAAA" not in version.serialized_data  # as every token begins
