"""How many backups an account may ask the API for in a day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connections
from django.db.models import F
from django.test import Client

import imports.api.system
import imports.exporting.downloads
from accounts.models import User
from accounts.tokens import issue_login_token
from flows.models import Attempts
from imports.errors import BackupFailed
from tests.support.errors import error_of

BACKUP = "/api/system/backup-db"
TRANSFER = "/api/system/transfer-db"


@pytest.fixture(autouse=True)
def two_a_day(settings):
    settings.ZIGGY = {**settings.ZIGGY, "ATTEMPTS": {"backup": (2, 24 * 3600)}}


def admin(name="ada"):
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get_or_create(name="Admin")[0])
    user.is_superuser = True
    user.save()
    return f"Bearer {issue_login_token(user)}"


def ask(token, path=BACKUP):
    return Client().post(path, headers={"Authorization": token})


def test_an_account_may_ask_for_twenty_by_default(settings):
    assert settings.ZIGGY["BACKUPS_PER_DAY"] == 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", [BACKUP, TRANSFER])
def test_one_too_many_is_429_by_either_way_and_says_when_to_try_again(first, backup_directory):
    token = admin()
    assert ask(token, first).status_code in {200, 201}
    assert ask(token, BACKUP).status_code == 200
    for path in (BACKUP, TRANSFER):
        refused = ask(token, path)
        assert (refused.status_code, error_of(refused)) == (
            429,
            {
                "message": "Too many backups. Try again in 24 hours.",
                "code": "throttled",
                "issues": [],
            },
        )
        assert 86_390 <= int(refused.headers["Retry-After"]) <= 86_400
    assert len([*backup_directory.glob("*Z.*[!n]")]) == 2


@pytest.mark.django_db(transaction=True)
def test_each_account_has_its_own_count_and_a_new_one_the_next_day():
    token = admin()
    assert [ask(token).status_code for _ in range(3)] == [200, 200, 429]
    assert ask(admin("bob")).status_code == 200
    Attempts.objects.update(ends_at=F("ends_at") - timedelta(days=1))
    assert ask(token).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", [BACKUP, TRANSFER])
def test_a_backup_that_fails_does_not_count(monkeypatch, path):
    def fail(**_):
        raise BackupFailed("backup-failed", "No room.")

    token = admin()
    with monkeypatch.context() as context:
        context.setattr(imports.api.system, "make_backup", fail)
        context.setattr(imports.exporting.downloads, "make_backup", fail)
        assert [ask(token, path).status_code for _ in range(5)] == [503] * 5
    assert [ask(token).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.django_db(transaction=True)
def test_no_more_are_made_at_once_than_may_be():
    token = admin()

    def at_once(_):
        try:
            return ask(token).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(at_once, range(8))) == [200] * 2 + [429] * 6
