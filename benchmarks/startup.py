"""The command as a whole process, compared with a minimal command of Django's."""

import os
import subprocess
import sys
import time
from pathlib import Path

from cryptography.fernet import Fernet

from benchmarks.generate import make_export_file
from benchmarks.measure import ROOT, ChildOutput, Reading

FLOWS = 8


def commands(directory: str, runs: int) -> ChildOutput:
    """Measure `flow_import` of a few small flows, all changed, and `manage.py check`, in turns."""
    paths = [Path(directory) / f"small-{revision}.json" for revision in (1, 2)]
    for revision, path in enumerate(paths, 1):
        path.write_bytes(make_export_file(FLOWS, kilobytes=2, revision=revision))
    _time_run(*_make_arguments(paths[0]))
    rows: dict[str, list[Reading]] = {"manage.py check": [], "flow_import of 8 small flows": []}
    for turn in range(1, runs + 1):
        rows["manage.py check"].append(_measure_run("check"))
        rows["flow_import of 8 small flows"].append(_measure_run(*_make_arguments(paths[turn % 2])))
    return ChildOutput(rows=rows)


def _make_arguments(path: Path) -> tuple[str, ...]:
    options = ("--server", "local", "--overwrite", "--no-prompt", "--no-backup")
    return ("flow_import", *options, "--file-path", str(path))


def _measure_run(*arguments: str) -> Reading:
    return Reading(seconds=_time_run(*arguments), items=FLOWS)


def _time_run(*arguments: str) -> float:
    production = {
        "DEBUG": "0",
        "SECRET_KEY": "a-key-of-a-benchmark-that-is-as-long-as-a-real-one-has-to-be-and-more",
        "ZIGGY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ALLOWED_HOSTS": "localhost",
    }
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={**os.environ, **production},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return time.perf_counter() - start
