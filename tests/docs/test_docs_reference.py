"""The generated parts of docs/reference are what the code says today."""

import os
import subprocess
import sys

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
