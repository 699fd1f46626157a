"""Processes that are measured: started with an exact environment, watched through /proc, ended."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.005
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_MIB: Final = 1024 * 1024


class NotReady(RuntimeError):
    """A process that did not come up. Says its last lines."""


@dataclass(frozen=True)
class Command:
    """How a server is started; it must answer ``GET`` on ``health`` at its port."""

    program: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    health: str = "/health"


@dataclass(frozen=True)
class Started:
    """A server that answers, and what its start took."""

    pid: int
    port: int
    ready_seconds: float
    """From the start of the process to its first answer."""
    cpu_seconds: float
    resident_mib: float

    def cpu_now(self) -> float:
        """Return the CPU seconds, user and system, that the process has used in all."""
        return cpu_seconds(self.pid)


@contextmanager
def running(command: Command, port: int) -> Iterator[Started]:
    """Run a server and wait until it answers; raises :class:`NotReady`."""
    with tempfile.TemporaryFile() as complaints:
        begun = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 our own commands
            list(command.program),
            cwd=command.directory,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            start_new_session=True,
        )
        try:
            _wait(process, port, command.health, complaints)
            seconds = time.monotonic() - begun
            pid = process.pid
            yield Started(pid, port, seconds, cpu_seconds(pid), resident_mib(pid))
        finally:
            _end(process)


def cpu_seconds(pid: int) -> float:
    """Return a process's CPU time, all threads, in steps of the kernel's tick (10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(pid: int) -> float:
    """Return the memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB


def _wait(process: subprocess.Popen[bytes], port: int, health: str, complaints: IO[bytes]) -> None:
    until = time.monotonic() + READY_SECONDS
    while not _answers(port, health):
        if process.poll() is not None or time.monotonic() > until:
            complaints.seek(0)
            raise NotReady(complaints.read().decode(errors="replace")[-2000:])
        time.sleep(_POLL_SECONDS)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
