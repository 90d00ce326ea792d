"""What stands against a release is found, each thing by itself."""

import subprocess
import sys
from dataclasses import replace

import pytest

from flows import __version__
from tools.release import ROOT, Tree, find_applied, find_problems, main, read_notes, read_tree
from tools.schema_dump import DUMPS as DUMPS_OF_RELEASES

CHANGELOG = """# Changelog

## 1.2.3 - 2026-12-01

- New.

### Upgrade

- Nothing to do.

## 1.2.2 - 2026-11-01

- Old.
"""
MIGRATIONS = frozenset({("flows", "0001_initial"), ("imports", "0001_initial")})
DUMPS = {
    "sqlite": """INSERT INTO "django_migrations" VALUES(1,'auth','0001_initial','2026');
INSERT INTO "django_migrations" VALUES(2,'flows','0001_initial','2026');
INSERT INTO "django_migrations" VALUES(3,'imports','0001_initial','2026');
""",
    "postgresql": """INSERT INTO public.django_migrations VALUES (1, 'auth', '0001_initial', '2026');
INSERT INTO public.django_migrations VALUES (2, 'flows', '0001_initial', '2026');
INSERT INTO public.django_migrations VALUES (3, 'imports', '0001_initial', '2026');
""",
}
GOOD = Tree(
    version="1.2.3",
    changelog=CHANGELOG,
    migrations=MIGRATIONS,
    dumps=DUMPS,
    head="a",
    tagged=None,
    changed=(),
)


@pytest.mark.parametrize("tagged", [None, "a"], ids=["before its tag", "with its tag"])
def test_nothing_stands_against_what_is_complete(tagged):
    assert list(find_problems(replace(GOOD, tagged=tagged))) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": "1.2"}, "The version 1.2 is not three numbers: correct flows/__init__.py."),
        (
            {"changelog": CHANGELOG.replace("1.2.3", "1.3.0")},
            'The first heading of CHANGELOG.md is "1.3.0 - 2026-12-01", and not of 1.2.3.',
        ),
        ({"changelog": ""}, 'The first heading of CHANGELOG.md is "", and not of 1.2.3.'),
        (
            {"changelog": CHANGELOG.replace("2026-12-01", "unreleased")},
            'CHANGELOG.md says "unreleased" of 1.2.3: write the date of the release.',
        ),
        (
            {"changelog": CHANGELOG.replace("2026-12-01", "20261201")},
            'CHANGELOG.md says "20261201" of 1.2.3: write the date of the release.',
        ),
        (
            {"changelog": CHANGELOG.replace("### Upgrade\n", "")},
            'CHANGELOG.md has no "### Upgrade" for 1.2.3.',
        ),
        (
            {"dumps": {"sqlite": DUMPS["sqlite"]}},
            "There is no dump of 1.2.3 for postgresql: see tools/schema_dump.py.",
        ),
        (
            {"dumps": {**DUMPS, "sqlite": DUMPS["sqlite"].replace("'imports'", "'x'")}},
            "The dump for sqlite is not of today's migrations: imports.0001_initial. Make it again.",
        ),
        (
            {"tagged": "b"},
            "The tag v1.2.3 is on another commit, b: a version is released once. "
            "Set a new one in flows/__init__.py.",
        ),
        ({"changed": (" M a", "?? b")}, "Not committed:  M a, ?? b."),
    ],
)
def test_what_stands_against_it_is_found(changes, problem):
    assert problem in list(find_problems(replace(GOOD, **changes)))


def test_a_dump_with_a_migration_too_many_is_found():
    less = frozenset({("flows", "0001_initial"), ("imports", "0002_more")})
    found = [one for one in find_problems(replace(GOOD, migrations=less)) if "sqlite" in one]
    assert found == [
        "The dump for sqlite is not of today's migrations: imports.0001_initial, imports.0002_more. "
        "Make it again."
    ]


def test_the_notes_are_the_part_under_the_heading():
    assert read_notes(CHANGELOG, "1.2.3") == "- New.\n\n### Upgrade\n\n- Nothing to do."
    assert read_notes(CHANGELOG, "1.2.2") == "- Old."
    assert read_notes(CHANGELOG, "1.2") == ""


def test_the_tree_is_read():
    tree = read_tree()
    assert tree.version == __version__
    assert ("flows", "0001_initial") in tree.migrations
    assert tree.dumps.keys() == {"sqlite", "postgresql"}


@pytest.mark.parametrize(
    "dump",
    sorted(DUMPS_OF_RELEASES.rglob("*.sql")),
    ids=lambda path: f"{path.parent.name} {path.stem}",
)
def test_no_migration_is_removed_that_a_release_had(dump):
    known = read_tree().migrations
    applied = find_applied(dump.read_text())
    assert {found for found in applied if found[0] in {"accounts", "flows", "imports"}} <= known


def test_the_command_prints_the_problems_or_the_notes(capsys):
    code = main(["--check"])
    assert (code == 0) == ("can be released" in capsys.readouterr().out)
    assert main(["--notes"]) == 0
    assert capsys.readouterr().out.startswith("- ")


def test_the_command_needs_no_django():
    code = "import sys, tools.release; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
