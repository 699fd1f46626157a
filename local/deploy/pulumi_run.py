"""Runs a Pulumi program in this process against mocks, and leaves nothing behind.

Pulumi's runtime keeps its state in globals and gives each thread it uses an event loop that it
never closes. So a run has a lock, an event loop and one worker thread to itself, and closes them.
"""

from __future__ import annotations

import asyncio
import logging
import runpy
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi.runtime import get_root_resource, set_all_config, set_mocks
from pulumi.runtime.mocks import Mocks
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import Stack, run_in_stack

from local.deploy.stack_file import StackFile

_one_at_a_time = threading.Lock()

# Pulumi reports to its engine what it raises as well; once is enough.
_quiet = logging.getLogger("sluice.pulumi")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


def run_program(program: Path, project: str, stack: StackFile, mocks: Mocks) -> dict[str, Any]:
    """Run a program (its file, or the folder of its ``__main__.py``); return its outputs.

    Blocks, and wants a thread without a running event loop. ``mocks`` are called from one other
    thread, for one resource at a time. Raises whatever the program or the mocks raise.
    """
    with _one_at_a_time, asyncio.Runner() as runner, _one_worker() as worker:
        runner.get_loop().set_default_executor(worker)
        return runner.run(_run(program, project, stack, mocks))


@contextmanager
def _one_worker() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1, "pulumi", initializer=_open_loop) as worker:
        try:
            yield worker
        finally:
            worker.submit(_close_loop).result()


def _open_loop() -> None:
    asyncio.set_event_loop(asyncio.new_event_loop())


def _close_loop() -> None:
    asyncio.get_event_loop().close()


async def _run(program: Path, project: str, stack: StackFile, mocks: Mocks) -> dict[str, Any]:
    set_all_config(stack.config)
    set_mocks(mocks, project=project, stack=stack.stack, preview=False, logger=_quiet)
    # set_mocks leaves an empty stack behind, and the outputs still due belong to earlier runs.
    SETTINGS.outputs = set()
    set_root_resource(None)  # type: ignore[arg-type] # None is its initial value
    await run_in_stack(lambda: _execute(program))
    root = cast("Stack", get_root_resource())
    return await pulumi.Output.all(**root.outputs).future() or {}


def _execute(program: Path) -> None:
    file = program / "__main__.py" if program.is_dir() else program
    runpy.run_path(str(file), run_name="__main__")
