"""The undo pages of the admin: preview, choices, one row, confirmation, and the way back."""

import json
import re
from datetime import UTC, datetime
from html import unescape
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from flows.models import Connection, Flow, Secret
from imports.admin.undo import undo_page
from imports.database.lock import hold_import_lock
from imports.models import ImportRecord
from imports.undo.plans.snapshot import find_row_changes_since, make_undo_token, pack_rows
from imports.undo.service import examine_undo, undo_import
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, flow, import_items, secret, uuid_of
from tests.support.pages import LOGIN, assert_answered
from tests.support.undoing import undo_request
from tests.support.users import ROLES, client_in, logged_in

pytestmark = pytest.mark.django_db

VALUE = "CANARY-undo-value"
SINCE = datetime(2026, 3, 16, 17, 10, 6, tzinfo=UTC)


def client_who_may(*codenames):
    user = User.objects.create_user("bob", is_staff=True)
    permissions = Permission.objects.filter(codename__in=codenames)
    assert len(permissions) == len(codenames)
    user.user_permissions.set(permissions)
    return logged_in(user)


@pytest.fixture
def admin():
    return client_in("Admin")


@pytest.fixture
def record():
    """Of an import that overwrote one flow and made another."""
    FlowFactory(uuid=uuid_of("f", 1), name="Old", info="before")
    return import_items(flow(1, "New", info="file"), flow(2, "Made")).record


def url_of(record):
    return reverse("admin:imports_importrecord_undo", args=[record.pk])


def row_url(record, kind="flow", uuid=None):
    args = [record.pk, kind, uuid or uuid_of("f", 1)]
    return reverse("admin:imports_importrecord_undo_row", args=args)


def record_url(record):
    return reverse("admin:imports_importrecord_change", args=[record.pk])


def form_of(answer, **choices):
    """What a browser sends of the shown page: what is in its form, with these choices."""
    context = answer.context
    lines = context["page"]
    selects = {line.choice_name: line.chosen or "" for line in lines if line.choices}
    shown = {"shown": context["token"]}
    return {
        "decided": context["chosen"].as_json(),
        "decided_conflicts": context["chosen"].conflicts or "",
        "conflicts": context["chosen"].conflicts or "",
        "shown_rows": context["packed"],
        "no_backup": "on",
        **(shown if 'name="shown"' in answer.content.decode() else {}),
        **selects,
        **choices,
    }


def choice(number, kind="flow", digit="f"):
    return f"decision:{kind}:{uuid_of(digit, number)}"


def planned(client, record, **choices):
    """The page after these choices were planned."""
    return client.post(url_of(record), form_of(client.get(url_of(record)), **choices))


def confirm(client, record, answer=None, **choices):
    """Press the button of the page, which was planned with the choices before."""
    answer = answer or (planned(client, record, **choices) if choices else None)
    form = form_of(answer or client.get(url_of(record)))
    return client.post(url_of(record), {**form, "confirm": "Undo"})


def shown(answer):
    """Name and result of the rows that the page shows."""
    return [(line.change.name, line.change.result.value) for line in answer.context["page"]]


def told(answer):
    return [message.message for message in get_messages(answer.wsgi_request)]


def text_of(answer):
    """What a reader sees of a page's main part, on one line."""
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


def edit(number, by="carl", **values):
    """Somebody edits a flow by hand."""
    row = Flow.objects.filter(uuid=uuid_of("f", number))
    row.update(**values, updated_by=by, updated_at=SINCE)


def state():
    rows = Flow.objects.order_by("uuid").values_list("name", "info", "is_deleted")
    return [*rows], ImportRecord.objects.count()


# --- who may


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("page", [url_of, row_url])
@pytest.mark.parametrize(
    ("role", "answer"),
    list(zip(ROLES, (LOGIN, 403, 403, LOGIN, 200, 200, 200), strict=True)),
)
def test_who_may_see_the_pages_which_change_nothing(method, page, role, answer, record):
    before = state()
    assert_answered(getattr(client_in(role), method)(page(record)), answer)
    assert state() == before


@pytest.mark.parametrize(
    ("role", "answer"),
    list(zip(ROLES, (LOGIN, 403, 403, LOGIN, "undone", "undone", "undone"), strict=True)),
)
def test_who_may_undo(role, answer, record):
    client = client_in(role)
    plan = examine_undo(undo_request(record)).plan
    response = client.post(url_of(record), {"confirm": "Undo", "shown": make_undo_token(plan)})
    undo = ImportRecord.objects.filter(mode="undo").first()
    assert_answered(response, answer, done=undo and record_url(undo))
    assert (undo is not None) is (answer == "undone")
    assert Flow.objects.get(uuid=uuid_of("f", 1)).name == ("Old" if answer == "undone" else "New")


