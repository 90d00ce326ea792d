"""The records of imports in the admin: who sees what, and that nobody changes any of it."""

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from flows.models import MODELS, Connection, Flow, Secret
from imports.admin.wording import format_counts, format_duration
from imports.database.lock import hold_import_lock
from imports.errors import FileUnreadable
from imports.importing.service import run_import
from imports.models import ImportItem, ImportRecord
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    connection,
    flow,
    import_items,
    request_for,
    secret,
    uuid_of,
)
from tests.support.pages import LOGIN, assert_answered, text_of
from tests.support.shown_pieces import read_text
from tests.support.users import ROLES, client_in

LIST = "/admin/imports/importrecord/"
VALUE = "CANARY-4ec0-value"
OTHER = "CANARY-4ec0-other"
SCRIPT = "<script>alert(1)</script>"
SHA = "ab" * 32
PATH = "/srv/our backups/local-20261124T083258.sqlite3"

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor():
    return client_in("Editor")


def page_of(record):
    return f"{LIST}{record.pk}/change/"


def fill_url(record, number=1):
    return f"{LIST}{record.pk}/secrets/{uuid_of('5', number)}/"


def make_record(**values):
    defaults = {
        "started_at": datetime(2026, 3, 16, 17, 10, 6, tzinfo=UTC),
        "finished_at": datetime(2026, 3, 16, 17, 10, 6, 420000, tzinfo=UTC),
        "status": "succeeded",
        "door": "api",
        "user_name": "ada",
        "server": "local",
        "file_name": "zexport.json",
        "file_size": 20480,
        "file_sha256": SHA,
        "mode": "overwrite",
        "with_backup": True,
        "override_locks": False,
        "counts": {"OVERWRITE": 2, "CREATE": 3},
    }
    return ImportRecord.objects.create(**{**defaults, **values})


def make_items(record, kind, number, **values):
    defaults = {"kind": kind, "result": "CREATE", "match_method": "unmatched"}
    return ImportItem.objects.bulk_create(
        ImportItem(
            record=record,
            position=position,
            uuid=str(UUID(int=position)),
            name=f"{kind} {position}",
            target_uuid=UUID(int=position),
            target_name=f"{kind} {position}",
            **{**defaults, **values},
        )
        for position in range(number)
    )


# --- who may


@pytest.mark.parametrize("page", ["list", "record", "history"])
@pytest.mark.parametrize(
    ("role", "answer"),
    list(zip(ROLES, (LOGIN, 403, 200, LOGIN, 200, 200, 200), strict=True)),
)
def test_who_may_see(page, role, answer):
    record = import_items(secret(1, "KEY")).record
    url = {"list": LIST, "record": page_of(record), "history": f"{LIST}{record.pk}/history/"}[page]
    assert_answered(client_in(role).get(url), answer)


@pytest.mark.parametrize(
    ("role", "answer"),
    list(zip(ROLES, (LOGIN, 403, 403, LOGIN, "filled", "filled", "filled"), strict=True)),
)
def test_who_may_fill_a_secret(role, answer):
    record = import_items(secret(1, "KEY")).record
    client = client_in(role)
    response = client.post(fill_url(record), {"dev_value": VALUE, "prod_value": ""})
    assert_answered(response, answer, done=f"{page_of(record)}#checklist")
    assert Secret.objects.get().has_value is (answer == "filled")


def test_who_may_change_secrets_but_not_see_records_fills_none():
    record = import_items(secret(1, "KEY")).record
    client = client_in("staff")
    User.objects.get().user_permissions.set(Permission.objects.filter(codename="change_secret"))
    assert client.post(fill_url(record), {"dev_value": VALUE}).status_code == 403
    assert not Secret.objects.get().has_value


