"""Run the examples of a page in order, in one shell, and compare what they print.

In what a page shows, `...` stands for anything: for lines where it stands alone, else for the
rest of its line or a part of it. A point in time and the time in a backup's name may be any of
the last hour. Where a page shows `[y/N] y`, the answer is typed.
"""

import fcntl
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from socket import socket

from tests.docs.pages import ROOT, Example

ADDRESS = "127.0.0.1:8000"
PASSWORD = "a-long-passphrase-of-examples"
TYPED = {"read -rs PASSWORD": PASSWORD}
"""What is typed at commands that ask without a question."""

_PATIENCE = 120
_YES = re.compile(r"(\[y/N\] )([yYnN]\w*)\n")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?")
_STAMP = re.compile(r"\d{8}T\d{6}-\d{6}Z")
_NOW, _ANY_STAMP = "<now>", "<stamp>"
_GAP = re.compile(r"(?<=\S) {2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What an example printed, on stdout and stderr together, and its exit code."""

    example: Example
    output: str
    code: int


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a page that runs in this folder: ada's, with her own database."""
    binaries = Path(sys.executable).parent
    return {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "LOGNAME": "ada",
        "USER": "ada",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "ZIGGY_BACKUP_DIR": str(folder / "backups"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def demo_commands(makefile: str, target: str = "demo") -> str:
    """Return what `make demo` runs, or another target like it, as a script."""
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe, f"the Makefile has no target {target}"
    lines = [line.removeprefix("\t").removeprefix("@") for line in recipe[1].splitlines()]
    script = "\n".join(lines).replace("$(DEMO)", "python manage.py")
    assert "$(" not in script, f"a variable of make that is not known here: {script}"
    return f"set -e\n{script}\n"


def make_checkout(folder: Path) -> None:
    """Fill the folder with what examples need of a checkout."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manage.py").symlink_to(ROOT / "manage.py")
    shutil.copytree(ROOT / "samples", folder / "samples")


def demo(shared: Path) -> Path:
    """Return a folder with a fresh demo and what making it printed. Workers of a run share it."""
    folder = shared / "documentation-demo"
    with (shared / "documentation-demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "demo.txt").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make_checkout(folder)
            script = demo_commands((ROOT / "Makefile").read_text())
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=folder,
                env=environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_PATIENCE,
                check=False,
            )
            assert done.returncode == 0, done.stdout
            (folder / "demo.part").write_text(done.stdout)
            (folder / "demo.part").rename(folder / "demo.txt")
    return folder


def copy_of(template: Path, folder: Path) -> Path:
    """Copy a fresh demo into the folder, and return it."""
    shutil.copytree(template, folder, symlinks=True)
    return folder


def run_examples(
    examples: Sequence[Example], folder: Path, *, replaced: Mapping[str, str] | None = None
) -> list[Ran]:
    """Run the examples in one shell in the folder; `replaced` texts are replaced in commands."""
    mark = "<<example>>"
    script = ["exec 2>&1"]
    for example in examples:
        command = "cat demo.txt" if example.command == "make demo" else example.command
        for old, new in (replaced or {}).items():
            command = command.replace(old, new)
        # The exit code of an example is the `$?` of the next one.
        script += ["(exit $code)", command, "code=$?", f"printf '\\n{mark} %d\\n' $code"]
    path = folder / "examples.sh"
    path.write_text("code=0\n" + "\n".join(script) + "\n")
    with _typing(_typed(examples)) as terminal:
        done = subprocess.run(
            ["bash", path.name],
            cwd=folder,
            env=environment(folder),
            stdin=terminal,
            stdout=subprocess.PIPE,
            text=True,
            timeout=_PATIENCE,
            start_new_session=True,
            check=False,
        )
    path.unlink()
    parts = re.split(rf"\n{mark} (\d+)\n", done.stdout)
    outputs, codes = parts[:-1:2], parts[1::2]
    assert len(outputs) == len(examples), f"the shell ended early: {done.stdout}"
    return [
        Ran(example=example, output=output, code=int(code))
        for example, output, code in zip(examples, outputs, codes, strict=True)
    ]


def _typed(examples: Sequence[Example]) -> list[str]:
    typed: list[str] = []
    for example in examples:
        typed += [TYPED[example.command]] if example.command in TYPED else []
        typed += (found[2] for found in _YES.finditer(example.output))
    return typed


@contextmanager
def _typing(lines: Sequence[str]) -> Iterator[int]:
    """A terminal at which these lines are typed, and then its end."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, "".join(f"{line}\n" for line in lines).encode() + b"\x04")
        yield theirs
    finally:
        os.close(theirs)
        os.close(ours)


# --- What was shown and what was printed


def difference(ran: Ran) -> str:
    """Return why the output is not what the page shows; empty where it is."""
    printed = _printed(ran.output)
    if re.fullmatch(pattern(ran.example.output), printed):
        return ""
    return f"{ran.example}\n--- the page shows\n{ran.example.output}--- printed\n{printed}"


def _printed(output: str) -> str:
    text = output if output.endswith("\n") or not output else f"{output}\n"
    text = _TIME.sub(lambda found: _NOW if _is_recent(found[0]) else found[0], text)
    return _tidy(_STAMP.sub(_ANY_STAMP, text))


def _tidy(text: str) -> str:
    lines = (_GAP.sub("  ", line.rstrip()) for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines)


def _is_recent(text: str) -> bool:
    with suppress(ValueError):
        time = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return abs(datetime.now(UTC) - time) < timedelta(hours=1)
    return False


def pattern(shown: str) -> str:
    """Return the regular expression of what a page shows."""
    # What is typed is not printed, nor the end of its line.
    text = _tidy(_STAMP.sub(_ANY_STAMP, _YES.sub(r"\1", shown)))
    return "".join(map(_pattern_of_line, text.splitlines()))


def _pattern_of_line(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    parts = []
    for part in line.split("..."):
        pieces = _TIME.split(part)
        times = [f"(?:{re.escape(time)}|{_NOW})" for time in _TIME.findall(part)]
        escaped = [re.escape(piece) for piece in pieces]
        parts.append("".join(a + b for a, b in zip(escaped, [*times, ""], strict=True)))
    return ".*?".join(parts) + r"\n"


# --- A server


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the folder's database, with an account ada, and give the server's address."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    values = environment(folder) | {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    account = ["--no-input", "--username", "ada", "--email", "ada@example.org"]
    command = [sys.executable, "manage.py"]
    subprocess.run(
        [*command, "createsuperuser", *account],
        cwd=folder, env=values, check=True, capture_output=True, timeout=_PATIENCE,
    )  # fmt: skip
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "runserver", "--noreload", "--skip-checks", address],
            cwd=folder, env=values, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _await(address, server, folder / "server.log")
            yield address
        finally:
            server.terminate()
            server.wait(timeout=10)


def _await(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < _PATIENCE:
        assert server.poll() is None, log.read_text()
        with suppress(OSError):
            connection = HTTPConnection(address, timeout=_PATIENCE)
            connection.request("GET", "/api/auth/health")
            connection.getresponse().read()
            connection.close()
            return
        time.sleep(0.1)
    raise AssertionError(f"no answer from the server: {log.read_text()}")