@pytest.mark.parametrize(
    ("role", "shows"),
    [("Operator", False), ("Editor", True), ("Admin", True), ("superuser", True)],
)
def test_the_record_leads_to_the_page_who_may_undo(role, shows, record):
    page = client_in(role).get(record_url(record)).content.decode()
    assert (url_of(record) in page) is shows


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (("undo_import", "view_importrecord"), 403),
        (("undo_import", "view_flow"), 403),
        (("view_importrecord", "view_flow", "change_flow", "delete_flow"), 403),
        (("undo_import", "view_importrecord", "view_connection"), 403),
        (("undo_import", "view_importrecord", "view_flow"), 200),
        (("undo_import", "view_importrecord", "change_flow"), 200),
    ],
)
@pytest.mark.parametrize("page", [url_of, row_url])
def test_the_pages_need_the_right_on_records_on_undoing_and_on_the_kind(
    page, given, status, record
):
    client = client_who_may(*given)
    assert client.get(page(record)).status_code == status
    if "view_importrecord" in given:
        assert (url_of(record) in client.get(record_url(record)).content.decode()) is (
            status == 200
        )


def test_who_may_not_see_another_kind_of_the_import_sees_nothing_of_it():
    ConnectionFactory(uuid=uuid_of("c", 1), name="Internal")
    record = import_items(flow(1, "Sync"), connection(1, "Internal", description="x")).record
    client = client_who_may("undo_import", "view_importrecord", "view_flow")
    for url in (url_of(record), row_url(record)):
        answer = client.get(url)
        assert answer.status_code == 403
        assert "Internal" not in answer.content.decode()
    assert url_of(record) not in client.get(record_url(record)).content.decode()


def test_who_may_see_but_not_write_is_told_which_rights_are_missing(record):
    client = client_who_may("undo_import", "view_importrecord", "view_flow")
    answer = client.get(url_of(record))
    assert "bob may not change flows and delete flows." in text_of(answer)
    assert 'name="confirm"' not in answer.content.decode()
    plan = answer.context["plan"]
    refused = client.post(url_of(record), {"confirm": "Undo", "shown": make_undo_token(plan)})
    assert refused.status_code == 403
    assert Flow.objects.filter(name="New").exists()


def test_without_a_csrf_token_nothing_is_undone(record):
    user = User.objects.create_superuser("ada")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    form = form_of(strict.get(url_of(record)))
    assert strict.post(url_of(record), {**form, "confirm": "Undo"}).status_code == 403
    assert Flow.objects.filter(name="New").exists()
    token = strict.cookies["csrftoken"].value
    form["csrfmiddlewaretoken"] = token
    assert strict.post(url_of(record), {**form, "confirm": "Undo"}).status_code == 302
    assert Flow.objects.filter(name="Old").exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_refused(method, admin, record):
    assert getattr(admin, method)(url_of(record)).status_code == 405
    assert getattr(admin, method)(row_url(record)).status_code == 405
    assert admin.post(row_url(record)).status_code == 405


@pytest.mark.parametrize("number", [0, 999, 10**30])
def test_a_record_that_is_not_there_is_not_found(number, admin):
    missing = ImportRecord(pk=number)
    assert admin.get(url_of(missing)).status_code == 404
    assert admin.post(url_of(missing), {"confirm": "Undo"}).status_code == 404
    assert admin.get(row_url(missing)).status_code == 404


@pytest.mark.parametrize("given", [True, False])
def test_without_a_backup_only_who_may(given, record, backup_directory):
    client = client_in("Admin" if given else "Editor")
    page = client.get(url_of(record)).content.decode()
    assert ('name="no_backup"' in page) is given
    confirm(client, record)  # which asks for none
    undo = ImportRecord.objects.get(mode="undo")
    assert (undo.status, undo.with_backup) == ("succeeded", not given)
    assert bool(undo.backup_path) is not given


# --- the record