@pytest.mark.parametrize("page", ["add/", "{}/change/", "{}/delete/", ""])
def test_nobody_adds_changes_or_deletes_a_record(page):
    record = import_items(flow(1, "Orders")).record
    before = ImportRecord.objects.values().get()
    action = {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"}
    client = client_in("superuser")
    client.post(LIST + page.format(record.pk), {**action, "file_name": "other.json"})
    assert ImportRecord.objects.values().get() == before


@pytest.mark.parametrize(
    ("page", "method", "status"),
    [
        ("add/", "get", 403),
        ("add/", "post", 403),
        ("{}/change/", "post", 403),
        ("{}/delete/", "get", 403),
        ("{}/delete/", "post", 403),
    ],
)
def test_the_pages_that_would_are_forbidden(page, method, status):
    record = import_items(flow(1, "Orders")).record
    url = LIST + page.format(record.pk)
    assert getattr(client_in("superuser"), method)(url).status_code == status


def test_without_a_csrf_token_no_secret_is_filled():
    record = import_items(secret(1, "KEY")).record
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss"))
    assert client.post(fill_url(record), {"dev_value": VALUE}).status_code == 403
    assert not Secret.objects.get().has_value


@pytest.mark.parametrize("page", ["", "{}/change/", "{}/secrets/" + uuid_of("5", 1) + "/"])
def test_pages_are_not_kept_by_a_cache(page, editor):
    record = import_items(secret(1, "KEY")).record
    response = editor.get(LIST + page.format(record.pk))
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("number", ["404", "x", "9" * 30, "%00"])
def test_a_record_that_is_not_there_is_not_found(number, editor):
    assert editor.get(f"{LIST}{number}/change/").status_code == 404


def test_a_record_that_may_have_been_removed_has_a_page_that_says_so(editor):
    gone = make_record().pk
    newest = make_record().pk
    ImportRecord.objects.filter(pk=gone).delete()
    page = editor.get(f"{LIST}{gone}/change/")
    assert page.status_code == 404
    assert (
        f"This server has no import {gone}. It may have been removed with" in page.content.decode()
    )
    page = editor.get(f"{LIST}{newest + 1}/change/")
    assert page.status_code == 404
    assert "removed" not in page.content.decode()


# --- the list


def test_the_list_tells_of_each_record(editor):
    make_record(finished_at=datetime(2026, 3, 16, 17, 11, 9, tzinfo=UTC))
    text = text_of(editor.get(LIST))
    row = "2026-03-16 17:10:06 UTC Succeeded local zexport.json 2 overwritten, 3 created"
    assert f"{row} overwrite ada API 1 min 3 s" in text


def test_the_list_has_a_button_to_import(editor):
    assert f'href="{LIST}import/"' in editor.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("orders.json", ["orders.json"]),
        ("grace", ["orders.json"]),
        ("production", ["orders.json"]),
        (SHA[:20], ["other.json", "orders.json"]),
        ("In the file", ["orders.json"]),
        ("on the server", ["orders.json"]),
        ("FFFFFFFF-0000-4000-8000-000000000001", ["orders.json"]),
        ("cccccccc-0000", ["orders.json"]),
        ("nothing of it", []),
        ("\0", ["other.json", "orders.json"]),  # a bad form: Django's own way
    ],
)
def test_a_record_is_found_by(term, found, editor):
    record = make_record(file_name="orders.json", user_name="grace", server="production")
    for _ in range(2):  # twice, and found once
        ImportItem.objects.create(
            record=record,
            kind="flow",
            position=0,
            uuid=uuid_of("f", 1),
            name="In the file",
            result="OVERWRITE",
            match_method="name",
            target_uuid=uuid_of("c", 2),
            target_name="On the server",
        )
    make_record(file_name="other.json")
    results = editor.get(LIST, {"q": term}).context["cl"].result_list
    assert [record.file_name for record in results] == found


@pytest.mark.parametrize(
    "asked",
    [
        {"status__exact": "failed"},
        {"door__exact": "command"},
        {"mode__exact": "skip"},
        {"server": "production"},
        {"started_at__year": "2025"},
    ],
)
def test_records_are_filtered_by(asked, editor):
    make_record()
    wanted = make_record(
        status="failed",
        door="command",
        mode="skip",
        server="production",
        started_at=datetime(2025, 1, 1, tzinfo=UTC),
    )
    assert [*editor.get(LIST, asked).context["cl"].result_list] == [wanted]


def number_of_queries(client, url):
    with CaptureQueriesContext(database) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_a_longer_list_takes_no_more_queries(editor):
    make_record(issues=[{"code": "x", "path": "", "message": "m"}])
    few = number_of_queries(editor, LIST)
    for _ in range(40):
        make_record(issues=[{"code": "x", "path": "", "message": "m"}])
    assert number_of_queries(editor, LIST) == few


# --- a record


def test_a_record_tells_of_its_run(editor):
    record = make_record(
        override_locks=True, backup_path=PATH, backup_size=303104, backup_sha256="cd" * 32
    )
    text = text_of(editor.get(page_of(record)))
    for said in (
        f"Import {record.pk} Succeeded What happened Succeeded: 2 overwritten, 3 created.",
        "Server local",
        "Who ada , through the API",
        "2026-03-16 17:10:06 UTC until 2026-03-16 17:10:06 UTC , 0.42 s",
        "Overwrite: an item that exists already becomes the file's With a backup "
        "Overwriting locked flows as well",
        "File zexport.json , 20.0 KB",
        f"SHA-256 {SHA}",
        f"Backup {PATH} , 296.0 KB, SHA-256 {'cd' * 32}",
        "python manage.py database_restore '/srv/our backups/local-20261124T083258.sqlite3'",
    ):
        assert said in text


def test_the_backup_of_a_run_from_another_instance_is_restored_from_there(editor):
    record = make_record(server="staging", backup_path="/srv/b.sqlite3", backup_size=1)
    text = text_of(editor.get(page_of(record)))
    assert "python manage.py database_restore /srv/b.sqlite3 --server staging" in text


def test_where_the_backup_is_nobody_sees_who_may_not_make_one():
    record = make_record(
        status="refused", code="backup-failed", message=f"No room in {PATH}", backup_path=PATH,
        backup_size=1,
    )  # fmt: skip
    page = client_in("Operator").get(page_of(record)).content.decode()
    assert "/srv/our" not in page
    assert "local-20261124T083258.sqlite3" in page
    assert "database_restore" not in page
    assert "The server could not do it, and nothing was changed." in page


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        ("refused", "locked", "Refused"),
        ("failed", "not-json", "Refused"),
        ("failed", "unexpected-error", "Failed"),
        ("failed", "database-full", "Failed"),
    ],
)
def test_the_list_says_why_nothing_came_of_a_run(status, code, word, editor):
    make_record(status=status, code=code, message="It is locked. " + "x" * 300, counts={})
    text = text_of(editor.get(LIST))
    assert f"{word}: It is locked. xx" in text
    assert "x" * 120 not in text


