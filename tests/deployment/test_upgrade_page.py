"""docs/how-to/upgrade.md is followed on a server that an earlier release left, and back again."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, examples_of
from tests.support.dumps import RELEASES
from tools.schema_dump import DUMPS, EXPORT_SUFFIX

pytestmark = pytest.mark.deployment

PAGE = ROOT / "docs/how-to/upgrade.md"
# One that a flow of the export has, so that the export can mend it.
_DAMAGE = """
    UPDATE flows_document SET body = x'00' WHERE digest = (
        SELECT nodes FROM flows_flow WHERE NOT is_deleted ORDER BY length(nodes) DESC, id LIMIT 1
    )
"""
APPS = ("flows", "imports", "accounts")


class Server:
    """A server in a folder, with commands of the present version."""

    def __init__(self, folder, release):
        self.folder = folder
        self.database = folder / "db.sqlite3"
        with closing(sqlite3.connect(self.database)) as database:
            database.executescript((DUMPS / release / "sqlite.sql").read_text())
            rows = database.execute("SELECT app, name FROM django_migrations ORDER BY name")
            self.last = {app: name for app, name in rows if app in APPS}
        (folder / "manage.py").symlink_to(ROOT / "manage.py")
        export = (DUMPS / release / f"sqlite{EXPORT_SUFFIX}").read_text()
        (folder / "exported.json").write_text(export)

    def run(self, command):
        """Run a command of the page in a shell; return its exit code and what it printed."""
        variables = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATABASE_URL": f"sqlite:///{self.database}",
            "ZIGGY_BACKUP_DIR": str(self.folder / "backups"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        ran = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=variables, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
        )  # fmt: skip
        return ran.returncode, ran.stdout

    def read_rows(self):
        """What the server had: everything but what migrations write of themselves."""
        with closing(sqlite3.connect(self.database)) as database:
            return [
                database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
                for table in ("flows_flow", "flows_secret", "imports_importrecord", "accounts_user")
            ]


@pytest.fixture(params=RELEASES)
def server(request, tmp_path):
    return Server(tmp_path, request.param)


def list_commands(heading):
    """The examples of a section of the page."""
    lines = PAGE.read_text().splitlines()
    begin = lines.index(f"## {heading}")
    end = next((n for n, line in enumerate(lines) if n > begin and line.startswith("## ")), 9999)
    return [each.command for each in examples_of(PAGE) if begin < each.line <= end]


def test_the_page_upgrades_it_and_takes_it_back(server):
    before = server.read_rows()
    code, told = server.run("python manage.py database_backup")
    assert code == 0, told
    [backup] = (server.folder / "backups").glob("*.sqlite3")
    for command in [*list_commands("The upgrade"), *list_commands("After")]:
        code, told = server.run(command)
        assert code == 0, f"{command}: {told}"
        assert "migrate --plan" not in command or "Planned operations:" in told
    assert told == "the same\n"
    for app, name in sorted(server.last.items(), reverse=True):
        code, told = server.run(f"python manage.py migrate {app} {name}")
        assert code == 0, told
    assert server.run("python manage.py migrate --check")[0] != 0
    # And by the backup, after the way forward.
    assert server.run("python manage.py migrate --verbosity 0")[0] == 0
    code, told = server.run(f"python manage.py database_restore {backup} --no-prompt")
    assert code == 0, told
    assert server.read_rows() == before


def test_the_way_back_is_refused_where_a_document_is_damaged_and_can_be_gone_after_mending(server):
    assert server.run("python manage.py migrate --verbosity 0")[0] == 0
    with closing(sqlite3.connect(server.database)) as database:
        changed = database.execute(_DAMAGE)
        assert changed.rowcount == 1
        database.commit()
    before = server.read_rows()
    code, told = server.run(f"python manage.py migrate flows {server.last['flows']}")
    assert code != 0
    assert "database_check" in told
    assert server.read_rows() == before
    code, told = server.run("python manage.py database_check")
    assert code == 2, told
    assert re.search(r"[1-9]\d* damaged or missing", told)
    assert server.run("python manage.py migrate --verbosity 0")[0] == 0  # forward again
    code, told = server.run("python manage.py database_check --mend exported.json --no-prompt")
    assert code == 0, told
    code, told = server.run(f"python manage.py migrate flows {server.last['flows']}")
    assert code == 0, told