def test_a_record_that_cannot_be_undone_offers_nothing_and_its_page_leads_back(admin):
    wrote_nothing = import_items().record
    refused = ImportRecord.objects.create(
        **{
            field: getattr(wrote_nothing, field)
            for field in ("started_at", "door", "file_size", "mode", "with_backup")
        },
        override_locks=False,
        status="refused",
    )
    for record, said in [
        (wrote_nothing, "wrote nothing that could be undone"),
        (refused, "is refused: it wrote nothing"),
    ]:
        assert url_of(record) not in admin.get(record_url(record)).content.decode()
        answer = admin.get(url_of(record))
        assert answer.url == record_url(record)
        assert said in told(answer)[0]


def test_the_records_tell_of_each_other_and_offer_the_redo(admin, record):
    assert "Undo this import…" in text_of(admin.get(record_url(record)))
    answer = confirm(admin, record)
    undo = ImportRecord.objects.get(mode="undo")
    assert answer.url == record_url(undo)
    assert told(answer) == [f"Import {record.pk} is undone: this is the record of that."]
    assert (undo.user.username, undo.door, undo.server) == ("Admin", "admin", "local")
    page = admin.get(record_url(undo))
    assert f"Import {undo.pk}: undo of import {record.pk}" in text_of(page)
    assert f"Undo of import {record.pk}: it undid import {record.pk} ." in text_of(page)
    assert f"Redo import {record.pk}: undo this undo…" in text_of(page)
    assert url_of(undo) in page.content.decode()
    undone = text_of(admin.get(record_url(record)))
    at = f"{undo.started_at:%Y-%m-%d %H:%M:%S}"
    assert f"Undone by import {undo.pk} ( {at} UTC , Admin )." in undone
    assert "Undo this import" not in undone


def test_an_undo_is_undone_from_its_own_record(admin, record):
    confirm(admin, record)
    undo = ImportRecord.objects.get(mode="undo")
    page = admin.get(url_of(undo))
    assert f"Redo import {record.pk}: undo import {undo.pk}, which undid it" in text_of(page)
    assert shown(page) == [("Old", "RESTORE"), ("Made", "RESTORE")]
    assert "It is brought back." in text_of(page)
    confirm(admin, undo)
    assert [*Flow.objects.order_by("uuid").values_list("name", "info", "is_deleted")] == [
        ("New", "file", False),
        ("Made", "", False),
    ]
    record.refresh_from_db()
    assert record.status == "succeeded"
    assert "Undo this import…" in text_of(admin.get(record_url(record)))


def test_an_import_that_is_undone_already_leads_back_to_its_record(admin, record):
    form = form_of(admin.get(url_of(record)))
    done = undo_import(undo_request(record))
    answer = admin.post(url_of(record), {**form, "confirm": "Undo"})
    assert answer.url == record_url(record)
    (message,) = told(answer)
    assert f"is undone already. Undo import {done.record.pk} to bring it back." in message


def test_a_run_from_another_instance_is_undone_here(admin, record):
    ImportRecord.objects.update(server="production")
    confirm(admin, record)
    assert Flow.objects.filter(name="Old").exists()


# --- the plan


def test_the_plan_is_shown_by_kind_with_what_changes(admin):
    FlowFactory(uuid=uuid_of("f", 1), name="Old", timeout=5)
    SecretFactory(uuid=uuid_of("5", 1), name="OLD_KEY", dev_value=VALUE)
    record = import_items(
        flow(1, "New", timeout=9), flow(2, "Made"), connection(1, "Mail"), secret(1, "KEY")
    ).record
    edit(2, is_deleted=True)
    answer = admin.get(url_of(record))
    assert answer.status_code == 200
    counts = {
        kind.value: [number for _, number in results] for kind, results in answer.context["counts"]
    }
    assert counts == {"flow": [1, 0, 1], "connection": [0, 1, 0], "secret": [1, 0, 0]}
    text = text_of(answer)
    assert "timeout : 9 → 5" in text
    assert 'name : "KEY" → "OLD_KEY"' in text
    assert "1 RESTORE" not in text
    assert "In all: 2 RESTORE, 1 DELETE, 1 KEEP." in text
    assert "The database is backed up first." in text
    assert VALUE not in answer.content.decode()
    assert row_url(record) in answer.content.decode()