def test_the_list_does_not_say_what_somebody_may_not_know():
    make_record(status="refused", code="backup-failed", message=f"No room in {PATH}")
    url = LIST
    response = client_in("Operator").get(url)
    assert "/srv/our" not in response.content.decode()
    assert "Refused: The server could not do it" in text_of(response)


def test_a_run_without_a_backup_says_so(editor):
    text = text_of(editor.get(page_of(make_record(with_backup=False))))
    assert "Backup Without a backup." in text


@pytest.mark.parametrize("status", ["refused", "failed"])
def test_an_option_of_the_command_is_the_page_s_own_control(status, editor):
    message = "The flow Orders is locked on this server. Unlock it there, or give --override-locks."
    issue = {"code": "locked", "path": "flows[0]", "uuid": None, "name": None, "message": message}
    record = make_record(status=status, code="locked", message=message, issues=[issue], counts={})
    text = text_of(editor.get(page_of(record)))
    assert text.count("or choose “Overwrite locked flows as well”.") == 2
    assert "Import the file again, with other options" in text
    for page in (page_of(record), LIST):
        assert "--override-locks" not in editor.get(page).content.decode()


def test_a_bad_file_is_refused_and_not_failed(editor):
    with pytest.raises(FileUnreadable):
        run_import(request_for(b"[}"))
    record = ImportRecord.objects.get()
    assert record.status == "failed"
    text = text_of(editor.get(page_of(record)))
    assert f"Import {record.pk} Refused What happened Refused: The file" in text
    assert "Failed" not in text


def test_a_running_import_says_so_and_is_asked_for(editor):
    record = make_record(status="running", finished_at=None, counts={})
    with hold_import_lock(wait=0):  # as its process does
        response = editor.get(page_of(record))
    assert "This run has not ended. It began at 2026-03-16 17:10:06 UTC" in text_of(response)
    page = response.content.decode()
    url = f"{LIST}{record.pk}/state/"
    assert f'data-url="{url}"' in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    state = editor.get(url)
    assert state.json().items() >= {"running": True, "status": "running"}.items()
    assert "no-store" in state["Cache-Control"]
    ImportRecord.objects.update(status="succeeded")
    assert editor.get(url).json()["running"] is False
    assert "http-equiv" not in editor.get(page_of(record)).content.decode()


def test_the_state_needs_the_right_to_see_records():
    record = make_record(status="running", finished_at=None)
    assert client_in("staff").get(f"{LIST}{record.pk}/state/").status_code == 403


def test_a_refused_import_tells_why_with_every_problem(editor):
    issues = [
        {"code": "bad", "path": f"flows[{n}]", "uuid": None, "name": None, "message": f"Bad {n}."}
        for n in range(1000)
    ]
    record = make_record(
        status="refused", code="bad", message="It is bad.", issues=issues, counts={}
    )
    response = editor.get(page_of(record))
    text = text_of(response)
    assert "Refused: It is bad. bad" in text
    assert "flows[0] Bad 0. bad" in text
    assert "flows[999] Bad 999. bad" in text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("succeeded", "This same file was applied on 2025-01-01 00:00:00 UTC to staging ."),
        ("undone", "was applied on 2025-01-01 00:00:00 UTC to staging , which was undone."),
        ("failed", "It was tried on 2025-01-01 00:00:00 UTC on staging (failed)."),
        ("refused", "It was tried on 2025-01-01 00:00:00 UTC on staging (refused)."),
        ("interrupted", "It was tried on 2025-01-01 00:00:00 UTC on staging (interrupted)."),
    ],
)
def test_other_imports_of_the_same_file_are_told(status, said, editor):
    record = make_record()
    when = datetime(2025, 1, 1, tzinfo=UTC)
    other = make_record(status=status, server="staging", started_at=when)
    make_record(file_sha256="cd" * 32, started_at=when)
    response = editor.get(page_of(record))
    assert said in text_of(response)
    assert response.content.decode().count("2025-01-01 00:00:00 UTC</time></a>") == 1
    assert f'href="{page_of(other)}"' in response.content.decode()


def test_a_file_that_was_imported_once_is_told_of_once(editor):
    assert "same file" not in text_of(editor.get(page_of(make_record())))


def test_items_are_counted_by_kind_and_result(editor):
    record = make_record()
    make_items(record, "flow", 2, result="OVERWRITE")
    make_items(record, "flow", 3)
    make_items(record, "secret", 1)
    text = text_of(editor.get(page_of(record)))
    assert "Counts overwritten created Flows 2 3 Secrets 0 1" in text


def test_warnings_are_collected(editor):
    record = make_record()
    make_items(record, "flow", 1, warnings=["brings back a deleted flow"])
    make_items(record, "secret", 250, warnings=["has no value yet"])
    response = editor.get(page_of(record))
    text = text_of(response)
    assert "251 items with warnings" in text
    assert "flow flow 0 brings back a deleted flow" in text
    assert "secret secret 198 has no value yet" in text
    assert "secret secret 199 has no value yet" not in text
    assert "And 51 more" in text


def rows_of(response):
    """The names in the first column of the table of items, by its groups."""
    return {kind: [line.item.name for line in lines] for kind, lines in response.context["groups"]}


def test_items_stand_in_groups_in_the_order_of_the_file(editor):
    record = make_record()
    make_items(record, "secret", 1)
    make_items(record, "connection", 2)
    make_items(record, "flow", 1)
    response = editor.get(page_of(record))
    assert rows_of(response) == {
        "flows": ["flow 0"],
        "connections": ["connection 0", "connection 1"],
        "secrets": ["secret 0"],
    }
    assert list(rows_of(response)) == ["flows", "connections", "secrets"]


