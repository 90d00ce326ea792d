"""The REST door to flows, connections and secrets: what it answers, keeps, refuses and never tells."""

import base64
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from urllib.parse import quote
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from hypothesis import event, given
from hypothesis import strategies as st
from rest_framework.test import APIClient
from reversion.models import Revision, Version

from accounts.models import ApiToken, User
from flows.content.copy_names import find_free_copy_name
from flows.content.fields import FIELDS, Kind, split_unknown_of_secret
from flows.models import Connection, Flow, Secret
from flows.rest import urls as api_urls
from flows.rest.bodies.placeholders import is_placeholder
from flows.rest.bodies.save_uuids import make_save_uuid
from flows.saves import named_saves
from imports.api.secret import SecretWithDestinationsView
from imports.exportfile.document import parse
from imports.exporting.selection import select_everything
from imports.exporting.write import write_export
from tests.support.factories import FACTORIES, ConnectionFactory, FlowFactory, SecretFactory
from tests.support.rows import row_of

VALUE = "CANARY-0f11-value"
OTHER_VALUE = "CANARY-0f11-other"
LONG_AGO = datetime(2020, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)
NOWHERE = "99999999-9999-4999-8999-999999999999"

MODELS = {"flow": Flow, "connection": Connection, "secret": Secret}
KINDS = pytest.mark.parametrize("kind", ["flow", "connection", "secret"])
BY_BODY = pytest.mark.parametrize("kind", ["connection", "secret"])


class Caller:
    """Somebody who sends JSON, as the command line clients do: its type is told with every request."""

    def __init__(self, user=None):
        self.client = APIClient(raise_request_exception=False)
        if user is not None:
            self.client.force_authenticate(user)

    def send(self, method, path, body=None, **headers):
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        headers = {"content_type": "application/json", **headers}
        return self.client.generic(method, f"/api{path}", data, **headers)

    def get(self, path):
        return self.send("GET", path)

    def post(self, path, body=None):
        return self.send("POST", path, body)

    def put(self, path, body=None):
        return self.send("PUT", path, body)

    def patch(self, path, body=None):
        return self.send("PATCH", path, body)

    def delete(self, path):
        return self.send("DELETE", path)


@pytest.fixture
def api(db):
    """A caller who may do everything."""
    return Caller(User.objects.create_superuser("root"))


@pytest.fixture
def caller_with(db):
    """A caller who has these permissions and no others: `caller_with("flows.view_flow")`."""

    def make(*permissions):
        user = User.objects.create_user(f"user {User.objects.count()}")
        for permission in permissions:
            app, codename = permission.split(".")
            user.user_permissions.add(
                Permission.objects.get(content_type__app_label=app, codename=codename)
            )
        return Caller(user)

    return make


def raw_values(secret):
    """The secret's columns as they lie in the database."""
    with database.cursor() as cursor:
        cursor.execute("SELECT dev_value, prod_value FROM flows_secret WHERE id = %s", [secret.pk])
        return cursor.fetchone()


def refusal(response):
    """Status and code of an answer, whose form is checked."""
    body = response.json()
    # What a right is needed for is told with its data.
    told = ["warningDetails"] if body["code"] == "not-permitted" and len(body["issues"]) > 1 else []
    assert [*body] == ["message", "code", "issues", *told, "requestId"]
    assert isinstance(body["message"], str)
    assert body["message"]
    for issue in body["issues"]:
        assert [*issue] == ["code", "path", "uuid", "name", "message"]
    return response.status_code, body["code"]


def places(response):
    """The code and path of each issue."""
    return [(issue["code"], issue["path"]) for issue in response.json()["issues"]]


def nested(depth):
    """A list that is that deep."""
    return json.loads("[" * depth + "]" * depth)


# --- the list of flows


def test_the_list_tells_the_keys_of_the_contract(api):
    flow = FlowFactory(
        uuid="0000000f-0000-4000-8000-0000000000aa",
        name="SMS",
        is_subflow=True,
        listener_type="HTTP",
        tags='["a","é"]',
    )
    Flow.objects.filter(pk=flow.pk).update(updated_at=LONG_AGO)
    response = api.get("/flow")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.content.decode() == (
        '[{"uuid":"0000000f-0000-4000-8000-0000000000aa","isSubflow":true,"name":"SMS",'
        '"listenerType":"HTTP","tags":["a","é"],"updatedAt":"2020-02-29T12:30:15.250Z"}]'
    )


def names(response):
    assert response.status_code == 200
    return [item["name"] for item in response.json()]


def test_the_list_is_sorted_by_name_and_knows_no_deleted_flows(api):
    for name in ("b", "é", "a", "B", ""):
        FlowFactory(name=name)
    FlowFactory(name="gone", is_deleted=True)
    assert names(api.get("/flow")) == ["", "B", "a", "b", "é"]


def test_empty_conditions_say_nothing(api):
    FlowFactory(name="a")
    assert names(api.get("/flow?search=&flowId=&tags=")) == ["a"]
    assert names(api.get("/flow?tags=%20,,")) == ["a"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("sms", ["SMS Test"]),
        ("MS T", ["SMS Test"]),
        ("ÉTÉ", ["L'été"]),
        ("été", ["L'été"]),
        ("STRASSE", ["Straße"]),
        ("%", ["100%"]),
        ("_", []),
        ("0000000f-0000", ["100%", "L'été", "SMS Test", "Straße"]),
        ("0000000F-0000", ["100%", "L'été", "SMS Test", "Straße"]),
        ("\0", []),
        ("nothing like it", []),
    ],
)
def test_a_search_finds_parts_of_names_and_uuids_whatever_the_case(search, found, api):
    for name in ("SMS Test", "L'été", "Straße", "100%"):
        FlowFactory(name=name)
    assert names(api.get(f"/flow?search={quote(search)}")) == found


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("x", ["x", "xy"]),
        ("y", ["xy"]),
        ("y,x", ["x", "xy"]),
        (" y , z", ["xy"]),
        ("X", []),
        ("z", []),
    ],
)
def test_tags_find_the_flows_with_any_of_them(tags, found, api):
    FlowFactory(name="x", tags='["x"]')
    FlowFactory(name="xy", tags='["x","y"]')
    FlowFactory(name="none")
    FlowFactory(name="null", tags="null")
    assert names(api.get(f"/flow?tags={quote(tags)}")) == found


def test_a_flow_whose_tags_are_null_has_none_in_the_list(api):
    FlowFactory(tags="null", is_subflow=None, listener_type=None)
    (told,) = api.get("/flow").json()
    assert (told["tags"], told["isSubflow"], told["listenerType"]) == ([], None, None)


def test_a_flow_is_found_by_its_uuid_in_upper_case_too(api):
    wanted, _other = FlowFactory(name="wanted"), FlowFactory(name="other")
    assert names(api.get(f"/flow?flowId={str(wanted.uuid).upper()}")) == ["wanted"]
    assert names(api.get(f"/flow?flowId={NOWHERE}")) == []


def test_all_conditions_have_to_fit(api):
    FlowFactory(name="zz 1", tags='["x"]')
    FlowFactory(name="zz 2")
    FlowFactory(name="b", tags='["x"]')
    assert names(api.get("/flow?search=zz&tags=x")) == ["zz 1"]  # and no uuid has it


def test_a_flow_id_that_is_no_uuid_is_refused(api):
    response = api.get("/flow?flowId=SMS")
    assert refusal(response) == (422, "invalid-uuid")
    assert places(response) == [("invalid-uuid", "flowId")]


@KINDS
def test_a_longer_list_takes_no_more_queries(kind, api):
    def number_of_queries():
        with CaptureQueriesContext(database) as queries:
            assert api.get(f"/{kind}").status_code == 200
        return len(queries)

    FACTORIES[kind]()
    few = number_of_queries()
    FACTORIES[kind].create_batch(30)
    assert number_of_queries() == few


# --- whole items


