"""Running pg_dump and pg_restore for a database of Django's."""

import os
import shutil
import signal
import subprocess
from typing import IO

from django.db import connections

from flows.conf import ziggy
from imports.database.bound_process import make_bound_command

_INSTALL = "Install the PostgreSQL client tools of the server's major version, or set PATH."
ROOM = "Make room there, or set ZIGGY_BACKUP_DIR to a directory on another disk."
_POSTGRESQL_ADVICE = {
    "server version mismatch": _INSTALL,
    "No space left on device": ROOM,
    "Disk quota exceeded": ROOM,
    "File too large": ROOM,
    "SIGXFSZ": ROOM,
}


class Fault(Exception):  # noqa: N818 - the part of a message, not an error of its own
    """A foreseeable fault of a backup or a restore. Its text says what is wrong and what to do."""


def run_postgresql_tool(
    alias: str, tool: str, *arguments: str, output: int | IO[bytes] = subprocess.DEVNULL
) -> None:
    """Run pg_dump or pg_restore on the database, bound to this process.

    What it prints is written to `output`. Raises Fault, with the first error that the tool reports
    and never with the password.
    """
    program = shutil.which(tool)
    if program is None:
        raise Fault(f"{tool} was not found. {_INSTALL}")
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no argument comes from a user
            make_bound_command(program, arguments),
            env=os.environ | _make_environment(alias) | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=ziggy.BACKUP_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Fault(
            f"{tool} was stopped after {ziggy.BACKUP_TIMEOUT} seconds. If the database "
            "is large, raise ZIGGY_BACKUP_TIMEOUT; else look for a session that blocks it."
        ) from None
    if done.returncode:
        reason = _remove_password(alias, _find_reason(done))
        advice = next((text for sign, text in _POSTGRESQL_ADVICE.items() if sign in reason), "")
        raise Fault(f"{tool} failed: {reason}. {advice}".rstrip())


def _make_environment(alias: str) -> dict[str, str]:
    """Return Django's connection parameters as libpq's environment variables.

    Every user of the machine can read a process's arguments, but not its environment.
    """
    from psycopg.pq import Conninfo  # noqa: PLC0415 - installed where PostgreSQL is used

    parameters = connections[alias].get_connection_params()
    return {
        option.envvar.decode(): str(parameters[option.keyword.decode()])
        for option in Conninfo.get_defaults()
        if option.envvar and option.keyword.decode() in parameters
    }


def _find_reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    """Return the first error on stderr. What follows it may quote rows."""
    if done.returncode < 0:
        return f"it was killed by {signal.Signals(-done.returncode).name}"
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines()]
    errors = [line for line in lines if " error: " in line]
    return next(iter(errors or lines), f"exit code {done.returncode}")


def _remove_password(alias: str, text: str) -> str:
    password = connections[alias].get_connection_params().get("password")
    return text.replace(password, "***") if password else text
