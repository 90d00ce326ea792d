"""Every command says in one line what is wrong where its database is away, empty or misnamed.

The commands run in processes of their own: what is wrong may keep Django from starting.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import get_commands
from psycopg import sql

from flows.models import Flow
from tests.support.importing import database_url, export_file, flow

PROJECT = Path(settings.BASE_DIR)
IS_POSTGRESQL = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
UUID = "00000000-0000-4000-8000-000000000001"
COMMANDS = {
    "api_key": ["list"],
    "backup_verify": ["{file}", "--json"],
    "database_backup": [],
    "database_check": [],
    "database_restore": ["{backup}", "--no-prompt", "--no-backup"],
    "database_vacuum": ["--no-prompt"],
    "flow_export": ["-fp", "{folder}/out.json"],
    "flow_import": ["-s", "local", "--skip", "--no-prompt", "--no-backup", "-fp", "{file}"],
    "flow_list": [],
    "flow_status": ["-fp", "{file}"],
    "history_prune": ["--no-prompt"],
    "import_cancel": ["1"],
    "import_undo": ["1", "--no-prompt", "--no-backup"],
    "item_purge": ["flow", UUID, "--no-prompt"],
    "make_sample": ["--flows", "1"],
    "named_save": ["list", UUID],
    "rotate_encryption_keys": [],
}
NEEDS_NO_DATABASE = {"make_sample"}
# What can be done without tables.
DONE_ON_AN_EMPTY_DATABASE = (
    {"backup_verify", "database_restore"}
    | NEEDS_NO_DATABASE
    | ({"database_backup"} if IS_POSTGRESQL else set())
)
PASSWORD = "CANARY-url-p4ssword"
# What the database, its client or its directory says itself.
WHY_AWAY = re.compile("onnection refused" if IS_POSTGRESQL else "/no/such/folder|unable to open")


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory) -> Iterator[str]:
    """The URL of a database without a table."""
    if not IS_POSTGRESQL:
        database = tmp_path_factory.mktemp("empty") / "empty.sqlite3"
        database.touch()
        yield f"sqlite:///{database}"
        return
    at = settings.DATABASES["default"]
    name = f"empty_{at['NAME']}"
    address = {"host": at["HOST"], "port": at["PORT"], "user": at["USER"]}
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(
        **address, password=at["PASSWORD"], dbname="postgres", autocommit=True
    ) as server:
        server.execute(drop)
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield database_url(name)
        server.execute(drop)


@pytest.fixture
def database_that_is_away(tmp_path) -> str:
    """The URL of a database that cannot be reached."""
    if IS_POSTGRESQL:
        return f"postgres://somebody:{PASSWORD}@127.0.0.1:1/nowhere"
    return f"sqlite:///{tmp_path}/no/such/folder/db.sqlite3"


@pytest.fixture
def run(tmp_path, backup_directory):
    """Run manage.py with this environment alone: `run("flow_list", DATABASE_URL=...)`."""
    file = tmp_path / "file.json"
    file.write_bytes(export_file(flow(1, "A")))
    placeholders = {"file": file, "folder": tmp_path, "backup": tmp_path / "none.dump"}

    def run(command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        arguments = [argument.format(**placeholders) for argument in COMMANDS[command]]
        return subprocess.run(
            [sys.executable, "-W", "error", "manage.py", command, *arguments],
            cwd=PROJECT,
            env=inherited | {"ZIGGY_BACKUP_DIR": str(backup_directory)} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def told_on_one_line(done) -> str:
    """The line on stderr that ends the command."""
    [told] = done.stderr.splitlines()
    return str(told)


def test_the_table_has_every_command():
    of_the_project = {
        name for name, app in get_commands().items() if app in {"accounts", "flows", "imports"}
    }
    # The worker is refused before it asks a database, unless ZIGGY_BACKGROUND is on: see
    # tests/imports/jobs.
    assert of_the_project == set(COMMANDS) | {"background_worker"}


@pytest.mark.parametrize(
    "command",
    [name for name in COMMANDS if name not in {"database_restore"} | NEEDS_NO_DATABASE],
)
def test_where_the_database_is_away(run, database_that_is_away, command):
    done = run(command, DATABASE_URL=database_that_is_away)
    assert done.returncode == (6 if command == "database_backup" else 1)
    told = told_on_one_line(done)
    assert told.startswith(("CommandError: The database ", "CommandError: The lock"))
    assert WHY_AWAY.search(told)
    assert PASSWORD not in done.stderr + done.stdout
    if command not in {"api_key", "rotate_encryption_keys"}:
        assert json.loads(done.stdout)["data"]["code"] in {
            "database-error",
            "database-lost",
            "backup-failed",
            "no-lock",
        }


@pytest.mark.parametrize("command", NEEDS_NO_DATABASE)
def test_what_needs_no_database_is_done_without_one(run, database_that_is_away, command):
    done = run(command, DATABASE_URL=database_that_is_away)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", [name for name in COMMANDS if name not in DONE_ON_AN_EMPTY_DATABASE]
)
def test_where_the_database_is_not_migrated(run, empty_database, command):
    done = run(command, DATABASE_URL=empty_database)
    assert done.returncode == (6 if command == "database_backup" else 1)
    told = told_on_one_line(done)
    if command == "database_backup":
        assert "has no table django_migrations" in told
    else:
        assert told.startswith("CommandError: The database cannot be used: ")
        assert told.endswith(" Is it there, and migrated (manage.py migrate)?")


BAD_SERVERS = [
    pytest.param(f"a=sqlite:///x,postgres://u:{PASSWORD}@h/d?a=b", "entry 2 is not", id="no name"),
    pytest.param(f"postgres://u:{PASSWORD}@h/d", "entry 1 is not NAME=DATABASE_URL", id="no ="),
    pytest.param("a=sqlite:///x,b=", "entry 2 is not NAME=DATABASE_URL", id="no URL"),
    pytest.param("a=sqlite:///x,,b=sqlite:///y", "entry 2 is not", id="nothing between commas"),
    pytest.param(f"b=postgres://u:{PASSWORD}@h:no/d", "the URL of b", id="no port"),
    pytest.param(f"b=postgres://u:{PASSWORD}@h", "the URL of b", id="no database"),
    pytest.param(f"b=postgres://[u:{PASSWORD}@h/d", "the URL of b", id="no host"),
    pytest.param(f"b=https://u:{PASSWORD}@h/d", "the URL of b", id="no database's scheme"),
    pytest.param("a=sqlite:///x,a=sqlite:///y", "the name a is given twice", id="a name twice"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_where_a_registered_server_is_malformed(run, command):
    assert_refused(run(command, ZIGGY_SERVERS=f"b=https://u:{PASSWORD}@h/d"), "the URL of b")


@pytest.mark.parametrize(("servers", "place"), BAD_SERVERS)
def test_what_is_malformed_is_told_by_its_place_without_its_text(run, servers, place):
    assert_refused(run("flow_list", ZIGGY_SERVERS=servers), place)


def test_a_malformed_database_url_is_told_without_its_text(run):
    done = run("flow_list", DATABASE_URL=f"mongo://u:{PASSWORD}@h/d")
    assert_refused(done, "DATABASE_URL is not the URL of a database")


def assert_refused(done, place):
    assert done.returncode == 1
    [told] = done.stderr.splitlines()
    assert told.startswith("The settings are not right. ")
    assert place in told
    assert PASSWORD not in done.stderr + done.stdout


@pytest.mark.parametrize("servers", ["", " ", "a=sqlite:///x,", " a = sqlite:///x?a=b "])
def test_a_list_of_servers_may_end_in_a_comma_or_be_empty(run, database_that_is_away, servers):
    done = run("flow_list", DATABASE_URL=database_that_is_away, ZIGGY_SERVERS=servers)
    assert "CommandError: The database cannot be " in done.stderr


NOTHING_FOUND = 'Nothing was found to export. No flow has any of the tags "a", "b".'


@pytest.mark.django_db
def test_an_export_says_that_no_flow_has_the_tags(run_command, tmp_path):
    file = tmp_path / "out.json"
    done = run_command("flow_export", "--tags", "a, b", "-fp", str(file))
    warning = f"{NOTHING_FOUND} The file is empty."
    assert (done.code, done.err) == (0, f"Warning: {warning}\n")
    assert json.loads(done.out)["data"]["warnings"] == [warning]
    assert json.loads(file.read_text())["flows"] == []


@pytest.mark.django_db
@pytest.mark.parametrize("present", [b"an older export", None])
def test_an_export_that_is_not_to_be_empty_leaves_the_file_as_it_is(run_command, tmp_path, present):
    file = tmp_path / "out.json"
    if present is not None:
        file.write_bytes(present)
    options = ["--tags", "a, b", "--fail-on-empty", "--no-prompt"]
    done = run_command("flow_export", *options, "-fp", str(file))
    told = f"{NOTHING_FOUND} No file was written."
    assert done.code == 1
    assert told in done.err
    data = json.loads(done.out)
    assert (data["status"], data["data"]["code"]) == (404, "nothing-to-export")
    assert (file.read_bytes() if file.exists() else None) == present
    assert [each.name for each in tmp_path.iterdir()] == ["out.json"] * (present is not None)


@pytest.mark.django_db
def test_an_export_that_found_something_does_not_fail(run_command, tmp_path):
    Flow.objects.create(name="A", tags='["a"]')
    options = ["--tags", "a", "--fail-on-empty", "-fp", str(tmp_path / "out.json")]
    assert run_command("flow_export", *options).code == 0
