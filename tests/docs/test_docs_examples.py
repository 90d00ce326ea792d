"""Every example of README.md, CONTRIBUTING.md and docs/ does what its page says.

Each page is run from its stated starting point, a fresh demo, in a folder and a database of its own.
"""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Block, Example, blocks_of, examples_of, name_of
from tests.docs.running import (
    ADDRESS,
    Ran,
    copy_of,
    demo,
    demo_commands,
    difference,
    pattern,
    run_examples,
    served,
)

WITH_EXAMPLES = [page for page in PAGES if examples_of(page)]
STARTING_POINT = "fresh demo"
FOLLOWED = {"docs/how-to/deploy.md", "docs/how-to/upgrade.md"}
"""Their blocks of shell are run by tests/deployment, as written."""
# The blocks that no test runs: the page, how their first line begins, and why.
NOT_RUN: tuple[tuple[str, str, str], ...] = (
    ("README.md", "make demo", "the names of the two commands; the first is run further down"),
    ("CONTRIBUTING.md", "make demo", "a list of targets, which a test finds in the Makefile"),
    ("CONTRIBUTING.md", "pip install pre-commit", "downloads a program"),
    ("CONTRIBUTING.md", "from django.db", "a migration: test_added_field applies it to a copy"),
    ("docs/mutants.md", "make mutants", "takes minutes"),
    ("docs/explanation/architecture.md", "bytes -> exportfile", "a drawing, no command"),
    ("docs/reference/settings.md", "ZIGGY = {", "a part of a settings module"),
    ("docs/how-to/export-and-list.md", "python manage.py flow_export", "needs a second host"),
    ("docs/how-to/release.md", "make lock", "downloads what the locks name"),
    ("docs/how-to/release.md", "python -m tools.schema_dump", "test_schema_dump runs it"),
    ("docs/how-to/release.md", ".ci/run", "runs these tests"),
    ("docs/how-to/release.md", "python -m tools.release --check", "test_release runs it"),
    ("docs/how-to/release.md", "python -m build", "test_wheel runs it"),
    ("docs/how-to/release.md", "python -m tools.release --notes", "makes a tag and pushes it"),
    ("docs/how-to/back-up-and-restore.md", "30 3 * * *", "a line for cron"),
    ("docs/how-to/back-up-and-restore.md", "0 5 * * 0", "a line for cron"),
    ("docs/how-to/back-up-and-restore.md", "restic backup", "needs restic and a repository"),
    ("docs/how-to/back-up-and-restore.md", "set -eo pipefail", "needs rclone, or age, and a store"),
    *(
        ("docs/how-to/run-work-in-the-background.md", begin, "needs PostgreSQL: tests/imports/jobs")
        for begin in (
            *("pip install", "python manage.py check", "python manage.py migrate --fake"),
            "python manage.py backup_verify --due",
        )
    ),
    *(
        ("docs/how-to/add-to-a-project.md", begin, "followed by tests/project, with -m project")
        for begin in (
            *("python -m pip install", "INSTALLED_APPS +=", "python -c", "from django.contrib"),
            *("python manage.py check", "python manage.py shell", "import logging", "{% ext"),
        )
    ),
    *(
        ("docs/how-to/add-to-a-project.md", begin, "test_access_in_other_projects follows it")
        for begin in ("from django.db", "from django.apps")
    ),
    ("docs/how-to/git.md", 'ZIGGY_PLAN="shop', "of any branch: test_git_recipe does it"),
    ("docs/how-to/git.md", "git fetch origin", "needs a pull request on GitHub"),
    ("docs/reference/directory.md", "DIR/ziggy.json", "a drawing, no command"),
    ("docs/how-to/answer-alerts.md", "curl", "needs systemd and a certificate"),
    ("docs/how-to/monitor.md", "python -m pip install", "downloads what the extras name"),
    ("docs/how-to/monitor.md", "journalctl", "needs systemd"),
    ("docs/how-to/monitor.md", "promtool", "test_alerts runs it, where it is installed"),
    ("docs/how-to/monitor.md", "rule_files", "of Prometheus"),
    ("docs/how-to/monitor.md", "- job_name: ziggy-workers", "of Prometheus"),
    ("docs/how-to/monitor.md", "urlpatterns +=", "a part of a project's addresses"),
    ("docs/how-to/deploy.md", "python manage.py migrate --database", "needs a registered server"),
)


