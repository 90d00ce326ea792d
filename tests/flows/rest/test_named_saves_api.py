"""The REST door to a flow's named saves: taken, listed, looked at, restored."""

import re
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
import reversion
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from reversion.models import Revision, Version

from accounts.models import User
from flows.models import Flow
from flows.rest.bodies.save_uuids import get_save_number, make_save_uuid
from flows.saves import named_saves
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.rows import row_of

LONG_AGO = datetime(2020, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)
NOWHERE = "99999999-9999-4999-8999-999999999999"


def caller(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def api(db):
    """A caller who may do everything."""
    return caller(User.objects.create_superuser("root"))


@pytest.fixture
def editor(db):
    """A caller who may see and change flows, and no more."""
    user = User.objects.create_user("editor")
    rights = Permission.objects.filter(codename__in=["view_flow", "change_flow"])
    user.user_permissions.set(rights)
    return caller(user)


@pytest.fixture
def flow(db):
    flow = FlowFactory(
        uuid="0000000f-0000-4000-8000-0000000000aa",
        name="SMS",
        info=None,
        nodes='[{"id":"1"}]',
        used_secrets="null",
        extra='{"unknown":1}',
    )
    Flow.objects.filter(pk=flow.pk).update(created_at=LONG_AGO, updated_at=LONG_AGO)
    return Flow.objects.get(pk=flow.pk)


def send(client, method, path):
    """A request without a body, as the command line clients make it."""
    return client.generic(method, f"/api/ziggy{path}", b"", content_type="application/json")


def take(client, flow, name):
    return send(client, "POST", f"/history-named-save/{flow.uuid}/{quote(name, safe='')}")


def list_of(client, flow):
    response = send(client, "GET", f"/named-saves/{flow.uuid}")
    assert response.status_code == 200
    return response.json()


def load(client, uuid):
    return send(client, "GET", f"/history-load/{uuid}")


def restore(client, uuid):
    return send(client, "POST", f"/named-saves/{uuid}/restore")


def saved(item, name="save"):
    """The uuid of a new named save of the item."""
    return str(make_save_uuid(named_saves.take(item, name).version_set.get().pk))


def refusal(response):
    body = response.json()
    assert [*body] == ["message", "code", "issues", "requestId"]
    return response.status_code, body["code"]


# --- the uuid


@pytest.mark.parametrize(
    ("number", "uuid"),
    [
        (1, "666c6f77-7361-8765-8000-000000000001"),
        (255, "666c6f77-7361-8765-8000-0000000000ff"),
        (2**62 - 1, "666c6f77-7361-8765-bfff-ffffffffffff"),
    ],
)
def test_a_saves_uuid_is_its_number(number, uuid):
    assert make_save_uuid(number) == UUID(uuid)
    assert get_save_number(UUID(uuid)) == number
    assert (UUID(uuid).version, UUID(uuid).variant) == (8, "specified in RFC 4122")


@pytest.mark.parametrize(
    "uuid",
    [
        NOWHERE,
        "00000000-0000-0000-0000-000000000001",
        "666c6f77-7361-8765-c000-000000000001",
        "666c6f77-7361-8764-8000-000000000001",
        "766c6f77-7361-8765-8000-000000000001",
    ],
)
def test_another_uuid_is_no_saves(uuid):
    assert get_save_number(UUID(uuid)) is None


# --- taking and listing


def test_a_save_is_taken(api, flow):
    before = row_of(flow)
    response = take(api, flow, "Before the change")
    assert (response.status_code, response.reason_phrase) == (201, "Created")
    version = Version.objects.get()
    told = response.json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", told.pop("createdAt"))
    assert told == {
        "uuid": str(make_save_uuid(version.pk)),
        "saveName": "Before the change",
        "flowName": "SMS",
        "isNamedSave": True,
        "createdBy": "root",
    }
    assert version.revision.comment == "Before the change"
    assert version.revision.user.username == "root"
    assert row_of(flow) == before


def test_saves_are_listed_newest_first(api, flow):
    take(api, flow, "a")
    Flow.objects.filter(pk=flow.pk).update(name="SMS 2")
    take(api, flow, "b")
    named_saves.take(flow, "Pre import")
    other = FlowFactory()
    take(api, other, "of another")
    saves = list_of(api, flow)
    assert [(save["saveName"], save["flowName"], save["createdBy"]) for save in saves] == [
        ("Pre import", "SMS", None),
        ("b", "SMS 2", "root"),
        ("a", "SMS", "root"),
    ]
    assert [*saves[0]] == ["uuid", "saveName", "flowName", "createdAt", "isNamedSave", "createdBy"]
    assert {save["isNamedSave"] for save in saves} == {True}
    assert [save["saveName"] for save in list_of(api, other)] == ["of another"]


def test_what_has_no_name_is_no_named_save(api, flow):
    with reversion.create_revision():
        flow.save()
    assert list_of(api, flow) == []
    uuid = make_save_uuid(Version.objects.get().pk)
    assert refusal(load(api, uuid)) == (404, "not-found")
    assert refusal(restore(api, uuid)) == (404, "not-found")


def test_a_longer_list_takes_no_more_queries(api, flow):
    def number_of_queries():
        with CaptureQueriesContext(database) as queries:
            list_of(api, flow)
        return len(queries)

    take(api, flow, "a")
    few = number_of_queries()
    for number in range(10):
        take(api, flow, f"a {number}")
    assert number_of_queries() == few


def test_who_took_a_save_and_is_gone_is_nobody(api, flow, editor):
    take(editor, flow, "a")
    User.objects.get(username="editor").delete()
    assert [save["createdBy"] for save in list_of(api, flow)] == [None]


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "%41", " ", "a\nb", "\u202eש", "<b>", "?a=1#b", "👨‍💻", "x" * 255]
)
def test_a_naughty_name_is_kept_as_it_is(name, api, flow):
    assert take(api, flow, name).json()["saveName"] == name
    assert [save["saveName"] for save in list_of(api, flow)] == [name]


