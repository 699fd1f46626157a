"""Deferred calls on memory alone, with a clock that is set by hand and a provider that is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from shared.adapters.memory import MemoryMeter, MemoryReply, MemoryStore, MemoryUpstream
from shared.adapters.memory_batches import MemoryBatchProvider
from shared.adapters.memory_jobs import MemoryBlobs, MemoryJobs, MemoryQueue
from shared.adapters.memory_ledger import MemoryLedger
from shared.catalog import Catalog, Provider
from shared.domain.entries import Entry
from shared.domain.jobs.job import Job
from shared.domain.jobs.lines import AskedLine, LineResult
from shared.domain.jobs.times import JobTimes
from tests.deferral import HOUR, NOON, Names, Process, Stores, call, completion, key_row, process

Answering = Callable[[AskedLine], LineResult]


def usual(_: AskedLine) -> LineResult:
    """Answer any line."""
    return LineResult("", "succeeded", completion())


async def _body(raw: bytes) -> AsyncIterator[bytes]:
    yield raw


def answered(_entry: Entry, _provider: Provider, _path: str, _body_sent: bytes) -> MemoryReply:
    """Answer any synchronous call."""
    return MemoryReply(_body(completion("Hello now!")))


@dataclass
class World:
    """One process, and what it has in its hands."""

    answering: Answering = usual
    lasts: float = 600.0
    keeps_ids: bool = True
    times: JobTimes = field(default_factory=JobTimes)
    cap: str = "1000"
    now: float = NOON
    providers: tuple[str, ...] = ("openai",)

    def __post_init__(self) -> None:
        """Set it up."""
        self.store = MemoryStore()
        for team in ("search", "other"):
            self.store.create(key_row(team))
        self.ledger: MemoryLedger = self.store.ledger
        self.jobs = MemoryJobs()
        self.blobs = MemoryBlobs()
        self.queue = MemoryQueue()
        self.meter = MemoryMeter()
        self.upstream = MemoryUpstream(answered)
        self.provider = MemoryBatchProvider(
            lambda: self.now,
            self.answering,
            lasts=self.lasts,
            keeps_ids=self.keeps_ids,
        )
        self.names = Names()
        self.process = self.another()
        self.count = 0

    def another(self, known: Catalog | None = None, disabled: tuple[str, ...] = ()) -> Process:
        """Return another process on the same stores, perhaps of a stack with other providers."""
        stores = Stores(
            store=self.store,
            ledger=self.ledger,
            jobs=self.jobs,
            batches=self.jobs,
            blobs=self.blobs,
            queue=self.queue,
            providers={name: self.provider for name in self.providers if name not in disabled},
            upstream=self.upstream,
        )
        more: dict[str, Any] = {
            "times": self.times,
            "cap": self.cap,
            "meter": self.meter,
            "known": known,
            "disabled": disabled,
        }
        return process(stores, self.clock, self.names, **more)

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def accept(self, hours: float = 24.0, **asked: Any) -> Job:
        """Accept a call with so many hours to its deadline."""
        self.count += 1
        made = call(self.count, self.now, self.now + hours * HOUR, **asked)
        return asyncio.run(self.process.accept(made))

    def tick(self) -> None:
        """Do all that is due now."""
        self.process.machinery.tick(self.now + 800)

    def deliver(self) -> None:
        """Hand all messages to the dispatcher."""
        sent, self.queue.sent = self.queue.sent, []
        failed = asyncio.run(self.process.machinery.dispatcher.handle(sent))
        self.queue.sent += failed

    def pass_time(self, seconds: float, step: float = 60.0) -> None:
        """Let time pass, with a tick and a delivery each minute."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + step)
            self.deliver()
            self.tick()

    def job(self, job: Job) -> Job:
        """Return a job as it is now."""
        return self.jobs.jobs[job.team, job.id]

    def answer(self, job: Job) -> bytes:
        """Return a job's answer."""
        now = self.job(job)
        return self.jobs.contents[job.team, job.id, f"answer-{now.answer}"]

    def held(self) -> int:
        """Return what is held in all, in nano-dollars."""
        return sum(hold.nano for hold in self.ledger.holds.values())

    def spent(self, team: str = "search") -> int:
        """Return what a team has spent today."""
        return sum(
            budget.day.spent
            for scope, budget in self.ledger.budgets.items()
            if (scope.kind, scope.team) == ("team", team)
        )

    def costs(self) -> list[tuple[int, str, int]]:
        """Return the usage rows: attempt, outcome, cost."""
        return sorted(
            (attempt, row.outcome, row.cost_nano) for (_, attempt), row in self.ledger.rows.items()
        )

    def troubles(self) -> list[str]:
        """Return what operators were told."""
        return [what for what, _ in self.meter.troubles]


__all__ = ["World", "replace", "usual"]