def test_items_come_in_pages(editor):
    record = make_record()
    make_items(record, "flow", 65)
    make_items(record, "secret", 40)
    pages = [rows_of(editor.get(page_of(record), {"page": page})) for page in (1, 2, 3)]
    assert pages[0] == {"flows": [f"flow {n}" for n in range(50)]}
    assert pages[1] == {
        "flows": [f"flow {n}" for n in range(50, 65)],
        "secrets": [f"secret {n}" for n in range(35)],
    }
    assert pages[2] == {"secrets": [f"secret {n}" for n in range(35, 40)]}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"result": "SKIP"}, ["Skipped"]),
        ({"text": "kept"}, ["Kept"]),
        ({"text": "other NAME"}, ["Renamed"]),
        ({"text": uuid_of("f", 3).upper()}, ["Renamed"]),
        ({"warned": "on"}, ["Renamed"]),
        ({"result": "SKIP", "text": "kept"}, []),
        ({"result": "nonsense"}, ["Skipped", "Kept", "Renamed"]),
        ({"text": "\0"}, ["Skipped", "Kept", "Renamed"]),
        ({"text": "100%"}, []),
    ],
)
def test_items_are_filtered_by(asked, found, editor):
    record = make_record()
    for number, (name, result) in enumerate(
        [("Skipped", "SKIP"), ("Kept", "UNCHANGED"), ("Renamed", "OVERWRITE")], 1
    ):
        ImportItem.objects.create(
            record=record,
            kind="flow",
            position=number,
            uuid=uuid_of("f", number),
            name=name,
            result=result,
            match_method="uuid",
            target_uuid=uuid4(),
            target_name="Other name" if name == "Renamed" else name,
            warnings=["renames"] if name == "Renamed" else [],
        )
    assert rows_of(editor.get(page_of(record), asked)) == ({"flows": found} if found else {})


def test_the_pages_of_a_filter_keep_it(editor):
    record = make_record()
    make_items(record, "flow", 130)
    page = editor.get(page_of(record), {"text": "flow", "result": "CREATE"}).content.decode()
    assert f'href="{page_of(record)}?text=flow&amp;result=CREATE&amp;page=2#items"' in page


def test_an_item_links_to_its_row(editor):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders")
    record = import_items(flow(1, "Orders", timeout=5), secret(1, "KEY")).record
    page = editor.get(page_of(record)).content.decode()
    assert f'href="/admin/flows/flow/{Flow.objects.get().pk}/change/"' in page
    assert f'href="/admin/flows/secret/{Secret.objects.get().pk}/change/"' in page
    assert "timeout" in text_of(editor.get(page_of(record)))


def test_the_uuid_of_a_row_is_told_where_it_is_not_the_file_s(editor):
    FlowFactory(uuid=uuid_of("f", 9), name="By name")
    record = import_items(flow(1, "By name", timeout=5), flow(2, "Created")).record
    text = text_of(editor.get(page_of(record)))
    told = f"overwritten By name matched by name {uuid_of('f', 1)} here {uuid_of('f', 9)}"
    assert f"{told} timeout 60 → 5 what changed in By name" in text
    assert f"created Created {uuid_of('f', 2)} what changed in Created" in text


def test_a_row_that_is_deleted_or_gone_is_told(editor):
    record = import_items(flow(1, "Deleted"), flow(2, "Purged")).record
    Flow.objects.filter(name="Deleted").update(is_deleted=True)
    Flow.objects.filter(name="Purged").delete()
    response = editor.get(page_of(record))
    assert "Deleted (deleted)" in text_of(response)
    assert "Purged (gone)" in text_of(response)
    linked = re.findall(r'href="/admin/flows/flow/(\d+)/change/"', response.content.decode())
    assert linked == [str(Flow.objects.get().pk)]


def test_nobody_is_sent_where_they_may_not_go():
    record = import_items(flow(1, "Orders"), connection(1, "Mail"), secret(1, "KEY")).record
    client = client_in("staff")
    User.objects.get().user_permissions.set(Permission.objects.filter(codename="view_importrecord"))
    page = client.get(page_of(record)).content.decode()
    assert "/admin/flows/" not in page
    assert "Orders" in page


@pytest.mark.parametrize("page", [1, 2, 50])
def test_a_record_of_5000_items_takes_no_more_queries(page, editor):
    small, large = make_record(), make_record()
    for record, number in ((small, 1), (large, 1700)):
        for kind in ("flow", "connection", "secret"):
            make_items(record, kind, number, warnings=["dangling reference to flow x"])
    for number in range(2):
        for kind, model in MODELS.items():
            model.objects.create(uuid=UUID(int=number), name=f"{kind}{number}")
    few = number_of_queries(editor, page_of(small))
    assert number_of_queries(editor, f"{page_of(large)}?page={page}") <= few


# --- the checklist


def test_a_record_answers_first_what_happened(editor):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders")
    mail = connection(1, "Mail", devValue="{ host: 'a.example.com', key: secrets.KEY }")
    record = import_items(flow(1, "", timeout=5), secret(1, "KEY"), mail).record
    page = editor.get(page_of(record)).content.decode()
    sections = ("outcome", "warnings", "origin", "undo", "items", "checklist")
    places = [page.index(f'<section class="module{rest}" id="{name}"') for name, rest in zip(
        sections, ("", "", "", "", "", " record-checklist"), strict=True
    )]  # fmt: skip
    assert places == sorted(places)
    assert page.count('type="password"') == 0