def test_a_flow_is_told_as_a_file_has_it(api):
    flow = FlowFactory(
        uuid="0000000f-0000-4000-8000-0000000000aa",
        name="\u202eSMS",
        info=None,
        nodes='[{"data":{"code":"\\n \u2028"},"id":"1","n":0.5,"big":123456789012345678901234567890}]',
        used_connections='["417c5997-296e-4e7d-b482-7c899406041f"]',
        extra='{"unknown":[1]}',
    )
    Flow.objects.filter(pk=flow.pk).update(created_at=LONG_AGO, updated_at=LONG_AGO)
    response = api.get("/flow/0000000F-0000-4000-8000-0000000000AA")
    assert response.status_code == 200
    told = response.json()
    assert told == {
        "uuid": "0000000f-0000-4000-8000-0000000000aa",
        "name": "\u202eSMS",
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
        "connections": ["417c5997-296e-4e7d-b482-7c899406041f"],
        "nodes": [
            {
                "data": {"code": "\n \u2028"},
                "id": "1",
                "n": 0.5,
                "big": 123456789012345678901234567890,
            }
        ],
        "edges": [],
        "viewport": {},
        "unknown": [1],
        "createdAt": "2020-02-29T12:30:15.250Z",
        "updatedAt": "2020-02-29T12:30:15.250Z",
        "isDeleted": False,
    }


def test_a_connection_is_told_as_a_file_has_it(api):
    ConnectionFactory(
        uuid="0000000c-0000-4000-8000-0000000000aa",
        name="Twilio",
        dev_value="{\r\n token: secrets.A }",
        prod_value=None,
    )
    told = api.get("/connection/0000000c-0000-4000-8000-0000000000aa").json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", told.pop("createdAt"))
    del told["updatedAt"]
    assert told == {
        "uuid": "0000000c-0000-4000-8000-0000000000aa",
        "name": "Twilio",
        "type": "Twilio",
        "description": "",
        "devValue": "{\r\n token: secrets.A }",
        "prodValue": None,
        "isDeleted": False,
    }
    assert api.get("/connection?search=twi").json()[0].keys() == {*told, "createdAt", "updatedAt"}


@pytest.mark.parametrize(
    ("values", "has"),
    [
        ({}, (False, False)),
        ({"dev_value": VALUE}, (True, False)),
        ({"prod_value": VALUE}, (False, True)),
        ({"dev_value": VALUE, "prod_value": VALUE}, (True, True)),
    ],
)
def test_of_a_secret_only_whether_it_has_values_is_told(values, has, api):
    secret = SecretFactory(name="KEY", tags='["t"]', **values)
    for told in (api.get(f"/secret/{secret.uuid}").json(), api.get("/secret").json()[0]):
        assert (told["devValue"], told["prodValue"]) == (None, None)
        assert (told["hasDevValue"], told["hasProdValue"]) == has
        assert (told["name"], told["tags"]) == ("KEY", ["t"])


@BY_BODY
def test_a_search_finds_items_by_name(kind, api):
    FACTORIES[kind](name="first")
    FACTORIES[kind](name="Second")
    FACTORIES[kind](name="gone_second", is_deleted=True)
    assert names(api.get(f"/{kind}?search=")) == ["Second", "first"]
    assert names(api.get(f"/{kind}?search=sEC")) == ["Second"]


# --- changing


@KINDS
def test_a_change_keeps_what_the_body_does_not_name(kind, api):
    item = FACTORIES[kind](name="before", extra='{"known":1,"kept":2}')
    type(item).objects.filter(pk=item.pk).update(created_at=LONG_AGO, updated_at=LONG_AGO)
    before = row_of(item, "name", "updated_at", "updated_by")
    response = api.put(f"/{kind}/{item.uuid}", {"name": "after"})
    assert response.status_code == 200
    assert response.json()["name"] == "after"
    assert response.json()["uuid"] == str(item.uuid)
    assert row_of(item, "name", "updated_at", "updated_by") == before
    assert row_of(item)["name"] == "after"
    assert row_of(item)["updated_at"] > LONG_AGO


def test_a_change_takes_all_that_a_file_has(api):
    flow = FlowFactory()
    body = {
        "name": "é\n",
        "info": "# x",
        "tags": ["b", "a"],
        "listenerType": "HTTP",
        "isSubflow": True,
        "isCommander": True,
        "isValid": None,
        "isLocked": True,
        "timeout": 2**62,
        "numBlocks": 3.0,
        "executionHistoryLevel": "ALL",
        "executionHistoryMins": None,
        "queueUuid": "q",
        "tenantId": "t",
        "connections": [{"uuid": NOWHERE, "name": "n"}],
        "secrets": [NOWHERE],
        "nodes": [{"id": "1", "b": 1.0, "a": {}}],
        "edges": None,
        "viewport": {"zoom": 0.5},
    }
    response = api.put(f"/flow/{flow.uuid}", body)
    assert response.status_code == 200
    told = response.json()
    assert {key: told[key] for key in body} == {**body, "numBlocks": 3}
    assert row_of(flow)["nodes"] == '[{"a":{},"b":1,"id":"1"}]'
    assert row_of(flow)["edges"] == "null"


@KINDS
def test_what_was_read_can_be_sent_back(kind, api):
    item = (
        FACTORIES[kind](
            extra='{"unknown":{"é":[1.5]}}' if kind == "flow" else '{"é":true}', tags='["a"]'
        )
        if kind != "connection"
        else (ConnectionFactory(extra='{"unknown":{"é":[1.5]}}', is_core_platform=True))
    )
    before = row_of(item, "updated_at", "updated_by")
    told = api.get(f"/{kind}/{item.uuid}").json()
    assert api.put(f"/{kind}/{item.uuid}", told).status_code == 200
    assert row_of(item, "updated_at", "updated_by") == before


@KINDS
def test_unknown_keys_are_kept_beside_those_that_were_there(kind, api):
    item = FACTORIES[kind](extra='{"old":true,"changed":true}')
    response = api.put(f"/{kind}/{item.uuid}", {"changed": [], "new": None})
    assert response.status_code == 200
    assert row_of(item)["extra"] == '{"changed":[],"new":null,"old":true}'


@pytest.mark.parametrize("kind", ["flow", "connection"])
@pytest.mark.parametrize(
    "key",
    [
        "id",
        "pk",
        "is_deleted",
        "is_superuser",
        "created_by",
        "_state",
        "_connector",
        "name__startswith",
        "__class__",
        "owner",
        "extra",
    ],
)
def test_a_key_that_is_no_field_is_kept_and_never_applied(kind, key, api):
    item = FACTORIES[kind](name="n")
    before = row_of(item, "updated_at", "updated_by", "extra")
    assert api.put(f"/{kind}/{item.uuid}", {key: 1}).status_code == 200
    assert row_of(item, "updated_at", "updated_by", "extra") == before
    assert json.loads(row_of(item)["extra"]) == {key: 1}
    assert User.objects.filter(is_superuser=True).count() == 1


@KINDS
def test_the_times_of_a_body_are_read_and_not_applied(kind, api):
    item = FACTORIES[kind]()
    created_at = row_of(item)["created_at"]
    times = {"createdAt": "2001-01-01T00:00:00Z", "updatedAt": None, "isDeleted": False}
    assert api.put(f"/{kind}/{item.uuid}", times).status_code == 200
    assert row_of(item)["created_at"] == created_at
    assert row_of(item)["extra"] == "{}"
    response = api.put(f"/{kind}/{item.uuid}", {"createdAt": "yesterday", "updatedAt": 7})
    assert places(response) == [("invalid-time", "createdAt"), ("invalid-time", "updatedAt")]


@KINDS
@pytest.mark.parametrize(
    ("body", "issue"),
    [
        ({"uuid": NOWHERE}, ("read-only", "uuid")),
        ({"uuid": "x"}, ("invalid-uuid", "uuid")),
        ({"uuid": None}, ("invalid-uuid", "uuid")),
        ({"isDeleted": True}, ("read-only", "isDeleted")),
        ({"isDeleted": "false"}, ("read-only", "isDeleted")),
    ],
)
def test_what_is_the_rows_own_cannot_be_changed(kind, body, issue, api):
    item = FACTORIES[kind]()
    before = row_of(item)
    response = api.put(f"/{kind}/{item.uuid}", body)
    assert refusal(response) == (422, issue[0])
    assert places(response) == [issue]
    assert row_of(item) == before


