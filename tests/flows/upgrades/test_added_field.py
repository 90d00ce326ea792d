"""A field is added as CONTRIBUTING.md says, to a copy of the project, with a database of before.

The field is `owner`, which files had as an unknown key. The project as it is writes the database,
the copy upgrades it and goes on, and the copy's migration is taken back.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import new_database
from tests.support.importing import database_url, export_file, flow

ROOT = Path(__file__).parents[3]
COPIED = (
    "accounts",
    "flows",
    "imports",
    "ziggy_site",
    "deploy",
    "tools",
    "docs",
    "tests/flows/content",
)
CODE = re.compile(r"`(owner = [^`]+|_make_field\([^`]+)`")
MIGRATION = re.compile(r"```python\n(.*?)```", re.DOTALL)

FIRST = [
    flow(1, "Valued", owner="Ann", zone=1),
    flow(2, "Null", owner=None),
    flow(3, "Number", owner=5),
    flow(4, "Without"),
    flow(5, "Empty", owner=""),
]
SECOND = [
    flow(1, "Valued", owner="Bob"),
    flow(2, "Null", owner="Eve"),
    flow(4, "Without", info="new"),
]
AFTER = [
    flow(1, "Valued", owner=None),
    flow(4, "Without", owner="Zoe"),
    flow(5, "Empty"),
    flow(6, "New null", owner=None),
    flow(7, "New value", owner="Ida"),
    flow(8, "New without"),
]


def add_the_field(folder):
    """Make a copy of the project in the folder, with what the recipe says."""
    shutil.copy(ROOT / "manage.py", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__", "screenshots")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    page = (ROOT / "CONTRIBUTING.md").read_text()
    recipe = page.partition("## Add a field to Flow")[2].partition("\n## ")[0]
    column, field = CODE.findall(recipe)
    replace_in(folder / "flows/models.py", "    nodes = ", f"    {column}\n    nodes = ")
    table = '        _make_field("viewport", "viewport", Shape.OBJECT),\n'
    replace_in(folder / "flows/content/fields.py", table, f"{table}        {field},\n")
    migration = re.sub("^   ", "", MIGRATION.search(recipe)[1], flags=re.MULTILINE)
    migrations = folder / "flows/migrations"
    last = max(path.stem for path in migrations.glob("0*.py"))
    migration = migration.replace("0006_attempts", last)
    (migrations / "9999_flow_owner.py").write_text(migration)
    return last


def replace_in(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


class Project:
    """A tree of the project that works on a database."""

    def __init__(self, tree, folder, url):
        self.tree, self.folder = tree, folder
        self.environment = {**os.environ, "DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *command):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.tree, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def manage(self, *arguments):
        return self.run("manage.py", *arguments)

    def migrate(self, *arguments):
        return self.manage("migrate", "-v0", *arguments).stderr

    def import_file(self, *items):
        path = self.folder / "file.json"
        path.write_bytes(export_file(*items))
        self.manage(
            "flow_import", "-s", "local", "--overwrite", "--no-prompt", "--no-backup", "-fp", path
        )

    def export(self):
        return self.manage("flow_export", "--file-path", "-").stdout

    def undo(self, record):
        self.manage("import_undo", str(record), "-s", "local", "--no-prompt", "--no-backup")


def owners(exported):
    return {item["name"]: item.get("owner", "(none)") for item in json.loads(exported)["flows"]}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What each step of the story left or printed, by a name."""
    folder = tmp_path_factory.mktemp("added_field")
    tree = folder / "tree"
    tree.mkdir()
    last = add_the_field(tree)
    with new_database(folder) as name:
        url = database_url(name)
        before, after = Project(ROOT, folder, url), Project(tree, folder, url)
        yield dict(tell(before, after, last))


def tell(before, after, last):
    before.migrate()
    before.import_file(*FIRST)
    yield "first", before.export()
    before.import_file(*SECOND)
    before.manage("named_save", "take", "Valued", "--name", "Bob's")
    yield "second", before.export()

    yield "report", after.migrate()
    yield "upgraded", after.export()
    yield "taken back: report", after.migrate("flows", last)
    yield "taken back", before.export()
    after.migrate()
    yield "upgraded again", after.export()

    after.undo(2)
    yield "undone", after.export()
    listed = json.loads(after.manage("named_save", "list", "Valued").stdout)["data"]
    [number] = [save["number"] for save in listed["saves"] if save["saveName"] == "Bob's"]
    after.manage("named_save", "restore", str(number), "--no-prompt")
    yield "restored", after.export()

    after.import_file(*AFTER)
    yield "imported", after.export()
    after.migrate("flows", last)
    yield "left", before.export()
    yield "checked", after.manage("makemigrations", "--check", "--dry-run").stdout
    after.run("-m", "tools.reference")
    yield "page", (after.tree / "docs/reference/format.md").read_text()
    after.run("-m", "pytest", "-p", "no:cacheprovider", "tests/flows/content/test_content.py")


def test_the_migration_says_what_it_moved(story):
    assert "flow owner: moved out of extra in 3 rows and 2 named saves." in story["report"]
    assert "flow owner: 1 row and 0 named saves keep it in extra" in story["report"]
    assert "ffffffff-0000-4000-8000-000000000003" in story["report"]


def test_an_export_after_the_upgrade_is_that_of_before_byte_by_byte(story):
    assert owners(story["second"]) == {
        "Valued": "Bob", "Null": "Eve", "Number": 5, "Without": "(none)", "Empty": "",
    }  # fmt: skip
    assert story["upgraded"] == story["second"]


def test_an_undo_of_an_import_from_before_brings_back_the_value_of_before(story):
    assert owners(story["first"]) == {
        "Valued": "Ann", "Null": None, "Number": 5, "Without": "(none)", "Empty": "",
    }  # fmt: skip
    assert story["undone"] == story["first"]


def test_a_named_save_from_before_brings_back_its_value(story):
    assert owners(story["restored"]) == {**owners(story["first"]), "Valued": "Bob"}


def test_a_file_with_a_value_with_null_and_without(story):
    assert owners(story["imported"]) == {
        "Valued": "(none)", "Null": None, "Number": 5, "Without": "Zoe", "Empty": "",
        "New null": "(none)", "New value": "Ida", "New without": "(none)",
    }  # fmt: skip


def test_the_migration_can_be_taken_back(story):
    assert story["taken back"] == story["second"]
    assert (
        "flow owner: moved back into extra in 3 rows and 2 named saves"
        in story["taken back: report"]
    )
    assert story["upgraded again"] == story["second"]


def test_what_was_written_since_is_there_after_taking_it_back(story):
    assert story["left"] == story["imported"]


def test_the_recipe_is_complete(story):
    assert story["checked"] == "No changes detected\n"
    assert "| `owner` | text | `null` | Left out of an export where it is null. |" in story["page"]
