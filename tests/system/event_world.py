"""A small program with functions, queues and schedules, deployed and run without a router."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.admin import Admin
from local.children import base_environment, ready_port
from local.clock_file import ClockFile
from local.declared import Function
from local.deploy import Deployment, deploy
from local.ground import DeployedStack
from local.instance import Launch
from local.live_functions import LiveFunctions, Surroundings, functions_of
from local.queue_poller import QueuePoller
from shared.clock import Clock, offset_clock
from tests.system.tiny_functions import HANDLERS, function

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws

ALL = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
MAY_ASSUME = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]})

def role(name, actions, resources):
    made = aws.iam.Role(name, name=name, assume_role_policy=MAY_ASSUME)
    aws.iam.RolePolicy(name, name=name, role=made.id, policy=pulumi.Output.json_dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]}))
    return made

def plain(name, handler, role, timeout=10, **more):
    return aws.lambda_.Function(name, name=name, handler="tiny." + handler, role=role.arn,
        runtime="python3.13", code=pulumi.FileArchive("."), timeout=timeout, **more)

def worker(name, actions=ALL, visibility=60, timeout=10, receives=3, **mapping):
    dead = aws.sqs.Queue(name + "-dead", name=name + "-dead")
    queue = aws.sqs.Queue(name, name=name, visibility_timeout_seconds=visibility,
        max_message_size=1048576, sqs_managed_sse_enabled=True,
        redrive_policy=pulumi.Output.json_dumps(
            {"deadLetterTargetArn": dead.arn, "maxReceiveCount": receives}))
    made = plain(name, "items", role(name, actions, [queue.arn]), timeout)
    aws.lambda_.EventSourceMapping(name, event_source_arn=queue.arn, function_name=made.arn,
        function_response_types=["ReportBatchItemFailures"], **mapping)

worker("partial", batch_size=10, scaling_config={"maximum_concurrency": 2})
worker("whole")
worker("slow", timeout=1)
worker("window", visibility=120, batch_size=20, maximum_batching_window_in_seconds=60)
worker("large", batch_size=10)
worker("off", enabled=False)
worker("unread", actions=["sqs:DeleteMessage", "sqs:GetQueueAttributes"])
worker("undeleted", actions=["sqs:ReceiveMessage", "sqs:GetQueueAttributes"])
worker("unknown", actions=["sqs:ReceiveMessage", "sqs:DeleteMessage"])

letters = aws.sqs.Queue("letters", name="letters")
failing = plain("failing", "raises", role("failing", ["sqs:SendMessage"], [letters.arn]),
    dead_letter_config={"target_arn": letters.arn})
aws.lambda_.FunctionEventInvokeConfig("failing", function_name=failing.name,
    maximum_retry_attempts=1, destination_config={"on_failure": {"destination": letters.arn}})
unheard = plain("unheard", "raises", role("unheard", ["logs:PutLogEvents"], ["*"]),
    dead_letter_config={"target_arn": letters.arn})
aws.lambda_.FunctionEventInvokeConfig("unheard", function_name=unheard.name,
    maximum_retry_attempts=0)

diary = plain("diary", "diary", role("diary", ["logs:PutLogEvents"], ["*"]))
may = role("may-invoke", ["lambda:InvokeFunction"], [diary.arn])
may_not = role("may-not", ["lambda:InvokeFunction"], [failing.arn])
group = aws.scheduler.ScheduleGroup("times", name="times")

def schedule(name, expression, role=may, zone="UTC", **target):
    aws.scheduler.Schedule(name, name=name, group_name=group.name, schedule_expression=expression,
        schedule_expression_timezone=zone, flexible_time_window={"mode": "OFF"},
        target={"arn": diary.arn, "role_arn": role.arn, **target})

schedule("hourly", "rate(1 hour)", input=json.dumps({"name": "hourly",
    "at": "<aws.scheduler.scheduled-time>", "arn": "<aws.scheduler.schedule-arn>"}))
schedule("nightly", "cron(0 3 * * ? *)", zone="Europe/Berlin")
schedule("refused", "rate(30 minutes)", role=may_not, dead_letter_config={"arn": letters.arn})
"""


@dataclass(frozen=True)
class EventGround:
    """A local AWS on a clock of its own, with the program in it."""

    directory: Path
    clock_file: ClockFile
    deployed: DeployedStack

    @property
    def clock(self) -> Clock:
        return offset_clock(self.clock_file.path)

    @property
    def admin(self) -> Admin:
        return self.deployed.admin