def test_the_uuid_may_be_in_the_body_in_any_case(api):
    flow = FlowFactory()
    assert api.put(f"/flow/{flow.uuid}", {"uuid": str(flow.uuid).upper()}).status_code == 200


WRONG = {
    "text": ({"a": 1}, ["a"], 1, True),
    "number": ("1", {"a": 1}, [1], True, 1.5),
    "boolean": ("true", 1, [], {}),
    "list": ({"a": 1}, "a", 1, False),
    "object": ([], "a", 1, True),
}
SHAPES = {
    "flow": {
        "text": ["name", "info", "listenerType", "queueUuid", "tenantId"],
        "boolean": ["isSubflow", "isCommander", "isValid", "isLocked"],
        "number": ["timeout", "numBlocks", "executionHistoryMins"],
        "list": ["tags", "connections", "secrets", "nodes", "edges"],
        "object": ["viewport"],
    },
    "connection": {
        "text": ["name", "type", "description", "devValue", "prodValue"],
        "boolean": ["isCorePlatform"],
    },
    "secret": {
        "text": ["name", "description", "type", "group", "devValue", "prodValue"],
        "list": ["tags"],
    },
}


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        pytest.param(kind, key, value, id=f"{kind}.{key} is {json.dumps(value)}")
        for kind, shapes in SHAPES.items()
        for shape, keys in shapes.items()
        for key in keys
        for value in WRONG[shape]
    ],
)
def test_a_value_of_another_type_is_refused(kind, key, value, api):
    item = FACTORIES[kind]()
    before = row_of(item)
    response = api.put(f"/{kind}/{item.uuid}", {key: value})
    assert refusal(response) == (422, "wrong-type")
    assert places(response) == [("wrong-type", key)]
    assert row_of(item) == before


@pytest.mark.parametrize(
    ("key", "value", "code", "path"),
    [
        ("name", None, "wrong-type", "name"),
        ("name", "x" * 256, "name-too-long", "name"),
        ("timeout", 2**63, "out-of-range", "timeout"),
        ("timeout", -(2**63) - 1, "out-of-range", "timeout"),
        ("executionHistoryLevel", "all", "invalid-choice", "executionHistoryLevel"),
        ("executionHistoryLevel", {}, "invalid-choice", "executionHistoryLevel"),
        ("tags", ["a", 1], "wrong-type", "tags[1]"),
        ("nodes", [{}, "a"], "wrong-type", "nodes[1]"),
        ("edges", [[]], "wrong-type", "edges[0]"),
        ("connections", [{"name": "a"}], "wrong-type", "connections[0]"),
        ("secrets", ["a"], "wrong-type", "secrets[0]"),
    ],
)
def test_a_value_out_of_bounds_is_refused(key, value, code, path, api):
    flow = FlowFactory()
    response = api.put(f"/flow/{flow.uuid}", {key: value})
    assert refusal(response) == (422, code)
    assert places(response) == [(code, path)]


def test_all_problems_are_told_at_once(api):
    flow = FlowFactory()
    response = api.put(
        f"/flow/{flow.uuid}",
        {"timeout": "1", "name": 1, "tags": [1], "isDeleted": True, "info": ""},
    )
    assert places(response) == [
        ("wrong-type", "name"),
        ("wrong-type", "tags[0]"),
        ("wrong-type", "timeout"),
        ("read-only", "isDeleted"),
    ]
    assert response.json()["message"] == "name: This must be text. (3 more problems)"
    response = api.put(f"/flow/{flow.uuid}", {"name": 1, "info": 1})
    assert response.json()["message"] == "name: This must be text. (1 more problem)"


@KINDS
def test_a_change_leaves_no_version(kind, api):
    item = FACTORIES[kind]()
    api.put(f"/{kind}/{item.uuid}", {"name": "other"})
    api.delete(f"/{kind}/{item.uuid}")
    api.post(f"/{kind}", {"name": "new"})
    assert (Revision.objects.count(), Version.objects.count()) == (0, 0)


@KINDS
def test_even_a_change_of_nothing_is_a_change_at_a_time(kind, api):
    item = FACTORIES[kind]()
    type(item).objects.filter(pk=item.pk).update(updated_at=LONG_AGO)
    assert api.put(f"/{kind}/{item.uuid}", {}).status_code == 200
    assert row_of(item)["updated_at"] > LONG_AGO


def test_a_locked_flow_is_changed_by_hand(api):
    flow = FlowFactory(is_locked=True)
    assert api.put(f"/flow/{flow.uuid}", {"isLocked": False}).json()["isLocked"] is False


# --- bodies


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        pytest.param(b'{"info":"a\\u0000"}', 400, "nul-character", "info", id="U+0000"),
        pytest.param(
            b'{"nodes":[{},{"a b":{"c":["\\u0000"]}}]}',
            400,
            "nul-character",
            'nodes[1]["a b"].c[0]',
            id="U+0000 deep within",
        ),
        pytest.param(b'{"a":{"b\\u0000":1}}', 400, "nul-character", "a", id="U+0000 in a key"),
        pytest.param(b'{"info":"","info":""}', 400, "duplicate-key", "info", id="a key twice"),
        pytest.param(
            b'{"viewport":{"x":1,"\\u0078":1}}',
            400,
            "duplicate-key",
            "viewport.x",
            id="a key twice within",
        ),
        pytest.param(b'{"timeout":1e999}', 400, "out-of-range", "timeout", id="out of range"),
        pytest.param(
            b'{"timeout":%s}' % (b"1" * 5000), 400, "out-of-range", "timeout", id="5,000 digits"
        ),
        pytest.param(b'{"a":' + b"[" * 62 + b"]" * 62 + b"}", 400, "too-deep", None, id="63 deep"),
        pytest.param(b'{"a":' + b"[" * 10**6, 400, "too-deep", "", id="a million deep"),
        pytest.param(
            b'{"a":[' + b"0," * 2_000_001 + b"0]}", 400, "too-many-values", "", id="many values"
        ),
        pytest.param(b'{"info":"\\ud800"}', 400, "lone-surrogate", "", id="half a pair"),
        pytest.param(b'{"info":"\\udc00"}', 400, "lone-surrogate", "", id="the other half"),
        pytest.param(b'{"info":"\xed\xa0\x80"}', 400, "invalid-encoding", "", id="an encoded half"),
        pytest.param(b'{"info":"\xff"}', 400, "invalid-encoding", "", id="no UTF-8"),
        pytest.param(b"[]", 422, "wrong-type", "", id="a list"),
        pytest.param(b'"a"', 422, "wrong-type", "", id="a text"),
        pytest.param(b"null", 422, "wrong-type", "", id="null"),
        pytest.param(b'{"timeout":NaN}', 400, "invalid-json", "", id="NaN"),
        pytest.param(b'{"timeout":-Infinity}', 400, "invalid-json", "", id="Infinity"),
        pytest.param(b'\xef\xbb\xbf{"info":""}', 400, "invalid-json", "", id="a byte order mark"),
        pytest.param('{"info":""}'.encode("utf-16"), 400, "invalid-json", "", id="UTF-16"),
        pytest.param(b'{"info":"a\nb"}', 400, "invalid-json", "", id="a bare line end"),
        pytest.param(b'{"info":""', 400, "invalid-json", "", id="half a body"),
        pytest.param(b'{"info":"",}', 400, "invalid-json", "", id="a comma too much"),
        pytest.param(b'{"info":""}{}', 400, "invalid-json", "", id="two bodies"),
        pytest.param(b"info=x", 400, "invalid-json", "", id="a form"),
        pytest.param(b" ", 400, "invalid-json", "", id="a space"),
        pytest.param(b"", 400, "missing-body", None, id="nothing"),
    ],
)
def test_a_body_is_read_as_strictly_as_a_file(body, status, code, path, api):
    flow = FlowFactory(info="before")
    before = row_of(flow)
    response = api.put(f"/flow/{flow.uuid}", body)
    assert refusal(response) == (status, code)
    assert places(response) == ([] if path is None else [(code, path)])
    assert row_of(flow) == before


