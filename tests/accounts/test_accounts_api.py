"""The API of accounts: who gets a token, what it opens and when it ends, and what is throttled."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import ClassVar

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, PBKDF2PasswordHasher
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.tokens import TooManyKeysError, find, issue_login_token
from flows.models import Attempts
from flows.web.throttling import Limit, TooManyAttemptsError, format_waiting_time, give_back, take
from tests.support.errors import error_of
from tests.support.users import key_for

PASSWORD = "CANARY-aa11-password"
UUID_OF_ADA = "00000000-0000-4000-8000-0000000000ad"
NOT_AUTHENTICATED = {
    "message": "Log in, and send the token as Authorization: Bearer TOKEN.",
    "code": "not-authenticated",
    "issues": [],
}
WRONG_CREDENTIALS = {
    "message": "The user name or the password is wrong.",
    "code": "wrong-credentials",
    "issues": [],
}


def make_ada(**values):
    return User.objects.create_user("ada", "Ada@example.org", PASSWORD, uuid=UUID_OF_ADA, **values)


@pytest.fixture
def ada(db):
    return make_ada()


def post(path, body, **headers):
    return Client().post(path, json.dumps(body), content_type="application/json", headers=headers)


def log_in(username="ada", password=PASSWORD, **headers):
    return post("/api/auth/login", {"username": username, "password": password}, **headers)


def refresh(token, user_id=UUID_OF_ADA, **headers):
    body = {"token": token, "userId": user_id, "provider": "local"}
    return post("/api/auth/refresh-token", body, **headers)


def get(path, token=None, **headers):
    """As existing clients do it: with a content type, though there is no body."""
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return Client().get(path, headers={"Content-Type": "application/json", **headers})


def log_out(token, user_id=UUID_OF_ADA):
    return get(f"/api/auth/logout/{user_id}", token)


def is_good(token):
    status = get("/api/auth/profile", token).status_code
    assert status in {200, 401}
    return status == 200


def assert_not_authenticated(response):
    assert (response.status_code, response.reason_phrase) == (401, "Unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert error_of(response) == NOT_AUTHENTICATED


def end(token):
    ApiToken.objects.filter(pk=find(token).pk).update(expiry=timezone.now())


def allow(settings, **attempts):
    """Change some limits: `login=(3, 60)`, or `bad_token=`."""
    changed = {scope.replace("_", "-"): rate for scope, rate in attempts.items()}
    earlier = settings.ZIGGY.get("ATTEMPTS", {})
    settings.ZIGGY = {**settings.ZIGGY, "ATTEMPTS": earlier | changed}


# --- health


@pytest.mark.django_db
def test_health_says_database_and_version_without_a_token():
    response = get("/api/health")
    assert (response.status_code, response.reason_phrase) == (200, "OK")
    assert response.json() == {"status": "ok", "database": "ok", "version": "0.1.0"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/health", "/api/auth/health"])
@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic YTpi", "Bearer \xff\xfe"])
def test_health_does_not_look_at_the_authorization_header(path, authorization):
    assert get(path, Authorization=authorization).status_code == 200


def test_the_health_of_accounts_needs_no_database():
    assert get("/api/auth/health").json() == {"status": "ok"}


def test_health_is_503_while_the_database_does_not_answer(monkeypatch, caplog):
    class Unreachable:
        def cursor(self):
            raise OperationalError("no route to db.example.org")

    monkeypatch.setattr("imports.api.health.connection", Unreachable())
    response = get("/api/health")
    assert (response.status_code, response.reason_phrase) == (503, "Service Unavailable")
    assert error_of(response) == {
        "message": "The database does not answer. Try again later.",
        "code": "database-unavailable",
        "issues": [],
    }
    assert "no route to db.example.org" in caplog.text


# --- login


def test_a_login_answers_201_with_these_keys_in_this_order(ada):
    ada.groups.set([Group.objects.get(name="Editor")])
    response = log_in()
    assert (response.status_code, response.reason_phrase) == (201, "Created")
    token = response.json()["token"]
    assert response.headers["Content-Type"] == "application/json"
    assert response.content.decode() == (
        '{"uuid":"00000000-0000-4000-8000-0000000000ad","username":"ada","role":"EDITOR",'
        f'"token":"{token}","resetPassword":false,"passwordWasReset":false,'
        '"passwordStrengthOk":true}'
    )


def test_the_role_of_a_user_without_one_is_null(ada):
    assert log_in().json()["role"] is None


def test_a_login_is_noted_as_the_users_last_one(ada):
    before = timezone.now()
    log_in()
    ada.refresh_from_db()
    assert ada.last_login >= before


@pytest.mark.parametrize("name", ["ada", "Ada@example.org", "ada@EXAMPLE.org", "ADA@example.ORG"])
def test_a_user_logs_in_by_name_or_by_e_mail_in_any_case(ada, name):
    response = log_in(name)
    assert (response.status_code, response.json()["username"]) == (201, "ada")


def test_a_name_that_is_anothers_e_mail_address_is_its_own(ada):
    User.objects.create_user("ada@example.org", "", "other")
    assert log_in("ada@example.org", "other").json()["username"] == "ada@example.org"
    assert log_in("ada@example.org", PASSWORD).status_code == 401
    assert log_in("Ada@example.org", PASSWORD).json()["username"] == "ada"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("nobody", PASSWORD, id="a name that is not known"),
        pytest.param("nobody@example.org", PASSWORD, id="an address that is not known"),
        pytest.param("ADA", PASSWORD, id="a name in another case"),
        pytest.param(" ada", PASSWORD, id="a name after a space"),
        pytest.param("ada", "wrong", id="a wrong password"),
        pytest.param("ada", PASSWORD + " ", id="a password before a space"),
        pytest.param("ada", PASSWORD.lower(), id="a password in another case"),
        pytest.param("gone", PASSWORD, id="a user who is not active"),
        pytest.param("robot", PASSWORD, id="a user without a password"),
    ],
)
def test_a_wrong_login_is_401_and_the_same_for(ada, username, password):
    User.objects.create_user("gone", "", PASSWORD, is_active=False)
    User.objects.create_user("robot")
    response = log_in(username, password)
    assert (response.status_code, response.reason_phrase) == (401, "Unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert error_of(response) == WRONG_CREDENTIALS


@pytest.mark.parametrize(
    "username", ["ada", "ada@example.org", "nobody", "nobody@example.org", "gone", "robot"]
)
def test_a_wrong_login_hashes_a_password_once_for(ada, username, monkeypatch):
    User.objects.create_user("gone", "", PASSWORD, is_active=False)
    User.objects.create_user("robot")
    hashed = []
    encode = MD5PasswordHasher.encode

    def counting(self, password, salt):
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    assert log_in(username, "wrong").status_code == 401
    assert len(hashed) == 1


def test_a_wrong_login_takes_as_many_queries_whether_the_user_is_known(ada):
    User.objects.create_user("gone", "", PASSWORD, is_active=False)

    def number_of_queries(username):
        with CaptureQueriesContext(connection) as queries:
            assert log_in(username, "wrong").status_code == 401
        return len(queries)

    log_in("first", "wrong")  # makes the count of the address
    known = number_of_queries("ada")
    assert [number_of_queries(name) for name in ("nobody", "gone", "Ada@example.org")] == [
        known,
        known,
        known,
    ]


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(lambda _: "", id="is empty"),
        pytest.param(lambda _: "Bearer", id="has no token"),
        pytest.param(lambda _: "Bearer ", id="has an empty token"),
        pytest.param(lambda old: f"Bearer {old}", id="bears an expired token"),
        pytest.param(lambda _: "Bearer \xff\xfe", id="is no UTF-8"),
        pytest.param(lambda _: "Basic YTpi", id="is of another scheme"),
    ],
)
def test_a_login_ignores_an_authorization_header_that(ada, authorization):
    old = issue_login_token(ada)
    end_of_old = ApiToken.objects.filter(user=ada)
    end_of_old.update(expiry=timezone.now() - timedelta(hours=1))
    assert log_in(Authorization=authorization(old)).status_code == 201


@pytest.mark.parametrize(
    ("body", "message", "issues"),
    [
        pytest.param(
            {"username": "ada"},
            "password: This field is required.",
            [("required", "password")],
            id="the password is missing",
        ),
        pytest.param(
            {},
            "username: This field is required. (1 more problem)",
            [("required", "username"), ("required", "password")],
            id="both are missing",
        ),
        pytest.param(
            {"username": None, "password": ["a"]},
            "username: This field may not be null. (1 more problem)",
            [("null", "username"), ("invalid", "password")],
            id="they are no texts",
        ),
        pytest.param(
            {"username": "a" * 255, "password": "b"},
            "username: Ensure this field has no more than 254 characters.",
            [("max-length", "username")],
            id="the name is too long",
        ),
        pytest.param(
            {"username": "a", "password": "b" * 4097},
            "password: Ensure this field has no more than 4096 characters.",
            [("max-length", "password")],
            id="the password is too long",
        ),
        pytest.param(
            ["ada", PASSWORD],
            "Invalid data. Expected a dictionary, but got list.",
            [("invalid", "")],
            id="it is a list",
        ),
    ],
)
@pytest.mark.django_db
def test_a_login_is_400_where(body, message, issues):
    response = post("/api/auth/login", body)
    assert response.status_code == 400
    answer = response.json()
    assert (answer["message"], answer["code"]) == (message, "invalid")
    assert [(issue["code"], issue["path"]) for issue in answer["issues"]] == issues


def test_nothing_else_of_a_login_is_looked_at(ada):
    body = {"username": "ada", "password": PASSWORD, "is_superuser": True, "role": "ADMIN"}
    assert post("/api/auth/login", body).json()["role"] is None
    ada.refresh_from_db()
    assert not ada.is_superuser


# --- what a token opens


def test_a_token_says_who_one_is(ada):
    ada.groups.set([Group.objects.get(name="Operator")])
    response = get("/api/auth/profile", log_in().json()["token"])
    assert response.status_code == 200
    assert response.json() == {
        "uuid": "00000000-0000-4000-8000-0000000000ad",
        "username": "ada",
        "email": "Ada@example.org",
        "role": "OPERATOR",
    }


def test_a_request_with_a_token_takes_one_query_to_know_the_user(ada):
    tokens = [issue_login_token(ada) for _ in range(5)]
    with CaptureQueriesContext(connection) as queries:
        assert get("/api/auth/profile", tokens[2]).status_code == 200
    assert len(queries) == 2  # the token with its user; the groups, for the role
    assert not [query for query in queries if not query["sql"].startswith("SELECT")]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_in_any_case(ada, scheme):
    header = f"{scheme} {issue_login_token(ada)}"
    assert get("/api/auth/profile", Authorization=header).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: None, id="missing"),
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda _: "Bearer", id="without a token"),
        pytest.param(lambda token: token, id="without a scheme"),
        pytest.param(lambda token: f"Token {token}", id="of another scheme"),
        pytest.param(lambda _: "Basic YWRhOnBhc3N3b3Jk", id="with name and password"),
        pytest.param(lambda token: f"Bearer {token[:-1]}", id="with a token that is cut"),
        pytest.param(lambda token: f"Bearer {token}0", id="with a token that is longer"),
        pytest.param(lambda token: f"Bearer {token.upper()}", id="with a token in another case"),
        pytest.param(lambda token: f"Bearer {token} {token}", id="with the token twice"),
        pytest.param(lambda token: f"Bearer {find(token).digest}", id="with what is stored"),
        pytest.param(lambda _: "Bearer \xff\xfe\xfd", id="that is no UTF-8"),
        pytest.param(lambda _: "\xff\xfe", id="that is noise"),
        pytest.param(lambda _: "Bearer " + "a" * 10_000, id="that is very long"),
        pytest.param(lambda _: "Bearer a\x00b", id="with U+0000"),
    ],
)
def test_the_same_401_answers_a_header(ada, change):
    header = change(issue_login_token(ada))
    headers = {} if header is None else {"Authorization": header}
    assert_not_authenticated(get("/api/auth/profile", **headers))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _, token: end(token), id="expired"),
        pytest.param(lambda _, token: log_out(token), id="revoked"),
        pytest.param(lambda ada, _: ada.delete(), id="of a user who is gone"),
        pytest.param(
            lambda _, __: User.objects.update(is_active=False), id="of a user who is not active"
        ),
        pytest.param(
            lambda _, __: User.objects.update(password="!"), id="of a password that was replaced"
        ),
    ],
)
def test_the_next_request_is_refused_with_the_same_401_for_a_token(ada, spoil):
    token = issue_login_token(ada)
    assert is_good(token)
    spoil(ada, token)
    assert_not_authenticated(get("/api/auth/profile", token))


def test_a_cookie_never_says_who_one_is(ada):
    token = issue_login_token(ada)
    client = Client()
    client.force_login(ada)  # the session cookie of the admin
    client.cookies.update(
        SimpleCookie(
            {
                "tenantId": "default",
                "provider": "local",
                "accessToken": token,
                "userId": UUID_OF_ADA,
                "password": PASSWORD,
            }
        )
    )
    assert client.cookies["sessionid"].value
    assert_not_authenticated(client.get("/api/auth/profile"))
    assert_not_authenticated(client.get(f"/api/auth/logout/{UUID_OF_ADA}"))
    assert is_good(token)


def test_a_cookie_does_not_overrule_the_token(ada):
    other = User.objects.create_user("other")
    client = Client()
    client.force_login(ada)
    response = client.get(
        "/api/auth/profile", headers={"Authorization": f"Bearer {issue_login_token(other)}"}
    )
    assert response.json()["username"] == "other"


def test_neither_password_nor_token_nor_cookie_is_logged(ada, caplog):
    caplog.set_level(logging.DEBUG)
    cookie = f"password={PASSWORD}; accessToken=CANARY-aa11-cookie"
    token = log_in(Cookie=cookie).json()["token"]
    log_in(password=f"{PASSWORD}-wrong", Cookie=cookie)
    get("/api/auth/profile", token, Cookie=cookie)
    refresh("CANARY-aa11-refresh", Cookie=cookie)
    get("/api/nothing", token, Cookie=cookie)
    assert "/api/nothing" in caplog.text  # the log works
    assert "CANARY-aa11" not in caplog.text
    assert token not in caplog.text


def test_rights_that_change_count_at_the_next_request(ada):
    token = issue_login_token(ada)
    assert get("/api/auth/profile", token).json()["role"] is None
    ada.groups.set([Group.objects.get(name="Admin")])
    assert get("/api/auth/profile", token).json()["role"] == "ADMIN"


# --- how a token is kept


def test_the_database_holds_the_hash_of_a_token_alone(ada):
    token = log_in().json()["token"]
    assert token.startswith("zgy_")
    assert len(token) == 4 + 64  # 256 bits
    stored = ApiToken.objects.values().get()
    assert token not in str(stored)
    assert stored["token_key"] == token[:15]
    assert len(stored["digest"]) == 128


@pytest.mark.django_db(transaction=True)
def test_no_table_holds_a_token_in_clear(tmp_path):
    token = issue_login_token(make_ada())
    call_command("dumpdata", output=str(tmp_path / "all.json"))
    dumped = (tmp_path / "all.json").read_text()
    assert token[:15] in dumped
    assert token[15:] not in dumped


def test_no_two_tokens_are_the_same(ada):
    assert len({issue_login_token(ada) for _ in range(20)}) == 20


def test_a_login_lasts_as_many_hours_as_the_settings_say(ada, settings):
    assert settings.ZIGGY["TOKEN_HOURS"] == 24
    settings.ZIGGY = {**settings.ZIGGY, "TOKEN_HOURS": 0.5}
    before = timezone.now()
    log_in()
    expiry = ApiToken.objects.get().expiry
    assert before + timedelta(minutes=30) <= expiry <= timezone.now() + timedelta(minutes=30)


def test_several_logins_of_a_user_are_good_at_once(ada):
    first, second = log_in().json()["token"], log_in().json()["token"]
    assert is_good(first)
    assert is_good(second)


def test_beyond_the_most_a_user_may_have_the_oldest_login_ends(ada, settings):
    settings.ZIGGY = {**settings.ZIGGY, "TOKENS_PER_USER": 3}
    key = key_for(ada)
    tokens = [issue_login_token(ada) for _ in range(5)]
    assert [is_good(token) for token in tokens] == [False, False, True, True, True]
    assert is_good(key)


def test_a_key_beyond_the_most_a_user_may_have_is_refused(ada, settings):
    settings.ZIGGY = {**settings.ZIGGY, "TOKENS_PER_USER": 2}
    issue_login_token(ada)
    first, second = key_for(ada, "first"), key_for(ada, "second")
    with pytest.raises(TooManyKeysError):
        key_for(ada, "third")
    end(first)
    third = key_for(ada, "third")
    assert [is_good(key) for key in (first, second, third)] == [False, True, True]


def test_expired_tokens_are_dropped_when_the_next_is_issued(ada):
    end(issue_login_token(ada))
    other = issue_login_token(User.objects.create_user("other"))
    end(other)
    issue_login_token(ada)
    assert ApiToken.objects.filter(user=ada).count() == 1
    assert ApiToken.objects.exclude(user=ada).count() == 1


# --- password and user change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda ada: (ada.set_password("new"), ada.save()), id="by set_password"),
        pytest.param(lambda ada: (ada.set_password(PASSWORD), ada.save()), id="to the same one"),
        pytest.param(lambda ada: (ada.set_unusable_password(), ada.save()), id="to none"),
        pytest.param(
            lambda ada: User.objects.filter(pk=ada.pk).update(password="md5$a$b"), id="in bulk"
        ),
    ],
)
def test_a_password_change_ends_every_token_of_the_user_where_it_is_made(ada, change):
    tokens = [issue_login_token(ada), key_for(ada)]
    other = issue_login_token(User.objects.create_user("other"))
    change(ada)
    assert [is_good(token) for token in tokens] == [False, False]
    assert is_good(other)
    ada.refresh_from_db()
    issue_login_token(ada)
    assert ApiToken.objects.filter(user=ada).count() == 1


def test_tokens_outlive_a_password_that_django_only_hashes_anew(ada, settings):
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    key, before = key_for(ada), ada.password
    assert log_in().status_code == 201
    ada.refresh_from_db()
    assert ada.password != before
    assert is_good(key)


def test_a_login_that_began_before_the_password_changed_gives_no_good_token(ada):
    as_it_was = User.objects.get(pk=ada.pk)
    ada.set_password("new")
    ada.save()
    assert not is_good(issue_login_token(as_it_was))


def test_tokens_do_not_revive_with_a_user_who_was_deactivated(ada):
    tokens = [issue_login_token(ada), key_for(ada)]
    ada.is_active = False
    ada.save()
    ada.is_active = True
    ada.save()
    assert [is_good(token) for token in tokens] == [False, False]


# --- exchange


def test_a_token_is_exchanged_for_a_new_one(ada):
    old = issue_login_token(ada)
    response = refresh(old)
    assert (response.status_code, [*response.json()]) == (200, ["accessToken"])
    new = response.json()["accessToken"]
    assert (is_good(old), is_good(new)) == (False, True)


def test_an_exchange_gives_a_login_its_hours_again_and_a_key_no_more_time(ada):
    login, key = issue_login_token(ada), key_for(ada, "CI")
    soon = timezone.now() + timedelta(minutes=5)
    ApiToken.objects.update(expiry=soon)
    new_login, new_key = (refresh(token).json()["accessToken"] for token in (login, key))
    assert find(new_login).expiry > soon + timedelta(hours=23)
    assert (find(new_key).expiry, find(new_key).name) == (soon, "CI")


@pytest.mark.parametrize(
    "user_id", [UUID_OF_ADA, UUID_OF_ADA.upper(), "", None], ids=["same", "upper", "empty", "null"]
)
def test_an_exchange_takes_as_user(ada, user_id):
    assert refresh(issue_login_token(ada), user_id).status_code == 200


def test_an_exchange_needs_neither_user_nor_provider_nor_header(ada):
    body = {"token": issue_login_token(ada)}
    assert post("/api/auth/refresh-token", body, Authorization="Bearer old").status_code == 200


@pytest.mark.parametrize("user_id", ["00000000-0000-4000-8000-0000000000ae", "ada", "1"])
def test_an_exchange_for_another_user_is_401_and_changes_nothing(ada, user_id):
    token = issue_login_token(ada)
    assert_not_authenticated(refresh(token, user_id))
    assert is_good(token)


@pytest.mark.parametrize("spoil", [end, log_out, refresh], ids=["expired", "revoked", "exchanged"])
def test_no_token_is_exchanged_that_is(ada, spoil):
    token = issue_login_token(ada)
    spoil(token)
    count = ApiToken.objects.count()
    assert_not_authenticated(refresh(token))
    assert ApiToken.objects.count() == count


def test_an_exchange_is_400_without_a_token(db):
    response = post("/api/auth/refresh-token", {"userId": UUID_OF_ADA, "provider": "local"})
    assert response.status_code == 400
    assert response.json()["message"] == "token: This field is required."


def test_an_exchange_ends_with_the_password_too(ada):
    token = issue_login_token(ada)
    User.objects.update(password="!")
    assert_not_authenticated(refresh(token))


# --- logout


def test_a_logout_revokes_the_token_that_was_used_and_no_other(ada):
    used, other = issue_login_token(ada), issue_login_token(ada)
    response = log_out(used)
    assert (response.status_code, response.json()) == (200, {"message": "Logged out"})
    assert (is_good(used), is_good(other)) == (False, True)


@pytest.mark.parametrize("user_id", ["00000000-0000-4000-8000-0000000000ae", "ada", "%00", "%FF"])
def test_the_logout_of_another_user_is_403_and_revokes_nothing(ada, user_id):
    User.objects.create_user("other", uuid="00000000-0000-4000-8000-0000000000ae")
    token = issue_login_token(ada)
    response = log_out(token, user_id)
    assert (response.status_code, error_of(response)) == (
        403,
        {
            "message": "You can log out nobody but yourself.",
            "code": "permission-denied",
            "issues": [],
        },
    )
    assert is_good(token)


@pytest.mark.parametrize("method", ["head", "post", "put", "delete", "trace"])
def test_no_method_but_get_logs_out(ada, method):
    token = issue_login_token(ada)
    response = getattr(Client(), method)(
        f"/api/auth/logout/{UUID_OF_ADA}", headers={"Authorization": f"Bearer {token}"}
    )
    assert response.status_code == 405
    assert is_good(token)


# --- throttling


def test_a_wrong_login_too_many_is_429_and_says_when_to_try_again(ada, settings):
    allow(settings, login=(3, 600))
    assert [log_in(password="wrong").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    response = log_in()
    assert (response.status_code, response.reason_phrase) == (429, "Too Many Requests")
    seconds = int(response.headers["Retry-After"])
    assert 590 <= seconds <= 600
    assert error_of(response) == {
        "message": "Too many wrong passwords. Try again in 10 minutes.",
        "code": "throttled",
        "issues": [],
    }


def test_after_its_time_a_limit_begins_anew(ada, settings):
    allow(settings, login=(1, 600))
    assert [log_in(password="wrong").status_code for _ in range(2)] == [401, 429]
    Attempts.objects.update(ends_at=timezone.now())
    assert log_in(password="wrong").status_code == 401
    assert log_in(password="wrong").status_code == 429


def test_a_login_that_succeeds_does_not_count(ada, settings):
    allow(settings, login=(2, 600), login_name=(2, 600), login_address=(2, 600))
    assert [log_in().status_code for _ in range(5)] == [201] * 5
    assert [log_in(password="wrong").status_code for _ in range(3)] == [401, 401, 429]


@pytest.mark.parametrize("name", ["nobody", "ada", "ADA@example.org"])
def test_a_name_is_throttled_whether_it_is_known_or_not(ada, settings, name):
    allow(settings, login=(2, 600))
    assert [log_in(name, "wrong").status_code for _ in range(3)] == [401, 401, 429]
    assert [log_in(name.upper(), "wrong").status_code for _ in range(2)] == [429, 429]


def test_one_address_is_throttled_over_many_names(db, settings):
    allow(settings, login_address=(3, 600))
    statuses = [log_in(f"name-{number}", "wrong").status_code for number in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert Attempts.objects.count() == 1 + 2 * 3  # what is refused leaves nothing behind


def log_in_from(address, password=PASSWORD, name="ada"):
    return Client(REMOTE_ADDR=address).post(
        "/api/auth/login",
        {"username": name, "password": password},
        content_type="application/json",
    )


def let_pass(seconds):
    """As if so much time had passed, for everything that is counted."""
    Attempts.objects.update(ends_at=F("ends_at") - timedelta(seconds=seconds))


@pytest.mark.parametrize("name", ["ada", "nobody", "ada@example.org"])
def test_one_name_tried_from_many_addresses_is_delayed_ever_longer(ada, settings, name):
    allow(settings, login_name=(3, 6000))
    waits = []
    for number in range(12):
        response = log_in_from(f"192.0.2.{number}", "wrong", name)
        if response.status_code == 429:
            waits.append(int(response.headers["Retry-After"]))
            assert response.json()["message"].startswith("Too many wrong passwords. Try again in ")
            let_pass(waits[-1])
            response = log_in_from(f"192.0.2.{number}", "wrong", name)
        assert response.status_code == 401
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_right_password_is_refused_for_no_longer_than_a_minute_whatever_others_do(ada, settings):
    allow(settings, login_name=(3, 600))
    for number in range(3):
        log_in_from(f"192.0.2.{number}", "wrong")
    Attempts.objects.update(count=F("count") + 10_000)
    refused = log_in_from("198.51.100.1")
    assert (refused.status_code, int(refused.headers["Retry-After"])) == (429, 60)
    for number in range(100, 200):  # who tries at the same time takes nobody's turn
        assert log_in_from(f"192.0.2.{number}", "wrong").status_code == 429
    let_pass(30)
    again = log_in_from("198.51.100.1")
    assert again.status_code == 429
    assert int(again.headers["Retry-After"]) <= 30
    let_pass(30)
    assert log_in_from("198.51.100.1").status_code == 201


def test_who_waited_has_one_attempt(ada, settings):
    allow(settings, login_name=(1, 6000))
    for _ in range(2):
        log_in_from("192.0.2.1", "wrong")
    let_pass(1)
    statuses = [log_in_from("192.0.2.1", "wrong").status_code for _ in range(3)]
    assert statuses == [401, 429, 429]


def test_a_delayed_attempt_counts_nowhere(ada, settings):
    allow(settings, login=(10_000, 600), login_address=(10_000, 600), login_name=(1, 6000))
    log_in_from("192.0.2.1", "wrong")
    Attempts.objects.update(count=F("count") + 100)
    log_in_from("192.0.2.1", "wrong")
    before = sorted(Attempts.objects.values_list("key", "count"))
    for _ in range(30):
        assert log_in_from("192.0.2.1").status_code == 429
    assert sorted(Attempts.objects.values_list("key", "count")) == before


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (60, "60 seconds"),
        (61, "2 minutes"),
        (3540, "59 minutes"),
        (3541, "60 minutes"),
        (3600, "60 minutes"),
        (3601, "2 hours"),
        (86_400, "24 hours"),
    ],
)
def test_a_time_to_wait_is_told_in_words(seconds, words):
    assert format_waiting_time(seconds) == words


class CountingHasher(PBKDF2PasswordHasher):
    """Django's own with the least work, which notes for how many iterations it was called."""

    iterations = 10
    seen: ClassVar[list[int]] = []

    def encode(self, password, salt, iterations=None):
        self.seen.append(iterations or self.iterations)
        return super().encode(password, salt, iterations)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "password", "status"),
    [
        pytest.param("ada", "wrong", 401, id="a known name"),
        pytest.param("ADA@example.org", "wrong", 401, id="a known address"),
        pytest.param("ada", PASSWORD, 201, id="the right password"),
        pytest.param("gone", PASSWORD, 401, id="a user who is not active, and the right password"),
        pytest.param("gone", "wrong", 401, id="a user who is not active"),
        pytest.param("keyless", "wrong", 401, id="a user without a password"),
        pytest.param("nobody", "wrong", 401, id="an unknown name"),
        pytest.param("nobody@example.org", "wrong", 401, id="an unknown address"),
    ],
)
def test_a_login_hashes_a_password_once_with_the_same_work_for(
    settings, monkeypatch, name, password, status
):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_ada()
    User.objects.create_user("gone", password=PASSWORD, is_active=False)
    User.objects.create_user("keyless")
    monkeypatch.setattr(CountingHasher, "seen", [])
    assert log_in(name, password).status_code == status
    assert CountingHasher.seen == [CountingHasher.iterations]


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_what_is_throttled_hashes_nothing(ada, settings, monkeypatch, name):
    allow(settings, login=(1, 600))
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    log_in(name, "wrong")
    monkeypatch.setattr(CountingHasher, "seen", [])
    assert log_in(name, "wrong").status_code == 429
    assert CountingHasher.seen == []


