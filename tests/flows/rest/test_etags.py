"""ETag and If-Match: nobody writes over a change that they have not seen, and no tag tells a value."""

import hashlib
import threading
from datetime import UTC, datetime
from functools import partial
from unittest.mock import patch

import pytest
from django.db import connection as database
from django.db import transaction

from accounts.models import User
from flows.models import Connection, Flow, Secret
from flows.rest.bodies.save_uuids import make_save_uuid
from flows.saves import named_saves
from flows.saves.state_tags import compute_state_tag
from tests.flows.rest.test_flows_api import Caller, refusal
from tests.support.factories import FACTORIES, FlowFactory, SecretFactory
from tests.support.rows import row_of
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db

MODELS = {"flow": Flow, "connection": Connection, "secret": Secret}
KINDS = pytest.mark.parametrize("kind", FACTORIES)
CHANGES = {"flow": {"info": "new"}, "connection": {"type": "new"}, "secret": {"type": "new"}}
OLD = '"0000000000000000000000000000000000000000000000000000000000000000"'
CONDITIONS = ["{now}", "*", OLD + ", {now}", 'W/"x",{now}', "W/{now}", OLD + ",W/{now}", None]


@pytest.fixture
def api():
    return Caller(User.objects.create_superuser("root"))


def tag_of(answer):
    tag = answer.headers["ETag"]
    assert tag.startswith('"')
    assert len(tag) == 66
    return tag


def writes(kind, item):
    """The ways to write the item: method, path and body."""
    path = f"/{kind}/{item.uuid}"
    ways = [("PUT", path, CHANGES[kind]), ("DELETE", path, None)]
    if kind == "secret":
        body = {"executionEnvironmentMode": "DEV", "uuid": str(item.uuid), "secret": "CANARY"}
        ways.append(("PATCH", "/secret/update-secret-value", body))
    if kind == "flow":
        save = named_saves.take(item, "before").version_set.get()
        ways.append(("POST", f"/ziggy/named-saves/{make_save_uuid(save.pk)}/restore", None))
    return ways


@KINDS
def test_every_answer_with_a_whole_item_has_the_tag_of_its_present_state(kind, api):
    item = FACTORIES[kind]()
    path = f"/{kind}/{item.uuid}"
    first = tag_of(api.get(path))
    assert tag_of(api.get(path)) == first
    for method, address, body in writes(kind, item):
        if method == "DELETE":
            continue
        answer = api.send(method, address, body)
        assert answer.status_code == 200
        assert tag_of(answer) == tag_of(api.get(path)) != first


@pytest.mark.parametrize(
    ("path", "body"),
    [("/connection", {"name": "A"}), ("/secret", {"name": "A"}), ("/flow/A/HTTP", None)],
)
def test_a_new_item_comes_with_its_tag(path, body, api):
    answer = api.post(path, body)
    assert answer.status_code == 201
    kind = path.split("/")[1]
    assert tag_of(answer) == tag_of(api.get(f"/{kind}/{answer.json()['uuid']}"))


@KINDS
def test_a_write_for_another_state_is_412_and_writes_nothing(kind, api):
    item = FACTORIES[kind]()
    ways = writes(kind, item)
    seen = tag_of(api.get(f"/{kind}/{item.uuid}"))
    other = MODELS[kind].objects.get(pk=item.pk)
    other.type = other.info = "by somebody else"
    other.updated_by = "bob"
    other.save()
    before = row_of(item)
    for method, path, body in ways:
        for condition in (seen, OLD, f"{OLD}, {seen}", f"W/{seen}", "", "garbage", '""'):
            answer = api.send(method, path, body, HTTP_IF_MATCH=condition)
            assert refusal(answer) == (412, "precondition-failed"), (method, condition)
            assert f"The {kind} was changed since, last by bob on " in answer.json()["message"]
    assert row_of(item) == before


@KINDS
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_write_for_the_present_state_is_done(kind, condition, api):
    number = len(writes(kind, FACTORIES[kind]()))
    for index in range(number):
        item = FACTORIES[kind]()
        method, path, body = writes(kind, item)[index]
        now = tag_of(api.get(f"/{kind}/{item.uuid}"))
        headers = {} if condition is None else {"HTTP_IF_MATCH": condition.format(now=now)}
        assert api.send(method, path, body, **headers).status_code in {200, 204}, method


@KINDS
def test_a_tag_that_compression_made_weak_is_taken_as_it_was_sent(kind, api, settings):
    """The tag is of the row, not of the bytes: whoever sends back what was sent may write."""
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    long = {"info" if kind == "flow" else "description": "a text to compress " * 99}
    for index in range(len(writes(kind, FACTORIES[kind]()))):
        item = FACTORIES[kind](**long)
        method, path, body = writes(kind, item)[index]
        read = api.send("GET", f"/{kind}/{item.uuid}", HTTP_ACCEPT_ENCODING="gzip")
        assert read.headers["Content-Encoding"] == "gzip"
        tag = read.headers["ETag"]
        assert tag.startswith('W/"')
        answer = api.send(method, path, body, HTTP_IF_MATCH=tag)
        assert answer.status_code in {200, 204}, method