def test_the_deepest_item_can_be_exported_and_imported_again(api):
    flow = FlowFactory()
    response = api.put(f"/flow/{flow.uuid}", {"deep": nested(61)})
    assert response.status_code == 200
    assert response.json()["deep"] == nested(61)
    stream = BytesIO()
    write_export(select_everything(), stream, server="local")
    (item,) = parse(stream.getvalue(), max_bytes=10**6).items[Kind.FLOW]
    assert json.loads(item.extra) == {"deep": nested(61)}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=12,
)
TYPED = {
    **dict.fromkeys(["info", "type", "description", "listenerType", "devValue"], st.text()),
    **dict.fromkeys(["tags"], st.lists(st.text(), max_size=3)),
    **dict.fromkeys(["timeout", "numBlocks"], st.integers(-(2**65), 2**65)),
    **dict.fromkeys(["nodes", "edges"], st.lists(st.dictionaries(st.text(), JSON, max_size=3))),
    **dict.fromkeys(["viewport", "unknown", "name", "queueUuid"], JSON),
}
BODIES = st.fixed_dictionaries({}, optional={key: each | JSON for key, each in TYPED.items()})


def kept_of(kind, body):
    """What is told again of a body: not a secret's value, nor an unknown key that may be it."""
    told = {key: value for key, value in body.items() if key != "devValue"}
    if kind != "secret":
        return told
    known = {"name", *(field.key for field in FIELDS[Kind.SECRET])}
    unknown, _ = split_unknown_of_secret({key: told[key] for key in told.keys() - known})
    return {key: told[key] for key in told if key in known or key in unknown}


@given(kind=st.sampled_from(["flow", "connection", "secret"]), body=BODIES)
def test_whatever_is_taken_can_be_exported_and_imported_again(kind, body, api):
    item = FACTORIES[kind](name=f"NAME_{MODELS[kind].objects.count()}")
    before = row_of(item)
    response = api.put(f"/{kind}/{item.uuid}", body)
    event(f"{response.status_code}")
    assert response.status_code in (200, 400, 422)
    if response.status_code != 200:
        refusal(response)
        assert row_of(item) == before
        return
    told, kept = response.json(), kept_of(kind, body)
    assert {key: told[key] for key in kept} == kept
    assert not told.keys() & (body.keys() - kept.keys() - {"devValue"})
    stream = BytesIO()
    write_export(select_everything(), stream, server="local")
    document = parse(stream.getvalue(), max_bytes=10**8)
    (same,) = [each for each in document if each.uuid == str(item.uuid)]
    row = row_of(item)
    assert {column: row[column] for column in same.content} == same.content
    assert row["extra"] == same.extra


def test_a_body_of_three_megabytes_is_taken(api):
    flow = FlowFactory()
    code = "é" * 1_500_000
    response = api.put(f"/flow/{flow.uuid}", {"nodes": [{"id": "1", "data": {"code": code}}]})
    assert response.status_code == 200
    assert response.json()["nodes"][0]["data"]["code"] == code


@KINDS
def test_a_body_beyond_the_limit_is_too_large(kind, api, settings):
    settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 1000}
    item = FACTORIES[kind]()
    largest = json.dumps({"description" if kind != "flow" else "info": ""})
    body = largest.replace('""', f'"{"x" * (1000 - len(largest))}"').encode()
    assert api.put(f"/{kind}/{item.uuid}", body).status_code == 200
    response = api.put(f"/{kind}/{item.uuid}", body + b" ")
    assert refusal(response) == (413, "too-large")
    assert "1,000 bytes" in response.json()["message"]


@pytest.mark.parametrize("length", ["", "0", "-1", "x"])
def test_a_wrong_content_length_is_no_fault_of_the_servers(length, api):
    flow = FlowFactory(info="before")
    response = api.client.generic(
        "PUT",
        f"/api/flow/{flow.uuid}",
        b'{"info":"x"',
        content_type="application/json",
        CONTENT_LENGTH=length,
    )
    assert response.status_code == 400
    assert row_of(flow)["info"] == "before"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "",
    ],
)
def test_a_body_of_another_type_is_refused(content_type, api):
    flow = FlowFactory()
    response = api.send("PUT", f"/flow/{flow.uuid}", b'{"info":"x"}', content_type=content_type)
    assert response.status_code == 415
    assert row_of(flow)["info"] == ""


def test_the_body_is_utf8_whatever_its_type_says(api):
    flow = FlowFactory()
    body = '{"info":"é"}'.encode()
    for charset in ("utf-8", "latin-1", "bz2_codec"):
        content_type = f"application/json; charset={charset}"
        response = api.send("PUT", f"/flow/{flow.uuid}", body, content_type=content_type)
        assert response.json()["info"] == "é"


# --- making flows


def test_a_flow_is_made_with_a_name_and_a_listener(api):
    response = api.post("/flow/SMS%20Test/HTTP")
    assert (response.status_code, response.reason_phrase) == (201, "Created")
    told = response.json()
    flow = Flow.objects.get()
    assert (told["uuid"], told["name"], told["listenerType"]) == (
        str(flow.uuid),
        "SMS Test",
        "HTTP",
    )
    assert (told["nodes"], told["timeout"], told["isSubflow"]) == ([], 60, False)
    assert api.get(f"/flow/{flow.uuid}").json() == told


def test_two_flows_may_have_one_name(api):
    uuids = {api.post("/flow/a/HTTP").json()["uuid"] for _ in range(2)}
    assert len(uuids) == 2


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "../../etc/passwd",
        "/",
        "a/",
        "//",
        ".",
        "?search=x#y",
        "%41",
        " é ",
        "a\nb\r\n",
        "\u202eתרחיש",
        "<script>alert(1)</script>",
        "👨‍💻",
        "e\u0301",
        "clone ",
        "x" * 255,
    ],
)
def test_a_naughty_name_in_the_path_is_stored_as_it_is(name, api):
    response = api.post(f"/flow/{quote(name, safe='')}/HTTP")
    assert response.status_code == 201
    assert response.json()["name"] == name
    assert [*Flow.objects.values_list("name", "listener_type")] == [(name, "HTTP")]


@pytest.mark.parametrize(
    ("path", "code", "place"),
    [
        ("a%00b/HTTP", "nul-character", "name"),
        ("a/HT%00TP", "nul-character", "receiverType"),
        ("x" * 256 + "/HTTP", "name-too-long", "name"),
        ("clone/not-a-uuid", "invalid-uuid", "uuid"),
    ],
)
def test_a_wrong_name_in_the_path_is_refused(path, code, place, api):
    response = api.post(f"/flow/{path}")
    assert refusal(response) == (422, code)
    assert places(response) == [(code, place)]
    assert Flow.objects.count() == 0


@pytest.mark.parametrize("path", ["/flow/a", "/flow//HTTP", "/flow/a/"])
def test_a_flow_without_a_name_or_a_listener_is_not_made(path, api):
    assert api.post(path).status_code in (404, 405)
    assert Flow.objects.count() == 0


def test_every_naughty_string_is_stored_as_it_is_or_refused(api, shared_data):
    strings = json.loads((shared_data / "naughty-strings.json").read_text())
    flow, connection = FlowFactory(), ConnectionFactory()
    for text in filter(None, strings):
        response = api.post(f"/flow/{quote(text, safe='')}/x")
        if len(text) > 255:
            assert refusal(response) == (422, "name-too-long")
            continue
        assert response.status_code == 201
        assert response.json()["name"] == text
        assert Flow.objects.get(uuid=response.json()["uuid"]).name == text
        for path in (f"/flow/{flow.uuid}", f"/connection/{connection.uuid}"):
            response = api.put(path, {"name": text, "note": {text: [text]}})
            assert response.json()["name"] == text
            assert response.json()["note"] == {text: [text]}
        assert text in names(api.get(f"/connection?search={quote(text, safe='')}"))
    assert len(strings) == 515


