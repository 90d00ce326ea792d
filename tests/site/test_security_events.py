"""Security events: each is logged once under one logger, with numbers and no text that was typed."""

import ast
import logging
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.tokens import issue_key, issue_login_token
from flows.models import Connection
from flows.secrets.key_rotation import rotate_keys
from flows.security_events import (
    FACTS,
    KINDS,
    LOGGER,
    SecurityEvent,
    log_security_event,
    note_security_events,
)
from imports.errors import NotPermitted
from imports.importing.service import run_import
from imports.purging.service import purge_items
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, request_for, uuid_of

TYPED = "CANARY typed into the field of names"
PASSWORD = "CANARY a long passphrase"

pytestmark = pytest.mark.django_db
COMMITTED = pytest.mark.django_db(transaction=True)
"""Of a test whose events are logged when a transaction is committed."""


@pytest.fixture
def events(caplog):
    """The lines of the events so far."""
    caplog.set_level(logging.INFO, LOGGER)

    def read():
        lines = [record.getMessage() for record in caplog.records if record.name == LOGGER]
        assert "CANARY" not in "".join(lines)
        caplog.clear()
        return lines

    return read


@pytest.fixture
def ada():
    return User.objects.create_user("ada", password=PASSWORD, is_staff=True)


def post(path, data, **headers):
    return Client().post(path, data, content_type="application/json", headers=headers)


def log_in(username, password=PASSWORD):
    return post("/api/auth/login", {"username": username, "password": password})


def test_logins_by_the_api_that_fail(ada, events):
    log_in("ada", TYPED)
    assert events() == [f"login-failed account={ada.pk} address=127.0.0.1"]
    log_in(TYPED)
    assert events() == ["login-failed address=127.0.0.1"]


def test_a_login_is_logged_with_whom_it_is_of(ada, events):
    log_in("ada")
    (line,) = events()
    assert line.endswith(f"account={ada.pk} address=127.0.0.1")
    assert line.startswith("login-succeeded ")


def test_logins_in_the_admin(ada, events):
    page = reverse("admin:login")
    client = Client()
    client.post(page, {"username": TYPED, "password": TYPED})
    assert events() == ["login-failed address=127.0.0.1"]
    client.post(page, {"username": "ada", "password": PASSWORD})
    assert [line.split()[0] for line in events()] == ["login-succeeded"]
    client.post(reverse("admin:logout"))
    assert events() == [f"logged-out user={ada.pk} account={ada.pk}"]
    User.objects.filter(pk=ada.pk).update(is_staff=False)
    client.post(page, {"username": "ada", "password": PASSWORD})
    assert events() == [f"login-refused account={ada.pk} address=127.0.0.1"]


def test_too_many_logins_and_tokens(settings, ada, events):
    settings.ZIGGY = {
        **settings.ZIGGY,
        "ATTEMPTS": {"login-address": (1, 60), "bad-token": (1, 60)},
    }
    for _ in range(2):
        log_in("ada", TYPED)
    assert events() == [
        f"login-failed account={ada.pk} address=127.0.0.1",
        "login-throttled address=127.0.0.1",
    ]
    for _ in range(2):
        Client().get("/api/flow", headers={"Authorization": f"Bearer {TYPED}"})
    assert events() == ["token-refused address=127.0.0.1", "token-throttled address=127.0.0.1"]


def test_an_address_that_somebody_makes_up_makes_no_line(settings, events):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    post(
        "/api/auth/login",
        {"username": "x", "password": "y"},
        **{"X-Forwarded-For": "1\u202e\x1b[2J"},
    )
    assert len(events()) == 1  # what cannot be seen is written out by the formatter


@COMMITTED
def test_keys_from_the_first_to_the_last(ada, events, admin_client):
    admin_client.post(
        reverse("admin:accounts_apitoken_add"),
        {
            "user": ada.pk,
            "name": TYPED,
            "expiry_0": (timezone.now() + timedelta(days=3)).date().isoformat(),
            "expiry_1": "12:00:00",
        },
    )
    key = ApiToken.objects.get()
    shown = key.digest[:12]
    root = User.objects.get(username="admin")
    assert events() == [f"key-issued user={root.pk} account={ada.pk} key={shown}"]
    admin_client.post(reverse("admin:accounts_apitoken_delete", args=[key.pk]), {"post": "yes"})
    assert events() == [f"key-revoked user={root.pk} account={ada.pk} key={shown}"]


@COMMITTED
def test_a_key_is_exchanged_and_a_login_is_no_event(ada, events):
    key = ApiToken(user=ada, name="CI", expiry=timezone.now() + timedelta(days=1))
    token = issue_key(key)
    events()
    post("/api/auth/refresh-token", {"token": token})
    new = ApiToken.objects.get()
    assert events() == [
        f"key-exchanged account={ada.pk} key={key.digest[:12]} new_key={new.digest[:12]}"
    ]
    post("/api/auth/refresh-token", {"token": issue_login_token(ada)})
    assert events() == []


@COMMITTED
def test_keys_go_with_an_account_that_is_deactivated(ada, events):
    issue_key(ApiToken(user=ada, name="CI", expiry=timezone.now() + timedelta(days=1)))
    events()
    ada.is_active = False
    ada.save()
    assert events() == [f"key-revoked account={ada.pk} keys=1"]


