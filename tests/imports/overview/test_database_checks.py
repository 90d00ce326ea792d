"""`check --deploy --database default` tells what the database lacks, before the service runs."""

import re

import pytest
from cryptography.fernet import Fernet
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from flows.secrets.canary import check_keys_open
from imports.overview.database_checks import check_database
from tests.support.server_process import make_environment, manage, new_database

NOWHERE = "postgres://nobody@127.0.0.1:1/nothing"


def ids(**options):
    return [found.id for found in check_database(**options)]


@pytest.mark.django_db
class TestOfADatabase:
    def test_one_that_is_ready(self):
        assert ids(databases=["default"]) == []

    def test_one_that_lacks_a_migration(self):
        MigrationRecorder(connection).record_unapplied("imports", "0001_initial")
        assert ids(databases=["default"]) == ["ziggy.E017"]

    def test_one_that_has_other_keys(self, settings):
        check_keys_open()  # which seals the canary
        keys = [Fernet.generate_key().decode()]
        settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": keys}
        assert ids(databases=["default"]) == ["ziggy.E018"]

    def test_none_is_asked_that_was_not_named(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert ids() == ids(databases=None) == ids(databases=["other"]) == []


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
def test_one_that_fails(fault, monkeypatch):
    def fail() -> None:
        raise fault("cut off")

    monkeypatch.setattr("imports.overview.database_checks.check_migrations", fail)
    assert ids(databases=["default"]) == ["ziggy.E016"]


def check(folder, url):
    checked = manage(
        make_environment("local", folder, url), "check", "--deploy", "--database", "default"
    )
    assert "Traceback" not in checked.stderr
    return checked.returncode, set(re.findall(r"ziggy\.E01[678]", checked.stderr))


def test_one_that_does_not_answer(db, tmp_path):
    assert check(tmp_path, NOWHERE) == (1, {"ziggy.E016"})


def test_one_before_and_after_it_is_migrated(db, tmp_path):
    with new_database(tmp_path) as url:
        assert check(tmp_path, url) == (1, {"ziggy.E017"})
        environment = make_environment("local", tmp_path, url)
        assert manage(environment, "migrate", "--verbosity", "0").returncode == 0
        assert check(tmp_path, url)[1] == set()
