"""manage.py api_key: what it issues, lists and revokes, what it prints, and its exit codes."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.tokens import find, issue_login_token
from flows.security_events import SecurityEvent, note_security_events
from tests.support.users import key_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ci():
    return User.objects.create_user("ci")


def days_left(key):
    return round((key.expiry - timezone.now()) / timedelta(days=1))


def data(done):
    return json.loads(done.out)["data"]


def test_the_key_alone_is_on_stdout_and_works(run_command, ci):
    with note_security_events() as events:
        done = run_command("api_key", "issue", "ci", "--name", "the shop's CI")
    assert (done.code, events) == (0, [SecurityEvent.KEY_ISSUED])
    token = done.out.removesuffix("\n")
    headers = {"Authorization": f"Bearer {token}"}
    assert Client().get("/api/auth/profile", headers=headers).json()["username"] == "ci"
    key = find(token)
    assert (key.name, days_left(key)) == ("the shop's CI", 90)
    [told] = done.err.splitlines()
    assert told.startswith(f'The key "the shop\'s CI" of "ci" has the id {key.digest[:12]}, and')
    assert token not in done.err


def test_a_key_lasts_as_many_days_as_are_asked_for(run_command, ci, settings):
    token = run_command("api_key", "issue", "ci", "--name", "CI", "--days", "7").out.strip()
    assert days_left(find(token)) == 7
    settings.ZIGGY = {**settings.ZIGGY, "KEY_DAYS": 30}
    assert days_left(find(run_command("api_key", "issue", "ci", "--name", "B").out.strip())) == 30


def test_the_list_has_every_key_and_none_in_clear(run_command, ci):
    tokens = [key_for(ci, "old"), key_for(User.objects.create_user("ada"), "hers")]
    tokens.append(issue_login_token(ci))
    User.objects.filter(pk=ci.pk).update(password="!another")
    done = run_command("api_key", "list")
    keys = data(done)["keys"]
    assert [(key["user"], key["name"], key["valid"]) for key in keys] == [
        ("ada", "hers", True),
        ("ci", "old", False),
    ]
    stored = ApiToken.objects.get(name="hers")
    assert (keys[0]["id"], keys[0]["prefix"]) == (stored.digest[:12], tokens[1][:15])
    assert keys[0]["created"] < keys[0]["expires"]
    heading, hers, _, count = done.err.splitlines()
    assert heading.split() == ["ID", "PREFIX", "USER", "NAME", "CREATED", "EXPIRES", "VALID"]
    assert hers.split()[1:4] == [tokens[1][:15], "ada", "hers"]
    assert count == "2 keys"
    assert not [token for token in tokens if token in done.out + done.err]
    assert [key["name"] for key in data(run_command("api_key", "list", "ci"))["keys"]] == ["old"]


def test_a_key_is_revoked_by_its_id_or_its_prefix(run_command, ci):
    for part in ("id", "prefix"):
        token = key_for(ci, "CI")
        [key] = data(run_command("api_key", "list"))["keys"]
        with note_security_events() as events:
            done = run_command("api_key", "revoke", key[part])
        assert (done.code, done.err) == (0, 'Revoked the key "CI" of "ci".\n')
        assert (data(done), events) == ({"key": key}, [SecurityEvent.KEY_REVOKED])
        assert find(token) is None


def test_what_is_wrong_is_told_in_one_sentence_and_changes_nothing(run_command, ci, settings):
    settings.ZIGGY = {**settings.ZIGGY, "KEY_DAYS": 30, "TOKENS_PER_USER": 2}
    User.objects.create_user("gone", is_active=False)
    key_for(ci, "taken")
    login = issue_login_token(ci)
    days = "is not a whole number of days from 1 to 30"
    nobody = "There is no active user"
    for arguments, code, told in [
        (["issue", "eve", "--name", "CI"], 2, f'{nobody} "eve".'),
        (["issue", "gone", "--name", "CI"], 2, f'{nobody} "gone".'),
        (["list", "gone"], 2, f'{nobody} "gone".'),
        *(
            (["issue", "ci", "--name", "CI", f"--days={text}"], 1, f'--days: "{text}" {days}')
            for text in ("0", "-1", "31", "1.5", "many", "9" * 12)
        ),
        (["issue", "ci", "--name", " "], 1, "--name: a key needs a name"),
        (["issue", "ci", "--name", "taken"], 1, "has a key with this name already."),
        (["issue", "ci", "--name", "x" * 101], 1, "at most 100 characters (it has 101)."),
        *(
            (["revoke", text], 2, f'There is no key with the id or the prefix "{text}".')
            for text in ("zgy_", "%", "", login[:15])
        ),
    ]:
        done = run_command("api_key", *arguments)
        assert (done.out, done.err.count("\n")) == ("", 1), done
        assert done.err.removesuffix("\n").endswith(told), done.err
        assert done.code == code, arguments
    assert sorted(ApiToken.objects.values_list("name", flat=True)) == ["", "taken"]
    key_for(ci, "second")
    done = run_command("api_key", "issue", "ci", "--name", "third")
    assert done.err == "CommandError: This user has too many keys. Revoke one first.\n"