def test_conflicts_come_first_with_who_and_when_and_are_refused(admin):
    record = import_items(*(flow(number, f"Flow {number}") for number in range(5))).record
    edit(3, info="mine")
    answer = admin.get(url_of(record))
    assert [name for name, _ in shown(answer)] == [
        *("Flow 3", "Flow 0", "Flow 1", "Flow 2", "Flow 4")
    ]
    text = text_of(answer)
    assert 'The flow "Flow 3" was edited since, last by carl on 2026-03-16 17:10:06 UTC.' in text
    assert "This cannot be undone as it stands." in text
    assert "There is nothing to confirm while a problem is left." in text
    assert 'name="confirm"' not in answer.content.decode()
    assert [line.group for line in answer.context["page"]] == ["conflicts", *["flows"] * 4]


@pytest.mark.parametrize(
    ("decision", "end"), [("keep", ("New", "mine", False)), ("restore", ("Old", "before", False))]
)
@pytest.mark.parametrize("name", [choice(1), "conflicts"])
def test_a_conflict_is_kept_or_restored(name, decision, end, admin, record):
    edit(1, info="mine")
    answer = planned(admin, record, **{name: decision})
    assert "This cannot be undone" not in text_of(answer)
    confirm(admin, record, answer)
    overwritten, made = Flow.objects.order_by("uuid").values_list("name", "info", "is_deleted")
    assert overwritten == end
    assert made == ("Made", "", True)


def test_a_choice_of_its_own_stands_before_that_for_all(admin):
    record = import_items(*(flow(number, f"Flow {number}") for number in range(3))).record
    for number in range(3):
        edit(number, info="mine")
    confirm(admin, record, **{choice(1): "restore", "conflicts": "keep"})
    assert [row.is_deleted for row in Flow.objects.order_by("uuid")] == [False, True, False]


def test_a_choice_is_taken_back(admin, record):
    edit(1, info="mine")
    answer = planned(admin, record, **{choice(1): "keep"})
    answer = admin.post(url_of(record), form_of(answer, **{choice(1): ""}))
    assert answer.context["chosen"].decisions == {}
    assert "This cannot be undone as it stands." in text_of(answer)


def test_what_can_only_be_kept_offers_nothing_else(admin, record):
    Flow.objects.get(uuid=uuid_of("f", 1)).delete()
    Flow.objects.filter(uuid=uuid_of("f", 2)).delete()
    Flow._default_manager.filter(uuid=uuid_of("f", 1))._raw_delete("default")
    answer = admin.get(url_of(record))
    (line,) = [line for line in answer.context["page"] if line.choices]
    assert [decision.value for decision, _ in line.choices] == ["keep"]
    assert "It can only stay as it is: decide to keep it." in text_of(answer)
    assert row_url(record) not in answer.content.decode()


def test_to_keep_one_row_may_stand_against_another(admin):
    ConnectionFactory(uuid=uuid_of("c", 9), name="Else")
    node = {"id": "a", "data": {"connection": uuid_of("c", 1)}}
    record = import_items(flow(1, "User", nodes=[node]), connection(1, "Mail")).record
    edit(1, info="mine")
    answer = planned(admin, record, **{choice(1): "keep"})
    text = text_of(answer)
    assert 'The connection "Mail" is used by the flow "User", which would refer to nothing.' in text
    assert [name for name, _ in shown(answer)] == ["Mail", "User"]  # the problem is first
    answer = admin.post(url_of(record), form_of(answer, **{choice(1, "connection", "c"): "keep"}))
    assert "This cannot be undone" not in text_of(answer)
    assert answer.context["chosen"].decisions.keys() == {
        ("flow", uuid_of("f", 1)),
        ("connection", uuid_of("c", 1)),
    }


# --- a part of it at a time


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(undo_page, "ROWS_ON_A_PAGE", 2)


