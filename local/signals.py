"""What one stack signals: its metrics watched by its alarms, their topics, who hears of it.

front door, functions, queues ──► AWS/* series ──┐
log lines ──► telemetry ─────────────────────────┴─► alarms ──► topics ──► functions, mailbox
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import httpx2
from botocore.exceptions import BotoCoreError, ClientError

from local import declared
from local.admin import Admin
from local.alarms import message
from local.alarms.composite import composite_alarm
from local.alarms.data import MINUTE
from local.alarms.declaration import metric_alarm
from local.alarms.definition import MetricAlarm
from local.alarms.reasons import stamp
from local.alarms.verdict import State
from local.alarms.watch import Alarm, Change, Watch
from local.aws import QUEUE_DEPTHS_PATH
from local.aws_pages import AwsPages
from local.dashboards import check_series
from local.declared import Resource, of_type
from local.notifications.declared_topics import Topic, permissions, topics
from local.notifications.delivery import Delivery, InvokesFunctions
from local.service_series import ServiceSeries
from local.telemetry import Telemetry
from shared.clock import Clock

BEAT_SECONDS = 1.0


@dataclass
class Signals:
    """Alarms and topics of one stack. For the event loop of the world alone."""

    admin: Admin
    clock: Clock
    telemetry: Telemetry
    watch: Watch
    topics: Mapping[str, Topic]
    delivery: Delivery
    series: ServiceSeries
    report: Callable[[str], None]
    _sampled: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Evaluate and deliver for ever, once a second."""
        while True:
            await self.settle()
            await asyncio.sleep(BEAT_SECONDS)

    async def settle(self) -> None:
        """Evaluate the alarms up to now and deliver all that was published until then."""
        async with self._turn:
            try:
                await self._sample_queues()
                for change in self.watch.advance(self.clock()):
                    await self._tell(change)
                await self.delivery.deliver()
            except httpx2.HTTPError as error:
                self.telemetry.problem(f"the local AWS could not be asked: {error!r}")

    async def _sample_queues(self) -> None:
        """Publish the depths of the queues, once in every minute that is seen, as SQS does."""
        minute = int(self.clock()) // MINUTE
        if self.series.queue_sets and minute != self._sampled:
            depths = await self.delivery.aws.ask(QUEUE_DEPTHS_PATH)
            self.series.queues(depths, self.clock())
            self._sampled = minute

    async def _tell(self, change: Change) -> None:
        about = change.alarm.about
        if State.ALARM in {change.old.state, change.new.state}:
            self.report(f"alarm {about.name}: {change.old.state} -> {change.new.state}")
        try:
            await asyncio.to_thread(self._publish, change)
        except (ClientError, BotoCoreError) as error:
            self.telemetry.problem(f"alarm {about.name} could not act: {error}")

    def shown(self) -> list[dict[str, object]]:
        """Return every alarm as JSON shows it."""
        return [
            {
                "name": name,
                "state": standing.state,
                "value": self.watch.values.get(name),
                "since": stamp(standing.since),
                "reason": standing.reason,
            }
            for name, standing in self.watch.standings.items()
        ]

    def history(self) -> list[dict[str, object]]:
        """Return every change of a state as JSON shows it, oldest first."""
        return [
            {
                "name": change.alarm.about.name,
                "at": stamp(change.new.since),
                "old": change.old.state,
                "new": change.new.state,
                "reason": change.new.reason,
                "data": json.loads(change.new.data) if change.new.data else None,
                "told": list(change.topics),
            }
            for change in self.watch.history
        ]

    def _publish(self, change: Change) -> None:
        about = change.alarm.about
        if isinstance(change.alarm, MetricAlarm):
            self.admin.cloudwatch.set_alarm_state(
                AlarmName=about.name,
                StateValue=change.new.state.value,
                StateReason=change.new.reason,
                StateReasonData=change.new.data or "{}",
            )
        for arn in change.topics:
            refusal = self.topics[arn].refusal(about.arn)
            if refusal is not None:
                self.telemetry.problem(f"alarm {about.name} could not act: {refusal}")
                continue
            self.admin.sns.publish(
                TopicArn=arn,
                Subject=message.subject(change, self.admin.region),
                Message=message.body(change, self.admin.region, self.watch.begun),
            )


def signals_of(
    resources: Iterable[Resource],
    admin: Admin,
    clock: Clock,
    telemetry: Telemetry,
    functions: InvokesFunctions,
    series: ServiceSeries,
    report: Callable[[str], None],
) -> Signals:
    """Return a stack's signals, not yet running.

    Raises ``AlarmError`` for an alarm or dashboard that cannot be reproduced, or that watches
    what nothing here emits, and ``DeclarationError`` for an action that leads nowhere.
    """
    known = list(resources)
    watch = Watch(
        metric_alarms=[
            metric_alarm(each) for each in of_type(known, "aws:cloudwatch/metricAlarm:MetricAlarm")
        ],
        composites=[
            composite_alarm(each)
            for each in of_type(known, "aws:cloudwatch/compositeAlarm:CompositeAlarm")
        ],
        data=telemetry.metrics,
        begun=clock(),
    )
    own = topics(known)
    _check_actions(watch, own)
    check_series(known, watch.metric_alarms, series)
    delivery = Delivery(
        aws=AwsPages(admin.endpoint_url),
        topics=frozenset(own),
        permissions=permissions(known),
        functions=functions,
        clock=clock,
        report=telemetry.problem,
    )
    return Signals(admin, clock, telemetry, watch, own, delivery, series, report)


def _check_actions(watch: Watch, own: Mapping[str, Topic]) -> None:
    alarms: list[Alarm] = [*watch.metric_alarms, *watch.composites]
    for alarm in alarms:
        wanted = {arn for arns in alarm.about.actions.values() for arn in arns}
        if strange := sorted(wanted - own.keys()):
            raise declared.DeclarationError(
                f"alarm {alarm.about.name} acts on {', '.join(strange)}: no topic of this stack"
            )
