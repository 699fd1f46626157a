"""The processes that stand in for AWS (moto) and for the providers (the simulator)."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from local.children import Child, base_environment, start_server
from local.state import State

PROGRAM_IMPORTS = ("pulumi", "pulumi_aws")
"""Seconds of import that can happen while the stand-ins start on the other core."""
BATCH_SPEEDUP = 60
"""A batch of 20 lines, eleven minutes of the simulator's clock, ends within this machine's 20 s."""


@dataclass(frozen=True)
class StandIns:
    """Where the stand-ins listen, and their processes. No simulator runs for real providers."""

    aws_url: str
    simulator_url: str | None
    children: tuple[Child, ...]

    async def first_end(self) -> str:
        """Wait until one of them ends, which none should; returns what happened."""
        waits = [asyncio.create_task(_end(child)) for child in self.children]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in waits:
                task.cancel()


async def start_stand_ins(
    stack: AsyncExitStack, state: State, checkout: Path, *, simulator: bool
) -> StandIns:
    """Start them side by side, importing what the program needs meanwhile.

    Their end is left on the stack. Raises ``ChildFailed``.
    """
    clock = ["--clock-file", str(state.clock)]
    simulated = [*clock, "--batch-speedup", str(BATCH_SPEEDUP)]
    wanted = {"aws": clock} | ({"simulator": simulated} if simulator else {})
    starts = [
        asyncio.create_task(_start(stack, state, checkout, name, arguments))
        for name, arguments in wanted.items()
    ]
    await asyncio.to_thread(_import_program_parts)
    # All of them are waited for before one that failed may end the start: their ends are on
    # the stack by then.
    await asyncio.wait(starts)
    (aws, aws_url), *rest = [start.result() for start in starts]
    simulator_child, simulator_url = rest[0] if rest else (None, None)
    children = tuple(child for child in (aws, simulator_child) if child)
    return StandIns(aws_url, simulator_url, children)


async def _start(
    stack: AsyncExitStack, state: State, checkout: Path, name: str, arguments: list[str]
) -> tuple[Child, str]:
    command = [f"local.{name}", *arguments, "--port", "0"]
    sink = state.log_sink(name)
    child, port = await start_server(name, command, base_environment(), checkout, sink)
    stack.push_async_callback(child.kill)
    return child, f"http://127.0.0.1:{port}"


async def _end(child: Child) -> str:
    status = await child.wait()
    return f"{child.name} ended with status {status}:\n{child.story()}"


def _import_program_parts() -> None:
    for module in PROGRAM_IMPORTS:
        importlib.import_module(module)