def test_a_record_without_points_has_no_checklist(editor):
    record = import_items(flow(1, "Orders")).record
    assert "Checklist" not in text_of(editor.get(page_of(record)))


def test_who_may_not_fill_a_secret_is_told_and_gets_no_form():
    record = import_items(secret(1, "KEY")).record
    client = client_in("Operator")
    response = client.get(page_of(record), {"todo": "all", "give": uuid_of("5", 1)})
    assert "To do secret KEY has no value." in text_of(response)
    assert "You may not change secrets: ask somebody who may." in text_of(response)
    for control in ('type="password"', "<textarea", "Give a value"):
        assert control not in response.content.decode()


def test_the_form_is_write_only(editor):
    record = import_items(secret(1, "KEY"), secret(2, "DONE")).record
    Secret.objects.filter(name="DONE").update(dev_value=VALUE)
    page = editor.get(page_of(record), {"give": uuid_of("5", 1)}).content.decode()
    inputs = re.findall(r'<input type="password"[^>]*>', page)
    assert [re.search(r'name="(\w+)"', each)[1] for each in inputs] == ["dev_value", "prod_value"]
    for each in inputs:
        assert 'autocomplete="new-password"' in each
        assert "value=" not in each.replace('name="', "")
    text = text_of(editor.get(page_of(record), {"todo": "done"}))
    assert "Done secret DONE has a value." in text


def test_a_secret_is_filled_right_there(editor):
    record = import_items(secret(1, "KEY")).record
    values = {"dev_value": VALUE, "prod_value": OTHER}
    response = editor.post(fill_url(record), values, follow=True)
    row = Secret.objects.get()
    assert (row.dev_value.reveal(), row.prod_value.reveal()) == (VALUE, OTHER)
    text = text_of(response)
    assert "The secret KEY has a value now." in text
    assert "Nothing is left to do." in text
    assert "CANARY" not in response.content.decode()
    text = text_of(editor.get(page_of(record), {"todo": "all"}))
    assert "Done secret KEY has a value." in text


def test_a_value_is_stored_as_it_was_typed(editor):
    record = import_items(secret(1, "KEY")).record
    editor.post(fill_url(record), {"dev_value": " ünï\t ", "prod_value": ""})
    row = Secret.objects.get()
    assert (row.dev_value.reveal(), row.prod_value) == (" ünï\t ", None)


def test_a_filled_secret_is_in_the_log_without_its_value(editor):
    record = import_items(secret(1, "KEY")).record
    editor.post(fill_url(record), {"dev_value": "", "prod_value": VALUE})
    entry = LogEntry.objects.get()
    assert (entry.get_edited_object(), entry.user.username) == (Secret.objects.get(), "Editor")
    assert json.loads(entry.change_message) == [{"changed": {"fields": ["Production value"]}}]
    assert entry.get_change_message() == "Changed Production value."


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"dev_value": "", "prod_value": ""},
        {"dev_value": f"{VALUE}\0", "prod_value": OTHER},
    ],
)
def test_a_form_that_is_refused_says_so_and_gives_nothing_back(typed, editor):
    record = import_items(secret(1, "KEY")).record
    response = editor.post(fill_url(record), typed)
    text = text_of(response)
    assert "The values were not stored." in text
    assert ("Give at least one" in text) or ("Null characters are not allowed." in text)
    assert "CANARY" not in response.content.decode()
    assert not Secret.objects.get().has_value
    assert not LogEntry.objects.exists()
    assert editor.get(fill_url(record)).url == f"{page_of(record)}#checklist"


def test_a_value_that_somebody_gave_meanwhile_stays_and_that_is_told(editor):
    record = import_items(secret(1, "KEY")).record
    Secret.objects.update(dev_value=OTHER)
    response = editor.post(fill_url(record), {"dev_value": VALUE, "prod_value": VALUE}, follow=True)
    row = Secret.objects.get()
    assert (row.dev_value.reveal(), row.prod_value) == (OTHER, None)
    assert "This secret has a value already" in text_of(response)
    assert "CANARY" not in response.content.decode()
    assert not LogEntry.objects.exists()


def test_a_secret_of_another_import_is_not_filled(editor):
    record = import_items(secret(1, "KEY")).record
    SecretFactory(uuid=uuid_of("5", 2), name="OTHER")
    response = editor.post(fill_url(record, 2), {"dev_value": VALUE}, follow=True)
    assert "There is no such secret in this import any more." in text_of(response)
    assert not Secret.objects.get(name="OTHER").has_value


def test_connections_to_look_at_link_to_their_pages(editor):
    SecretFactory(name="KEY", dev_value=VALUE)
    here = "{ host: 'a.example.com', token: secrets.KEY }"
    ConnectionFactory(uuid=uuid_of("c", 2), name="Mail", dev_value=here)
    record = import_items(
        connection(1, "Chat"), connection(2, "Mail", devValue=here.replace("a.ex", "b.ex"))
    ).record
    response = editor.get(page_of(record))
    text = text_of(response)
    text = text[text.index("Checklist after the import") :]
    assert text.index(
        "To do connection Mail was overwritten. sends the stored secret to another"
    ) < text.index("To do connection Chat was created.")
    page = response.content.decode()
    for row in Connection.objects.all():
        assert page.count(f'href="/admin/flows/connection/{row.pk}/change/"') == 2