def test_wrong_logins_from_one_address_do_not_keep_a_user_from_another(ada, settings):
    for _ in range(150):
        log_in(password="wrong")
    assert log_in().status_code == 429
    response = Client(REMOTE_ADDR="192.0.2.1").post(
        "/api/auth/login",
        {"username": "ada", "password": PASSWORD},
        content_type="application/json",
    )
    assert response.status_code == 201


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_an_address_that_the_caller_makes_up_does_not_count(ada, settings, header):
    allow(settings, login_address=(2, 600))
    statuses = [
        log_in(f"name-{number}", "wrong", **{header: f"192.0.2.{number}"}).status_code
        for number in range(3)
    ]
    assert statuses == [401, 401, 429]


def test_behind_a_proxy_the_address_is_what_the_proxy_says(db, settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    allow(settings, login_address=(2, 600))
    statuses = [
        log_in("nobody", "wrong", **{"X-Forwarded-For": f"192.0.2.{number}, {real}"}).status_code
        for number, real in enumerate(["198.51.100.1"] * 3 + ["198.51.100.2"])
    ]
    assert statuses == [401, 401, 429, 401]


def test_the_addresses_of_one_ipv6_network_count_as_one(db, settings):
    allow(settings, login_address=(2, 600))

    def log_in_from(address):
        return (
            Client(REMOTE_ADDR=address)
            .post(
                "/api/auth/login",
                {"username": address, "password": "wrong"},
                content_type="application/json",
            )
            .status_code
        )

    assert [log_in_from(f"2001:db8:1:2::{number}") for number in range(1, 4)] == [401, 401, 429]
    assert log_in_from("2001:db8:1:3::1") == 401


def test_a_bad_token_too_many_is_429_but_a_good_one_gets_in(ada, settings):
    allow(settings, bad_token=(3, 60))
    statuses = [get("/api/auth/profile", "wrong").status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    response = refresh("wrong")
    assert response.status_code == 429
    assert 50 <= int(response.headers["Retry-After"]) <= 60
    token = issue_login_token(ada)
    assert is_good(token)
    assert refresh(token).status_code == 200


def test_a_request_without_a_token_is_no_attempt(db, settings):
    allow(settings, bad_token=(1, 60))
    assert [get("/api/auth/profile").status_code for _ in range(3)] == [401] * 3
    assert not Attempts.objects.exists()


def test_what_is_counted_names_nobody(ada):
    log_in(password="wrong")
    assert Attempts.objects.count() == 3
    for attempts in Attempts.objects.all():
        assert len(attempts.key) == 64
        assert "ada" not in attempts.key


def test_counts_that_have_ended_are_dropped(db):
    log_in("first", "wrong")
    Attempts.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    log_in("second", "wrong")
    assert Attempts.objects.count() == 3


def test_a_refused_attempt_writes_nothing(db, settings):
    allow(settings, login=(1, 600))
    limits = [Limit("login", "a")]
    take(limits)
    with CaptureQueriesContext(connection) as queries, pytest.raises(TooManyAttemptsError):
        take(limits)
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]


def test_an_attempt_is_never_given_back_below_zero(db, settings):
    allow(settings, login=(1, 600))
    limits = [Limit("login", "a")]
    take(limits)
    give_back(limits)
    give_back(limits)
    take(limits)
    with pytest.raises(TooManyAttemptsError):
        take(limits)


# --- at once


@pytest.fixture
def many_hashes(settings):
    """As many passwords may be hashed at once as are sent."""
    settings.ZIGGY = {**settings.ZIGGY, "HASHES_AT_ONCE": 20}


def at_once(number, do):
    """What `do` gives in so many threads, each with a connection of its own."""

    def run(index):
        try:
            return do(index)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as pool:
        return [*pool.map(run, range(number))]


@pytest.mark.django_db(transaction=True)
def test_no_more_wrong_logins_get_through_at_once_than_may(settings, many_hashes):
    make_ada()
    allow(settings, login=(5, 600))
    statuses = at_once(20, lambda _: log_in(password="wrong").status_code)
    assert sorted(statuses) == [401] * 5 + [429] * 15


@pytest.mark.django_db(transaction=True)
def test_no_more_names_get_through_at_once_than_an_address_may_try(settings, many_hashes):
    allow(settings, login_address=(5, 600))
    statuses = at_once(20, lambda index: log_in(f"name-{index}", "wrong").status_code)
    assert sorted(statuses) == [401] * 5 + [429] * 15


@pytest.mark.django_db(transaction=True)
def test_no_more_bad_tokens_get_through_at_once_than_may(settings):
    allow(settings, bad_token=(5, 600))
    statuses = at_once(20, lambda _: get("/api/auth/profile", "wrong").status_code)
    assert sorted(statuses) == [401] * 5 + [429] * 15


@pytest.mark.django_db(transaction=True)
def test_logins_at_once_leave_no_more_tokens_than_a_user_may_have(settings, many_hashes):
    make_ada()
    settings.ZIGGY = {**settings.ZIGGY, "TOKENS_PER_USER": 3}
    assert at_once(12, lambda _: log_in().status_code) == [201] * 12
    assert ApiToken.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_token_is_exchanged_once_however_many_ask_at_once():
    token = issue_login_token(make_ada())
    statuses = at_once(8, lambda _: refresh(token).status_code)
    assert sorted(statuses) == [200] + [401] * 7
    assert ApiToken.objects.count() == 1


# --- bodies


@pytest.mark.django_db
def test_a_content_type_without_a_body_is_read_as_no_body():
    response = Client().post(
        "/api/auth/login", b"", content_type="application/json", headers={"Content-Length": "0"}
    )
    assert response.status_code == 400
    assert response.json()["message"] == "username: This field is required. (1 more problem)"


# --- the description


def schema():
    response = get("/api/schema", Accept="application/json")
    assert response.status_code == 200
    return response.json()


def test_the_schema_is_open_and_of_openapi_3_1():
    description = schema()
    assert description["openapi"] == "3.1.1"
    assert description["info"]["version"] == "0.1.0"
    assert description["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("path", "method", "statuses", "security"),
    [
        ("/api/health", "get", ["200", "406", "503"], [{}]),
        ("/api/auth/health", "get", ["200", "406"], [{}]),
        ("/api/auth/login", "post", ["201", "400", "401", "406", "413", "415", "429", "503"], [{}]),
        (
            "/api/auth/refresh-token",
            "post",
            ["200", "400", "401", "406", "413", "415", "429"],
            [{}],
        ),
        (
            "/api/auth/logout/{user_id}",
            "get",
            ["200", "401", "403", "404", "406", "429"],
            [{"bearer": []}],
        ),
        ("/api/auth/profile", "get", ["200", "401", "406", "429"], [{"bearer": []}]),
    ],
)
def test_the_schema_tells_the_answers_of(path, method, statuses, security):
    operation = schema()["paths"][path][method]
    assert [*operation["responses"]] == statuses
    assert operation["security"] == security
    for status, response in operation["responses"].items():
        content = response["content"]["application/json"]
        if status >= "400":
            assert content["schema"] == {"$ref": "#/components/schemas/Error"}
            assert response["description"]
        else:
            assert content["examples"]


def test_the_schema_is_valid_and_warns_of_nothing(capsys):
    call_command("spectacular", validate=True, fail_on_warn=True)
    assert "openapi: 3.1.1" in capsys.readouterr().out


def test_the_pages_of_the_documentation_load_nothing_from_outside():
    page = get("/api/docs", Accept="text/html")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    text = page.content.decode()
    assert "drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in text
    assert "http://" not in text
    assert "https://" not in text
    script = get("/api/docs?script=", Accept="*/*")
    assert (script.status_code, script.headers["Content-Type"]) == (200, "application/javascript")
    assert 'url: "/api/schema"' in script.content.decode().replace("\\u002D", "-")