def test_choices_of_other_pages_are_not_lost(admin, small_pages):
    record = import_items(*(flow(number, f"Flow {number}") for number in range(5))).record
    for number in range(4):
        edit(number, info="mine")
    first = admin.get(url_of(record))
    assert "Not all of them are on this page: this decides for the others" in text_of(first)
    second = admin.post(url_of(record), form_of(first, **{choice(0): "restore", "page": "2"}))
    assert [name for name, _ in shown(second)] == ["Flow 3", "Flow 0"]  # problems are first
    third = admin.post(url_of(record), form_of(second, conflicts="keep", q="flow 2", page="1"))
    assert [name for name, _ in shown(third)] == ["Flow 2"]
    assert "The list above shows 1 of 5 items." in text_of(third)
    confirm(admin, record, third)
    assert [row.is_deleted for row in Flow.objects.order_by("uuid")] == [
        *(True, False, False, False, True)
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"q": "mAdE"}, ["Made"]),
        ({"q": uuid_of("f", 1)[:-1].upper()}, ["New", "Made"]),
        ({"q": "old"}, ["New"]),
        ({"q": "nothing"}, []),
        ({"result": "DELETE"}, ["Made"]),
        ({"result": "SKIP", "show": "x", "page": "x"}, ["New", "Made"]),
        ({"show": "conflict"}, ["New"]),
        ({"show": "refused"}, ["New"]),
        ({"show": "news"}, []),
        ({"page": "99"}, ["New", "Made"]),
    ],
)
def test_rows_are_filtered_by(asked, found, admin, record):
    edit(1, info="mine")
    assert [name for name, _ in shown(admin.get(url_of(record), asked))] == found
    form = form_of(admin.get(url_of(record)))
    answer = admin.post(url_of(record), {**form, **asked})
    assert [name for name, _ in shown(answer)] == found


def test_a_decided_conflict_is_no_problem_any_more(admin, record):
    edit(1, info="mine")
    answer = planned(admin, record, **{choice(1): "keep", "show": "refused"})
    assert shown(answer) == []
    answer = planned(admin, record, **{choice(1): "keep", "show": "conflict"})
    assert shown(answer) == [("New", "KEEP")]


def test_a_longer_plan_takes_no_more_queries_on_its_page(admin):
    numbers = []
    for first, count in ((0, 5), (1000, 105)):
        record = import_items(
            *(flow(number, f"Flow {number}") for number in range(first, first + count))
        ).record
        with CaptureQueriesContext(
            database,
        ) as queries:
            assert admin.get(url_of(record)).status_code == 200
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_only_the_rows_of_the_page_get_addresses(admin, small_pages, monkeypatch):
    record = import_items(*(flow(number, f"Flow {number}") for number in range(9))).record
    made = []
    monkeypatch.setattr(
        undo_page, "reverse", lambda name, args: made.append(args) or reverse(name, args=args)
    )
    admin.get(url_of(record))
    assert 2 <= len(made) <= 8


# --- exactly what was shown


def test_what_was_edited_since_the_page_was_shown_is_shown_again(admin, record):
    page = admin.get(url_of(record))
    edit(2, info="meanwhile", by="dora")
    answer = confirm(admin, record, page)
    assert answer.status_code == 409
    text = text_of(answer)
    assert "This was not done. What was shown cannot be done any more." in text
    assert "This is the new plan: look at it, and confirm it below." in text
    (news,) = [line for line in answer.context["page"] if line.difference]
    assert (news.change.name, answer.context["page"][0]) == ("Made", news)
    assert 'The flow "Made" was edited since, last by dora' in text
    assert Flow.objects.get(uuid=uuid_of("f", 1)).name == "New"
    answer = admin.post(url_of(record), form_of(answer, **{choice(2): "keep"}))
    assert [line.change.name for line in answer.context["page"] if line.difference] == ["Made"]
    confirm(admin, record, answer)
    assert Flow.objects.get(uuid=uuid_of("f", 1)).name == "Old"
    assert Flow.objects.get(uuid=uuid_of("f", 2)).info == "meanwhile"


def test_what_was_decided_is_done_to_no_other_state_than_was_shown(admin, record):
    edit(1, info="mine")
    page = planned(admin, record, **{choice(1): "restore"})
    edit(1, info="mine, and more")
    answer = confirm(admin, record, page)
    assert answer.status_code == 409
    assert answer.context["chosen"].decisions == {("flow", uuid_of("f", 1)): "restore"}
    assert answer.context["page"][0].difference
    assert Flow.objects.get(uuid=uuid_of("f", 1)).info == "mine, and more"
    confirm(admin, record, answer)
    assert Flow.objects.get(uuid=uuid_of("f", 1)).info == "before"


@pytest.mark.parametrize("choices", [{choice(1): "restore"}, {"conflicts": "restore"}])
def test_a_choice_that_was_not_planned_is_planned_and_not_done(choices, admin, record):
    edit(1, info="mine")
    page = planned(admin, record, **{choice(1): "keep", "conflicts": "keep"})
    form = form_of(page, **choices)
    answer = admin.post(url_of(record), {**form, "confirm": "Undo"})
    assert answer.status_code == 200
    assert told(answer) == [
        "Some choices were not in the plan yet. Look at what they change, and confirm. "
        "Nothing was written."
    ]
    assert not ImportRecord.objects.filter(mode="undo").exists()
    assert Flow.objects.get(uuid=uuid_of("f", 1)).info == "mine"


