"""The drill as a scheduled job: the newest backup is verified now and again, by one machine.

What was found is kept beside the backups, where every machine reads it: so it is known when the
next one is due, whichever worker comes first. A worker starts it as a process of its own: told to
stop, it ends the drill, which may take as long as a restore does.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from flows.conf import ziggy
from flows.database.locks import Lock, LockHeld, hold_lock
from imports.database.backup import find_newest_backup
from imports.database.drill import verify_backup
from imports.database.drill_results import DrillResult, keep_drill_result, read_drill_result
from imports.database.scratch import ScratchUnusable
from imports.errors import UnableToImport

logger = logging.getLogger(__name__)

_DUE = Lock(number=int.from_bytes(b"ziggydue", "big"), file_suffix="drill-lock")
_SOONEST_HOURS: Final = 24.0
"""After how many hours a drill is repeated that found a problem, or could not judge."""
_COMMAND = ("-m", "django", "backup_verify", "--due")
_AGAIN_SECONDS = 900
_END_SECONDS = 20


def is_due(last: DrillResult | None, *, hours: float, now: datetime) -> bool:
    """Return whether it is time for a drill every so many hours, after the last one; 0 is never."""
    if hours <= 0:
        return False
    if last is None:
        return True
    wait = min(hours, _SOONEST_HOURS) if last.problems else hours
    return now - last.at >= timedelta(hours=wait)


def find_due_backup() -> Path | None:
    """Return the newest backup where it is time to verify it. Raises OSError."""
    if not is_due(read_drill_result(), hours=ziggy.DRILL_HOURS, now=datetime.now(UTC)):
        return None
    newest = find_newest_backup()
    return Path(ziggy.BACKUP_DIR) / newest.name if newest else None


def verify_if_due() -> DrillResult | None:
    """Verify the newest backup if it is time, and return what was kept; None where it is not.

    Also None where another process is at it. Where there is no scratch database, its code is the
    problem that is kept, so that it is seen, and the next try is a day later at the soonest.
    """
    try:
        with hold_lock(_DUE, wait=0):
            backup = find_due_backup()  # with the lock: nobody else has just done it
            return _verify(backup) if backup else None
    except LockHeld:
        return None


def _verify(backup: Path) -> DrillResult | None:
    try:
        verify_backup(backup)
    except ScratchUnusable as error:
        if error.code == "verification-running":  # somebody does it by hand
            return None
        logger.error("%s could not be verified: %s", backup.name, error.message)  # noqa: TRY400
        now = datetime.now(UTC)
        keep_drill_result(
            DrillResult(at=now, backup=backup.name, problems=(error.code,), seconds=0.0)
        )
    except UnableToImport as error:
        logger.error("%s is unsound: %s", backup.name, error.message)  # noqa: TRY400
    result = read_drill_result()
    if result and not result.problems:
        logger.info("%s was verified in %.1f s, and is sound", backup.name, result.seconds)
    return result


class DrillProcess:
    """The process of a worker's drill, where one is due."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    def step(self) -> None:
        """Start a drill where one is due, or see whether the one that runs has ended."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            logger.info("The drill ended with %s", self._process.returncode)
            self._process = None
        if time.monotonic() < self._not_before:
            return
        try:
            backup = find_due_backup()
        except OSError as error:
            logger.warning("Whether a drill is due cannot be read: %s", error.strerror)
            return
        if backup is not None:
            self._start()

    def stop(self) -> None:
        """End the drill that runs: its scratch is removed, by the next one if not by this one."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        self._not_before = time.monotonic() + _AGAIN_SECONDS
        paths = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(  # noqa: S603 - no word of it is from outside
            [sys.executable, *_COMMAND],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the log says the same
        )