def test_a_long_checklist_comes_in_pages(editor):
    record = import_items(*(connection(n, f"Connection {n:02}") for n in range(60))).record
    text = text_of(editor.get(page_of(record)))
    assert "Checklist after the import: 60 to do" in text
    assert "connection Connection 49 was created." in text
    assert "connection Connection 50 was created." not in text
    page = editor.get(page_of(record), {"result": "all", "kind": "connection"}).content.decode()
    address = f"{page_of(record)}?result=all&amp;kind=connection&amp;check=2#checklist"
    assert f'href="{address}"' in page
    assert "connection Connection 59 was created." in text_of(
        editor.get(page_of(record), {"check": "2"})
    )


def test_secrets_that_nothing_uses_are_folded(editor):
    record = import_items(
        secret(1, "UNUSED"),
        secret(2, "USED"),
        connection(1, "Mail", devValue="{ k: secrets.USED }"),
    ).record
    response = editor.get(page_of(record))
    text = text_of(response)
    assert "To do secret USED has no value. A value goes: to" in text
    assert "To do secret UNUSED" not in text
    assert "1 secret without a value that nothing uses" in text
    assert re.search(r"<details class=\"record-unused\">(?:(?!</details>).)*UNUSED",
                     response.content.decode(), re.DOTALL)  # fmt: skip
    text = text_of(editor.get(page_of(record), {"todo": "unused"}))
    assert "To do secret UNUSED has no value. A value goes: Nowhere yet" in text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["MAIL_KEY", "Mail"]),
        ({"find": "mail_"}, ["MAIL_KEY"]),
        ({"kind": "connection"}, ["Mail"]),
        ({"todo": "done"}, ["DONE"]),
        ({"todo": "unused"}, ["LONELY"]),
        ({"todo": "all"}, ["MAIL_KEY", "Mail", "LONELY", "DONE"]),
        ({"todo": "nonsense"}, ["MAIL_KEY", "Mail"]),
        ({"find": "\0"}, ["MAIL_KEY", "Mail"]),
    ],
)
def test_points_are_filtered_by(asked, found, editor):
    mail = connection(1, "Mail", devValue="{ k: secrets.MAIL_KEY }")
    names = ("MAIL_KEY", "LONELY", "DONE")
    record = import_items(*(secret(n, name) for n, name in enumerate(names)), mail).record
    Secret.objects.filter(name="DONE").update(dev_value=VALUE)
    lines = editor.get(page_of(record), asked).context["check_lines"]
    assert [line.point.name for line in lines] == found


# --- ticking a connection off


def tick_off_url(record, number=0):
    return f"{LIST}{record.pk}/connections/{record.items.all()[number].pk}/looked-at/"


@pytest.mark.parametrize(
    ("role", "answer"),
    list(zip(ROLES, (LOGIN, 403, 403, LOGIN, "done", "done", "done"), strict=True)),
)
def test_who_may_tick_a_connection_off(role, answer):
    record = import_items(connection(1, "Mail")).record
    response = client_in(role).post(tick_off_url(record))
    assert_answered(response, answer, done=f"{page_of(record)}#checklist")
    assert (record.items.get().looked_at is not None) is (answer == "done")


@pytest.mark.parametrize("codename", ["view_importrecord", "change_connection"])
def test_ticking_off_needs_the_right_on_the_record_and_on_connections(codename):
    record = import_items(connection(1, "Mail")).record
    client = client_in("staff")
    user = User.objects.get(username="staff")
    user.user_permissions.set(Permission.objects.filter(codename=codename))
    assert client.post(tick_off_url(record)).status_code == 403
    assert record.items.get().looked_at is None


def test_a_connection_that_is_right_is_ticked_off_by_its_button(editor):
    record = import_items(connection(1, "Mail"), connection(2, "Chat")).record
    page = editor.get(page_of(record))
    assert f'formaction="{tick_off_url(record)}"' in page.content.decode()
    assert 'aria-label="Looked at, it is right: Mail"' in page.content.decode()

    text = text_of(editor.post(tick_off_url(record), follow=True))

    assert "The connection Mail is ticked off." in text
    assert "To do connection Mail" not in text
    assert "To do connection Chat was created." in text
    text = text_of(editor.get(page_of(record), {"todo": "done"}))
    assert "Done connection Mail was looked at: it is right." in text
    page = editor.get(page_of(record)).content.decode()
    assert f'action="{tick_off_url(record)}"' not in page
    assert f'action="{tick_off_url(record, 1)}"' in page
    entry = LogEntry.objects.get()
    assert entry.get_edited_object() == Connection.objects.get(name="Mail")
    assert entry.get_change_message() == f"Looked at after import {record.pk}: it is right."


def test_who_may_not_change_connections_gets_no_button():
    record = import_items(connection(1, "Mail")).record
    page = client_in("Operator").get(page_of(record)).content.decode()
    assert "To do" in page
    assert "looked-at" not in page


def test_ticking_off_needs_a_post_with_the_token_of_its_form(editor):
    record = import_items(connection(1, "Mail")).record
    assert editor.get(tick_off_url(record)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())
    assert strict.post(tick_off_url(record)).status_code == 403
    assert record.items.get().looked_at is None