@pytest.mark.parametrize("shown", ["", "forged"])
def test_without_the_plan_that_was_shown_nothing_is_done(shown, admin, record):
    form = {**form_of(admin.get(url_of(record))), "shown": shown}
    assert admin.post(url_of(record), {**form, "confirm": "Undo"}).status_code == 409
    assert Flow.objects.filter(name="New").exists()


def test_while_another_import_runs_the_choices_are_kept(admin, record, settings):
    settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
    edit(1, info="mine")
    page = planned(admin, record, **{choice(1): "keep"})
    with hold_import_lock(wait=0):
        answer = confirm(admin, record, page)
    assert answer.status_code == 409
    assert "This was not done. Another import is running" in text_of(answer)
    assert answer.context["chosen"].decisions == {("flow", uuid_of("f", 1)): "keep"}
    assert confirm(admin, record, answer).status_code == 302


def test_where_the_backup_would_go_is_told_to_who_may_know(record, settings, tmp_path):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path / "a file"}
    settings.ZIGGY["BACKUP_DIR"].write_text("")
    given = ("undo_import", "view_importrecord", "change_flow", "delete_flow")
    client = client_who_may(*given)
    form = form_of(client.get(url_of(record)))
    answer = client.post(url_of(record), {**form, "confirm": "Undo"})
    assert answer.status_code == 503
    assert "a file" not in text_of(answer)
    assert "The server could not do it, and nothing was changed." in text_of(answer)
    assert Flow.objects.filter(name="New").exists()


def test_the_name_of_the_server_must_be_typed(admin, record, settings):
    settings.ZIGGY = {**settings.ZIGGY, "CONFIRM_SERVER_NAME": True}
    edit(1, info="mine")
    page = planned(admin, record, **{choice(1): "keep"})
    form = {**form_of(page), "confirm": "Undo"}
    for typed in ({}, {"server_name": "production"}):
        answer = admin.post(url_of(record), {**form, **typed})
        assert answer.status_code == 422
        assert "Type the name of this server, local, to write to it. Nothing was" in text_of(answer)
        assert answer.context["chosen"].decisions == {("flow", uuid_of("f", 1)): "keep"}
    assert not ImportRecord.objects.filter(mode="undo").exists()
    admin.post(url_of(record), {**form, "server_name": "local"})
    assert ImportRecord.objects.get(mode="undo").status == "succeeded"


@pytest.mark.parametrize(
    ("forged", "status"),
    [
        ({"decided": "["}, 400),
        ({"decided": '{"kind": "flow"}'}, 422),
        ({"decided": '{"decisions": {"flow:x": "keep"}}'}, 422),
        ({"decided": '{"decisions": [{"kind": "flow", "uuid": "x", "decision": "keep"}]}'}, 422),
        ({"decision:flow:<script>": "keep"}, 422),
        ({"decision:flow": "keep"}, 422),
        ({"decision:planet:" + uuid_of("f", 1): "keep"}, 422),
        ({choice(1): "explode"}, 422),
    ],
)
def test_what_no_page_sends_is_refused(forged, status, admin, record):
    form = {**form_of(admin.get(url_of(record))), "confirm": "Undo", **forged}
    answer = admin.post(url_of(record), form)
    assert answer.status_code == status
    assert "Nothing was written. Choose out of the lists." in text_of(answer)
    assert "<script>" not in answer.content.decode().partition("<main")[2]
    assert Flow.objects.filter(name="New").exists()


def test_a_decision_on_a_row_of_another_import_is_told(admin, record):
    import_items(flow(7, "Other"))
    answer = planned(admin, record, **{choice(7): "keep"})
    assert f"wrote no flow {uuid_of('f', 7)} to decide on." in text_of(answer)


def test_what_is_as_it_was_is_nothing_to_undo(admin):
    record = import_items(flow(1, "Made")).record
    edit(1, is_deleted=True)
    answer = admin.get(url_of(record))
    assert "There is nothing to undo: everything is as it was before" in text_of(answer)
    form = {**form_of(answer), "shown": answer.context["token"], "confirm": "Undo"}
    assert told(admin.post(url_of(record), form)) == [
        "There was nothing to undo, and nothing was written."
    ]
    record.refresh_from_db()
    assert record.status == "succeeded"


# --- one row


