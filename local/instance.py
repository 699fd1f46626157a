"""One execution environment of a function: a real process that is stopped while it is idle.

Lambda freezes an environment between invocations. SIGSTOP does the same here, so work that a
request leaves for later stays undone until the next one, as it would on AWS. How an instance is
spoken to differs: :mod:`local.web_instance` and :mod:`local.handler_instance`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local import children
from local.declared import Function

LineSink = Callable[[str, str, str], None]
"""Takes the function's name, the stream's name (``stdout`` or ``stderr``) and a line."""


class InstanceFailed(RuntimeError):
    """A function's process did not come up. Says its last lines."""


@dataclass(frozen=True)
class Launch:
    """How instances of one function are started.

    ``code`` is the folder that stands for ``/var/task``, ``additions`` are the variables that
    only the local world sets; ``credentials`` returns the ``AWS_*`` credential variables of the
    function's role, asked for anew at each start.
    """

    function: Function
    code: Path
    region: str
    additions: Mapping[str, str]
    credentials: Callable[[], Mapping[str, str]]
    sink: LineSink

    async def start(self, command: Sequence[str], told: Mapping[str, str]) -> children.Child:
        """Start one process in the code's folder, its output on the way to the sink.

        ``told`` are the variables that only this process gets.
        """
        name = self.function.name
        # Asking for credentials blocks.
        environment = await asyncio.to_thread(self._environment)
        child = await children.start(name, command, {**environment, **told}, self.code)
        child.pump(child.process.stdout, lambda line: self.sink(name, "stdout", line))
        child.pump(child.process.stderr, lambda line: self.sink(name, "stderr", line))
        return child

    def _environment(self) -> dict[str, str]:
        return {
            **children.base_environment(),
            **lambda_environment(self.function, self.region, self.code),
            **self.function.environment,
            **self.additions,
            **self.credentials(),
        }


def lambda_environment(function: Function, region: str, root: Path) -> dict[str, str]:
    """Return the variables that Lambda itself sets.

    Source: AWS Lambda developer guide, "Defined runtime environment variables".
    """
    return {
        "_HANDLER": function.handler,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "LAMBDA_TASK_ROOT": str(root),
        "TZ": ":UTC",
    }


class Instance:
    """One process of a function, handling one invocation at a time."""

    def __init__(self, child: children.Child) -> None:
        self.child = child
        self.served = 0
        self.stopped = False

    @property
    def pid(self) -> int:
        """The process id of the function."""
        return self.child.pid

    def stop(self) -> None:
        """Freeze the process, as Lambda does between invocations."""
        self.child.signal(signal.SIGSTOP)
        self.stopped = True

    def resume(self) -> None:
        """Let the process run for one invocation."""
        self.child.signal(signal.SIGCONT)
        self.stopped = False

    async def kill(self) -> None:
        """End the process and wait for the last lines of its output."""
        await self.child.kill()


def state_letter(pid: int) -> str:
    """Return the kernel's state of a process (``T`` is stopped), or ``?`` without /proc."""
    if sys.platform != "linux":
        return "?"
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    return stat.rpartition(")")[2].split()[0]
