"""Running a program that ends with the process that started it, even if that is killed. Pure.

A program that outlived a killed restore or backup would do harm: pg_restore would write without the
import lock, and pg_dump would block vacuums and other restores.

Run as a script, this file sets PR_SET_PDEATHSIG for its process and then executes the program.
It is a script because a process with threads may not run Python between fork and exec.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # sys/prctl.h
_IS_LINUX = sys.platform.startswith("linux")


def make_bound_command(program: str, arguments: Sequence[str]) -> list[str]:
    """Return a command line that runs the program bound to this process, if the system can."""
    if not (_IS_LINUX and sys.executable):
        return [program, *arguments]
    # -I and -S: no environment variables and no packages, which also makes it start quickly.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), program, *arguments]


def _become(parent: int, program: str, arguments: Sequence[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # the parent was killed before the call
        os.kill(os.getpid(), signal.SIGKILL)
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is intended


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
