"""System checks of pg_dump, by which a database on PostgreSQL is backed up."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import DatabaseError, connections

_PG_DUMP = "pg_dump"
_SECONDS = 10


def check_pg_dump() -> Iterator[CheckMessage]:
    """Yield a warning where a database needs it and it is missing."""
    if any(connections[alias].vendor == "postgresql" for alias in connections) and not shutil.which(
        _PG_DUMP
    ):
        yield checks.Warning(
            f"{_PG_DUMP} is not on the PATH: the database cannot be backed up before an import.",
            hint="Install the PostgreSQL client tools of the server's major version.",
            id="ziggy.W004",
        )


def check_pg_dump_version(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Return a warning for each of these databases that is newer than pg_dump."""
    return [message for alias in databases or () for message in _check_pg_dump_version(alias)]


def _check_pg_dump_version(alias: str) -> Iterator[CheckMessage]:
    if connections[alias].vendor != "postgresql" or not shutil.which(_PG_DUMP):
        return
    try:
        server: int = connections[alias].pg_version // 10_000  # type: ignore[attr-defined]
    except DatabaseError:  # unreachable: the next query raises it
        return
    tool = _read_version_of_pg_dump()
    if tool and tool < server:
        yield checks.Warning(
            f"{alias}: {_PG_DUMP} is of version {tool}, the server of {server}: it refuses it.",
            hint="Install the PostgreSQL client tools of the server's major version.",
            id="ziggy.W005",
        )


def _read_version_of_pg_dump() -> int | None:
    run = subprocess.run(  # noqa: S603 - a fixed program
        [shutil.which(_PG_DUMP) or _PG_DUMP, "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    found = re.search(r"\) (\d+)", run.stdout)
    return int(found.group(1)) if found else None
