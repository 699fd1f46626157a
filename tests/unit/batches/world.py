"""Callers' batches on memory alone: a clock that is set by hand, providers that are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from shared.adapters.memory import MemoryMeter, MemoryStore, MemoryUpstream
from shared.adapters.memory_batch_ledger import MemoryBatchLedger
from shared.adapters.memory_batches import MemoryBatchProvider
from shared.adapters.memory_caller_batches import MemoryCallerBatches
from shared.adapters.memory_files import MemoryFiles
from shared.adapters.memory_jobs import MemoryBlobs, MemoryJobs, MemoryQueue
from shared.domain.api_keys import KeyLimits
from shared.domain.batches.batch import Batch
from shared.domain.batches.lines import InlineRequest
from shared.domain.batches.requests import BatchRequest, as_file
from shared.domain.budgets.seeds import Seed, Seeds
from shared.domain.crossing import FORMATS
from shared.domain.doors import CHAT
from shared.domain.files.requests import FileRequest
from shared.domain.jobs.lines import AskedLine, LineResult
from shared.domain.jobs.times import JobTimes
from shared.usecases.attempts import Attempts
from shared.usecases.batches.desk import BatchDesk
from shared.usecases.batches.machinery import (
    BatchMachinery,
    Taking,
    batch_machinery,
    batch_taker,
)
from shared.usecases.call_facts import CallFacts, Policy
from shared.usecases.files import Files
from shared.usecases.holding import Holding, HoldPolicy
from shared.usecases.jobs.machinery import Machinery, Outside, machinery
from shared.usecases.pricing import Pricing
from shared.usecases.provider_call import Patience, ProviderCaller
from shared.usecases.settling import Settler
from tests.deferral import MODEL, NOON, Names, _function, catalog, completion, key_row
from tests.unit.jobs.world import answered

HAIKU = "claude-haiku-5-5"
OUTPUT_LIMIT = 50
Answering = Callable[[dict[str, Any]], LineResult]


def usual(body: dict[str, Any]) -> LineResult:
    """Answer any line as its provider would, repeating what was asked last."""
    said = body["messages"][-1]["content"]
    text = said if isinstance(said, str) else said[-1]["text"]
    if body["model"].startswith("claude"):
        return LineResult("", "succeeded", message(text))
    return LineResult("", "succeeded", completion(text))


def message(text: str) -> bytes:
    """Return a whole answer of Anthropic's."""
    usage = {"input_tokens": 100, "output_tokens": 20}
    whole = {"id": "m", "type": "message", "role": "assistant", "model": HAIKU, "usage": usage}
    content = [{"type": "text", "text": text}]
    return json.dumps(
        {**whole, "content": content, "stop_reason": "end_turn", "stop_sequence": None}
    ).encode()


def chat(text: str, **more: Any) -> dict[str, Any]:
    """Return the body of a chat call."""
    messages = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, "max_completion_tokens": OUTPUT_LIMIT, **more}


