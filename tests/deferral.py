"""Deferred calls on any stores: the parts joined as the functions join them, for tests.

What is asked is small and always the same size, so that a test can say what it costs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from shared import catalog as facts
from shared.adapters.memory import MemoryMeter
from shared.catalog import Catalog
from shared.catalog.aws_prices import load_own_cost
from shared.clock import Clock
from shared.domain.api_keys import KeyLimits, PresentedKey
from shared.domain.budgets.seeds import Seed, Seeds
from shared.domain.chat import parse_chat
from shared.domain.controls import CacheMode, Controls
from shared.domain.crossing import FORMATS
from shared.domain.entries import KeyRow
from shared.domain.jobs.ids import job_id
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Store, Upstream
from shared.ports.jobs import BatchProvider, BatchStore, Blobs, JobQueue, JobStore
from shared.ports.ledger import Ledger
from shared.usecases.admission import Admission
from shared.usecases.attempts import Attempts
from shared.usecases.call_facts import CallFacts, Policy
from shared.usecases.calls import Call
from shared.usecases.holding import Holding, HoldPolicy
from shared.usecases.idempotency import Idempotency
from shared.usecases.jobs.accepting import AcceptCall
from shared.usecases.jobs.machinery import Machinery, Outside, machinery, rooms_in
from shared.usecases.jobs.operating import JobOperator
from shared.usecases.jobs.reading import JobReader
from shared.usecases.pricing import Pricing
from shared.usecases.provider_call import Patience, ProviderCaller
from shared.usecases.route import ModelRouter
from shared.usecases.settling import Function, Settler
from shared.usecases.standing import StandingOf

NOON: Final = 1_795_348_800.0
"""2026-11-22 12:00 UTC."""
MODEL: Final = "gpt-6-luna"
HOUR: Final = 3600.0
PROMPT_TOKENS: Final = 100
OUTPUT_TOKENS: Final = 20
BATCH_COST: Final = (PROMPT_TOKENS * 50_000 + OUTPUT_TOKENS * 250_000) // 1000
"""Nano-dollars: 100 tokens at $0.05 and 20 at $0.25 per million."""
FULL_COST: Final = 2 * BATCH_COST


@functools.cache
def catalog() -> Catalog:
    """Return a catalog of three models, one of them of a provider without batches."""
    known = facts.load(["openai", "anthropic", "deepseek"])
    few = {name: known.models[name] for name in (MODEL, "claude-haiku-5-5", "deepseek-flash")}
    return replace(known, models=few)


@functools.cache
def _function() -> Function:
    return Function(load_own_cost(datetime(2026, 11, 22, tzinfo=UTC).date()), 512)


@dataclass
class Stores:
    """Where one process keeps things."""

    store: Store
    ledger: Ledger
    jobs: JobStore
    batches: BatchStore
    blobs: Blobs
    queue: JobQueue
    providers: Mapping[str, BatchProvider]
    upstream: Upstream


@dataclass(frozen=True)
class Process:
    """One process: all that a function of the gateway could run."""

    accept: AcceptCall
    machinery: Machinery
    reader: JobReader
    holding: Holding
    meter: MemoryMeter
    operator: JobOperator


@dataclass
class Names:
    """Gives out names, no two the same."""

    count: int = 0

    def name(self) -> str:
        """Return the name of a process."""
        self.count += 1
        return f"p{self.count}"

    def batch(self) -> str:
        """Return the id of a batch."""
        self.count += 1
        return f"bat_{int(NOON):08x}{self.count:024x}"


def outside_of(
    stores: Stores,
    clock: Clock,
    names: Names,
    meter: MemoryMeter,
    *,
    times: JobTimes | None = None,
    cap: str = "1000",
    pause: Callable[[float], None] = lambda _: None,
    jitter: Callable[[], float] = lambda: 0.5,
    known: Catalog | None = None,
    disabled: tuple[str, ...] = (),
) -> Outside:
    """Return what deferred calls need of the world, on some stores."""
    known, times = known or catalog(), times or JobTimes()
    seeds = Seeds(team=Seed(day_usd=cap), environment=Seed(day_usd=cap))
    policy = HoldPolicy(seeds, 100, KeyLimits())
    holding = Holding(stores.ledger, clock, policy, pause, jitter, charged=meter.charged)
    pricing = Pricing(known, MODEL)
    function = _function()
    settler = Settler(stores.store, holding, meter, known, clock, pricing, function)
    attempts = Attempts(
        store=stores.store,
        holding=holding,
        caller=ProviderCaller(stores.upstream, meter, clock, Patience(280.0, 20.0, 60.0)),
        settler=settler,
        catalog=known,
        formats=FORMATS,
        meter=meter,
        clock=clock,
    )
    return Outside(
        jobs=stores.jobs,
        batches=stores.batches,
        blobs=stores.blobs,
        queue=stores.queue,
        store=stores.store,
        ledger=stores.ledger,
        providers=stores.providers,
        holding=holding,
        attempts=attempts,
        settler=settler,
        pricing=pricing,
        catalog=known,
        meter=meter,
        clock=clock,
        new_id=names.batch,
        name=names.name,
        times=times,
        disabled=disabled,
        at_once=1,
    )


def process(
    stores: Stores,
    clock: Clock,
    names: Names,
    *,
    meter: MemoryMeter | None = None,
    **more: Any,
) -> Process:
    """Join the parts on some stores; ``more`` is as for :func:`outside_of`."""
    meter = meter or MemoryMeter()
    outside = outside_of(stores, clock, names, meter, **more)
    known, holding, times = outside.catalog, outside.holding, outside.times
    accept = AcceptCall(
        facts=CallFacts(Policy("dev", "policy"), known, clock),
        catalog=known,
        store=stores.store,
        admission=Admission(stores.store, clock, "dev"),
        idempotency=Idempotency(stores.store, meter, clock),
        standing_of=StandingOf(holding),
        router=ModelRouter(known, clock),
        holding=holding,
        settler=outside.settler,
        jobs=stores.jobs,
        rooms=rooms_in(outside),
        meter=meter,
        times=times,
        clock=clock,
    )
    reader = JobReader(stores.jobs, clock)
    operator = JobOperator(stores.jobs, stores.queue, holding, clock, meter)
    return Process(accept, machinery(outside), reader, holding, meter, operator)


def key_row(team: str = "search") -> KeyRow:
    """Return a team's key."""
    return KeyRow(f"{team}.1", "dev", team, team[0] * 64, "web", 100)