# --- copies


def test_a_clone_has_all_but_uuid_name_and_times(api):
    flow = FlowFactory(
        name="SMS", info=None, tags='["a"]', nodes='[{"id":"1"}]', extra='{"unknown":1}', timeout=7
    )
    Flow.objects.filter(pk=flow.pk).update(created_at=LONG_AGO)
    response = api.post(f"/flow/clone/{flow.uuid}")
    assert (response.status_code, response.reason_phrase) == (201, "Created")
    copy = Flow.objects.exclude(pk=flow.pk).get()
    assert response.json() == {"uuid": str(copy.uuid)}
    own = ("id", "uuid", "name", "created_at", "updated_at", "updated_by")
    assert row_of(copy, *own) == row_of(flow, *own)
    assert copy.name == "SMS (copy)"
    assert copy.created_at > LONG_AGO


def test_clones_take_the_first_free_name(api):
    flow = FlowFactory(name="a")
    FlowFactory(name="a (copy 2)")
    FlowFactory(name="a (copy)", is_deleted=True)
    made = [api.post(f"/flow/clone/{flow.uuid}").json()["uuid"] for _ in range(3)]
    assert [Flow.objects.get(uuid=uuid).name for uuid in made] == [
        "a (copy)",
        "a (copy 3)",
        "a (copy 4)",
    ]


@pytest.mark.parametrize(
    ("name", "used", "copy"),
    [
        ("a", [], "a (copy)"),
        ("a", ["a (copy)", "a (copy 3)"], "a (copy 2)"),
        ("a (copy)", ["a (copy)"], "a (copy) (copy)"),
        ("", [], " (copy)"),
        ("x" * 255, [], "x" * 248 + " (copy)"),
        ("x" * 255, ["x" * 248 + " (copy)"], "x" * 246 + " (copy 2)"),
    ],
)
def test_the_copys_name_is_the_first_that_is_free(name, used, copy):
    assert find_free_copy_name(Kind.FLOW, name, used) == copy


def test_a_clone_that_would_lose_a_value_is_refused(api):
    own = "0000000f-aaaa-4000-8000-000000000001"
    FlowFactory(uuid=own, nodes=f'[{{"{own.upper()}":1,"{own}":2}}]')
    response = api.post(f"/flow/clone/{own}")
    assert refusal(response) == (409, "key-collision")
    assert response.json()["message"].startswith(f"nodes[0].{own}: two keys of one object")
    assert Flow.objects.count() == 1


def test_a_clone_that_calls_itself_calls_the_clone(api):
    flow = FlowFactory(uuid="0000000f-0000-4000-8000-0000000000aa", name="a")
    own, other = str(flow.uuid), NOWHERE
    Flow.objects.filter(pk=flow.pk).update(
        info=f"see {own}", nodes=f'[{{"flow":"{own}","other":"{other}"}}]', extra=f'{{"{own}":1}}'
    )
    copy = api.post(f"/flow/clone/{own}").json()["uuid"]
    row = row_of(Flow.objects.get(uuid=copy))
    assert row["info"] == f"see {copy}"
    assert row["nodes"] == f'[{{"flow":"{copy}","other":"{other}"}}]'
    assert row["extra"] == f'{{"{copy}":1}}'
    assert row_of(flow)["info"] == f"see {own}"


# --- deleting


@KINDS
def test_deleting_keeps_the_row(kind, api):
    item = FACTORIES[kind]()
    type(item).objects.filter(pk=item.pk).update(updated_at=LONG_AGO)
    before = row_of(item, "is_deleted", "updated_at", "updated_by")
    response = api.delete(f"/{kind}/{item.uuid}")
    assert (response.status_code, response.content) == (204, b"")
    assert row_of(item, "is_deleted", "updated_at", "updated_by") == before
    assert row_of(item)["is_deleted"] is True
    assert row_of(item)["updated_at"] > LONG_AGO


@KINDS
@pytest.mark.parametrize("is_there", [True, False], ids=["deleted", "never there"])
def test_what_is_not_there_is_not_found(kind, is_there, api):
    uuid = FACTORIES[kind](is_deleted=True).uuid if is_there else NOWHERE
    requests = [("GET", f"/{kind}/{uuid}"), ("DELETE", f"/{kind}/{uuid}")]
    requests += [("POST", f"/flow/clone/{uuid}")]
    for method, path in requests:
        response = api.send(method, path)
        assert refusal(response) == (404, "not-found")
    assert refusal(api.put(f"/{kind}/{uuid}", {"name": "a"})) == (404, "not-found")
    assert names(api.get(f"/{kind}")) == []


def test_what_a_kind_has_is_not_found_among_another(api):
    flow = FlowFactory()
    assert api.get(f"/connection/{flow.uuid}").status_code == 404
    assert api.get(f"/secret/{flow.uuid}").status_code == 404


def test_a_deleted_secrets_name_is_free(api):
    secret = SecretFactory(name="KEY")
    assert refusal(api.post("/secret", {"name": "KEY"})) == (409, "name-taken")
    api.delete(f"/secret/{secret.uuid}")
    assert api.post("/secret", {"name": "KEY"}).status_code == 201


# --- making connections and secrets


def test_a_connection_is_made(api):
    body = {"name": "Twilio", "type": "Twilio", "devValue": "{ a: 1 }", "unknown": [1]}
    response = api.post("/connection", body)
    assert (response.status_code, response.reason_phrase) == (201, "Created")
    told = response.json()
    assert {key: told[key] for key in body} == body
    assert (told["description"], told["prodValue"]) == ("", "")
    assert "isCorePlatform" not in told
    assert row_of(Connection.objects.get())["extra"] == '{"unknown":[1]}'


@BY_BODY
def test_a_name_is_needed(kind, api):
    response = api.post(f"/{kind}", {"description": 1})
    assert refusal(response) == (422, "missing-key")
    assert places(response) == [("missing-key", "name"), ("wrong-type", "description")]
    assert MODELS[kind].objects.count() == 0


@BY_BODY
def test_an_item_is_made_with_the_uuid_of_the_body(kind, api):
    response = api.post(f"/{kind}", {"name": "a", "uuid": NOWHERE.upper()})
    assert response.json()["uuid"] == NOWHERE
    assert MODELS[kind].objects.get().uuid == UUID(NOWHERE)


@BY_BODY
@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_uuid_that_is_taken_is_a_conflict(kind, is_deleted, api):
    item = FACTORIES[kind](is_deleted=is_deleted)
    before = row_of(item)
    response = api.post(f"/{kind}", {"name": "another", "uuid": str(item.uuid)})
    assert refusal(response) == (409, "uuid-taken")
    assert row_of(item) == before
    assert MODELS[kind].objects.count() == 1


@pytest.mark.parametrize("name", ["", "1a", "a b", "a-b", "a.b", "é\n", "\u202ea"])
def test_a_secrets_name_is_an_identifier(name, api):
    secret = SecretFactory(name="BEFORE")
    assert refusal(api.post("/secret", {"name": name})) == (422, "invalid-name")
    assert refusal(api.put(f"/secret/{secret.uuid}", {"name": name})) == (422, "invalid-name")
    assert [*Secret.objects.values_list("name", flat=True)] == ["BEFORE"]


@pytest.mark.parametrize("name", ["$a_1", "été", "ключ", "x" * 255, "key", "KEY"])
def test_an_identifier_can_be_a_secrets_name(name, api):
    SecretFactory(name="Key")
    assert api.post("/secret", {"name": name}).json()["name"] == name


def test_a_secret_cannot_get_the_name_of_another(api):
    secret, _other = SecretFactory(name="A"), SecretFactory(name="B")
    before = row_of(secret)
    response = api.put(f"/secret/{secret.uuid}", {"name": "B", "description": "x"})
    assert refusal(response) == (409, "name-taken")
    assert row_of(secret) == before
    assert api.put(f"/secret/{secret.uuid}", {"name": "A"}).status_code == 200


# --- secret values


def values_of(secret):
    """The secret's values in clear."""
    stored = Secret.objects.get(pk=secret.pk)
    return tuple(value and value.reveal() for value in (stored.dev_value, stored.prod_value))