def test_a_row_is_held_against_what_the_undo_would_make_of_it(admin, record):
    edit(1, info="mine")
    text = text_of(admin.get(row_url(record)))
    assert "RESTORE by undoing" in text
    assert "Before mine After before" in text
    assert "was edited since, last by carl" in text
    made = text_of(admin.get(row_url(record, uuid=uuid_of("f", 2))))
    assert "The import made this flow: it is soft-deleted, and its content is kept." in made
    assert "This flow is gone." in made


def test_a_row_that_is_brought_back_says_so(admin, record):
    confirm(admin, record)
    undo = ImportRecord.objects.get(mode="undo")
    text = text_of(admin.get(row_url(undo, uuid=uuid_of("f", 2))))
    assert "and brought back." in text
    assert "Nothing differs." in text


def test_a_credential_in_a_connection_is_masked(admin):
    ConnectionFactory(uuid=uuid_of("c", 1), dev_value='{ password: "hunter2-before" }')
    value = '{ password: "hunter2-after" }'
    record = import_items(connection(1, "Mail", devValue=value)).record
    for url in (url_of(record), row_url(record, "connection", uuid_of("c", 1))):
        answer = admin.get(url)
        assert "devValue" in text_of(answer)
        assert "hunter2" not in answer.content.decode()


def test_a_connection_that_would_send_a_secret_elsewhere_is_shown_in_red(admin):
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value=VALUE)
    ConnectionFactory(
        uuid=uuid_of("c", 1), dev_value='{ host: "https://a.example", key: secrets.KEY }'
    )
    record = import_items(
        connection(1, "Mail", devValue='{ host: "https://b.example", key: secrets.KEY }')
    ).record
    for url in (url_of(record), row_url(record, "connection", uuid_of("c", 1))):
        answer = admin.get(url)
        assert re.search(r'<li class="problem">[^<]*KEY[^<]*</li>', answer.content.decode())


def test_no_secret_value_is_in_any_page(admin):
    SecretFactory(uuid=uuid_of("5", 1), name="OLD", dev_value=VALUE, prod_value=VALUE)
    record = import_items(secret(1, "NEW", description="file")).record
    pages = [
        admin.get(url_of(record)),
        admin.get(row_url(record, "secret", uuid_of("5", 1))),
        confirm(admin, record),
        admin.get(record_url(ImportRecord.objects.get(mode="undo"))),
    ]
    for page in pages:
        assert VALUE not in page.content.decode()
    assert Secret.objects.get().dev_value.reveal() == VALUE
    assert Secret.objects.get().name == "OLD"


@pytest.mark.parametrize(
    ("kind", "uuid"),
    [("flow", uuid_of("f", 9)), ("connection", uuid_of("f", 1)), ("planet", uuid_of("f", 1))],
)
def test_a_row_that_the_import_did_not_write_is_not_found(kind, uuid, admin, record):
    assert admin.get(row_url(record, kind, uuid)).status_code == 404


def test_a_row_of_an_import_that_is_undone_leads_back(admin, record):
    undo_import(undo_request(record))
    assert admin.get(row_url(record)).url == record_url(record)


# --- texts


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202egnp.exe", "{{ 1 }}", ""])
def test_strange_texts_are_shown_as_texts(name, admin):
    FlowFactory(uuid=uuid_of("f", 1), name=name)
    record = import_items(flow(1, "New", info=name)).record
    Flow.objects.update(updated_by=name, info="mine")
    for url in (url_of(record), f"{url_of(record)}?q={name}", row_url(record)):
        answer = admin.get(url)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()
    if name and name.isprintable():
        assert name in text_of(admin.get(url_of(record)))


# --- the rows that were shown


def test_the_rows_of_a_page_say_which_were_changed(record):
    before = examine_undo(undo_request(record)).plan
    packed = pack_rows(before)
    assert len(packed) == 10
    assert find_row_changes_since(packed, before) == {}
    edit(2, info="meanwhile")
    after = examine_undo(undo_request(record)).plan
    second = uuid_of("f", 2)
    edited = {("flow", second): f'The flow "Made" ({second}) was edited since.'}
    assert find_row_changes_since(packed, after) == edited
    assert find_row_changes_since("", after) == {}
    assert find_row_changes_since(packed[:5], after) == {}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows.update(is_deleted=True), "was deleted since."),
        (lambda rows: rows.update(name="Other"), "was edited since."),
        (lambda rows: rows.delete(), "is not there any more."),
    ],
    ids=["deleted", "renamed", "purged"],
)
def test_the_rows_of_a_page_say_how_they_were_changed_and_how_that_is_taken_back(
    record, change, told
):
    packed = pack_rows(examine_undo(undo_request(record)).plan)
    change(Flow.objects.filter(uuid=uuid_of("f", 2)))
    plan = examine_undo(undo_request(record)).plan
    [message] = find_row_changes_since(packed, plan).values()
    assert message.endswith(told)
    assert find_row_changes_since(pack_rows(plan), plan) == {}


