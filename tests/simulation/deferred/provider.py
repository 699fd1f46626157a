"""A provider with a batch API and one for calls: moody, slow, and with books of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random

from shared.adapters.memory import MemoryReply
from shared.adapters.memory_batches import Created, MemoryBatchProvider
from shared.catalog import Provider
from shared.domain.budgets import OpenHold
from shared.domain.errors import UpstreamFailed, UpstreamTimedOut
from shared.domain.jobs.lines import AskedLine, BatchProgress, LineResult
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.provider_errors import BatchAnswerLost, BatchNotTaken, BatchRefused
from tests.deferral import completion
from tests.simulation.deferred.books import Books, topic_of
from tests.simulation.deferred.plans import Temper
from tests.simulation.deferred.steps import Steps
from tests.simulation.faults import PROVIDER_FAULTS, Fault
from tests.simulation.scheduler import Clock

_ALL = (*PROVIDER_FAULTS, Fault.ARRIVES_LATE)
_READS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST)
_LATEST = 1_000.0
"""Seconds after which a call that was sent has arrived or never will."""


class MoodyBatches(MemoryBatchProvider):
    """``BatchProvider`` with a temper, and faults on the way there and back."""

    def __init__(
        self, clock: Clock, steps: Steps, chance: Random, temper: Temper, books: Books
    ) -> None:
        super().__init__(
            lambda: clock.now,
            self._end_of,
            lasts=temper.lasts,
            cancelling=temper.cancelling,
            keeps_ids=temper.keeps_ids,
        )
        self._time = clock
        self._steps = steps
        self._chance = chance
        self._temper = temper
        self._books = books
        self._failed: set[str] = set()
        self._limited: set[str] = set()
        self._billed: set[str] = set()
        self._bodies: dict[str, bytes] = {}

    def upload(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str | None:
        """Take a file."""
        fault = self._steps.step("upload", PROVIDER_FAULTS)
        if fault is Fault.CRASH_AFTER:
            self._steps.crash()
        if fault is not Fault.NONE:
            raise BatchAnswerLost(fault.value)
        return f"file of {batch.id}"

    def create(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str:
        """Begin a batch, or not, or later; say so, or not."""
        asked = list(lines())
        fault = self._steps.step(f"create {batch.id}", _ALL)
        if fault is Fault.LOST:
            raise BatchAnswerLost("lost")
        if fault is Fault.ARRIVES_LATE:
            at = self._time.now + self._chance.random() * _LATEST
            self._steps.later(at, partial(self._arrives, batch, asked))
            raise BatchAnswerLost("timed out")
        draw = self._chance.random()
        if draw < self._temper.not_taken:
            raise BatchNotTaken("429", 30.0)
        if draw < self._temper.not_taken + self._temper.refused:
            raise BatchRefused("something in it")
        created = self._begun(batch, asked)
        if fault is Fault.CRASH_AFTER:
            self._steps.crash()
        if fault is Fault.ANSWER_LOST:
            raise BatchAnswerLost("answer lost")
        return created

    def find(self, batch: ProviderBatch) -> list[str]:
        """Look for it."""
        self._read("find")
        return [each for each in super().find(batch) if each not in self._limited]

    def progress(self, batch: ProviderBatch) -> BatchProgress:
        """Say how far it is."""
        self._read("progress")
        if batch.provider_batch in self._limited:
            return BatchProgress(is_over=True, failed_because="limit", is_for_now=True)
        if batch.provider_batch in self._failed:
            return BatchProgress(is_over=True, failed_because="invalid file")
        return super().progress(batch)

    def cancel(self, batch: ProviderBatch, provider_batch: str | None = None) -> None:
        """Cancel it, perhaps without a word."""
        fault = self._steps.step("cancel", PROVIDER_FAULTS)
        if fault is not Fault.LOST:
            super().cancel(batch, provider_batch)
        if fault is Fault.CRASH_AFTER:
            self._steps.crash()
        if fault is not Fault.NONE:
            raise BatchAnswerLost(fault.value)

    def results(self, batch: ProviderBatch) -> Iterator[LineResult]:
        """Yield them in another order each time, perhaps not to the end."""
        self._read("results")
        self.settle_books()
        results = list(super().results(batch))
        self._chance.shuffle(results)
        for result in results:
            if result.status == "succeeded" or result.message != "unsaid":
                yield result
            self._read("next result")

    def settle_books(self) -> None:
        """Bill the batches that are over, each once."""
        for created in self.created.values():
            is_over = self._time.now >= created.ends_at
            if is_over and created.id not in self._billed | self._failed | self._limited:
                self._billed.add(created.id)
                created.results = created.results or [
                    self._end(created, n) for n in range(len(created.lines))
                ]
                for line, result in zip(created.lines, created.results, strict=True):
                    if result.status == "succeeded":
                        self._books.bill_line(line.body)

    def _arrives(self, batch: ProviderBatch, asked: list[AskedLine]) -> None:
        self._begun(batch, asked)

    def _begun(self, batch: ProviderBatch, asked: list[AskedLine]) -> str:
        self._numbers += 1
        now = self._time.now
        ends_at = now + self._temper.lasts * (0.5 + self._chance.random())
        created = Created(f"pb_{self._numbers}", batch.id, now, asked, ends_at)
        self.created[created.id] = created
        self.begun_when_cancelled = self._chance.randint(0, len(asked))
        if self._chance.random() < self._temper.fails:
            self._failed.add(created.id)
        elif self.keeps_ids and self._temper.limited and self._is_limited():
            self._limited.add(created.id)
        return created.id

    def _is_limited(self) -> bool:
        return self._chance.random() < self._temper.limited

    def _end_of(self, line: AskedLine) -> LineResult:
        temper, draw = self._temper, self._chance.random()
        for share, result in (
            (temper.errored, LineResult("", "errored", http_status=500)),
            (temper.invalid, LineResult("", "errored", http_status=400, message="bad")),
            (temper.expired, LineResult("", "expired")),
            (temper.unsaid, LineResult("", "errored", message="unsaid")),
        ):
            if draw < share / 4:
                return result
            draw -= share / 4
        if draw < temper.garbled / 4:
            return LineResult("", "succeeded", completion(usage={"prompt_tokens": "ten"}))
        return LineResult("", "succeeded", completion(f"re: {topic_of(line.body)}"))

    def _read(self, what: str) -> None:
        fault = self._steps.step(what, _READS)
        if fault is Fault.CRASH_AFTER:
            self._steps.crash()
        if fault is Fault.LOST:
            raise BatchAnswerLost("lost")


class MoodyCalls:
    """``Upstream`` with the same temper."""

    def __init__(self, steps: Steps, chance: Random, temper: Temper, books: Books) -> None:
        self._steps = steps
        self._chance = chance
        self._temper = temper
        self._books = books

    @asynccontextmanager
    async def post(
        self, hold: OpenHold, provider: Provider, path: str, body: bytes, *, timeout_seconds: float
    ) -> AsyncIterator[MemoryReply]:
        """Answer a call."""
        fault = self._steps.step(f"call {topic_of(body)}", PROVIDER_FAULTS)
        if fault is Fault.LOST:
            raise UpstreamFailed("refused connection", may_bill=False)
        draw = self._chance.random()
        if fault is Fault.NONE and draw < self._temper.call_errors:
            yield MemoryReply(_body(b"{}"), self._chance.choice((429, 503, 400)))
            return
        self._books.bill_call(body)
        if fault is Fault.CRASH_AFTER:
            self._steps.crash()
        if fault is Fault.ANSWER_LOST:
            raise UpstreamTimedOut("silent")
        yield MemoryReply(_body(completion(f"re: {topic_of(body)}")))


async def _body(raw: bytes) -> AsyncIterator[bytes]:
    yield raw