def test_a_secret_is_made_with_values_that_are_sealed(api):
    response = api.post("/secret", {"name": "KEY", "devValue": VALUE, "prodValue": None})
    secret = Secret.objects.get()
    assert response.status_code == 201
    assert (response.json()["hasDevValue"], response.json()["hasProdValue"]) == (True, False)
    assert values_of(secret) == (VALUE, None)
    assert VALUE not in str(raw_values(secret))


@pytest.mark.parametrize(
    ("body", "after"),
    [
        pytest.param({}, (VALUE, None), id="no key keeps"),
        pytest.param({"devValue": None, "prodValue": None}, (VALUE, None), id="null keeps"),
        pytest.param({"devValue": OTHER_VALUE}, (OTHER_VALUE, None), id="a text sets"),
        pytest.param({"prodValue": OTHER_VALUE}, (VALUE, OTHER_VALUE), id="one beside the other"),
        pytest.param({"devValue": ""}, (None, None), id="an empty text clears"),
        pytest.param({"prodValue": " \n é "}, (VALUE, " \n é "), id="spaces are part of it"),
    ],
)
def test_a_change_of_a_secret_sets_keeps_and_clears_values(body, after, api):
    secret = SecretFactory(dev_value=VALUE)
    stored = raw_values(secret)
    response = api.put(f"/secret/{secret.uuid}", {"description": "x", **body})
    assert response.status_code == 200
    assert values_of(secret) == after
    assert response.json()["hasDevValue"] is (after[0] is not None)
    assert response.json()["hasProdValue"] is (after[1] is not None)
    if after[0] == VALUE:
        assert raw_values(secret)[0] == stored[0]


@pytest.mark.parametrize(
    ("mode", "after"), [("DEV", (OTHER_VALUE, VALUE)), ("PROD", (VALUE, OTHER_VALUE))]
)
def test_the_value_of_one_environment_is_set(mode, after, api):
    secret = SecretFactory(dev_value=VALUE, prod_value=VALUE)
    Secret.objects.filter(pk=secret.pk).update(updated_at=LONG_AGO)
    body = {
        "executionEnvironmentMode": mode,
        "uuid": str(secret.uuid).upper(),
        "secret": OTHER_VALUE,
    }
    response = api.patch("/secret/update-secret-value", body)
    assert response.status_code == 200
    assert response.json()["uuid"] == str(secret.uuid)
    assert values_of(secret) == after
    assert row_of(secret)["updated_at"] > LONG_AGO


def test_the_value_of_one_environment_is_cleared(api):
    secret = SecretFactory(dev_value=VALUE)
    body = {"executionEnvironmentMode": "DEV", "uuid": str(secret.uuid), "secret": ""}
    assert api.patch("/secret/update-secret-value", body).json()["hasDevValue"] is False
    assert values_of(secret) == (None, None)


@pytest.mark.parametrize(
    ("change", "issues"),
    [
        ({"executionEnvironmentMode": "dev"}, [("invalid-choice", "executionEnvironmentMode")]),
        ({"executionEnvironmentMode": ["DEV"]}, [("invalid-choice", "executionEnvironmentMode")]),
        ({"uuid": 7}, [("invalid-uuid", "uuid")]),
        ({"secret": None}, [("wrong-type", "secret")]),
        ({"secret": {"a": VALUE}}, [("wrong-type", "secret")]),
        ({"secret": "********"}, [("placeholder-value", "secret")]),
        ({"uuid": "x", "secret": 1}, [("invalid-uuid", "uuid"), ("wrong-type", "secret")]),
    ],
)
def test_a_wrong_new_value_is_refused(change, issues, api):
    secret = SecretFactory(dev_value=VALUE)
    stored = raw_values(secret)
    body = {"executionEnvironmentMode": "DEV", "uuid": str(secret.uuid), "secret": OTHER_VALUE}
    response = api.patch("/secret/update-secret-value", {**body, **change})
    assert response.status_code == 422
    assert places(response) == issues
    assert raw_values(secret) == stored


@pytest.mark.parametrize("key", ["executionEnvironmentMode", "uuid", "secret"])
def test_nothing_of_a_new_value_can_be_left_out(key, api):
    secret = SecretFactory(dev_value=VALUE)
    body = {"executionEnvironmentMode": "DEV", "uuid": str(secret.uuid), "secret": OTHER_VALUE}
    del body[key]
    response = api.patch("/secret/update-secret-value", body)
    assert places(response) == [("missing-key", key)]
    assert values_of(secret) == (VALUE, None)


def test_the_value_of_a_deleted_secret_is_not_set(api):
    secret = SecretFactory(dev_value=VALUE, is_deleted=True)
    body = {"executionEnvironmentMode": "DEV", "uuid": str(secret.uuid), "secret": OTHER_VALUE}
    assert refusal(api.patch("/secret/update-secret-value", body)) == (404, "not-found")
    assert values_of(secret) == (VALUE, None)


PLACEHOLDERS = [
    "*",
    "***",
    "********",
    "**********",
    "••••",
    "xxx",
    "XXXXXXXXXX",
    "[REDACTED]",
    "[redacted]",
    "<encrypted>",
    "<hidden>",
    "{masked}",
    "***REDACTED***",
    "[secret value]",
    "(unchanged)",
    "REDACTED",
    " ***\n",
]


@pytest.mark.parametrize("value", PLACEHOLDERS)
@pytest.mark.parametrize("key", ["devValue", "prodValue"])
def test_a_placeholder_is_never_stored(key, value, api):
    secret = SecretFactory(dev_value=VALUE, prod_value=VALUE)
    stored = raw_values(secret)
    response = api.put(f"/secret/{secret.uuid}", {"description": "x", key: value})
    assert refusal(response) == (422, "placeholder-value")
    assert places(response) == [("placeholder-value", key)]
    assert refusal(api.post("/secret", {"name": "NEW", key: value})) == (422, "placeholder-value")
    assert raw_values(secret) == stored
    assert [*Secret.objects.values_list("description", flat=True)] == [""]


@pytest.mark.parametrize(
    "value",
    ["", "x", "xx", "secret", "hidden", "p***word", "*a*", "[a]", "<b>encrypted</b>", "12345678"],
)
def test_what_is_no_placeholder_is_a_value(value):
    assert not is_placeholder(value)


@pytest.mark.parametrize(
    "key",
    [
        "value",
        "secretValue",
        "dev_value",
        "password",
        "apiToken",
        "plaintext",
        "ciphertext",
        "credentials",
    ],
)
def test_a_value_under_another_key_is_refused_and_stored_nowhere(key, api):
    secret = SecretFactory()
    response = api.put(f"/secret/{secret.uuid}", {key: VALUE})
    assert refusal(response) == (422, "unknown-key")
    assert places(response) == [("unknown-key", key)]
    assert VALUE not in response.content.decode()
    assert row_of(secret)["extra"] == "{}"


def test_whether_there_are_values_is_only_told(api):
    secret = SecretFactory(dev_value=VALUE)
    response = api.put(f"/secret/{secret.uuid}", {"hasDevValue": False, "hasProdValue": True})
    assert response.json()["hasDevValue"] is True
    assert row_of(secret)["extra"] == "{}"


@pytest.mark.parametrize(
    ("values", "shown"),
    [({"dev_value": VALUE}, "********"), ({"prod_value": "x"}, "********"), ({}, None)],
)
def test_a_secret_is_found_by_name_with_a_mask_that_tells_nothing(values, shown, api):
    secret = SecretFactory(name="été_$", **values)
    response = api.get(f"/secret/get-obfuscated-by-name/{quote('été_$')}")
    assert response.status_code == 200
    assert response.json() == {"uuid": str(secret.uuid), "value": shown}


@pytest.mark.parametrize(
    "name", ["key", "KEY ", "gone", "a/b", "KEY\0", "\0", "x" * 5000, "%", "é\n"]
)
def test_a_secret_of_another_name_is_not_found(name, api):
    SecretFactory(name="KEY", dev_value=VALUE)
    SecretFactory(name="gone", dev_value=VALUE, is_deleted=True)
    response = api.get(f"/secret/get-obfuscated-by-name/{quote(name, safe='')}")
    assert refusal(response) == (404, "not-found")


