"""The processes of the local world: started alike, read without blocking, killed for certain.

A child gets exactly the environment it is given (so no key of the developer's shell leaks into
one), a session of its own (so a Ctrl-C in the terminal reaches only the parent, which stops the
rest in order) and a tether (so that nothing survives the parent, see :mod:`local.tether`).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from local import tether

LineSink = Callable[[str], None]
"""Takes one line of output, without its newline."""

MAX_LINE_BYTES = 256 * 1024
"""Longer lines are cut into pieces: one CloudWatch log event."""

READY_SECONDS = 60.0
"""How long a child may take to say that it is ready; a cold disk and two busy cores included."""


class ChildFailed(RuntimeError):
    """A child ended, or stayed silent, before it was ready. Says its last lines."""


class Child:
    """One running process and the pumps that read its output."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.process = process
        self.last_lines: deque[str] = deque(maxlen=20)
        self._pumps: list[asyncio.Task[None]] = []

    @property
    def pid(self) -> int:
        """The process id, which is its process group's id too."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended; a stopped process counts as running."""
        return self.process.returncode is None

    def pump(self, stream: asyncio.StreamReader | None, sink: LineSink) -> None:
        """Hand every further line of one output stream to a sink, in a task of its own."""
        if stream is not None:
            self._pumps.append(asyncio.create_task(self._pump(stream, sink)))

    async def _pump(self, stream: asyncio.StreamReader, sink: LineSink) -> None:
        async for line in lines(stream):
            self.last_lines.append(line)
            sink(line)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group; one that has ended is left alone."""
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    async def kill(self) -> None:
        """Kill the process group, wait for its end and for the last lines of its output."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def wait(self) -> int:
        """Wait for the end and for the last lines; returns the exit status."""
        status = await self.process.wait()
        await asyncio.gather(*self._pumps)
        return status

    def story(self) -> str:
        """Return the last lines of output, for an error message."""
        return "\n".join(self.last_lines) or "(it wrote nothing)"


async def lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield decoded lines; bytes that are not UTF-8 are replaced, overlong lines are cut."""
    rest = b""
    while chunk := await stream.read(64 * 1024):
        *whole, rest = (rest + chunk).split(b"\n")
        for piece in [piece for line in whole for piece in _cut(line)]:
            yield piece.decode(errors="replace")
        while len(rest) > MAX_LINE_BYTES:
            yield rest[:MAX_LINE_BYTES].decode(errors="replace")
            rest = rest[MAX_LINE_BYTES:]
    if rest:
        yield rest.decode(errors="replace")


def _cut(line: bytes) -> list[bytes]:
    starts = range(0, len(line), MAX_LINE_BYTES) or [0]
    return [line[start : start + MAX_LINE_BYTES] for start in starts]


def base_environment() -> dict[str, str]:
    """Return what every child needs: this Python first on PATH, and UTF-8."""
    python = str(Path(sys.executable).parent)
    return {
        "PATH": os.pathsep.join([python, "/usr/local/bin", "/usr/bin", "/bin"]),
        "LANG": "C.UTF-8",
    }


async def start(
    name: str, command: Sequence[str], environment: Mapping[str, str], directory: Path
) -> Child:
    """Start a program with exactly this environment, tethered to the calling thread.

    The caller pumps stdout and stderr. The calling thread must live as long as the child should.
    """
    tethered = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *command]
    process = await asyncio.create_subprocess_exec(
        *tethered,
        env=dict(environment),
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    return Child(name, process)


async def start_server(
    name: str,
    module_arguments: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    sink: LineSink,
) -> tuple[Child, int]:
    """Start ``python -m …`` and wait for its ``{"ready": true, "port": N}`` line.

    Returns the child and its port. Raises :class:`ChildFailed` if it ends or takes longer than
    :data:`READY_SECONDS`; the child is dead then.
    """
    child = await start(name, [sys.executable, "-m", *module_arguments], environment, directory)
    child.pump(child.process.stderr, sink)
    try:
        async with asyncio.timeout(READY_SECONDS):
            port = await _ready_port(child, sink)
    except BaseException as error:
        await child.kill()
        if isinstance(error, TimeoutError | ChildFailed):
            raise ChildFailed(f"{name} did not become ready:\n{child.story()}") from None
        raise
    child.pump(child.process.stdout, sink)
    return child, port


async def _ready_port(child: Child, sink: LineSink) -> int:
    stdout = child.process.stdout
    if stdout is None:
        raise ChildFailed(f"{child.name} has no output to read")
    while raw := await stdout.readline():
        line = raw.decode(errors="replace").rstrip("\n")
        port = ready_port(line)
        if port is not None:
            return port
        child.last_lines.append(line)
        sink(line)
    raise ChildFailed(f"{child.name} closed its output")


def ready_port(line: str) -> int | None:
    """Return the port that a ready line announces, or None for any other line."""
    with suppress(ValueError):
        match json.loads(line):
            case {"ready": True, "port": int(port)}:
                return port
    return None
