"""How many passwords a process hashes at once, and what the others get."""

import json
import threading
from contextlib import ExitStack

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.urls import reverse

from accounts.hashing import TooManyHashesError, hold_place_for_hash
from accounts.models import User
from flows.models import Attempts

PASSWORD = "a-long-passphrase-of-tests"
MESSAGE = "Too many people log in at this moment, and nothing was checked. Try again in 1 second."


@pytest.fixture
def all_places_held():
    """Other threads hold all places meanwhile."""
    held, done = threading.Barrier(3), threading.Event()

    def hold():
        with hold_place_for_hash():
            held.wait(10)
            done.wait(10)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    held.wait(10)
    yield
    done.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada", "ada@example.org", PASSWORD, is_staff=True)


def log_in(name="ada"):
    body = json.dumps({"username": name, "password": PASSWORD})
    return Client().post("/api/auth/login", body, content_type="application/json")


def log_into_admin(name="ada"):
    return Client().post(reverse("admin:login"), {"username": name, "password": PASSWORD})


def test_a_place_is_free_again_after_its_block_however_that_ends():
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), hold_place_for_hash():
            raise ZeroDivisionError


def test_a_thread_that_holds_a_place_may_hold_it_again(settings):
    settings.ZIGGY = {**settings.ZIGGY, "HASHES_AT_ONCE": 1}
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(hold_place_for_hash())


def test_the_setting_says_how_many_may_and_one_always_may(settings, all_places_held):
    with pytest.raises(TooManyHashesError), hold_place_for_hash():
        pass
    settings.ZIGGY = {**settings.ZIGGY, "HASHES_AT_ONCE": 3}
    with hold_place_for_hash():
        pass


def test_with_a_limit_of_none_one_still_may(settings):
    settings.ZIGGY = {**settings.ZIGGY, "HASHES_AT_ONCE": 0}
    with hold_place_for_hash():
        pass


@pytest.mark.parametrize("name", ["ada", "ada@example.org", "nobody"])
def test_a_login_too_many_is_503_at_once_and_the_same_for(
    ada, all_places_held, name, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(MD5PasswordHasher, "encode", None)
    with django_assert_num_queries(0):
        answer = log_in(name)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    error = answer.json()
    assert (error["code"], error["message"], error["issues"]) == ("too-many-logins", MESSAGE, [])


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_the_admin_answers_it_with_a_page(ada, all_places_held, name, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = log_into_admin(name)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    text = answer.content.decode()
    assert "Your password was not looked at" in text
    assert PASSWORD not in text


def test_a_login_too_many_is_no_attempt(ada, all_places_held):
    log_in()
    log_into_admin()
    assert Attempts.objects.count() == 0


def test_after_it_the_same_login_works(ada):
    assert log_in().status_code == 201
    assert log_into_admin().status_code == 302


def test_a_password_is_not_changed_while_too_many_are_hashed(client, ada, all_places_held):
    client.force_login(ada)
    new = "another-passphrase-of-tests"
    answer = client.post(
        reverse("admin:password_change"),
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )
    assert answer.status_code == 503
    before = ada.password
    ada.refresh_from_db()
    assert ada.password == before