@dataclass
class EventWorld:
    """The functions at work, and windows into what came of it."""

    ground: EventGround
    live: LiveFunctions
    diary_file: Path
    reports: list[str] = field(default_factory=list)

    @property
    def diary(self) -> list[Any]:
        """What the handlers wrote down, a line each."""
        if not self.diary_file.exists():
            return []
        lines = self.diary_file.read_text().splitlines(keepends=True)
        # The last one may be half written yet.
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @property
    def batches(self) -> list[list[str]]:
        """The bodies of each batch that a function got, in order."""
        return [entry["bodies"] for entry in self.diary]

    def advance(self, seconds: float) -> None:
        self.ground.clock_file.advance(seconds)

    def poller(self, queue: str) -> QueuePoller:
        [found] = [each for each in self.live.pollers if each.source.queue.name == queue]
        return found

    async def send(self, queue: str, *bodies: str, **more: Any) -> None:
        for body in bodies:
            await asyncio.to_thread(
                self.ground.admin.sqs.send_message,
                QueueUrl=self.url(queue),
                MessageBody=body,
                **more,
            )

    async def waiting(self, queue: str) -> dict[str, int]:
        """Return a queue's messages: visible and in flight."""
        for shown in await asyncio.to_thread(self.live.shown_queues):
            if shown["queue"] == queue:
                return {key: int(str(shown[key])) for key in ("visible", "in_flight")}
        raise KeyError(queue)

    async def taken(self, queue: str) -> list[dict[str, Any]]:
        """Take messages out of a queue, with all that they carry."""
        answer = await asyncio.to_thread(
            self.ground.admin.sqs.receive_message,
            QueueUrl=self.url(queue),
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = [dict(each) for each in answer.get("Messages", [])]
        for message in messages:
            await asyncio.to_thread(
                self.ground.admin.sqs.delete_message,
                QueueUrl=self.url(queue),
                ReceiptHandle=message["ReceiptHandle"],
            )
        return messages

    def url(self, queue: str) -> str:
        return next(each.url for each in self.live.queues if each.name == queue)


@contextmanager
def event_ground(directory: Path) -> Iterator[EventGround]:
    """Serve a local AWS and deploy the program into it."""
    clock_file = ClockFile(directory / "clock")
    clock_file.reset()
    (directory / "tiny.py").write_text(HANDLERS)
    program = directory / "program.py"
    program.write_text(PROGRAM)
    stack_file = directory / "Pulumi.trial.yaml"
    stack_file.write_text("config:\n  aws:region: us-east-1\n")
    command = [sys.executable, "-m", "local.aws", "--clock-file", str(clock_file.path)]
    with subprocess.Popen(  # noqa: S603 our own program
        command, stdout=subprocess.PIPE, text=True, env=base_environment()
    ) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{ready_port(server.stdout.readline())}"
            deployed = asyncio.run(_deploy(program, stack_file, url))
            # The router that other stacks have does not exist here.
            stack = DeployedStack(deployed, Admin(url, "us-east-1"), function("echo"))
            yield EventGround(directory, clock_file, stack)
        finally:
            server.kill()


async def _deploy(program: Path, stack_file: Path, url: str) -> Deployment:
    return await deploy(
        program, stack_file, project="trial", aws_endpoint_url=url, region="us-east-1"
    )


@asynccontextmanager
async def event_world(
    ground: EventGround, diary: Path, *, queues: tuple[str, ...] = (), schedules: bool = False
) -> AsyncIterator[EventWorld]:
    """Run the functions, with the pollers of some queues, and the schedules if they are asked."""
    reports: list[str] = []

    def launch(declared: Function) -> Launch:
        return Launch(
            function=declared,
            code=ground.directory,
            region="us-east-1",
            additions={"DIARY": str(diary)},
            credentials=dict,
            sink=lambda *_: None,
        )

    live = functions_of(ground.deployed, Surroundings(launch, ground.clock, reports.append))
    world = EventWorld(ground, live, diary, reports)
    loops = [world.poller(name).run() for name in queues]
    tasks = [asyncio.create_task(loop) for loop in loops]
    if schedules:
        tasks.append(asyncio.create_task(live.scheduler.run()))
    try:
        yield world
        assert not [task for task in tasks if task.done() and task.exception()], "a loop broke"
    except BaseException as error:
        error.add_note(f"reported: {reports}; ended: {[each for each in tasks if each.done()]}")
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await live.functions.close()
