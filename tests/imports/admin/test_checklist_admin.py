"""What is done to many points of a record's checklist at once, in the admin."""

import json
import logging
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User
from flows.models import Connection, Secret
from tests.support.factories import SecretFactory
from tests.support.importing import connection, import_items, secret, uuid_of
from tests.support.pages import LOGIN, assert_answered, text_of
from tests.support.users import ROLES, client_in

LIST = "/admin/imports/importrecord/"
VALUE = "CANARY-7b1d-value"
OTHER = "CANARY-7b1d-other"
MAIL = "{ host: 'smtp.example.com', user: secrets.USER, key: secrets.KEY }"

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor():
    return client_in("Editor")


@pytest.fixture
def record():
    """Of three secrets, of which a connection uses two."""
    names = ("USER", "KEY", "LONELY")
    items = (secret(number, name) for number, name in enumerate(names, 1))
    return import_items(*items, connection(1, "Mail", devValue=MAIL), connection(2, "Chat")).record


def page_of(record):
    return f"{LIST}{record.pk}/change/"


def url_of(record):
    return f"{LIST}{record.pk}/checklist/"


def shown_to(client, record):
    return client.get(page_of(record)).context["checklist"].used.tag


def paste(client, record, text, *, environment="development", place="", shown=None, **options):
    data = {
        "do": "fill",
        "pasted": text,
        "environment": environment,
        "shown": shown_to(client, record) if shown is None else shown,
        **options.pop("data", {}),
    }
    return client.post(f"{url_of(record)}{place}", data, **options)


def values():
    return {
        row.name: tuple(value and value.reveal() for value in (row.dev_value, row.prod_value))
        for row in Secret.objects.exclude(dev_value=None, prod_value=None)
    }


# --- values for many secrets


def test_many_secrets_are_given_values_from_one_text(editor, record):
    response = paste(editor, record, f"USER={VALUE}\n\nKEY='{OTHER}'\nLONELY=\n", follow=True)
    assert values() == {"USER": (VALUE, None), "KEY": (OTHER, None)}
    assert "2 secrets have values now. 1 line without a value was passed over." in text_of(response)
    assert "CANARY" not in response.content.decode()


def test_a_table_gives_both_values(editor, record):
    paste(editor, record, f"name,development,production\nUSER,{VALUE},{OTHER}\nKEY,,{OTHER}")
    assert values() == {"USER": (VALUE, OTHER), "KEY": (None, OTHER)}


def test_each_row_is_written_and_logged_as_by_its_own_form(editor, record):
    before = {row["name"]: row for row in Secret.objects.values()}
    paste(editor, record, f"USER={VALUE}\nKEY={OTHER}", environment="both")
    for row in Secret.objects.exclude(name="LONELY").values():
        changed = {column for column in row if row[column] != before[row["name"]][column]}
        assert changed == {"dev_value", "prod_value", "updated_at", "updated_by"}
        assert row["updated_by"] == "Editor"
    entries = LogEntry.objects.order_by("object_repr")
    assert [entry.get_edited_object().name for entry in entries] == ["KEY", "USER"]
    for entry in entries:
        fields = ["Development value", "Production value"]
        assert json.loads(entry.change_message) == [{"changed": {"fields": fields}}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"USER={VALUE}\n{OTHER}", 'Line 2: It has no "=".'),
        (f"USER={VALUE}\nUSER={OTHER}", "Line 2: It is for the same secret as line 1."),
        (f"USER={VALUE}\n{OTHER}=KEY", "Line 2: This import has no secret of that name here."),
        (f"USER={VALUE}\nDONE={OTHER}", "Line 2: Its secret has a value already"),
        (f"USER={VALUE}\nOF_ANOTHER={OTHER}", "Line 2: This import has no secret of that name"),
        ("# nothing", "There is no value in it."),
        (f"USER={VALUE}\nKEY={OTHER}\0", "Line 2: It has a character that no text can have"),
    ],
)
def test_where_one_line_is_wrong_nothing_is_stored_and_nothing_is_given_back(
    text, said, editor, caplog
):
    caplog.set_level(logging.DEBUG)
    SecretFactory(name="OF_ANOTHER")
    record = import_items(
        secret(1, "USER"), secret(2, "KEY"), secret(3, "DONE"), connection(1, "Mail", devValue=MAIL)
    ).record
    row = Secret.objects.get(name="DONE")
    row.dev_value = "kept"
    row.save()
    ticks = {"tick": [f"secret:{uuid_of('5', 1)}"]}

    response = paste(editor, record, text, environment="production", data=ticks, place="?find=e")

    assert said in text_of(response)
    assert values() == {"DONE": ("kept", None)}
    assert not LogEntry.objects.exists()
    assert "CANARY" not in response.content.decode()
    assert "CANARY" not in caplog.text
    # The place is as it was.
    context = response.context
    assert [line.point.name for line in context["check_lines"]] == ["KEY", "USER"]
    assert [line.is_ticked for line in context["check_lines"]] == [False, True]
    assert context["paste"]["environment"].value() == "production"
    as_script = paste(editor, record, text, headers={"Accept": "application/json"})
    assert "CANARY" not in as_script.content.decode()
    [problem] = as_script.json()["problems"]
    assert (f"Line {problem['line']}: " if problem["line"] else "") + problem["message"] in text_of(
        response
    )


def test_a_script_is_told_where_to_go(editor, record):
    response = paste(
        editor, record, f"USER={VALUE}", place="?find=e", headers={"Accept": "application/json"}
    )
    assert response.json() == {"url": f"{page_of(record)}?find=e#checklist"}
    assert "1 secret has a value now." in text_of(editor.get(page_of(record)))


