"""What functions print, delivered as Lambda and CloudWatch deliver it.

Every line goes to ``logs/<function>.log`` at once and to the declared log group in batches; a
line in the embedded metric format becomes metrics as well. Nothing that fails is dropped in
silence: it is told in ``problems`` and through the reporter.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from local.alarms.data import MetricData
from local.emf import Datum, EmfError, Series, data_of

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

Item = TypeVar("Item")

LOG_STREAM = "local"
FLUSH_SECONDS = 0.25
METRICS_A_CALL = 1000
"""CloudWatch quota for one PutMetricData."""
EVENTS_A_CALL = 10_000
"""CloudWatch Logs quota for one PutLogEvents."""


@dataclass
class Telemetry:
    """Collects lines on the event loop and delivers them from a worker thread.

    ``log_groups`` maps a function's name to its declared log group. ``series`` holds what became
    metrics: moto cannot be asked for it exactly, since it counts a value under every subset of
    its dimensions. ``metrics`` is the same by minute, for alarms.
    """

    directory: Path
    log_groups: Mapping[str, str]
    logs: CloudWatchLogsClient
    cloudwatch: CloudWatchClient
    report: Callable[[str], None]
    problems: deque[str] = field(default_factory=lambda: deque(maxlen=100))
    series: dict[object, Series] = field(default_factory=dict)
    metrics: MetricData = field(default_factory=MetricData)
    _events: dict[str, list[InputLogEventTypeDef]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _data: list[Datum] = field(default_factory=list)
    _streams: set[str] = field(default_factory=set)
    _delivery: asyncio.Lock = field(default_factory=asyncio.Lock)

    def line(self, function: str, stream: str, text: str) -> None:
        """Take one line that a function wrote to ``stdout`` or ``stderr``."""
        with (self.directory / f"{function}.log").open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        if not text:
            return
        # The machine's time: CloudWatch Logs refuses events more than two hours in the future.
        moment = int(time.time() * 1000)
        self._events[self.log_groups[function]].append({"timestamp": moment, "message": text})
        try:
            data = data_of(text)
        except EmfError as error:
            self.problem(f"{function} wrote unusable EMF to {stream}: {error}")
            return
        self._data += data
        for datum in data:
            self.count(datum)

    def count(self, datum: Datum) -> None:
        """Take one value of a metric: a line's, or one that an AWS service publishes of itself."""
        self.series.setdefault(datum.identity, Series(datum)).add(datum.value)
        self.metrics.add(datum)

    async def run(self) -> None:
        """Deliver for ever, a few times a second."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Deliver everything collected so far."""
        async with self._delivery:
            events, self._events = self._events, defaultdict(list)
            data, self._data = self._data, []
            if events or data:
                await asyncio.to_thread(self._deliver, events, data)

    def _deliver(self, events: Mapping[str, list[InputLogEventTypeDef]], data: list[Datum]) -> None:
        try:
            for group, messages in events.items():
                self._put_events(group, messages)
            self._put_data(data)
        except (ClientError, BotoCoreError) as error:
            self.problem(f"telemetry was not delivered: {error}")

    def _put_events(self, group: str, messages: list[InputLogEventTypeDef]) -> None:
        if group not in self._streams:
            self.logs.create_log_stream(logGroupName=group, logStreamName=LOG_STREAM)
            self._streams.add(group)
        for batch in _batches(messages, EVENTS_A_CALL):
            answer = self.logs.put_log_events(
                logGroupName=group, logStreamName=LOG_STREAM, logEvents=batch
            )
            if rejected := answer.get("rejectedLogEventsInfo"):
                self.problem(f"CloudWatch Logs refused events for {group}: {rejected}")

    def _put_data(self, data: list[Datum]) -> None:
        by_namespace: dict[str, list[MetricDatumTypeDef]] = defaultdict(list)
        for datum in data:
            by_namespace[datum.namespace].append(metric_datum(datum))
        for namespace, entries in by_namespace.items():
            for batch in _batches(entries, METRICS_A_CALL):
                self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=batch)

    def problem(self, text: str) -> None:
        """Tell of something that went wrong: to the person, and to those who ask later."""
        self.problems.append(text)
        self.report(text)


def metric_datum(datum: Datum) -> MetricDatumTypeDef:
    """Return one value in the shape of PutMetricData."""
    entry: MetricDatumTypeDef = {
        "MetricName": datum.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in datum.dimensions],
        "Timestamp": datum.at,
        "Value": datum.value,
    }
    # The service takes any unit's text; the stub wants it spelled as a literal.
    entry["Unit"] = datum.unit  # type: ignore[typeddict-item]
    return entry


def _batches(items: list[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
