"""Translates messages of the queue into places of jobs, and back into what is to come again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.domain.jobs.messages import place_in
from shared.settings import worker_settings
from shared.usecases.batches.messages import names_batch
from shared.usecases.jobs.dispatching import Place
from shared.wiring.workers import Worker, build_worker

AGAIN_SECONDS: Final = 30
"""When a message that could not be handled is shown again, times how often it came."""
_SPARE_SECONDS: Final = 20.0
"""What is left for the answer when the time is up."""
Record = Mapping[str, Any]


class Unhandled(Exception):
    """A message is to come again."""


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a batch of messages with those that could not be handled (partial failures).

    All of them are looked up together and handled side by side. A message that names no job fails
    every time, until SQS lays it among the dead letters.
    """
    worker, records = _built(), list(event.get("Records", []))
    until = worker.clock() + context.get_remaining_time_in_millis() / 1000 - _SPARE_SECONDS
    named = {str(record["messageId"]): _place(worker, record) for record in records}
    unhandled = _unhandled(worker, [place for place in named.values() if place], until)

    def check(record: SQSRecord) -> None:
        place = named[record.message_id]
        if place is None or place in unhandled:
            raise Unhandled

    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    with processor(records, check):
        processor.process()
    failed = {each["itemIdentifier"] for each in processor.response()["batchItemFailures"]}
    _show_again(worker, [record for record in records if record["messageId"] in failed])
    return dict(processor.response())


@cache
def _built() -> Worker:
    return build_worker(worker_settings(), "dispatcher")


@cache
def _runner() -> asyncio.Runner:
    """Return the event loop of all invocations: connections to providers outlive each of them."""
    return asyncio.Runner()


def _unhandled(worker: Worker, places: Sequence[Place], until: float) -> set[Place]:
    batches = [place for place in places if names_batch(place)]
    jobs = [place for place in places if not names_batch(place)]
    unhandled = _runner().run(worker.machinery.dispatcher.handle(jobs, until))
    return {*unhandled, *worker.batches.handle(batches, until)}


def _place(worker: Worker, record: Record) -> Place | None:
    try:
        return place_in(str(record["body"]))
    except msgspec.DecodeError:
        worker.meter.trouble("unreadable_message", message_id=record["messageId"])
        return None


def _show_again(worker: Worker, failed: Sequence[Record]) -> None:
    """Have messages come again soon: they would stay hidden for an hour otherwise."""
    by_count: dict[int, list[str]] = {}
    for record in failed:
        count = int(record["attributes"]["ApproximateReceiveCount"])
        by_count.setdefault(count, []).append(record["receiptHandle"])
    for count, receipts in by_count.items():
        worker.queue.show_again(receipts, AGAIN_SECONDS * count)