def test_the_place_and_the_other_ticks_stay(editor, record):
    numbers = dict(record.items.filter(kind="connection").values_list("name", "pk"))
    ticks = [f"connection:{numbers['Chat']}", f"secret:{uuid_of('5', 1)}"]
    response = paste(
        editor, record, f"USER={VALUE}", place="?kind=connection&text=a", data={"tick": ticks}
    )
    query = f"kind=connection&text=a&tick=connection%3A{numbers['Chat']}"
    assert response.url == f"{page_of(record)}?{query}#checklist"
    lines = editor.get(response.url).context["check_lines"]
    assert [(line.point.name, line.is_ticked) for line in lines] == [
        ("Mail", False),
        ("Chat", True),
    ]


def test_values_that_would_go_where_the_page_did_not_show_it_are_not_stored(editor, record):
    shown = shown_to(editor, record)
    row = Connection.objects.get(name="Mail")
    row.dev_value = MAIL.replace("smtp", "elsewhere")
    row.save()
    response = paste(editor, record, f"USER={VALUE}\nKEY={OTHER}", shown=shown, follow=True)
    assert "Where a value goes has changed since you opened this page" in text_of(response)
    assert "CANARY" not in response.content.decode()
    assert values() == {}
    for wrong in ("", "0" * 64):
        paste(editor, record, f"USER={VALUE}", shown=wrong)
    assert values() == {}
    paste(editor, record, f"USER={VALUE}")
    assert values() == {"USER": (VALUE, None)}


def test_what_others_fill_meanwhile_does_not_stop_the_rest(editor, record):
    shown = shown_to(editor, record)
    paste(editor, record, f"USER={VALUE}")
    paste(editor, record, f"KEY={OTHER}", shown=shown)
    assert values() == {"USER": (VALUE, None), "KEY": (OTHER, None)}


@pytest.mark.parametrize("status", ["undone", "running", "failed"])
def test_a_record_that_is_not_in_effect_takes_none(status, editor, record):
    shown = shown_to(editor, record)
    type(record).objects.update(status=status)
    paste(editor, record, f"USER={VALUE}", shown=shown)
    assert values() == {}


@pytest.mark.parametrize(
    ("role", "answer"),
    list(zip(ROLES, (LOGIN, 403, 403, LOGIN, "filled", "filled", "filled"), strict=True)),
)
def test_who_may_fill_many(role, answer, record):
    shown = shown_to(client_in("Editor"), record)
    User.objects.all().delete()
    response = paste(client_in(role), record, f"USER={VALUE}", shown=shown)
    assert_answered(response, answer, done=f"{page_of(record)}#checklist")
    assert bool(values()) is (answer == "filled")


def test_it_needs_a_post_with_the_token_of_its_form(editor, record):
    assert editor.get(url_of(record)).url == f"{page_of(record)}#checklist"
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())
    assert strict.post(url_of(record), {"do": "fill"}).status_code == 403


@pytest.mark.parametrize("environment", ["", "nonsense"])
def test_what_no_page_sends_is_not_found(environment, editor, record):
    response = paste(editor, record, f"USER={VALUE}", environment=environment)
    assert response.status_code == 404
    assert values() == {}


def test_lines_are_begun_for_the_ticked_secrets(editor, record):
    ticks = [f"secret:{UUID(uuid_of('5', number))}" for number in (1, 3)]
    response = editor.post(url_of(record), {"do": "begin", "tick": ticks})
    page = response.content.decode()
    field = page[page.index("<textarea") :].partition("</textarea>")[0].partition(">")[2]
    assert field == "\nLONELY=\nUSER="
    assert "Tick the secrets" in text_of(editor.post(url_of(record), {"do": "begin"}))


# --- connections


def ticks_of(record, *names):
    items = record.items.filter(kind="connection", name__in=names)
    return [f"connection:{pk}" for pk in items.values_list("pk", flat=True)]


def test_many_connections_are_ticked_off(editor, record):
    data = {"do": "tick-off", "tick": ticks_of(record, "Mail", "Chat")}
    text = text_of(editor.post(url_of(record), data, follow=True))
    assert "2 connections are ticked off." in text
    assert record.items.exclude(looked_at=None).count() == 2
    assert {entry.get_edited_object().name for entry in LogEntry.objects.all()} == {"Mail", "Chat"}
    message = f"Looked at after import {record.pk}: it is right."
    assert {entry.get_change_message() for entry in LogEntry.objects.all()} == {message}


def test_where_one_is_gone_none_is_ticked_off(editor, record):
    Connection.objects.filter(name="Chat").update(is_deleted=True)
    data = {"do": "tick-off", "tick": ticks_of(record, "Mail", "Chat")}
    text = text_of(editor.post(url_of(record), data, follow=True))
    assert "Nothing was ticked off" in text
    assert not record.items.exclude(looked_at=None).exists()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("tick", [[], ["secret:1"], ["connection:x"], ["nonsense"]])
def test_without_a_connection_nothing_is_ticked_off(tick, editor, record):
    response = editor.post(url_of(record), {"do": "tick-off", "tick": tick}, follow=True)
    assert "Tick the connections that are right first." in text_of(response)


def test_connections_of_another_record_are_not_ticked_off(editor, record):
    other = import_items(connection(3, "Other")).record
    data = {"do": "tick-off", "tick": [*ticks_of(record, "Mail"), *ticks_of(other, "Other")]}
    editor.post(url_of(record), data)
    assert not type(record.items.first()).objects.exclude(looked_at=None).exists()


def test_who_may_not_change_connections_ticks_none_off(record):
    data = {"do": "tick-off", "tick": ticks_of(record, "Mail")}
    assert client_in("Operator").post(url_of(record), data).status_code == 403
    assert not record.items.exclude(looked_at=None).exists()
