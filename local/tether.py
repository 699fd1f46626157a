"""Become another program that cannot outlive the process that started it.

Run as ``python -I -S tether.py PARENT_PID PROGRAM ARGUMENT...``. The kernel sends SIGKILL when
the parent thread ends, however it ends; SIGKILL reaches a stopped process too. The setting
survives the exec (prctl(2), PR_SET_PDEATHSIG), and asking for it here, in a fresh process, spares
the multi-threaded parent a fork that runs Python code.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def tie_to_parent(parent: int) -> None:
    """Ask to be killed with the parent; exits at once if the parent is already gone."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit("the parent ended before its child began")


if __name__ == "__main__":
    tie_to_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 the command comes from our own parent
