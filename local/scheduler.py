"""EventBridge Scheduler on the world's clock: fires what is due, in the name of its role.

When the clock jumps, what was due meanwhile fires in order: each waits for the one before to have
run once, since on AWS a whole period would lie between them.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from local.declared import DeclarationError
from local.declared_events import Schedule
from local.functions import Functions, NoSuchFunction
from local.plain_function import Answer
from local.role_clients import RoleClients
from local.schedule_times import BadExpression, Rate, Times, due, times_of
from local.waiting import until
from shared.clock import Clock, utc

MISSED_AT_MOST = 1_000
"""How many occurrences of one schedule fire after a jump of the clock: the latest ones."""
MISSED_OF_A_FAST_RATE = 3
"""The same of what comes round every few minutes, and so is not told apart from itself."""
FAST_SECONDS = 3600

SERVICES = ("lambda", "sqs", "sns")


@dataclass
class Running:
    """A schedule and where it stands: ``checked`` is the moment up to which it has fired."""

    schedule: Schedule
    times: Times
    checked: float
    fired: int = 0
    failure: str | None = None
    hurried: bool = False
    """Fires more often than declared, so it waits for its own last round: one that took longer than
    the period would need ever more processes."""

    @property
    def next_at(self) -> float | None:
        """The next firing in epoch seconds, or None if there is none or it is switched off."""
        if not self.schedule.enabled:
            return None
        moment = self.times.after(self.checked)
        ends = self.schedule.ends
        return None if moment is None or (ends is not None and moment > ends) else moment

    def shown(self) -> dict[str, object]:
        """Return the schedule as JSON shows it."""
        moment = self.next_at
        return {
            "schedule": f"{self.schedule.group}/{self.schedule.name}",
            "expression": self.schedule.expression,
            "time_zone": self.schedule.zone,
            "target": self.schedule.target.arn,
            "enabled": self.schedule.enabled,
            "next": None if moment is None else utc(moment).isoformat(),
            "fired": self.fired,
            "failure": self.failure,
        }


@dataclass
class Scheduler:
    """Every schedule of one stack. Raises ``DeclarationError`` for one that cannot run here."""

    schedules: Sequence[Schedule]
    functions: Functions
    clients: RoleClients
    clock: Clock
    report: Callable[[str], None]
    periods: Mapping[str, float] = field(default_factory=dict)
    """Other periods than the declared ones, in seconds by the names of rates that are hurried."""
    running: list[Running] = field(init=False)

    def __post_init__(self) -> None:
        """Read the expressions; schedules exist from now on."""
        now = self.clock()
        self.running = [
            _hurried(_running(schedule, now), self.periods.get(schedule.name))
            for schedule in self.schedules
        ]

    async def run(self) -> None:
        """Fire for ever."""
        async with asyncio.TaskGroup() as group:
            for each in self.running:
                group.create_task(self._keep(each))

    async def _keep(self, running: Running) -> None:
        while (moment := running.next_at) is not None:
            await until(moment, self.clock)
            await self._catch_up(running)

    async def _catch_up(self, running: Running) -> None:
        ends = running.schedule.ends
        now = min(self.clock(), ends) if ends is not None else self.clock()
        most = MISSED_OF_A_FAST_RATE if _is_fast(running.times) else MISSED_AT_MOST
        moments, left_out = due(running.times, running.checked, now, most)
        running.checked = now
        if left_out:
            self.report(
                f"schedule {running.schedule.name}: {left_out} occurrences are left out, the "
                f"latest {most} fire"
            )
        for moment in moments:
            first_try = await self._fire(running, moment)
            if first_try is not None and (running.hurried or moment != moments[-1]):
                # One without an answer is cancelled, and was told of: the next is due all the same.
                await asyncio.wait([first_try])

    async def _fire(self, running: Running, moment: float) -> asyncio.Future[Answer] | None:
        running.fired += 1
        try:
            first_try = await self._hand_over(running.schedule, moment)
        except (ClientError, BotoCoreError, NoSuchFunction) as error:
            await self._failed(running, moment, str(error))
            return None
        running.failure = None
        return first_try

    async def _hand_over(self, schedule: Schedule, moment: float) -> asyncio.Future[Answer] | None:
        target, event = schedule.target, _event(schedule, moment)
        if target.arn.split(":")[2] != "lambda":
            await asyncio.to_thread(self._send, schedule, event)
            return None
        self.functions.named(target.arn)
        # What its role lets Scheduler do is asked of the local AWS, which runs no function.
        await asyncio.to_thread(self._may_invoke, schedule)
        return self.functions.accept(target.arn, json.loads(event))

    def _may_invoke(self, schedule: Schedule) -> None:
        client = self.clients.client(schedule.target.role_arn, "lambda")
        client.invoke(FunctionName=schedule.target.arn, InvocationType="DryRun")

    def _send(self, schedule: Schedule, event: str) -> None:
        self._deliver(schedule, schedule.target.arn, event)

    def _deliver(self, schedule: Schedule, arn: str, body: str) -> None:
        service = arn.split(":")[2]
        client = self.clients.client(schedule.target.role_arn, service)
        if service == "sqs":
            client.send_message(QueueUrl=self.clients.admin.queue_url(arn), MessageBody=body)
        else:
            client.publish(TopicArn=arn, Message=body)

    async def _failed(self, running: Running, moment: float, reason: str) -> None:
        """Tell of a target that refused, once for each reason; then its dead letter queue."""
        if running.failure != reason:
            self.report(f"schedule {running.schedule.name} could not reach its target: {reason}")
        running.failure = reason
        schedule = running.schedule
        if schedule.target.dead_letter_arn is not None:
            event = _event(schedule, moment)
            try:
                await asyncio.to_thread(
                    self._deliver, schedule, schedule.target.dead_letter_arn, event
                )
            except (ClientError, BotoCoreError) as error:
                self.report(f"schedule {schedule.name}: its dead letter queue refused: {error}")


def _running(schedule: Schedule, now: float) -> Running:
    if (service := schedule.target.arn.split(":")[2]) not in SERVICES:
        raise DeclarationError(f"{schedule.name}: a target in {service} is not built")
    if service == "lambda" and not _is_json(schedule.target.input or "{}"):
        raise DeclarationError(f"{schedule.name}: the input for a function is not JSON")
    anchor = now if schedule.starts is None else schedule.starts
    try:
        times = times_of(schedule.expression, schedule.zone, anchor)
    except BadExpression as error:
        raise DeclarationError(f"{schedule.name}: {error}") from error
    # Just before its beginning, so that a firing at that very moment is not lost.
    return Running(schedule, times, checked=max(now, anchor) - 1e-3)


def _is_fast(times: Times) -> bool:
    return isinstance(times, Rate) and times.period < FAST_SECONDS


def _hurried(running: Running, period: float | None) -> Running:
    if period is not None and isinstance(running.times, Rate):
        running.times, running.hurried = Rate(running.times.anchor, period), True
    return running


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _event(schedule: Schedule, moment: float) -> str:
    """Return what the target gets: the declared input, or Scheduler's own event.

    Source: EventBridge Scheduler user guide, "Adding context attributes" and "Lambda Invoke".
    """
    execution, at = str(uuid.uuid4()), f"{utc(moment):%Y-%m-%dT%H:%M:%SZ}"
    if schedule.target.input is None:
        return json.dumps(_default_event(schedule, execution, at))
    filled = schedule.target.input
    for name, value in {
        "schedule-arn": schedule.arn,
        "scheduled-time": at,
        "execution-id": execution,
        "attempt-number": "1",
    }.items():
        filled = filled.replace(f"<aws.scheduler.{name}>", value)
    return filled


def _default_event(schedule: Schedule, execution: str, at: str) -> dict[str, object]:
    _, _, _, region, account, *_ = schedule.arn.split(":")
    return {
        "version": "0",
        "id": execution,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": account,
        "time": at,
        "region": region,
        "resources": [schedule.arn],
        "detail": "{}",
    }
