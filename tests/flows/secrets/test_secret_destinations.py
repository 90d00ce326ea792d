"""Whoever gives a secret a value sees first where it will go, by which door it may be."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from flows.content import canonical
from flows.models import Connection, Secret
from flows.secrets.stored_destinations import read_destinations
from imports.api.secret import SecretWithDestinationsSerializer
from imports.errors import UnableToImport
from imports.importing.service import preview_import, run_import
from imports.models import ImportItem
from imports.runs import carrying_out
from tests.flows.secrets.test_secret_doors import form_of
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    secret,
    uuid_of,
)
from tests.support.users import staff_with

pytestmark = pytest.mark.django_db

MAIL = "{ host: 'smtp.example.com', port: 25, password: secrets.KEY }"
EVERY = ("view_flow", "view_connection", "view_secret", "view_importrecord", "change_secret")


def get(user: User, uuid: str) -> dict[str, Any]:
    client = APIClient()
    client.force_authenticate(user)
    answer = client.get(f"/api/secret/{uuid}")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def page(user: User, url: str) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(url)
    assert answer.status_code == 200
    return " ".join(unescape(re.sub("<[^>]*>", "", answer.content.decode())).split())


def an_import() -> int:
    return import_items(
        secret(1, "KEY"),
        connection(1, "Mail", devValue=MAIL),
        flow(1, "Sync", nodes=[{"id": "1", "data": {"code": "f(secrets.KEY)"}}]),
        connection(2, "Other", devValue="{ host: 'x', key: secrets.NONE }"),
    ).record.pk


def test_the_api_tells_each_destination_and_which_import_last_wrote_its_user() -> None:
    number = an_import()
    told = get(staff_with(*EVERY), uuid_of("5", 1))
    started = told["destinations"][0]["lastImport"]["startedAt"]
    assert told["destinations"] == [
        {
            "kind": "connection",
            "uuid": uuid_of("c", 1),
            "name": "Mail",
            "destination": "smtp.example.com:25",
            "environments": ["development", "production"],
            "lastImport": {"id": number, "startedAt": started},
        },
        {
            "kind": "flow",
            "uuid": uuid_of("f", 1),
            "name": "Sync",
            "destination": "its code",
            "environments": [],
            "lastImport": {"id": number, "startedAt": started},
        },
    ]
    assert SecretWithDestinationsSerializer(data=told).is_valid()


def test_who_may_not_see_connections_or_records_is_told_that_there_are_some() -> None:
    an_import()
    told = get(staff_with("view_secret"), uuid_of("5", 1))["destinations"]
    assert [one["kind"] for one in told] == ["connection", "flow"]
    hidden = {"uuid": None, "name": None, "destination": None, "lastImport": None}
    assert all(one.items() >= hidden.items() for one in told)


def test_the_last_import_that_wrote_it_is_told() -> None:
    first = an_import()
    moved = import_items(connection(1, "Mail", devValue=MAIL.replace("25", "587"))).record.pk
    assert first < moved
    import_items(connection(1, "Mail", devValue=MAIL.replace("25", "587")))  # unchanged
    mail, _ = get(staff_with(*EVERY), uuid_of("5", 1))["destinations"]
    assert (mail["destination"], mail["lastImport"]["id"]) == ("smtp.example.com:587", moved)


def test_the_page_of_a_secret_tells_it_before_the_fields_of_the_values() -> None:
    number = an_import()
    row = Secret.objects.get()
    text = page(staff_with(*EVERY), reverse("admin:flows_secret_change", args=[row.pk]))
    told = f"to smtp.example.com:25, by the connection Mail, last written by import {number} of"
    assert text.index(told) < text.index("New development value")
    assert "to its code, by the flow Sync" in text


def test_the_page_tells_nothing_of_what_the_account_may_not_see() -> None:
    an_import()
    row = Secret.objects.get()
    url = reverse("admin:flows_secret_change", args=[row.pk])
    text = page(staff_with("view_secret", "change_secret"), url)
    assert "smtp.example.com" not in text
    assert "Mail" not in text
    assert "to where a connection sends it, which your account may not see" in text


def test_the_checklist_tells_it_beside_the_fields_of_the_values() -> None:
    number = an_import()
    url = reverse("admin:imports_importrecord_change", args=[number])
    text = page(staff_with(*EVERY), f"{url}?give={Secret.objects.get().uuid}")
    checklist = text[text.index("Checklist after the import") :]
    assert checklist.index("a value goes to smtp.example.com:25") < checklist.index(
        "Development value"
    )


def test_a_new_secret_whose_name_is_used_takes_no_value_before_its_page_tells_where() -> None:
    ConnectionFactory(name="Mail", dev_value=MAIL)
    client = Client()
    client.force_login(staff_with("view_secret", "add_secret", "change_secret"))
    typed = {"name": "KEY", "tags": "[]", "extra": "{}", "new_dev_value": "CANARY"}
    url = reverse("admin:flows_secret_add")
    answer = client.post(url, typed)
    assert "Connections or flows name KEY already." in answer.content.decode()
    assert "CANARY" not in answer.content.decode()
    assert not Secret.objects.exists()
    assert client.post(url, {**typed, "new_dev_value": ""}).status_code == 302
    assert client.post(url, {**typed, "name": "UNUSED"}).status_code == 302


def a_secret_and_its_form(user: User) -> tuple[Client, str, dict[str, Any]]:
    row = SecretFactory(uuid=uuid_of("5", 1), name="KEY")
    ConnectionFactory(name="Mail", dev_value=MAIL)
    client = Client()
    client.force_login(user)
    url = reverse("admin:flows_secret_change", args=[row.pk])
    return client, url, {**form_of(client, url), "new_dev_value": "CANARY"}


def has_value() -> bool:
    return Secret.objects.get().dev_value is not None


def test_a_value_that_would_go_where_the_page_did_not_show_it_is_not_stored() -> None:
    client, url, typed = a_secret_and_its_form(staff_with(*EVERY))
    ConnectionFactory(name="Chat", dev_value="{ host: 'chat.example.com', key: secrets.KEY }")
    answer = client.post(url, typed)
    told = answer.content.decode()
    assert "Where a value goes has changed since you opened this page" in told
    assert "chat.example.com" in told
    assert "CANARY" not in told
    assert not has_value()
    again = {**typed, "shown_destinations": answer.context["shown_destinations"]}
    assert client.post(url, again).status_code == 302
    assert has_value()


@pytest.mark.parametrize("shown", ["", "0" * 64, None])
def test_a_form_that_does_not_say_what_it_showed_stores_no_value(shown: str | None) -> None:
    client, url, typed = a_secret_and_its_form(staff_with(*EVERY))
    typed.pop("shown_destinations")
    answer = client.post(url, typed if shown is None else {**typed, "shown_destinations": shown})
    assert "Where a value goes has changed" in answer.content.decode()
    assert not has_value()
    assert client.post(url, {**typed, "new_dev_value": ""}).status_code == 302


def test_a_value_is_not_given_with_a_new_name_that_is_used_already() -> None:
    client, url, typed = a_secret_and_its_form(staff_with(*EVERY))
    ConnectionFactory(name="Chat", dev_value="{ host: 'chat.example.com', key: secrets.OTHER }")
    told = client.post(url, {**typed, "name": "OTHER"}).content.decode()
    assert "Connections or flows name OTHER already." in told
    assert not has_value()
    assert client.post(url, {**typed, "name": "UNUSED"}).status_code == 302
    assert has_value()


def test_the_checklist_stores_no_value_that_would_go_where_it_did_not_show_it() -> None:
    number = an_import()
    client = Client()
    client.force_login(staff_with(*EVERY))
    page = reverse("admin:imports_importrecord_change", args=[number])
    page = f"{page}?give={Secret.objects.get().uuid}"

    def shown() -> str:
        found = re.search(r'name="shown" value="(\w+)"', client.get(page).content.decode())
        assert found
        return found[1]

    before = shown()
    ConnectionFactory(name="Chat", dev_value="{ host: 'chat.example.com', key: secrets.KEY }")
    url = reverse("admin:imports_importrecord_fill", args=[number, Secret.objects.get().uuid])
    answer = client.post(url, {"dev_value": "CANARY", "shown": before}, follow=True)
    told = answer.content.decode()
    assert "Where a value goes has changed since you opened this page" in told
    assert "chat.example.com" in told
    assert not has_value()
    client.post(url, {"dev_value": "CANARY", "shown": shown()})
    assert has_value()


def test_what_an_import_would_make_of_a_secret_without_a_value_is_no_warning() -> None:
    SecretFactory(uuid=uuid_of("5", 1), name="KEY")
    FlowFactory(uuid=uuid_of("f", 1), name="Sync")
    payload = export_file(
        connection(1, "Mail", devValue=MAIL),
        flow(1, "Sync", nodes=[{"id": "1", "data": {"code": "f(secrets.KEY)"}}]),
    )
    for change in preview_import(request_for(payload)).plan:
        assert change.result.writes
        assert change.warnings == ()


def test_code_that_uses_a_stored_value_is_red_and_needs_no_right() -> None:
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="CANARY")
    FlowFactory(uuid=uuid_of("f", 1), name="Sync")
    user = staff_with(*EVERY[:-1], "change_flow", "run_import", "skip_backup", "overwrite_items")
    payload = export_file(flow(1, "Sync", nodes=[{"id": "1", "data": {"code": "secrets[x]"}}]))
    done = run_import(request_for(payload, user=user, user_name="ada"))
    (change,) = done.plan
    (warning,) = change.destination_warnings
    assert warning.code == "code-uses-secret"
    assert change.warnings[0] == (
        "its code uses for the first time the stored value of every secret (secrets.KEY)"
    )
    item = ImportItem.objects.get()
    assert item.warning_details == [warning.as_dict() for warning in change.all_warnings]
    assert item.warning_details[0]["data"][0]["secretNames"] == ["KEY"]


def test_a_value_that_is_given_while_an_import_is_prepared_stops_it(monkeypatch) -> None:
    key = SecretFactory(name="KEY")
    user = staff_with("run_import", "skip_backup", "add_connection")
    drop = carrying_out.drop_expired_uploads

    def meanwhile() -> None:
        drop()
        row = Secret.objects.get(pk=key.pk)
        row.dev_value = "CANARY"
        row.save()

    monkeypatch.setattr(carrying_out, "drop_expired_uploads", meanwhile)
    payload = export_file(connection(1, "Mail", devValue=MAIL))
    with pytest.raises(UnableToImport) as refused:
        run_import(request_for(payload, user=user, user_name="ada"))
    assert refused.value.code == "stale-plan"
    assert not Connection.objects.exists()


def test_destinations_are_read_with_three_queries(django_assert_num_queries) -> None:
    for number in range(30):
        ConnectionFactory(dev_value=MAIL.replace("smtp", f"smtp{number}"))
        FlowFactory(nodes=canonical.encode([{"code": f"secrets.KEY{number}"}]))
    with django_assert_num_queries(3):  # and no document is read
        found = read_destinations(["KEY", "KEY3", "NONE"])
    assert [len(found[name]) for name in ("KEY", "KEY3", "NONE")] == [30, 1, 0]


def test_two_writes_beside_each_other_wait_for_one_another() -> None:
    if database.vendor != "postgresql":
        pytest.skip("a writing transaction of SQLite is alone anyway")
    from flows.secrets.stored_destinations import lock_destinations  # noqa: PLC0415

    lock_destinations()
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        assert cursor.fetchone()[0] >= 1