def test_what_is_no_connection_of_the_record_is_not_ticked_off(editor):
    record = import_items(secret(1, "KEY"), connection(1, "Mail")).record
    other = import_items(connection(2, "Chat")).record
    number = other.items.get().pk
    for item in (record.items.get(kind="secret").pk, number, 10**17):
        url = f"{LIST}{record.pk}/connections/{item}/looked-at/"
        assert editor.post(url).status_code == 404
    assert not ImportItem.objects.exclude(looked_at=None).exists()
    assert not LogEntry.objects.exists()


# --- texts of others


def test_no_stored_value_is_in_any_response(admin_client):
    record = import_items(secret(1, "KEY"), secret(2, "OTHER")).record
    Secret.objects.filter(name="KEY").update(dev_value=VALUE, prod_value=VALUE)
    tokens = Secret.objects.get(name="KEY")
    for url in (LIST, f"{LIST}?q=KEY", page_of(record), f"{page_of(record)}?text=KEY"):
        page = admin_client.get(url).content.decode()
        for hidden in (VALUE, tokens.dev_value.token, tokens.prod_value.token):
            assert hidden not in page


MARKUP = (SCRIPT, "\"'><img src=x onerror=alert(1)>", "{{ 7 }}{% now %}", "\u202eתרחיש \u2067SMS")
STRANGE_AT_ONCE = 20


def strange_records(texts):
    """A record for each of the texts, which has all of them in its problems and items."""
    for text in texts:
        record = make_record(
            user_name=text,
            server=text,
            file_name=text,
            message=text,
            code=text[:100],
            issues=[dict.fromkeys(("code", "path", "uuid", "name", "message"), it) for it in texts],
            backup_path=f"/{text}",
            backup_size=1,
            backup_sha256=text[:64],
        )
    for position, text in enumerate(texts):
        for kind, model in MODELS.items():
            row = model.objects.create(name=f"{position}{text}"[:255])
            ImportItem.objects.create(
                record=record,
                kind=kind,
                position=position,
                uuid=text,
                name=text,
                result="CREATE",
                match_method="unmatched",
                target_uuid=row.uuid,
                target_name=text,
                changed_keys=[text],
                warnings=[text],
            )
    return record


def tags_of(response):
    """The tags of a page, without what they say of themselves."""
    assert response.status_code == 200
    page = re.sub(r'"[^"]*"', '""', response.content.decode())
    return re.findall(r"<(/?[a-z][a-z0-9]*)", page)


@pytest.mark.parametrize("page", ["list", "record"])
def test_strange_texts_are_shown_as_texts(page, shared_data, editor):
    strings = json.loads((shared_data / "naughty-strings.json").read_text())
    texts = [text.replace("\0", "") or "x" for text in (*MARKUP, *strings)]
    texts += ["x"] * (-len(texts) % STRANGE_AT_ONCE)
    shown = []
    for first in range(0, len(texts), STRANGE_AT_ONCE):
        for model in (ImportRecord, *MODELS.values()):
            model.objects.all().delete()
        batch = texts[first : first + STRANGE_AT_ONCE]
        plain = [f"plain {batch.index(text)}" for text in batch]
        for each in (plain, batch):
            record = strange_records(each)
            shown.append(tags_of(editor.get(LIST if page == "list" else page_of(record))))
            ImportRecord.objects.all().delete()
        usual, strange = shown[-2:]
        assert strange == usual, batch


# --- words


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"CREATE": 1200, "SKIP": 1}, "1,200 created, 1 skipped"),
        (
            {"UNCHANGED": 2, "DUPLICATE": 1, "OVERWRITE": 3},
            "3 overwritten, 1 duplicated, 2 unchanged",
        ),
        ({}, ""),
        ({"CREATE": 0}, ""),
    ],
)
def test_counts_in_words(counts, words):
    assert format_counts(counts) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""), (0.4234, "0.42 s"), (12.34, "12.3 s"), (59.99, "60.0 s"),
        (63.4, "1 min 3 s"), (119.9, "2 min 0 s"), (timedelta(hours=2).total_seconds(), "120 min 0 s"),
    ],
)  # fmt: skip
def test_a_duration_in_words(seconds, words):
    assert format_duration(seconds) == words


# --- what changed


def item_url(item):
    return f"{LIST}{item.record_id}/items/{item.pk}/"


def item_of(*items, **changes):
    return import_items(*items, **changes).record.items.get()


@pytest.mark.parametrize(
    ("role", "answer"),
    list(zip(ROLES, (LOGIN, 403, 200, LOGIN, 200, 200, 200), strict=True)),
)
@pytest.mark.parametrize("digit", ["f", "c", "5"])
def test_who_may_see_what_changed(digit, role, answer):
    item = item_of({"uuid": uuid_of(digit, 1), "name": "NAME"})
    assert_answered(client_in(role).get(item_url(item)), answer)


@pytest.mark.parametrize(
    ("given", "answers"),
    [
        (["view_importrecord"], {"f": 403, "c": 403, "5": 403}),
        (["view_importrecord", "view_flow"], {"f": 200, "c": 403, "5": 403}),
        (["view_importrecord", "change_secret"], {"f": 403, "c": 403, "5": 200}),
        (["view_flow", "view_connection", "view_secret"], {"f": 403, "c": 403, "5": 403}),
    ],
)
def test_what_changed_needs_the_right_on_the_record_and_on_the_kind(given, answers):
    record = import_items(flow(1, "Orders"), connection(1, "Mail"), secret(1, "KEY")).record
    client = client_in("staff")
    User.objects.get().user_permissions.set(Permission.objects.filter(codename__in=given))
    pages = {item.uuid[0]: client.get(item_url(item)) for item in record.items.all()}
    assert {digit: page.status_code for digit, page in pages.items()} == answers


