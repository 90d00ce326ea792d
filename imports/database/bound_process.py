"""A program that ends with the process that started it, also where that is killed. Pure.

What a killed restore or backup started must not go on alone: pg_restore would write without the
import lock, and pg_dump would keep vacuums and other restores waiting.

Run as a script, this file asks the kernel for that and becomes the program. It is one of its own,
because nothing that has threads may run Python between fork and exec.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # sys/prctl.h
_IS_LINUX = sys.platform.startswith("linux")


def bound_command(program: str, arguments: Sequence[str]) -> list[str]:
    """The command line of the program, bound to this process where the system knows how."""
    if not (_IS_LINUX and sys.executable):
        return [program, *arguments]
    # -I and -S: nothing of the environment, and no packages, which also makes it start quickly.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), program, *arguments]


def _become(parent: int, program: str, arguments: Sequence[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # which was killed before the kernel knew
        os.kill(os.getpid(), signal.SIGKILL)
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is what is wanted


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