def forms_of(value):
    """How a value could lie hidden in an answer."""
    raw = value.encode()
    return [value, base64.b64encode(raw).decode(), raw.hex(), quote(value), json.dumps(value)[1:-1]]


def test_no_answer_and_no_log_line_has_a_secrets_value(api, caplog):
    caplog.set_level("DEBUG")
    secret = SecretFactory(name="KEY", dev_value=VALUE, prod_value=VALUE)
    path = f"/secret/{secret.uuid}"
    answers = [
        api.get("/secret"),
        api.get(path),
        api.get("/secret/get-obfuscated-by-name/KEY"),
        api.put(path, {"devValue": VALUE}),
        api.put(path, {"devValue": [VALUE]}),
        api.put(path, {"devValue": {VALUE: VALUE}, "name": 1}),
        api.put(path, {"devValue": VALUE + "\0"}),
        api.put(path, {"devValue": {VALUE: "\0"}}),
        api.put(path, {"devValue": VALUE, "name": ""}),
        api.put(path, f'{{"devValue": {{"{VALUE}": 1, "{VALUE}": 2}}}}'.encode()),
        api.put(path, f'{{"devValue": "{VALUE}'.encode()),
        api.put(path, f'{{"devValue": "{VALUE}'.encode() + b"\xff"),
        api.put(path, f'{{"devValue": {VALUE}}}'.encode()),
        api.put(path, {"value": VALUE}),
        api.post("/secret", {"name": "KEY", "devValue": VALUE}),
        api.post("/secret", {"name": VALUE[:3], "devValue": VALUE}),
        api.patch(
            "/secret/update-secret-value",
            {"executionEnvironmentMode": "DEV", "uuid": str(secret.uuid), "secret": VALUE},
        ),
        api.patch("/secret/update-secret-value", {"secret": VALUE}),
        api.send("PUT", path, f'{{"devValue":"{VALUE}"}}'.encode(), content_type="text/plain"),
        api.delete(path),
    ]
    told = "".join(f"{each.status_code} {each.content.decode()} {each.headers}" for each in answers)
    for form in (*forms_of(VALUE), raw_values(secret)[0]):
        assert form not in told
        assert form not in caplog.text


# --- connections that send secrets elsewhere

MAY_CHANGE = ("flows.view_connection", "flows.change_connection", "flows.view_secret")
TEXT = "{ host: 'api.example.com', token: secrets.KEY, timeout: 5 }"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"devValue": TEXT.replace("api.", "evil.")}, id="another host"),
        pytest.param({"devValue": f"f({TEXT})"}, id="code"),
        pytest.param({"prodValue": TEXT.replace("api.", "evil.")}, id="another host in production"),
    ],
)
def test_to_send_a_stored_secret_elsewhere_is_a_right_of_its_own(change, caller_with):
    SecretFactory(name="KEY", prod_value=VALUE)
    connection = ConnectionFactory(dev_value=TEXT)
    before = row_of(connection)
    response = caller_with(*MAY_CHANGE).put(f"/connection/{connection.uuid}", change)
    assert refusal(response) == (403, "not-permitted")
    assert "secrets.KEY" in response.json()["message"]
    assert response.json()["issues"][0]["message"] == (
        "Needs the permission imports.retarget_connections."
    )
    assert row_of(connection) == before
    may = caller_with(*MAY_CHANGE, "imports.retarget_connections")
    assert may.put(f"/connection/{connection.uuid}", change).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "other", "description": "x"}, id="another name"),
        pytest.param({"devValue": TEXT}, id="the same"),
        pytest.param({"devValue": TEXT.replace("{", "{ port: 81,")}, id="a port"),
        pytest.param({"devValue": TEXT.replace("token", "user")}, id="another key for it"),
        pytest.param({"type": "SFTP"}, id="another type"),
        pytest.param({"devValue": TEXT.replace("api.", "API.")}, id="the host in capitals"),
        pytest.param({"devValue": TEXT.replace("timeout: 5", "timeout: 50")}, id="a timeout"),
        pytest.param({"devValue": "{ host: 'evil.example.com' }"}, id="a host without the secret"),
        pytest.param(
            {"devValue": "{ host: 'evil', token: secrets.EMPTY }"}, id="one without a value"
        ),
        pytest.param({"devValue": "{ host: 'evil', token: secrets.GONE }"}, id="a deleted one"),
    ],
)
def test_what_sends_no_stored_secret_elsewhere_needs_no_such_right(change, caller_with):
    SecretFactory(name="KEY", dev_value=VALUE)
    SecretFactory(name="EMPTY")
    SecretFactory(name="GONE", dev_value=VALUE, is_deleted=True)
    connection = ConnectionFactory(dev_value=TEXT)
    response = caller_with(*MAY_CHANGE).put(f"/connection/{connection.uuid}", change)
    assert response.status_code == 200


def test_a_secret_cannot_be_sent_elsewhere_in_two_steps(caller_with):
    SecretFactory(name="KEY", dev_value=VALUE)
    connection = ConnectionFactory(dev_value=TEXT)
    path, caller = f"/connection/{connection.uuid}", caller_with(*MAY_CHANGE)
    assert caller.put(path, {"devValue": "{ host: 'evil' }"}).status_code == 200
    response = caller.put(path, {"devValue": "{ host: 'evil', token: secrets.KEY }"})
    assert refusal(response) == (403, "not-permitted")


# --- who may do what

ENDPOINTS = [
    ("GET", "/flow", None, "view_flow"),
    ("GET", "/flow/{flow}", None, "view_flow"),
    ("PUT", "/flow/{flow}", {"info": "x"}, "change_flow"),
    ("DELETE", "/flow/{flow}", None, "delete_flow"),
    ("POST", "/flow/clone/{flow}", None, "add_flow"),
    ("POST", "/flow/a/HTTP", None, "add_flow"),
    ("GET", "/connection", None, "view_connection"),
    ("POST", "/connection", {"name": "a"}, "add_connection"),
    ("GET", "/connection/{connection}", None, "view_connection"),
    ("PUT", "/connection/{connection}", {"name": "a"}, "change_connection"),
    ("DELETE", "/connection/{connection}", None, "delete_connection"),
    ("GET", "/secret", None, "view_secret"),
    ("POST", "/secret", {"name": "A"}, "add_secret"),
    ("GET", "/secret/{secret}", None, "view_secret"),
    ("PUT", "/secret/{secret}", {"devValue": "a"}, "change_secret"),
    ("DELETE", "/secret/{secret}", None, "delete_secret"),
    (
        "PATCH",
        "/secret/update-secret-value",
        {"executionEnvironmentMode": "DEV", "uuid": "{secret}", "secret": "a"},
        "change_secret",
    ),
    ("GET", "/secret/get-obfuscated-by-name/KEY", None, "view_secret"),
    ("GET", "/ziggy/named-saves/{flow}", None, "view_flow"),
    ("POST", "/ziggy/history-named-save/{flow}/a", None, "change_flow"),
    ("GET", "/ziggy/history-load/{save}", None, "view_flow"),
    ("POST", "/ziggy/named-saves/{save}/restore", None, "change_flow"),
]
EVERY_ENDPOINT = pytest.mark.parametrize(
    "endpoint",
    [pytest.param(endpoint, id=f"{endpoint[0]} {endpoint[1]}") for endpoint in ENDPOINTS],
)
RIGHTS = [
    f"flows.{verb}_{kind}"
    for verb in ("view", "add", "change", "delete")
    for kind in ("flow", "connection", "secret")
]


@pytest.fixture
def stored(db):
    """One item of each kind and a named save, by the words of ENDPOINTS."""
    flow = FlowFactory()
    revision = named_saves.take(flow, "save")
    return {
        "flow": str(flow.uuid),
        "connection": str(ConnectionFactory().uuid),
        "secret": str(SecretFactory(name="KEY").uuid),
        "save": str(make_save_uuid(revision.version_set.get().pk)),
    }