def test_an_overwritten_row_is_held_against_its_save(editor):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", timeout=60, info="kept")
    item = item_of(flow(1, "Orders", timeout=30))
    Flow.objects.update(listener_type="by hand")
    response = editor.get(item_url(item))
    difference = response.context["difference"]
    assert [
        (field.key, read_text(field.before), read_text(field.after)) for field in difference.fields
    ] == [
        ("listenerType", "", "by hand"),
        ("timeout", "60", "30"),
    ]
    text = text_of(response)
    assert "this flow was overwritten." in text
    assert "Before: as it was saved on " in text
    assert "After: as it is now. What was changed since the import is in it as well." in text


def test_a_flow_is_shown_as_pictures(editor):
    node = {"id": "a", "type": "start", "position": {"x": 0, "y": 0}, "data": {"label": "Old"}}
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", nodes=json.dumps([node]))
    item = item_of(flow(1, "Orders", nodes=[{**node, "data": {"label": "New"}}]))
    page = editor.get(item_url(item)).content.decode()
    drawn = page.partition("<main")[2].partition("</main>")[0]
    for role in ("group", "img"):  # what is shown first, and the whole
        assert drawn.count(f'<svg class="graph" role="{role}"') == 2
    for asset in ("flows/graph.css", "flows/difference.css", "flows/difference.js"):
        assert f"/static/{asset}" in page


def test_a_created_row_was_nothing_before(editor):
    response = editor.get(item_url(item_of(connection(1, "Mail", description="of the file"))))
    assert response.context["difference"].is_new
    assert "Before: there was nothing, the import made it." in text_of(response)


def test_a_row_that_was_brought_back_is_held_against_what_it_was(editor):
    FlowFactory(uuid=uuid_of("f", 1), name="Old", is_deleted=True)
    response = editor.get(item_url(item_of(flow(1, "New"))))
    difference = response.context["difference"]
    assert [
        (field.key, read_text(field.before), read_text(field.after)) for field in difference.fields
    ] == [("name", "Old", "New")]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("deleted", "After: as it is now. It was deleted, and this is what is kept of it."),
        ("purged", "After: the flow is gone."),
    ],
)
def test_a_row_that_is_not_there_any_more_is_told(end, said, editor):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders")
    item = item_of(flow(1, "Orders", timeout=30))
    if end == "deleted":
        Flow.objects.update(is_deleted=True)
    else:
        Flow.objects.all().delete()
    response = editor.get(item_url(item))
    assert said in text_of(response)
    assert response.context["difference"].is_gone is (end == "purged")


def test_a_save_that_is_gone_is_told(editor):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders")
    item = item_of(flow(1, "Orders", timeout=30))
    item.named_save.delete()
    text = text_of(editor.get(item_url(item)))
    assert "The state before the import is not kept any more" in text


def test_a_save_that_cannot_be_read_is_told(editor):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders")
    item = item_of(flow(1, "Orders", timeout=30))
    item.named_save.version_set.update(serialized_data="[{}]")
    text = text_of(editor.get(item_url(item)))
    assert "The state before the import does not fit the database any more." in text


def test_an_item_that_was_not_written_has_no_such_page(editor):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders")
    item = item_of(flow(1, "Orders"), mode="skip")
    assert editor.get(item_url(item)).status_code == 404
    assert "/items/" not in editor.get(page_of(item.record)).content.decode()


def test_an_item_is_found_in_its_own_record_only(editor):
    item, other = item_of(flow(1, "Orders")), item_of(flow(2, "Bills"))
    assert editor.get(f"{LIST}{other.record_id}/items/{item.pk}/").status_code == 404
    assert editor.get(f"{LIST}{item.record_id}/items/{'9' * 30}/").status_code == 404


def test_a_record_links_to_what_changed(editor):
    item = item_of(flow(1, "Orders"))
    assert f'href="{item_url(item)}"' in editor.get(page_of(item.record)).content.decode()


def test_no_value_of_a_secret_is_in_what_changed(admin_client):
    row = SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value=VALUE, prod_value=VALUE)
    item = item_of(secret(1, "KEY", description="changed"))
    Secret.objects.update(dev_value=OTHER)
    page = admin_client.get(item_url(item)).content.decode()
    assert "changed" in page
    now = Secret.objects.get()
    for hidden in (VALUE, OTHER, row.dev_value.token, now.dev_value.token, now.prod_value.token):
        assert hidden not in page


def test_what_changed_takes_few_queries(editor):
    for number in range(3):
        FlowFactory(uuid=uuid_of("f", number), name=f"Flow {number}")
    record = import_items(*(flow(n, f"Flow {n}", timeout=5) for n in range(3))).record
    item = record.items.first()
    with CaptureQueriesContext(database) as queries:
        editor.get(item_url(item))
    assert len(queries) <= 12  # two of them read documents


@pytest.mark.parametrize("text", [SCRIPT, "\"'><img src=x onerror=alert(1)>", "\u202eSMS"])
def test_strange_texts_of_a_row_are_shown_as_texts(text, editor):
    ConnectionFactory(uuid=uuid_of("c", 1), name="plain", description="plain", dev_value="plain")
    item = item_of(connection(1, text, description=text, devValue=text))
    page = editor.get(item_url(item)).content.decode()
    assert SCRIPT not in page
    assert "<img" not in page
