"""Translates messages of the queue into places of jobs, and back into what is to come again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from shared.domain.jobs.messages import place_in
from shared.settings import worker_settings
from shared.usecases.batches.messages import names_batch
from shared.usecases.jobs.dispatching import Place
from shared.worker_wiring import Worker, build_worker

AGAIN_SECONDS: Final = 30
"""When a message that could not be handled is shown again, times how often it came."""
_SPARE_SECONDS: Final = 20.0
"""What is left for the answer when the time is up."""

Record = Mapping[str, Any]


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a batch of messages with those that could not be handled (partial failures).

    A message that names no job fails every time, until SQS lays it among the dead letters.
    """
    worker, records = _built(), event.get("Records", [])
    until = worker.clock() + context.get_remaining_time_in_millis() / 1000 - _SPARE_SECONDS
    named = {str(record["messageId"]): _place(record) for record in records}
    places = [place for place in named.values() if place is not None]
    batches = [place for place in places if names_batch(place)]
    jobs = [place for place in places if not names_batch(place)]
    unhandled = set(asyncio.run(worker.machinery.dispatcher.handle(jobs, until)))
    unhandled |= set(worker.batches.handle(batches))
    failed = [
        record
        for record in records
        if (place := named[str(record["messageId"])]) is None or place in unhandled
    ]
    _show_again(worker, failed)
    return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in failed]}


@cache
def _built() -> Worker:
    return build_worker(worker_settings(), "dispatcher")


def _place(record: Record) -> Place | None:
    try:
        return place_in(str(record["body"]))
    except msgspec.DecodeError:
        _built().meter.trouble("unreadable_message", message_id=record["messageId"])
        return None


def _show_again(worker: Worker, failed: Sequence[Record]) -> None:
    """Have messages come again soon: they would stay hidden for an hour otherwise."""
    by_count: dict[int, list[str]] = {}
    for record in failed:
        count = int(record["attributes"]["ApproximateReceiveCount"])
        by_count.setdefault(count, []).append(record["receiptHandle"])
    for count, receipts in by_count.items():
        worker.queue.show_again(receipts, AGAIN_SECONDS * count)
