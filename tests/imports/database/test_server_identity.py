"""Which database it is, told by what it holds itself."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection as database

from imports.database.identity import read_identity
from tests.support.identity import make_another_database
from tests.support.importing import child_environment

TELL = """
import django
django.setup()
from flows.servers import target_server
from imports.database.identity import read_identity
import sys
with target_server(sys.argv[1]):
    identity = read_identity()
    print(identity.text, identity.sign("a digest"))
"""


def told(name: str, **variables: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", TELL, name],
        env={**child_environment(), "PYTHONPATH": str(settings.BASE_DIR), **variables},
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


@pytest.mark.django_db(transaction=True)
def test_it_is_the_same_by_whatever_name_the_database_is_reached():
    here = child_environment()["DATABASE_URL"]
    own = told("production", ZIGGY_SERVER_NAME="production")
    registered = told(
        "production",
        DATABASE_URL="sqlite:///:memory:",
        ZIGGY_SERVER_NAME="ci",
        ZIGGY_SERVERS=f"production={here}",
    )
    identity = read_identity()
    assert own == registered == f"{identity.text} {identity.sign('a digest')}\n"


@pytest.mark.django_db
def test_it_stays_when_migrations_are_added():
    before = read_identity()
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)",
            ["flows", "9999_later", "2030-01-01 00:00:00+00:00"],
        )
    assert read_identity() == before


@pytest.mark.django_db
def test_a_microsecond_makes_another_one():
    before = read_identity()
    make_another_database(first_migration_at="2026-01-01 00:00:00.000001+00:00")
    after = read_identity()
    assert after.text != before.text
    assert after.sign("a digest") != before.sign("a digest")


@pytest.mark.django_db
def test_it_tells_neither_its_key_nor_a_digest():
    identity = read_identity()
    assert identity.text not in repr(identity._key.hex())
    assert "_key" not in repr(identity)
    assert identity.sign("a digest") != identity.sign("another digest")
    assert "a digest" not in identity.sign("a digest")


def test_two_databases_differ_and_a_copy_does_not(tmp_path: Path):
    def migrated(name: str) -> str:
        url = f"sqlite:///{tmp_path / name}"
        subprocess.run(
            [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "migrate", "-v0"],
            env={**os.environ, "DATABASE_URL": url},
            check=True,
        )
        return url

    one, two = migrated("one.sqlite3"), migrated("two.sqlite3")
    with sqlite3.connect(tmp_path / "one.sqlite3") as source:
        with sqlite3.connect(tmp_path / "copy.sqlite3") as copy:
            source.backup(copy)
        copy.close()
    source.close()
    local = {"ZIGGY_SERVER_NAME": "local"}
    first = told("local", DATABASE_URL=one, **local)
    assert told("local", DATABASE_URL=two, **local) != first
    assert told("local", DATABASE_URL=f"sqlite:///{tmp_path / 'copy.sqlite3'}", **local) == first