@pytest.fixture(scope="session")
def fresh_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a fresh demo, of which each page gets a copy."""
    base = tmp_path_factory.getbasetemp()
    return demo(base.parent if base.name.startswith("popen-") else base)


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_the_examples_of_a_page_print_what_it_shows(page, fresh_demo, tmp_path):
    examples = examples_of(page)
    folder = copy_of(fresh_demo, tmp_path / "checkout")
    if any(ADDRESS in example.command for example in examples):
        for program in ("curl", "git"):
            if shutil.which(program) is None and any(program in each.command for each in examples):
                pytest.skip(f"{program} is not installed")
        with served(folder) as address:
            ran = run_examples(examples, folder, replaced={ADDRESS: address})
    else:
        ran = run_examples(examples, folder)
    assert "\n".join(filter(None, map(difference, ran))) == ""
    assert [str(one.example) for one in ran if one.code and not _is_shown(one, ran)] == []


def _is_shown(failed: Ran, ran: list[Ran]) -> bool:
    """Whether the page shows the exit code of a command that failed."""
    after = ran[ran.index(failed) + 1 :]
    return bool(after) and after[0].example.command == "echo $?"


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_a_page_with_examples_says_where_they_start(page):
    before, _, _ = page.read_text().partition("```console")
    assert STARTING_POINT in before


def test_a_block_that_is_not_run_is_listed_with_a_reason():
    blocks = [block for page in PAGES for block in blocks_of(page) if not _is_checked(block)]
    used = {
        (page, begin)
        for page, begin, _ in NOT_RUN
        if any(block.page == page and block.first_line.startswith(begin) for block in blocks)
    }
    unlisted = [
        f"{block.page}:{block.line}: {block.first_line}"
        for block in blocks
        if not any(
            block.page == page and block.first_line.startswith(begin) for page, begin in used
        )
    ]
    assert unlisted == []
    assert used == {(page, begin) for page, begin, _ in NOT_RUN}


def test_the_targets_that_the_pages_name_are_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:^ {4}|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    assert named - targets == set()


def _is_checked(block: Block) -> bool:
    """Whether the block is run, is read as JSON below, or is the help that the code itself has."""
    is_help = block.page == "docs/reference/commands.md" and block.language == "text"
    is_followed = block.page in FOLLOWED and block.language.startswith("sh")
    return is_help or is_followed or block.language in {"console", "json", "mermaid"}


@pytest.mark.parametrize(
    "block",
    [block for page in PAGES for block in blocks_of(page) if block.language == "json"],
    ids=lambda block: f"{block.page}:{block.line}",
)
def test_a_block_of_json_is_json(block):
    json.loads(block.text)


# --- The runner itself


def test_three_dots_stand_for_anything():
    shown = "one\n...\nlast ... of 2026-01-12 16:45:02 UTC\n"
    printed = "one\ntwo\nthree\nlast line of <now> UTC\n"
    assert re.fullmatch(pattern(shown), printed)
    assert not re.fullmatch(pattern(shown), printed + "more\n")


def test_the_demo_is_what_the_makefile_runs():
    script = demo_commands("demo: x  ## help\n\t@$(DEMO) migrate\n\t@echo done\n\nrun:\n\tno\n")
    assert script == "set -e\npython manage.py migrate\necho done\n"


def test_what_is_typed_is_not_printed():
    assert re.fullmatch(pattern("Import? [y/N] y\nDone.\n"), "Import? [y/N] Done.\n")


def test_a_page_that_shows_something_else_is_found():
    example = Example(page="page.md", line=3, command="flow_list", output="1 flow\n")
    assert difference(Ran(example=example, output="1 flow\n", code=0)) == ""
    told = difference(Ran(example=example, output="2 flows\n", code=0))
    assert told.startswith(
        "page.md:3: $ flow_list\n--- the page shows\n1 flow\n--- printed\n2 flows"
    )
