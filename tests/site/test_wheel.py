"""The wheel: what another project installs, and the locks that this one installs from."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import flows

ROOT = Path(__file__).parents[2]
APPS = ("accounts", "flows", "imports")
LOCKS = ("requirements.txt", "requirements-server.txt", "requirements-dev.txt")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def files_of(app):
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / app).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("app", APPS)
def test_it_has_every_file_of_the_app(app, wheel):
    inside = {name for name in wheel.namelist() if name.startswith(f"{app}/")}
    assert inside == files_of(app)


def test_it_has_nothing_else_but_what_describes_it(wheel):
    others = {name.split("/")[0] for name in wheel.namelist()} - set(APPS)
    assert others == {f"ziggy_flow_import-{flows.__version__}.dist-info"}


def test_it_says_what_it_needs(wheel):
    name = f"ziggy_flow_import-{flows.__version__}.dist-info/METADATA"
    metadata = Parser().parsestr(wheel.read(name).decode())
    assert metadata["Version"] == flows.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Provides-Extra") == [
        "accounts",
        "background",
        "logs",
        "metrics",
        "postgres",
        "site",
    ]
    always = [need for need in metadata.get_all("Requires-Dist") if "extra ==" not in need]
    assert "django<6.1,>=5.2.19" in always
    assert metadata["License"] is metadata["License-Expression"] is None


WITHOUT_DEMO = ("background", "logs", "metrics")
"""The extras that `make demo` does not install: the tests have them."""


def normal(name):
    return re.sub("[-_.]+", "-", name).lower()


def locked_in(lock):
    text = (ROOT / lock).read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.partition("\n")[2].partition("\n")[2])
    # Without who needs it, which another lock has more of.
    entries = [entry.partition("\n    # via")[0] for entry in entries]
    return {normal(entry.partition("==")[0]): entry for entry in entries}


@pytest.mark.parametrize("lock", LOCKS)
def test_each_release_in_a_lock_has_hashes(lock):
    entries = locked_in(lock)
    assert len(entries) > 30
    for name, entry in entries.items():
        assert re.match(rf"{name}==\S+", entry), name
        assert entry.count("--hash=sha256:") >= 1, name


def test_what_is_declared_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    needs = [*project["project"]["dependencies"]]
    for name, extra in extras.items():
        needs += [] if name in WITHOUT_DEMO else extra
    names = read_names(needs)
    assert names <= locked_in("requirements.txt").keys()
    dev = read_names(project["dependency-groups"]["dev"])
    left_out = read_names(need for name in WITHOUT_DEMO for need in extras[name])
    assert not left_out & locked_in("requirements.txt").keys()
    assert names | left_out <= locked_in("requirements-server.txt").keys()
    assert locked_in("requirements-server.txt").items() <= locked_in("requirements-dev.txt").items()
    assert dev | names | left_out <= locked_in("requirements-dev.txt").keys()


def read_names(needs):
    return {normal(re.match(r"[\w.-]+", need).group()) for need in needs}


def test_both_locks_have_the_same_releases():
    versions = {
        lock: {
            name: re.match(r"\S+==(\S+)", entry).group(1) for name, entry in locked_in(lock).items()
        }
        for lock in LOCKS
    }
    assert versions[LOCKS[0]].items() <= versions[LOCKS[1]].items()