def ask(caller, endpoint, stored):
    method, path, body, _right = endpoint
    for word, uuid in stored.items():
        path = path.replace(f"{{{word}}}", uuid)
    body = json.loads(json.dumps(body).replace("{secret}", stored["secret"]))
    return caller.send(method, path, body)


@EVERY_ENDPOINT
def test_the_one_right_that_is_needed_is_enough(endpoint, caller_with, stored):
    response = ask(caller_with(f"flows.{endpoint[3]}"), endpoint, stored)
    assert response.status_code in (200, 201, 204)


@EVERY_ENDPOINT
def test_all_other_rights_are_not_enough(endpoint, caller_with, stored):
    others = [each for each in RIGHTS if each != f"flows.{endpoint[3]}"]
    response = ask(caller_with(*others), endpoint, stored)
    assert refusal(response) == (403, "not-permitted")
    assert Flow.objects.filter(is_deleted=False).count() == 1


@EVERY_ENDPOINT
def test_nobody_gets_nothing(endpoint, stored):
    response = ask(Caller(), endpoint, stored)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert [*response.json()] == ["message", "code", "issues", "requestId"]


@EVERY_ENDPOINT
def test_somebody_who_is_inactive_gets_nothing(endpoint, stored):
    root = User.objects.create_superuser("gone", is_active=False)
    assert ask(Caller(root), endpoint, stored).status_code in (401, 403)


ALL_VERBS = {"view", "add", "change", "delete"}
ROLES = [
    ("Admin", ALL_VERBS),
    ("Editor", ALL_VERBS),
    ("Service Account", {"view", "add", "change"}),
    ("Operator", {"view"}),
]


@EVERY_ENDPOINT
@pytest.mark.parametrize(("role", "verbs"), ROLES)
def test_a_role_may_do_what_its_verbs_say(role, verbs, endpoint, stored):
    user = User.objects.create_user("somebody")
    user.groups.set([Group.objects.get(name=role)])
    response = ask(Caller(user), endpoint, stored)
    if endpoint[3].partition("_")[0] in verbs:
        assert response.status_code in (200, 201, 204)
    else:
        assert refusal(response) == (403, "not-permitted")


@pytest.mark.parametrize(
    ("role", "status"), [("Admin", 200), ("Editor", 200), ("Service Account", 403)]
)
def test_a_service_account_sends_no_stored_secret_elsewhere(role, status, db):
    SecretFactory(name="KEY", dev_value=VALUE)
    connection = ConnectionFactory(dev_value=TEXT)
    user = User.objects.create_user("somebody")
    user.groups.set([Group.objects.get(name=role)])
    body = {"devValue": TEXT.replace("api.", "evil.")}
    response = Caller(user).put(f"/connection/{connection.uuid}", body)
    assert response.status_code == status


# --- what the command line clients send

COOKIES = "tenantId=1; provider=local; accessToken={token}; userId=2; password=hunter2"


@pytest.fixture
def token(db, settings):
    User.objects.create_superuser("ada", password="correct horse battery")
    body = {"username": "ada", "password": "correct horse battery"}
    return Caller().post("/auth/login", body).json()["token"]


@EVERY_ENDPOINT
def test_a_clients_request_works(endpoint, token, stored):
    caller = Caller()
    caller.client.credentials(
        HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_COOKIE=COOKIES.format(token="old")
    )
    assert ask(caller, endpoint, stored).status_code in (200, 201, 204)


@EVERY_ENDPOINT
def test_a_cookie_says_nothing(endpoint, token, stored):
    caller = Caller()
    caller.client.credentials(HTTP_COOKIE=COOKIES.format(token=token))
    assert refusal(ask(caller, endpoint, stored)) == (401, "not-authenticated")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic {token}"])
def test_a_header_without_a_good_token_says_nothing(header, token):
    caller = Caller()
    caller.client.credentials(HTTP_AUTHORIZATION=header.format(token=token))
    assert refusal(caller.get("/flow")) == (401, "not-authenticated")


def test_a_token_is_good_until_its_end(token):
    caller = Caller()
    caller.client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert caller.get("/flow").status_code == 200
    ApiToken.objects.update(expiry=LONG_AGO)
    assert refusal(caller.get("/flow")) == (401, "not-authenticated")


# --- every endpoint


def test_every_endpoint_is_among_those_whose_rights_are_tested():
    patterns = {str(pattern.pattern): pattern.callback.cls for pattern in api_urls.urlpatterns}
    patterns["secret/<uuid>"] = SecretWithDestinationsView  # which stands beside imports
    known = {(method, re.sub(r"\{\w+\}", NOWHERE, path)) for method, path, _, _ in ENDPOINTS}
    resolver = get_resolver()
    tested = {(method, resolver.resolve(f"/api{path}").func.cls) for method, path in known}
    methods = ("get", "post", "put", "patch", "delete")
    there = {
        (method.upper(), view)
        for view in patterns.values()
        for method in methods
        if hasattr(view, method)
    }
    assert tested == there


@pytest.mark.parametrize("rights", [("add",), ("add", "change")])
def test_to_make_a_secret_with_a_value_needs_the_right_to_set_one(rights, caller_with):
    caller = caller_with(*(f"flows.{right}_secret" for right in rights))
    response = caller.post("/secret", {"name": "A", "devValue": VALUE})
    if "change" in rights:
        assert response.status_code == 201
    else:
        assert refusal(response) == (403, "not-permitted")
        assert Secret.objects.count() == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/flow/{NOWHERE}"),
        ("PATCH", f"/flow/{NOWHERE}"),
        ("PUT", "/flow"),
        ("POST", "/flow"),
        ("DELETE", "/flow"),
        ("GET", f"/flow/clone/{NOWHERE}"),
        ("GET", "/flow/a/HTTP"),
        ("PATCH", f"/connection/{NOWHERE}"),
        ("DELETE", "/secret"),
        ("POST", f"/secret/{NOWHERE}"),
        ("POST", "/secret/update-secret-value"),
        ("TRACE", "/secret"),
    ],
)
def test_another_method_is_not_allowed(method, path, api):
    assert api.send(method, path).status_code == 405


def test_head_is_as_get_without_a_body(api, caller_with):
    FlowFactory()
    response = api.send("HEAD", "/flow")
    assert (response.status_code, response.content) == (200, b"")
    assert caller_with("flows.add_flow").send("HEAD", "/flow").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/flow/",
        "/flow/export-all/",
        "/connection/",
        "/secret/x",
        "/ziggy/history-load/1",
        "/flow/1",
    ],
)
def test_other_addresses_are_not_ours(path, api):
    assert api.get(path).status_code == 404


# --- several callers at once


def at_once(*requests):
    """The status codes of requests that are sent at the same time."""
    barrier = threading.Barrier(len(requests))

    def run(request):
        try:
            barrier.wait(timeout=10)
            return request().status_code
        finally:
            database.close()

    with ThreadPoolExecutor(len(requests)) as pool:
        return [*pool.map(run, requests)]


@pytest.mark.django_db(transaction=True)
def test_one_of_those_who_want_a_name_gets_it():
    api = Caller(User.objects.create_superuser("root"))
    for round_ in range(5):
        body = {"name": f"KEY_{round_}"}
        codes = at_once(*[partial(api.post, "/secret", body)] * 4)
        assert sorted(codes) == [201, 409, 409, 409]
    assert Secret.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_changes_of_different_keys_at_once_are_all_kept():
    api = Caller(User.objects.create_superuser("root"))
    secret = SecretFactory()
    path = f"/secret/{secret.uuid}"
    changes = [{"description": "x"}, {"devValue": VALUE}, {"unknown": True}, {"other": None}]
    codes = at_once(*[partial(api.put, path, change) for change in changes])
    assert codes == [200, 200, 200, 200]
    row = row_of(secret)
    assert (row["description"], row["extra"]) == ("x", '{"other":null,"unknown":true}')
    assert values_of(secret) == (VALUE, None)
