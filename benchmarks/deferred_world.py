"""Deferred calls on stores of one's choice: accepted, dispatched and collected in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from shared import catalog as facts
from shared.adapters.memory import MemoryMeter, MemoryUpstream
from shared.catalog.aws_prices import load_own_cost
from shared.domain.api_keys import KeyLimits, PresentedKey
from shared.domain.budgets.seeds import Seeds
from shared.domain.chat import parse_chat
from shared.domain.controls import CacheMode, Controls
from shared.domain.crossing import FORMATS
from shared.domain.entries import KeyRow
from shared.domain.jobs.job import Job
from shared.domain.jobs.lines import AskedLine, BatchProgress, LineResult
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.ports.calls import Store
from shared.ports.jobs import BatchStore, Blobs, JobQueue, JobStore
from shared.ports.ledger import Ledger
from shared.usecases.admission import Admission
from shared.usecases.attempts import Attempts
from shared.usecases.call_facts import CallFacts, Policy
from shared.usecases.calls import Call
from shared.usecases.holding import Holding, HoldPolicy, Wanted
from shared.usecases.idempotency import Idempotency
from shared.usecases.jobs.accepting import AcceptCall
from shared.usecases.jobs.bodies import BODY
from shared.usecases.jobs.machinery import Outside, machinery, rooms_in
from shared.usecases.pricing import Pricing
from shared.usecases.provider_call import Patience, ProviderCaller
from shared.usecases.route import ModelRouter
from shared.usecases.settling import Function, Settler
from shared.usecases.standing import StandingOf

NOON: Final = 1_795_348_800.0
KEY: Final = KeyRow("bulk.1", "bench", "bulk", "b" * 64, "bench", 1)
_MODEL: Final = "gpt-6-luna"
_PROMPT: Final = "Sort this ticket into one of the queues, and say why in a sentence. " * 12
_DAY: Final = 24 * 3600.0
_ANSWER: Final = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": _MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Queue 3. " * 20, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 190, "completion_tokens": 45, "total_tokens": 235},
    }
).encode()


class DiskProvider:
    """Implements ``BatchProvider``: answers every line, keeps their names in files, holds nothing.

    ``calls`` counts what would be calls of its API.
    """

    keeps_ids = True

    def __init__(self, folder: Path) -> None:
        self.calls = 0
        self._folder = folder

    def upload(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str:
        """Read the lines as an upload does."""
        self.calls += 1
        with (self._folder / batch.id).open("w", encoding="ascii") as names:
            for line in lines():
                names.write(line.custom_id + "\n")
        return batch.id

    def create(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str:
        """Begin it."""
        self.calls += 1
        return batch.id

    def find(self, batch: ProviderBatch) -> list[str]:
        """Find it."""
        self.calls += 1
        return [batch.id]

    def progress(self, batch: ProviderBatch) -> BatchProgress:
        """Say that it is over."""
        self.calls += 1
        return BatchProgress(is_over=True)

    def cancel(self, batch: ProviderBatch, provider_batch: str | None = None) -> None:
        """Do nothing: it is over."""
        self.calls += 1

    def results(self, batch: ProviderBatch) -> Iterator[LineResult]:
        """Yield an answer to each line."""
        self.calls += 1
        with (self._folder / batch.id).open(encoding="ascii") as names:
            for name in names:
                yield LineResult(name.rstrip(), "succeeded", _ANSWER)

    def discard(self, batch: ProviderBatch) -> None:
        """Delete its two files."""
        self.calls += 2


class SilentMeter(MemoryMeter):
    """Remembers troubles only."""

    def settled(self, *_: Any) -> None:
        """Forget it."""


@dataclass
class Stores:
    """Where deferred calls are kept."""

    store: Store
    ledger: Ledger
    jobs: JobStore
    batches: BatchStore
    blobs: Blobs
    queue: JobQueue


class DeferredWorld:
    """A gateway's deferred calls, on a clock that is set by hand."""

    def __init__(self, stores: Stores, provider: DiskProvider) -> None:
        self.now = NOON
        self.stores = stores
        self.meter = SilentMeter()
        known = facts.load(["openai"])
        numbers = count(1)
        holding = Holding(
            stores.ledger, self.clock, HoldPolicy(Seeds(), 100, KeyLimits()), lambda _: None
        )
        self._holding = holding
        pricing = Pricing(known, "gpt-6-astra")
        function = Function(load_own_cost(datetime(2026, 11, 22, tzinfo=UTC).date()), 512)
        settler = Settler(stores.store, holding, self.meter, known, self.clock, pricing, function)
        upstream = MemoryUpstream(lambda *_: _never())
        outside = Outside(
            jobs=stores.jobs,
            batches=stores.batches,
            blobs=stores.blobs,
            queue=stores.queue,
            store=stores.store,
            ledger=stores.ledger,
            providers={"openai": provider},
            holding=holding,
            attempts=Attempts(
                store=stores.store,
                holding=holding,
                caller=ProviderCaller(upstream, self.meter, self.clock, Patience(280, 20, 60)),
                settler=settler,
                catalog=known,
                formats=FORMATS,
                meter=self.meter,
                clock=self.clock,
            ),
            settler=settler,
            pricing=pricing,
            catalog=known,
            meter=self.meter,
            clock=self.clock,
            new_id=lambda: f"bat_{int(NOON):08x}{next(numbers):024x}",
            name=lambda: f"p{next(numbers)}",
        )
        self._accept = AcceptCall(
            facts=CallFacts(Policy("bench", "p"), known, self.clock),
            catalog=known,
            store=stores.store,
            admission=Admission(stores.store, self.clock, "bench"),
            idempotency=Idempotency(stores.store, self.meter, self.clock),
            standing_of=StandingOf(holding),
            router=ModelRouter(known, self.clock),
            holding=holding,
            settler=settler,
            jobs=stores.jobs,
            rooms=rooms_in(outside),
            meter=self.meter,
            times=outside.times,
            clock=self.clock,
        )
        self.machinery = machinery(outside)

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def accept(self, number: int) -> Job:
        """Accept a call that may wait a day."""
        return asyncio.run(self._accept(_call(number, self.now)))

    def copy(self, job: Job, number: int) -> Job:
        """Put the same job under another id, with a hold of its own: quicker than accepting it."""
        request_id = f"req_{int(NOON):08x}{number:024x}"
        entry = replace(job.entry, request_id=request_id)
        if job.held is None:
            raise ValueError(f"{job.id} has no hold")
        wanted = Wanted(entry, KEY, job.held.nano, job.held.expires_at)
        self._holding.reserve(wanted, None)
        copied = replace(job, id="job_" + request_id.removeprefix("req_"), entry=entry)
        jobs, row = self.stores.jobs, copied.row(self.now, job.held.expires_at, self.now)
        jobs.file(row)
        jobs.put_content(job.team, copied.id, BODY, jobs.content(job.team, job.id, BODY) or b"")
        return jobs.put(copied)

    def dispatch(self, jobs: list[Job]) -> None:
        """Hand their messages to the dispatcher, a hundred at a time."""
        places = [(job.team, job.id) for job in jobs]
        for first in range(0, len(places), 100):
            asyncio.run(self.machinery.dispatcher.handle(places[first : first + 100]))

    def submit(self) -> None:
        """Let the jobs' wait for company end, and do what the collector does then."""
        self.now += 1_000
        self.tick()

    def collect(self) -> None:
        """Let the batches end, and take their results."""
        self.now += 1_000
        self.tick()

    def tick(self) -> None:
        """Run the collector once, with all the time in the world."""
        self.machinery.tick(self.now + 10**6)

    def check(self, jobs: list[Job]) -> None:
        """Raise where one of them has not been answered."""
        found = self.stores.jobs.get_many([(job.team, job.id) for job in jobs[-100:]])
        states = {job.state for job in found}
        if states != {"done"} or self.stores.batches.open_batches() or self.meter.troubles:
            raise AssertionError(f"{states}, {self.meter.troubles[:3]}")


def _never() -> Any:
    raise AssertionError("nothing is called at once here")


def _call(number: int, at: float) -> Call:
    messages = [{"role": "user", "content": f"{_PROMPT} Ticket {number}."}]
    asked = {"model": _MODEL, "messages": messages, "max_completion_tokens": 60}
    return Call(
        request_id=f"req_{int(at):08x}{number:024x}",
        started_at=at,
        deadline=at + 300,
        door="chat",
        format=FORMATS["openai-chat"],
        key=PresentedKey("bench", KEY.team, KEY.digest),
        body=asked,
        request=parse_chat(asked),
        controls=Controls(cache=CacheMode("bypass")),
        render_error=lambda error: error.message.encode(),
        answer_by=at + _DAY,
    )