def line(custom_id: str, body: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a line of a file."""
    asked = chat(custom_id) if body is None else body
    return {"custom_id": custom_id, "method": "POST", "url": CHAT.url, "body": asked, **more}


@dataclass
class World:
    """Some stores, and one process on them after another."""

    answering: Answering = usual
    lasts: float = 600.0
    cap: str | None = "1000"
    now: float = NOON
    store: MemoryStore = field(default_factory=MemoryStore)
    wrap: Callable[[str, Any], Any] = lambda _, port: port

    def __post_init__(self) -> None:
        """Set it up."""
        self.ledger = self.store.ledger = MemoryBatchLedger(self.store.calls)
        for team in ("search", "other"):
            self.store.create(key_row(team))
        self.jobs, self.blobs, self.queue = MemoryJobs(), MemoryBlobs(), MemoryQueue()
        self.callers, self.rows = MemoryCallerBatches(), MemoryFiles()
        self.meter, self.names, self.times = MemoryMeter(), Names(), JobTimes()
        self.upstream = MemoryUpstream(answered)
        self.providers = {
            name: MemoryBatchProvider(self.clock, self._answer, lasts=self.lasts, keeps_ids=keeps)
            for name, keeps in (("openai", True), ("anthropic", False))
        }
        self.count = 0
        self.build()

    def build(self) -> None:
        """Join the parts anew, as a new process does."""
        blobs, callers = self.wrap("blobs", self.blobs), self.wrap("callers", self.callers)
        store, ledger = self.wrap("store", self.store), self.wrap("ledger", self.ledger)
        rows, queue = self.wrap("rows", self.rows), self.wrap("queue", self.queue)
        seeds = Seeds(team=Seed(day_usd=self.cap), environment=Seed(day_usd=self.cap))
        policy = HoldPolicy(seeds, 100, KeyLimits())
        charged = self.meter.charged
        holding = Holding(ledger, self.clock, policy, lambda _: None, lambda: 0.5, charged=charged)
        outside = self._outside(store, ledger, blobs, queue, holding)
        taking = self._taking(outside, callers)
        self.files = Files(rows, blobs, self.clock, self.random)
        self.desk = BatchDesk(
            batches=callers,
            files=self.files,
            blobs=blobs,
            queue=queue,
            store=store,
            taker=batch_taker(taking),
            price_version=catalog().price_version,
            clock=self.clock,
            random=self.random,
        )
        self.batches: BatchMachinery = batch_machinery(
            taking, outside, ledger, rows, pause=lambda _: None, jitter=lambda: 0.5
        )
        self.machinery: Machinery = machinery(outside, self.batches.others)

    def _outside(
        self, store: Any, ledger: Any, blobs: Any, queue: Any, holding: Holding
    ) -> Outside:
        clock, known = self.clock, catalog()
        jobs = self.wrap("jobs", self.jobs)
        pricing = Pricing(known, "gpt-6-astra")
        settler = Settler(store, holding, self.meter, known, clock, pricing, _function())
        return Outside(
            jobs=jobs,
            batches=jobs,
            blobs=blobs,
            queue=queue,
            store=store,
            ledger=ledger,
            providers={name: self.wrap(name, api) for name, api in self.providers.items()},
            holding=holding,
            attempts=self._attempts(store, holding, settler),
            settler=settler,
            pricing=pricing,
            catalog=known,
            meter=self.meter,
            clock=clock,
            new_id=self.names.batch,
            name=self.names.name,
            times=self.times,
        )

    def _attempts(self, store: Any, holding: Holding, settler: Settler) -> Attempts:
        patience = Patience(280, 20, 60)
        return Attempts(
            store=store,
            holding=holding,
            caller=ProviderCaller(self.upstream, self.meter, self.clock, patience),
            settler=settler,
            catalog=catalog(),
            formats=FORMATS,
            meter=self.meter,
            clock=self.clock,
        )

    def _taking(self, outside: Outside, callers: Any) -> Taking:
        return Taking(
            environment="dev",
            batches=callers,
            blobs=outside.blobs,
            store=outside.store,
            holding=outside.holding,
            facts=CallFacts(Policy("dev", "policy"), outside.catalog, self.clock),
            catalog=outside.catalog,
            pricing=outside.pricing,
            settler=outside.settler,
            meter=self.meter,
            clock=self.clock,
        )

    def clock(self) -> float:
        """Return the time."""
        return self.now

    def random(self, size: int) -> bytes:
        """Return bytes that were not returned before."""
        self.count += 1
        return self.count.to_bytes(size)

    def upload(self, *lines: Any, team: str = "search") -> str:
        """Keep a file of lines; returns its id."""
        texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
        content = "\n".join(texts).encode()
        return self.files.create(team, "a.jsonl", FileRequest(purpose="batch"), content).id

    def create(self, *lines: Any, team: str = "search", **more: Any) -> Batch:
        """Make a batch of lines."""
        asked = BatchRequest(
            input_file_id=self.upload(*lines, team=team),
            **{"endpoint": CHAT.url, "completion_window": "24h", **more},
        )
        return self.desk.create(key_row(team), asked)

    def create_inline(self, *requests: tuple[str, dict[str, Any]]) -> Batch:
        """Make a batch of Anthropic's."""
        return self.desk.create_inline(
            key_row(), as_file(InlineRequest(name, params) for name, params in requests)
        )

    def tick(self) -> None:
        """Do all that is due now."""
        self.machinery.tick(self.now + 800)

    def pass_time(self, seconds: float, step: float = 60.0) -> None:
        """Let time pass, with a tick each minute."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + step)
            self.tick()

    def batch(self, batch: Batch) -> Batch:
        """Return a batch as it is now."""
        return self.desk.get(batch.team, batch.kind, batch.id)

    def output(self, batch: Batch) -> dict[str, Any]:
        """Return the lines of an output file by their name."""
        return self._lines(batch, self.batch(batch).output_file)

    def errors(self, batch: Batch) -> dict[str, Any]:
        """Return the lines of an error file by their name."""
        return self._lines(batch, self.batch(batch).error_file)

    def _lines(self, batch: Batch, file_id: str | None) -> dict[str, Any]:
        if file_id is None:
            return {}
        content = b"".join(self.files.content(self.files.get(batch.team, file_id)))
        return {each["custom_id"]: each for each in map(json.loads, content.splitlines())}

    def held(self) -> int:
        """Return what is held in all, in nano-dollars."""
        return sum(hold.nano for hold in self.ledger.holds.values())

    def spent(self, team: str = "search") -> int:
        """Return what a team has spent this month; its counters add up."""
        [budget] = [
            budget
            for scope, budget in self.ledger.budgets.items()
            if (scope.kind, scope.team) == ("team", team)
        ]
        assert all(counter.is_balanced for _, counter in budget.counters)
        return budget.month.spent

    def sent(self) -> list[dict[str, Any]]:
        """Return what was asked of providers, batch by batch."""
        created = [each for api in self.providers.values() for each in api.created.values()]
        return [json.loads(line.body) for each in created for line in each.lines]

    def troubles(self) -> list[str]:
        """Return what operators were told."""
        return [what for what, _ in self.meter.troubles]

    def _answer(self, asked: AskedLine) -> LineResult:
        return self.answering(json.loads(asked.body))


__all__ = ["World", "asyncio", "replace"]
