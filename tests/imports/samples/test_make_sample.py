"""The command make_sample: what it prints where, what it refuses, and `make demo-large`."""

import json
import os
import subprocess
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.docs.running import demo_commands, environment, make_checkout
from tests.imports.samples.test_sample import written

NO_TERMINAL = (
    "CommandError: Standard input is no terminal, so there is nobody to ask. "
    "Say --no-prompt to go on without being asked.\n"
)


def test_a_file_is_written_and_told_of_on_stdout(run_command, tmp_path):
    file = tmp_path / "sample.json"
    done = run_command("make_sample", "--flows", "5", "--out", str(file))
    payload = file.read_bytes()
    export = json.loads(payload)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "status": 200,
        "statusText": "OK",
        "data": {
            "filePath": str(file),
            "flows": 5,
            "connections": len(export["connections"]),
            "secrets": len(export["secrets"]),
            "size": len(payload),
            "sha256": sha256(payload).hexdigest(),
        },
    }
    assert payload == written(flows=5)


def test_without_a_file_it_is_stdout_that_has_the_sample(run_command):
    done = run_command("make_sample", "--flows", "2", "--changed", "1", "--seed", "9")
    assert done.out.encode() == written(flows=2, changed=1, seed=9)
    assert done.err.startswith("2 flows, ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--flows", "-1"), ("--flows", "1.5"), ("--flows", "many"), ("--flows", "40001")),
        *(("--flows", ""), ("--flows", "²"), ("--flows", "9" * 5_000), ("--changed", "-1")),
        *(("--seed", "-1"), ("--seed", str(2**63))),
    ],
)
def test_what_is_no_number_of_these_is_refused(run_command, option, value):
    done = run_command("make_sample", f"{option}={value}")
    assert (done.code, done.out) == (1, "") if "CommandError" in done.err else (2, "")
    assert f"argument {option}: a whole number from 0 to " in done.err


def test_more_edits_than_flows_are_refused(run_command, tmp_path):
    file = tmp_path / "sample.json"
    done = run_command("make_sample", "--flows", "3", "--changed", "4", "--out", str(file))
    assert (done.code, done.out) == (2, "")
    assert done.err == "CommandError: --changed 4 is more than the 3 flows of the sample.\n"
    assert not file.exists()


def test_a_file_that_cannot_be_written_is_refused(run_command, tmp_path):
    done = run_command("make_sample", "--flows", "1", "--out", str(tmp_path / "no" / "file"))
    assert (done.code, done.out) == (2, "")
    assert "cannot be written: No such file or directory." in done.err


def test_an_existing_file_is_replaced_only_if_told_so(run_command, tmp_path, monkeypatch):
    file = tmp_path / "sample.json"
    file.write_text("mine")
    monkeypatch.setattr("sys.stdin", StringIO())
    done = run_command("make_sample", "--flows", "1", "--out", str(file))
    assert (done.code, done.out, done.err) == (2, "", NO_TERMINAL)
    assert file.read_text() == "mine"
    assert run_command("make_sample", "--flows", "1", "--out", str(file), "--no-prompt").code == 0
    assert file.read_bytes() == written(flows=1)


def test_no_name_of_it_is_of_the_samples_of_the_demo():
    demo = json.loads((ROOT / "samples" / "zexport.json").read_bytes())
    sample = json.loads(written(flows=300))
    for kind in ("flows", "connections", "secrets"):
        names = {item["name"] for item in sample[kind]}
        assert not names & {item["name"] for item in demo[kind]}


@pytest.mark.slow
def test_make_demo_large_works_twice_in_a_row(tmp_path: Path):
    folder = tmp_path / "checkout"
    make_checkout(folder)
    script = demo_commands((ROOT / "Makefile").read_text(), "demo-large")
    for _ in range(2):
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder, env={**os.environ, **environment(folder)}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert " 40 to overwrite, 0 to skip, " in done.stderr
        assert done.stderr.endswith("see each change in its pictures.\n")
        assert done.stdout == ""