def question(text: str = "Say hello.", **extra: Any) -> dict[str, Any]:
    """Return the body of a chat call with a small bound on its answer."""
    messages = [{"role": "user", "content": text}]
    return {"model": MODEL, "messages": messages, "max_completion_tokens": 50, **extra}


def call(
    number: int,
    at: float,
    deadline: float,
    *,
    team: str = "search",
    body: dict[str, Any] | None = None,
    cache: CacheMode | None = None,
) -> Call:
    """Return a call that arrives at an epoch second and is to be answered by another."""
    asked = body or question(f"Say hello, {number}.")
    return Call(
        request_id=f"req_{int(at):08x}{number:024x}",
        started_at=at,
        deadline=at + 300,
        door="chat",
        format=FORMATS["openai-chat"],
        key=PresentedKey("dev", team, key_row(team).digest),
        body=asked,
        request=parse_chat(asked),
        controls=Controls(cache=cache or CacheMode()),
        render_error=lambda error: error.message.encode(),
        answer_by=deadline,
    )


def job_of(made: Call) -> str:
    """Return the id of a call's job."""
    return job_id(made.request_id)


def completion(text: str = "Hello!", *, reason: str = "stop", usage: object = "usual") -> bytes:
    """Return a whole answer of OpenAI's, as JSON."""
    usual = {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": PROMPT_TOKENS + OUTPUT_TOKENS,
    }
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": MODEL}
    counted = usual if usage == "usual" else usage
    return json.dumps({**whole, "choices": [choice], "usage": counted}).encode()


UNCACHED: Final = CacheMode("bypass")
