"""The generated parts of docs/reference are what the code says today."""

import os
import re
import subprocess
import sys
import tomllib

from imports.exportfile.warnings import WarningCode
from tests.docs.pages import ROOT


def test_the_committed_reference_is_what_the_generator_writes():
    # Without the environment of this run: the reference is of a server without settings.
    ran = subprocess.run(
        [sys.executable, "-m", "tools.reference", "--check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"run `make docs`:\n{ran.stdout}{ran.stderr}"


def test_the_data_of_every_warning_is_in_the_table():
    page = (ROOT / "docs" / "reference" / "warnings.md").read_text()
    table = page.partition("| code | `data` |")[2].partition("\n\n")[0]
    codes = {
        code for row in table.splitlines()[1:] for code in re.findall("`(.*?)`", row.split("|")[1])
    }
    assert codes == {*map(str, WarningCode)}


def test_every_check_of_the_settings_has_a_line_in_their_table():
    modules = [path for app in ("flows", "imports") for path in (ROOT / app).rglob("*checks.py")]
    text = "".join(module.read_text() for module in modules)
    ids = set(re.findall(r'id="(ziggy\.[EW]\d+)"', text))
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert len(ids) > 10
    assert ids == set(re.findall(r"^\| `(ziggy\.[EW]\d+)` \|", page, re.MULTILINE))


def test_the_extras_are_installed_as_they_are_declared():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    page = (ROOT / "docs" / "how-to" / "monitor.md").read_text()
    told = re.findall(r'pip install "(.*?)"', page)
    assert told == [*extras["logs"], *extras["metrics"]]