@KINDS
def test_what_is_not_there_or_is_wrong_anyway_is_told_so(kind, api):
    item = FACTORIES[kind](is_deleted=True)
    path = f"/{kind}/{item.uuid}"
    assert refusal(api.send("DELETE", path, HTTP_IF_MATCH="*")) == (404, "not-found")
    live = FACTORIES[kind]()
    answer = api.send("PUT", f"/{kind}/{live.uuid}", {"name": 1}, HTTP_IF_MATCH=OLD)
    assert answer.status_code == 422


def test_a_secret_is_always_told_whole_since_where_it_goes_changes_without_it(api):
    item = FACTORIES["secret"]()
    path = f"/secret/{item.uuid}"
    answer = api.send("GET", path, HTTP_IF_NONE_MATCH=tag_of(api.get(path)))
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["flow", "connection"])
def test_who_has_the_present_state_gets_304(kind, api):
    item = FACTORIES[kind]()
    path = f"/{kind}/{item.uuid}"
    now = tag_of(api.get(path))
    for condition in (now, f"W/{now}", "*", f"{OLD}, {now}"):
        answer = api.send("GET", path, HTTP_IF_NONE_MATCH=condition)
        assert (answer.status_code, answer.content) == (304, b"")
        assert tag_of(answer) == now
    assert api.send("GET", path, HTTP_IF_NONE_MATCH=OLD).status_code == 200


@KINDS
def test_every_column_counts_also_within_one_tick_of_the_clock(kind):
    item = FACTORIES[kind]()
    moment = datetime(2026, 3, 16, tzinfo=UTC)
    with patch("django.utils.timezone.now", return_value=moment):
        item.save()
        tags = {compute_state_tag(MODELS[kind].objects.get(pk=item.pk))}
        for number, field in enumerate(MODELS[kind]._meta.concrete_fields, 1):
            if field.primary_key or field.attname in {"uuid", "created_at", "updated_at"}:
                continue
            row = MODELS[kind].objects.filter(pk=item.pk)
            internal = field.get_internal_type()
            if internal == "BooleanField":
                row.update(**{field.attname: not getattr(row.get(), field.attname)})
            elif internal == "BigIntegerField":
                row.update(**{field.attname: 900 + number})
            elif field.attname == "extra":  # of a secret, no text is kept there
                row.update(extra='{"known":true}')
            else:
                row.update(**{field.attname: f'["{number}"]'})
            tags.add(compute_state_tag(row.get()))
            assert len(tags) == len(tags | {compute_state_tag(row.get())})
    changed = [
        field
        for field in MODELS[kind]._meta.concrete_fields
        if not field.primary_key and field.attname not in {"uuid", "created_at", "updated_at"}
    ]
    assert len(tags) == 1 + len(changed)


def test_the_same_value_set_again_makes_another_tag_which_tells_nothing_of_it(api):
    secret = SecretFactory()
    body = {"executionEnvironmentMode": "DEV", "uuid": str(secret.uuid), "secret": "CANARY-1"}
    moment = datetime(2026, 3, 16, tzinfo=UTC)
    with patch("django.utils.timezone.now", return_value=moment):
        tags = [tag_of(api.patch("/secret/update-secret-value", body)) for _ in range(3)]
    assert len(set(tags)) == 3
    sealed = Secret.objects.get().dev_value.token
    for text in ("CANARY-1", sealed):
        assert hashlib.sha256(text.encode()).hexdigest() not in "".join(tags)


def test_the_tag_is_the_servers_own(settings):
    flow = FlowFactory()
    flow.refresh_from_db()
    here = compute_state_tag(flow)
    settings.SECRET_KEY = "another"
    assert compute_state_tag(flow) != here


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_with_one_tag_one_writes(api):
    flow = FlowFactory()
    path = f"/flow/{flow.uuid}"
    seen = tag_of(api.get(path))
    clients = [Caller(User.objects.create_superuser(f"user {number}")) for number in range(6)]
    puts = [
        partial(client.send, "PUT", path, {"info": str(number)}, HTTP_IF_MATCH=seen)
        for number, client in enumerate(clients)
    ]
    answers = at_once(puts)
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("sqlite" in database.vendor, reason="SQLite locks no rows, but everything")
def test_the_state_is_looked_at_under_the_lock_of_the_row(api):
    flow = FlowFactory()
    path = f"/flow/{flow.uuid}"
    seen, answers = tag_of(api.get(path)), []

    def send():
        answers.append(api.send("PUT", path, {"info": "mine"}, HTTP_IF_MATCH=seen).status_code)
        database.close()

    thread = threading.Thread(target=send)
    with transaction.atomic():
        other = Flow.objects.select_for_update().get()
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()
        other.info = "theirs"
        other.save()
    thread.join()
    assert answers == [412]
    assert Flow.objects.get().info == "theirs"