@pytest.mark.parametrize(("name", "code"), [("a\0", "nul-character"), ("x" * 256, "name-too-long")])
def test_a_wrong_name_is_refused(name, code, api, flow):
    response = take(api, flow, name)
    assert refusal(response) == (422, code)
    assert response.json()["issues"][0]["path"] == "name"
    assert Revision.objects.count() == 0


def test_a_save_needs_a_name(api, flow):
    assert take(api, flow, "").status_code == 404
    assert Revision.objects.count() == 0


@pytest.mark.parametrize("is_there", [True, False], ids=["deleted", "never there"])
def test_a_flow_that_is_not_there_has_no_saves(is_there, api, flow):
    uuid = saved(flow)
    if is_there:
        Flow.objects.filter(pk=flow.pk).update(is_deleted=True)
    else:
        flow.delete()
    before = Revision.objects.count()
    for response in (
        send(api, "GET", f"/named-saves/{flow.uuid}"),
        take(api, flow, "a"),
        load(api, uuid),
        restore(api, uuid),
    ):
        assert refusal(response) == (404, "not-found")
    assert Revision.objects.count() == before


# --- looking at one


def test_a_save_is_the_flow_as_it_was(api, flow):
    uuid = take(api, flow, "a").json()["uuid"]
    Flow.objects.filter(pk=flow.pk).update(name="other", nodes="[]", extra="{}")
    response = load(api, uuid.upper())
    assert response.status_code == 200
    assert response.json() == {
        "uuid": "0000000f-0000-4000-8000-0000000000aa",
        "name": "SMS",
        "info": None,
        "tags": [],
        "listenerType": "",
        "isSubflow": False,
        "isCommander": False,
        "isValid": False,
        "isLocked": False,
        "timeout": 60,
        "numBlocks": 0,
        "executionHistoryLevel": "USE_DEFAULT",
        "executionHistoryMins": 1440,
        "queueUuid": None,
        "secrets": None,
        "nodes": [{"id": "1"}],
        "edges": [],
        "viewport": {},
        "unknown": 1,
        "createdAt": "2020-02-29T12:30:15.250Z",
        "updatedAt": "2020-02-29T12:30:15.250Z",
        "isDeleted": False,
    }
    assert row_of(flow)["name"] == "other"


