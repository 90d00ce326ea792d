"""How much memory the processes of the service occupy, as Linux counts it."""

import re
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

_LINES = re.compile(r"^(VmHWM|VmRSS):\s+(\d+) kB$", re.MULTILINE)


def find_processes(site: SimpleNamespace) -> dict[str, list[int]]:
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


def _find_children(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(number) for number in children.split()]
