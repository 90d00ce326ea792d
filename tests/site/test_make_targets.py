"""`make account` without a terminal, and the port of `make run`."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

PASSWORD = "CANARY-a-long-passphrase"
VARIABLES = {
    "DJANGO_SUPERUSER_USERNAME": "ada",
    "DJANGO_SUPERUSER_EMAIL": "ada@example.org",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run make with the environment that there is, and this one's variables alone."""
    command = ["make", "-o", ".venv/runtime", f"BIN={Path(sys.executable).parent}", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_an_account_is_made_without_a_terminal(tmp_path):
    file = tmp_path / "db.sqlite3"
    done = make("account", DATABASE_URL=f"sqlite:///{file}", **VARIABLES)
    assert done.returncode == 0, done.stderr
    [(name, is_superuser, password)] = sqlite3.connect(file).execute(
        "SELECT username, is_superuser, password FROM accounts_user"
    )
    assert (name, is_superuser, password[0] != "!") == ("ada", 1, True)
    assert PASSWORD not in done.stdout + done.stderr + password


def test_what_is_not_set_is_told_and_nothing_is_made(tmp_path):
    file = tmp_path / "db.sqlite3"
    for missing in VARIABLES:
        done = make("account", DATABASE_URL=f"sqlite:///{file}", **{**VARIABLES, missing: ""})
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(
            "There is no terminal to ask at. Set DJANGO_SUPERUSER_USERNAME, "
            "DJANGO_SUPERUSER_EMAIL and DJANGO_SUPERUSER_PASSWORD.\n"
        )
        assert PASSWORD not in done.stderr
    assert not file.exists()


def test_the_site_is_served_at_the_port_that_is_asked_for():
    for arguments, port in ([], 8000), (["PORT=8765"], 8765):
        done = make("--dry-run", "run", *arguments, PORT="1")
        assert done.stdout.endswith(f"/python manage.py runserver {port}\n"), done.stderr