def test_saves_of_other_kinds_are_not_found(api):
    for item in (ConnectionFactory(), SecretFactory(dev_value="CANARY-5a7e")):
        uuid = saved(item)
        assert refusal(load(api, uuid)) == (404, "not-found")
        assert refusal(restore(api, uuid)) == (404, "not-found")
        assert send(api, "GET", f"/named-saves/{item.uuid}").status_code == 404


@pytest.mark.parametrize(
    "uuid",
    [
        NOWHERE,
        str(uuid4()),
        str(make_save_uuid(7)),
        str(make_save_uuid(2**31)),
        str(make_save_uuid(2**62 - 1)),
    ],
    ids=["a uuid", "a random one", "no number yet", "a large number", "the largest number"],
)
def test_what_is_no_saves_uuid_is_not_found(uuid, api):
    assert refusal(load(api, uuid)) == (404, "not-found")
    assert refusal(restore(api, uuid)) == (404, "not-found")


def test_a_save_that_cannot_be_read_any_more_is_a_conflict(api, flow):
    uuid = saved(flow)
    Version.objects.update(serialized_data="[{]")
    before = row_of(flow)
    assert refusal(load(api, uuid)) == (409, "save-unfit")
    assert refusal(restore(api, uuid)) == (409, "save-unfit")
    assert row_of(flow) == before
    assert [save["saveName"] for save in list_of(api, flow)] == ["save"]


# --- restoring


def test_restoring_brings_the_state_back_and_saves_the_one_before(editor, flow):
    before = row_of(flow, "updated_at", "updated_by")
    uuid = take(editor, flow, "a").json()["uuid"]
    flow.name, flow.info, flow.nodes, flow.extra = "other", "x", "[]", "{}"
    flow.save()
    changed = row_of(flow, "updated_at", "updated_by")
    response = restore(editor, uuid)
    assert response.status_code == 200
    assert row_of(flow, "updated_at", "updated_by") == before
    assert response.json()["name"] == "SMS"
    saves = list_of(editor, flow)
    assert [(save["saveName"], save["flowName"], save["createdBy"]) for save in saves] == [
        ("Pre restore", "other", "editor"),
        ("a", "SMS", "editor"),
    ]
    assert restore(editor, saves[0]["uuid"]).status_code == 200
    assert row_of(flow, "updated_at", "updated_by") == changed


def test_the_times_are_the_rows_own(api, flow):
    exact = LONG_AGO.replace(microsecond=123456)
    Flow.objects.filter(pk=flow.pk).update(created_at=exact)
    uuid = take(api, flow, "a").json()["uuid"]
    told = restore(api, uuid).json()
    row = row_of(flow)
    assert row["created_at"] == exact
    assert row["updated_at"] > LONG_AGO
    assert told["createdAt"] == "2020-02-29T12:30:15.123456Z"
    assert told["updatedAt"] > "2026"
    uuid = row["uuid"]
    assert told == api.get(f"/api/flow/{uuid}").json()


def test_restoring_touches_no_other_item(api, flow):
    other, secret = FlowFactory(name="other"), SecretFactory(dev_value="CANARY-5a7e")
    with reversion.create_revision():  # as the admin makes one of several items
        for item in (flow, other, secret):
            item.save()
        reversion.set_comment("many")
    uuid = next(save["uuid"] for save in list_of(api, flow))
    Flow.objects.update(name="changed")
    before = (row_of(other), row_of(secret))
    assert restore(api, uuid).status_code == 200
    assert row_of(flow)["name"] == "SMS"
    assert (row_of(other), row_of(secret)) == before


def test_a_save_of_a_deleted_flow_deletes_it_again_for_those_who_may(api, editor, flow):
    flow.is_deleted = True
    uuid = saved(flow, "Pre import")
    assert load(editor, uuid).json()["isDeleted"] is True
    assert refusal(restore(editor, uuid)) == (403, "not-permitted")
    assert row_of(flow)["is_deleted"] is False
    assert [save["saveName"] for save in list_of(editor, flow)] == ["Pre import"]
    response = restore(api, uuid)
    assert (response.status_code, response.json()["isDeleted"]) == (200, True)
    assert row_of(flow)["is_deleted"] is True
    assert api.get(f"/api/flow/{flow.uuid}").status_code == 404
