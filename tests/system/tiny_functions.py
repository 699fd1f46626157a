"""Handlers of a few lines, run as the local world runs plain functions, without any AWS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from local.admin import Admin
from local.async_events import AsyncEvents
from local.clock_file import ClockFile
from local.declared import Function
from local.declared_events import AsyncPolicy
from local.functions import Answer, Functions
from local.handler_instance import start_handler_instance
from local.instance import Launch
from local.instance_pool import InstancePool, PoolLimits
from local.invoked import Invoked
from local.plain_function import PlainFunction
from local.role_clients import RoleClients
from shared.clock import offset_clock

HANDLERS = """
import json, os, pathlib, sys, threading, time

def echo(event, context):
    return {"event": event, "pid": os.getpid(), "environment": dict(os.environ),
            "left_ms": context.get_remaining_time_in_millis(), "arn": context.invoked_function_arn,
            "name": context.function_name, "memory": context.memory_limit_in_mb,
            "request_id": context.aws_request_id}

def raises(event, context):
    pathlib.Path(event["tries"]).open("a").write("x")
    raise ValueError("no such luck")

def second_time(event, context):
    tries = pathlib.Path(event["tries"])
    tries.open("a").write("x")
    if len(tries.read_text()) < 2:
        raise ValueError("not yet")

def exits(event, context):
    os._exit(3)

def naps(event, context):
    time.sleep(event["seconds"])
    return os.getpid()

def later(event, context):
    def leave_work():
        time.sleep(0.7)
        pathlib.Path(event["file"]).write_text("done later")
    threading.Thread(target=leave_work).start()

def prints(event, context):
    print(event["line"])
    print("to stderr", file=sys.stderr)

def large(event, context):
    return "x" * event["bytes"]

def items(event, context):
    # Fails the records whose body says so, and keeps a diary of what came.
    bodies = [record["body"] for record in event["Records"]]
    with pathlib.Path(os.environ["DIARY"]).open("a") as diary:
        diary.write(json.dumps({"bodies": bodies, "records": event["Records"]}) + "\\n")
    if "raise" in bodies:
        raise ValueError("the whole batch")
    if "hang" in bodies:
        time.sleep(60)
    failed = [r["messageId"] for r in event["Records"] if r["body"].startswith("fail")]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

def diary(event, context):
    with pathlib.Path(os.environ["DIARY"]).open("a") as diary:
        diary.write(json.dumps(event) + "\\n")
"""
ROLE = "arn:aws:iam::123456789012:role/tiny"


def function(entry: str, **changes: object) -> Function:
    """Return a declared plain function whose handler is one of the above."""
    name = f"tiny-{entry}"
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    facts: dict[str, object] = {
        "name": name,
        "handler": f"tiny.{entry}",
        "role_arn": ROLE,
        "invoked_arn": arn,
        "environment": {"DECLARED": "yes"},
        "timeout_seconds": 20.0,
        "memory_mb": 256,
        "runtime": "python3.13",
        "version": "$LATEST",
        "log_group": f"/aws/lambda/{name}",
        "arn": arn,
    }
    return Function(**{**facts, **changes})  # type: ignore[arg-type]


@dataclass
class TinyFunctions:
    """The running functions, the clock they live by, and everything reported or printed."""

    functions: Functions
    clock_file: ClockFile
    reports: list[str] = field(default_factory=list)
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    invoked: list[Invoked] = field(default_factory=list)

    async def invoke(self, handler: str, event: object = None) -> Answer:
        """Invoke one synchronously."""
        return await self.functions.invoke(_arn(handler), event)

    async def returned(self, handler: str, event: object = None) -> Any:
        """Invoke one that succeeds, and return what it returned."""
        answer = await self.invoke(handler, event)
        assert answer.error is None, answer.payload
        return json.loads(answer.payload)

    async def accept(self, handler: str, event: object) -> None:
        """Invoke one asynchronously."""
        answer = await self.functions.invoke(_arn(handler), event, asynchronous=True)
        assert answer == Answer(202)

    def waiting(self, handler: str) -> int:
        """Return how many asynchronous events are under way."""
        return self.functions.events.waiting(f"tiny-{handler}")


@asynccontextmanager
async def tiny_functions(
    directory: Path,
    *declared: Function,
    limits: PoolLimits | None = None,
    policies: Mapping[str, AsyncPolicy] | None = None,
    admin: Admin | None = None,
) -> AsyncIterator[TinyFunctions]:
    """Run functions with their code in a directory until the block is left."""
    (directory / "tiny.py").write_text(HANDLERS)
    clock_file = ClockFile(directory / "clock")
    clock_file.reset()
    clock = offset_clock(clock_file.path)
    clients = RoleClients(admin or cast("Admin", None), "test")
    reports: list[str] = []
    events = AsyncEvents(clients, clock, policies or {}, reports.append)
    made = TinyFunctions(Functions([], events), clock_file, reports)

    def plain(each: Function) -> PlainFunction:
        launch = Launch(
            function=each,
            code=directory,
            region="us-east-1",
            additions={"ADDED": "locally"},
            credentials=dict,
            sink=lambda *line: made.lines.append(line),
        )
        pool = InstancePool(
            lambda: start_handler_instance(launch),
            limits or PoolLimits(0, 2, 10),
            made.reports.append,
        )
        return PlainFunction(each, pool, clock, made.reports.append, made.invoked.append)

    made.functions = Functions([plain(each) for each in declared], events)
    try:
        yield made
    finally:
        await made.functions.close()


def _arn(handler: str) -> str:
    return f"arn:aws:lambda:us-east-1:123456789012:function:tiny-{handler}"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fails after a minute, for processes start slowly when many do."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 the condition is outside this process
            await asyncio.sleep(0.02)