@COMMITTED
def test_accounts_in_the_admin(events, admin_client):
    root = User.objects.get(username="admin")
    admin_client.post(
        reverse("admin:accounts_user_add"),
        {
            "username": "eve",
            "password1": PASSWORD,
            "password2": PASSWORD,
            "usable_password": "true",
        },
    )
    eve = User.objects.get(username="eve")
    assert events() == [f"account-added user={root.pk} account={eve.pk}"]
    admin_client.post(
        reverse("admin:auth_user_password_change", args=[eve.pk]),
        {"password1": PASSWORD + "2", "password2": PASSWORD + "2", "usable_password": "true"},
    )
    assert events() == [f"account-changed user={root.pk} account={eve.pk}"]
    admin_client.post(reverse("admin:accounts_user_delete", args=[eve.pk]), {"post": "yes"})
    assert events() == [f"account-deleted user={root.pk} account={eve.pk}"]


class TestRefusedPermissions:
    def test_by_the_api(self, ada, events):
        headers = {"Authorization": f"Bearer {issue_login_token(ada)}"}
        assert Client().get("/api/flow", headers=headers).status_code == 403
        (line,) = events()
        assert re.fullmatch(
            rf"permission-refused user={ada.pk} account={ada.pk} method=GET route=\S+", line
        )

    def test_in_the_admin(self, ada, events):
        client = Client()
        client.force_login(ada)
        events()
        item = FlowFactory(name=TYPED)
        address = reverse("admin:flows_flow_change", args=[item.pk])
        assert client.get(address).status_code == 403
        assert events() == [
            f"permission-refused user={ada.pk} account={ada.pk} method=GET "
            "route=admin:flows_flow_change"
        ]

    def test_of_an_import_by_its_permission_and_once(self, ada, events):
        with pytest.raises(NotPermitted):
            run_import(request_for(export_file(flow(1, TYPED)), user=ada, user_name="ada"))
        (line,) = events()
        assert line.startswith(f"permission-refused account={ada.pk} permission=imports.run_import")
        headers = {"Authorization": f"Bearer {issue_login_token(ada)}"}
        Client().get("/api/imports", headers=headers)
        assert len(events()) == 1

    def test_a_401_is_none(self, events):
        assert Client().get("/api/flow").status_code == 401
        assert events() == []

    def test_to_send_a_secret_elsewhere(self, ada, events):
        SecretFactory(name="KEY", dev_value="CANARY", prod_value="CANARY")
        row = ConnectionFactory(name="C", uuid=uuid_of("c", 1), dev_value="{ host: 'a' }")
        for codename in ("view_connection", "change_connection", "view_secret"):
            ada.user_permissions.add(Permission.objects.get(codename=codename))
        headers = {"Authorization": f"Bearer {issue_login_token(ada)}"}
        value = "{ host: 'CANARY.example', key: secrets.KEY }"
        answer = Client().get(f"/api/connection/{row.uuid}", headers=headers)
        body = {**answer.json(), "devValue": value}
        answer = Client().put(
            f"/api/connection/{row.uuid}", body, content_type="application/json", headers=headers
        )
        assert answer.status_code == 403, answer.content
        assert events() == [
            f"retarget-refused user={ada.pk} permission=imports.retarget_connections"
        ]
        assert Connection.objects.get().dev_value == "{ host: 'a' }"

    def test_a_form_of_another_site(self, ada, events):
        client = Client(enforce_csrf_checks=True)
        client.force_login(ada)
        events()
        assert client.post(reverse("admin:logout")).status_code == 403
        assert events() == ["form-refused route=admin:logout"]


@pytest.mark.django_db(transaction=True)
def test_what_is_done_to_the_whole_server(events):
    SecretFactory(name="KEY", dev_value="CANARY", prod_value="CANARY")
    rotate_keys()
    assert events() == ["encryption-keys-rotated values=0"]
    item = FlowFactory(name=TYPED)
    purge_items([("flow", str(item.uuid))], user=None, user_name="root", with_used=False)
    assert events() == ["items-purged system_user=root items=1"]


def test_an_import_of_what_may_be_is_no_event(events):
    run_import(request_for(export_file(connection(1, "C"))))
    assert events() == []


def test_events_have_the_facts_of_the_reference():
    assert KINDS.keys() == {*SecurityEvent}
    assert {fact for kind in KINDS.values() for fact in kind.facts} == FACTS.keys()
    with pytest.raises(LookupError, match="login-failed has no facts"):
        log_security_event(SecurityEvent.LOGIN_FAILED, password="x")


def test_every_event_is_logged_somewhere():
    named = set()
    for folder in ("accounts", "flows", "imports", "ziggy_site"):
        for path in Path(site_settings.BASE_DIR, folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and "log" in ast.unparse(node.func):
                    told = " ".join(map(ast.unparse, node.args))
                    named |= set(re.findall(r"SecurityEvent\.([A-Z_]+)", told))
    assert named == {event.name for event in SecurityEvent}


def test_the_events_of_a_block_are_noted():
    with note_security_events() as noted:
        log_security_event(SecurityEvent.LOGGED_OUT, account=1)
    log_security_event(SecurityEvent.LOGGED_OUT, account=1)
    assert noted == [SecurityEvent.LOGGED_OUT]
