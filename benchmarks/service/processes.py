"""What the processes of the service occupy and use, as Linux counts it."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from tests.support.composed import Deployment

_LINES = re.compile(r"^(VmHWM|VmRSS):\s+(\d+) kB$", re.MULTILINE)
_TICKS = os.sysconf("SC_CLK_TCK")


def find_processes(site: Deployment) -> dict[str, list[int]]:
    """Return the numbers of the processes that answer requests, and of those that do the rest."""
    return {"web": _find_children(site.process.pid), "worker": [w.pid for w in site.workers]}


def forget_peaks(processes: Iterable[int]) -> None:
    """Let the peak of each process be what it occupies now."""
    for number in processes:
        Path(f"/proc/{number}/clear_refs").write_text("5")


def read_memory(number: int) -> dict[str, int]:
    """Return what the process occupies (`VmRSS`) and did at most (`VmHWM`), in MB."""
    text = Path(f"/proc/{number}/status").read_text()
    return {name: int(kilobytes) // 1024 for name, kilobytes in _LINES.findall(text)}


def read_seconds(site: Deployment) -> dict[str, float]:
    """Return how many seconds of a processor gunicorn and PostgreSQL have used, with children."""
    parents = {"web": site.process.pid, "database": _find_postgresql(site.ports.database)}
    return {
        kind: sum(map(_read_seconds, [parent, *_find_children(parent)]))
        for kind, parent in parents.items()
    }


def _read_seconds(number: int) -> float:
    """Return what the process has used, and those of its children that have ended."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _find_children(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(number) for number in children.split()]


def _find_postgresql(port: int) -> int:
    """Return the number of the server's first process, which was started with that port."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except FileNotFoundError:  # it has ended
            continue
        if words[0].endswith("/postgres") and ["-p", str(port)] == words[3:5]:
            return int(folder.name)
    raise ProcessLookupError(f"No PostgreSQL was started with port {port}.")