def test_the_choices_go_into_the_form_and_out_again(admin, record):
    edit(1, info="mine")
    answer = planned(admin, record, **{choice(1): "keep"})
    decided = re.search(r'name="decided" value="([^"]*)"', answer.content.decode())
    assert json.loads(unescape(decided[1])) == {"decisions": {f"flow:{uuid_of('f', 1)}": "keep"}}
    assert Connection.objects.count() == 0


# What each run of a chain is called, and what undoing it is: by how deep it is.
CHAIN = [
    ("", "Undo import {0}", "Undo this import…", "overwrite"),
    (
        "undo of import {0}",
        "Redo import {0}: undo import {1}, which undid it",
        "Redo import {0}: undo this undo…",
        "undo",
    ),
    (
        "redo of import {0}",
        "Undo import {0} again: undo import {2}, which redid it",
        "Undo import {0} again: undo this redo…",
        "redo",
    ),
    (
        "undo of import {0} again",
        "Redo import {0} again: undo import {3}, which undid it",
        "Redo import {0} again: undo this undo…",
        "undo",
    ),
    (
        "redo of import {0} again",
        "Undo import {0} again: undo import {4}, which redid it",
        "Undo import {0} again: undo this redo…",
        "redo",
    ),
]


def test_each_run_of_a_chain_is_called_what_it_is(admin, record, run_command):
    runs = [record]
    for _, called, link, _ in CHAIN:
        last, numbers = runs[-1], [run.pk for run in runs]
        page = text_of(admin.get(record_url(last)))
        assert link.format(*numbers) in page
        title = called.format(*numbers)
        asked = admin.get(url_of(last))
        assert title in text_of(asked)
        assert f'value="{title.partition(":")[0]} on ' in asked.content.decode()
        shown = run_command("import_undo", str(last.pk), "--server", "local", "--dry-run").err
        assert shown.startswith(f'{title} on the server "local":')
        confirm(admin, last)
        runs.append(ImportRecord.objects.latest("pk"))
    numbers = [run.pk for run in runs]
    listed = admin.get(reverse("admin:imports_importrecord_changelist")).content.decode()
    for run, (called, _, _, mode) in zip(runs, CHAIN, strict=False):
        name = called.format(*numbers)
        title = f"Import {run.pk}: {name}" if name else f"Import {run.pk}"
        assert f"{title} " in text_of(admin.get(record_url(run)))
        assert ImportRecord.objects.get(pk=run.pk).file_name == (name or run.file_name)
        assert name in listed
        assert f'<td class="field-how">{mode}</td>' in listed


def test_a_migration_names_the_undos_that_were_there(admin, record):
    runs = [record]
    for _ in range(3):
        confirm(admin, runs[-1])
        runs.append(ImportRecord.objects.latest("pk"))
    called = [(run.undo_depth, run.file_name) for run in runs]
    assert [depth for depth, _ in called] == [0, 1, 2, 3]
    for run in runs[1:]:
        name = f"undo of import {run.undoes_id}"
        ImportRecord.objects.filter(pk=run.pk).update(undo_depth=0, file_name=name)
    migration = import_module("imports.migrations.0011_record_plan_and_depth")
    migration.name_undos(apps, SimpleNamespace(connection=database))
    found = ImportRecord.objects.order_by("pk").values_list("undo_depth", "file_name")
    assert list(found) == called


def test_the_undo_of_a_record_that_was_removed_says_so(admin, record):
    newest = import_items(flow(1, "Newer")).record
    page = url_of(record)
    ImportRecord.objects.filter(pk=record.pk).delete()
    for answer in (admin.get(page), admin.post(page)):
        assert answer.status_code == 404
        assert "It may have been removed with the old history" in answer.content.decode()
    ImportRecord.objects.filter(pk=newest.pk).delete()
    assert "may have been removed" not in admin.get(page).content.decode()
