"""No stored secret reaches a new destination in several steps, or by two writes at a time."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database
from django.urls import reverse

from flows.deletion import SendsSecretsError, restore_item, restore_items
from flows.models import Connection, Secret
from flows.saves import named_saves
from tests.flows.secrets.test_secret_doors import (
    EVIL,
    GOOD,
    api,
    form_of,
    pairs,
    user_with,
)
from tests.support.factories import ConnectionFactory, SecretFactory
from tests.support.pages import as_opened
from tests.support.users import logged_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("valued_first", [True, False])
def test_of_two_deleted_secrets_with_one_name_either_may_come_back(valued_first: bool) -> None:
    """Only one of them can, and whether it has a value decides what that needs."""
    values = ["CANARY", None] if valued_first else [None, "CANARY"]
    keys = [SecretFactory(name="KEY", dev_value=value, is_deleted=True) for value in values]
    ConnectionFactory(dev_value=EVIL)
    logged_in(user_with(may_retarget=False)).post(
        reverse("admin:flows_secret_changelist") + "?state=deleted",
        {"action": "restore_selected", "_selected_action": [key.pk for key in keys]},
    )
    assert not Secret.objects.filter(is_deleted=False, dev_value__isnull=False).exists()


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_secret_in_an_unknown_key_of_a_connection_needs_the_right(method: str) -> None:
    SecretFactory(name="KEY", dev_value="CANARY")
    row = ConnectionFactory(dev_value="{ host: 'evil.example.com' }")
    path = "/connection" if method == "POST" else f"/connection/{row.uuid}"
    body = {"headers": {"Authorization": "secrets.KEY"}}
    body |= {"name": "New"} if method == "POST" else {}
    assert api(user_with(may_retarget=False), method, path, body) == 403
    assert pairs() == set()


@pytest.mark.parametrize("many", [True, False])
def test_what_comes_back_is_what_the_row_holds_now(many: bool) -> None:
    """The content of a deleted row may be changed without the right."""
    SecretFactory(name="KEY", dev_value="CANARY")
    ConnectionFactory(dev_value=GOOD)
    row = ConnectionFactory(dev_value=GOOD, is_deleted=True)
    Connection.objects.filter(pk=row.pk).update(dev_value=EVIL)
    back: Any = (lambda *args, **kwargs: restore_items(args, **kwargs)) if many else restore_item
    with pytest.raises(SendsSecretsError):
        back(row, user_name="anna", may_retarget=False)
    assert Connection.objects.get(pk=row.pk).is_deleted


# --- Two writes at a time: every door waits for the others, before it reads a row


def _change(client: Any) -> None:
    row = ConnectionFactory(dev_value=GOOD)
    url = reverse("admin:flows_connection_change", args=[row.pk])
    _posted(client, url)


def _add(client: Any) -> None:
    typed = {"name": "New", "type": Connection.objects.get().type, "dev_value": GOOD}
    _posted(client, reverse("admin:flows_connection_add"), **typed)


def _revert(client: Any) -> None:
    row = ConnectionFactory(dev_value=GOOD)
    number = named_saves.take(row, "save").version_set.get().pk
    _posted(client, reverse("admin:flows_connection_revision", args=[row.pk, number]))


def _recover(client: Any) -> None:
    row = ConnectionFactory(dev_value=GOOD)
    number = named_saves.take(row, "save").version_set.get().pk
    row.delete()
    _posted(client, reverse("admin:flows_connection_recover", args=[number]))


def _undelete(client: Any) -> None:
    row = ConnectionFactory(dev_value=GOOD, is_deleted=True)
    client.post(reverse("admin:flows_connection_undelete", args=[row.pk]))


def _undelete_many(client: Any) -> None:
    row = ConnectionFactory(dev_value=GOOD, is_deleted=True)
    client.post(
        reverse("admin:flows_connection_changelist") + "?state=deleted",
        {"action": "restore_selected", "_selected_action": [row.pk]},
    )


def _restore(client: Any) -> None:
    row = ConnectionFactory(dev_value=GOOD)
    number = named_saves.take(row, "save").version_set.get().pk
    client.post(
        reverse("admin:flows_connection_restore_save", args=[row.pk, number]), as_opened(row)
    )


def _posted(client: Any, url: str, **typed: Any) -> None:
    answer = client.post(url, {**form_of(client, url), **typed})
    assert answer.status_code == 302


@pytest.mark.parametrize("may_retarget", [True, False])
@pytest.mark.parametrize(
    "door", [_change, _add, _revert, _recover, _undelete, _undelete_many, _restore]
)
def test_a_door_locks_destinations_before_it_locks_a_row_or_reads_where_secrets_go(
    door: Callable[[Any], None], may_retarget: bool, monkeypatch
) -> None:
    if database.vendor != "postgresql":
        pytest.skip("a writing transaction of SQLite is alone anyway")
    ConnectionFactory(dev_value=GOOD)  # which sends it there already
    SecretFactory(name="KEY", dev_value="CANARY")
    client = logged_in(user_with(may_retarget))
    asked: list[str] = []

    def note(execute: Any, sql: str, *args: Any) -> Any:
        asked.append(sql)
        return execute(sql, *args)

    post = client.post

    def noted(*args: Any, **kwargs: Any) -> Any:
        with database.execute_wrapper(note):
            return post(*args, **kwargs)

    monkeypatch.setattr(client, "post", noted)
    door(client)
    written = [sql for sql in asked if sql.startswith(("INSERT", "UPDATE")) and "flows_" in sql]
    assert written, "the door did not write"
    lock = next(at for at, sql in enumerate(asked) if "pg_advisory_xact_lock" in sql)
    assert lock < asked.index(written[0])
    row_locks = [at for at, sql in enumerate(asked) if "FOR UPDATE" in sql and "flows_" in sql]
    assert all(lock < at for at in row_locks)
    reads = [at for at, sql in enumerate(asked) if '"valued"' in sql or "IS NOT NULL OR" in sql]
    assert all(lock < at for at in reads)
