"""Other versions of Python and Django: what the lock, the script and the page say is the same."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "interpreters"
PAGE = (ROOT / "docs/reference/support.md").read_text()


def read_locked_django(name: str) -> Version:
    [version] = re.findall(r"^django==([\d.]+) ", (ROOT / name).read_text(), re.MULTILINE)
    return Version(version)


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt", ".ci/django-6.txt"])
def test_each_locked_django_is_admitted_and_on_the_page(lock):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [django] = [each for each in map(Requirement, project["dependencies"]) if each.name == "Django"]
    version = read_locked_django(lock)
    assert version in django.specifier
    assert f"| {version} | SQLite |" in PAGE
    assert f"Framework :: Django :: {version.major}.{version.minor}" in project["classifiers"]


def test_the_other_django_is_of_the_newest_series_that_is_admitted():
    assert read_locked_django(".ci/django-6.txt") > read_locked_django("requirements-dev.txt")


@pytest.mark.parametrize(("required", "code"), [(None, 0), ("1", 1)])
def test_without_the_python_it_says_so_and_fails_where_it_is_required(required, code):
    environment = {**os.environ, "ZIGGY_PYTHON": "no-such-python"}
    environment.pop("ZIGGY_REQUIRE_INTERPRETERS", None)
    if required:
        environment["ZIGGY_REQUIRE_INTERPRETERS"] = required
    done = subprocess.run([SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == (
        "Python 3.13 with venv is not there as no-such-python: nothing was tested on it.\n"
    )


def test_an_unknown_option_is_refused():
    done = subprocess.run([SCRIPT, "--all"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "Usage: .ci/interpreters [--whole]\n")
