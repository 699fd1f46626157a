"""A process dies, or a store is away, at each call in turn: no line is lost, none is paid twice.

Every call that a batch makes of the world, from its creation to its end, fails once in a run of its
own: before it has any effect, after it, or as a store that cannot be reached. Another process goes
on. A caller whose creation was broken off makes no second batch: what is left of the first one
must come to rest by itself, with nothing held and nothing paid that is not in the books.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from shared.domain.batches.batch import Batch
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.lines import LineResult
from shared.domain.jobs.provider_errors import BatchAnswerLost
from tests.deferral import BATCH_COST, HOUR
from tests.unit.batches.world import HAIKU, World, chat, line, usual

How = Literal["before", "after", "down"]


class Crash(BaseException):
    """The process is no more."""


@dataclass
class Fault:
    """Strikes once, at the call of a number; counts the calls."""

    at: int
    how: How
    calls: int = 0
    struck: str = ""

    def wrap(self, name: str, port: Any) -> Any:
        return Faulty(name, port, self)

    def strike(self, name: str, call: Any) -> Any:
        self.calls += 1
        if self.calls != self.at:
            return call()
        self.struck = name
        if self.how == "down":
            raise StoreUnavailable(name) if "." in name else BatchAnswerLost(name)
        if self.how == "after":
            call()
        raise Crash


@dataclass
class Faulty:
    """A port whose calls may fail."""

    name: str
    port: Any
    fault: Fault

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.port, name)
        if not callable(method):
            return method
        is_api = self.name in {"openai", "anthropic"}
        called = self.name if is_api else f"{self.name}.{name}"

        def call(*args: Any, **named: Any) -> Any:
            return self.fault.strike(called, lambda: method(*args, **named))

        return call


LINES = [
    line("a"),
    line("b", chat("x", model=HAIKU)),
    line("twin", chat("a")),
    line("bad", chat("x", model="gpt-2")),
    line("cached", chat("known")),
    line("expired"),
    line("errored"),
]
ENDS = {
    "a": "succeeded",
    "b": "succeeded",
    "twin": "succeeded",
    "bad": "failed",
    "cached": "succeeded",
    "expired": "failed",
    "errored": "failed",
}


def answering(body: dict[str, Any]) -> LineResult:
    said = body["messages"][-1]["content"]
    if said == "expired":
        return LineResult("", "expired")
    if said == "errored":
        return LineResult("", "errored", http_status=500, message="no")
    return usual(body)


def prepared() -> World:
    """A world whose cache knows one of the answers."""
    world = World(answering=answering)
    world.create(line("first", chat("known")))
    world.pass_time(1_200)
    assert world.held() == 0
    return world


def run(world: World, fault: Fault, *, is_large: bool) -> Batch | None:
    """Make the batch and bring it to rest, process after process; returns it, if it came to be."""
    padding = [line(f"p{n}", chat("x" * 300_000, model="gpt-2")) for n in range(4)]
    file_id = world.upload(*LINES, *(padding if is_large else ()))
    world.wrap = fault.wrap
    world.build()
    made = _created(world, file_id)
    for _ in range(100):
        try:
            world.now += 240
            world.tick()
        except StoreUnavailable:
            continue
        except Crash:
            world.wrap = lambda _, port: port
            world.build()
        if not (world.callers.open_batches() or world.jobs.open_batches()):
            break
    world.wrap = lambda _, port: port
    world.build()
    return made


def _created(world: World, file_id: str) -> Batch | None:
    from shared.domain.batches.requests import BatchRequest
    from tests.deferral import key_row

    asked = BatchRequest(
        input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    try:
        return world.desk.create(key_row(), asked)
    except Crash:
        world.wrap = lambda _, port: port
        world.build()
    except StoreUnavailable:
        pass
    return None


def bill(world: World) -> int:
    """What the providers have billed for lines that they answered."""
    results = [
        each.status
        for api in world.providers.values()
        for created in api.created.values()
        for each in created.results
    ]
    return results.count("succeeded") * BATCH_COST


def judge(world: World, made: Batch | None) -> None:
    """Say whether the books are right and every line has its end, once."""
    assert world.held() == 0
    assert world.spent() == sum(row.cost_nano for row in world.ledger.rows.values()) == bill(world)
    assert world.callers.open_batches() == []
    for batch in world.callers.rows.values():
        assert batch.is_at_rest
    if made is not None:
        _judge_lines(world, made)


def _judge_lines(world: World, made: Batch) -> None:
    names = [*world.output(made), *world.errors(made)]
    assert {name: count for name, count in Counter(names).items() if count > 1} == {}
    found = dict.fromkeys(world.output(made), "succeeded") | dict.fromkeys(
        world.errors(made), "failed"
    )
    assert {name: end for name, end in found.items() if not name.startswith("p")} == ENDS
    asked = Counter(body["messages"][-1]["content"] for body in world.sent())
    assert max(asked.values()) == 1
    done = world.batch(made)
    assert (done.status, done.counts.succeeded) == ("expired", 4)
    assert done.money.cost == 2 * BATCH_COST


def calls_of(how: How, *, is_large: bool) -> int:
    fault = Fault(0, how)
    world = prepared()
    made = run(world, fault, is_large=is_large)
    calls = fault.calls
    judge(world, made)
    return calls


EVERY = 12
"""Of the calls that one run makes, each test of `make test` tries one in so many."""


@pytest.mark.parametrize("is_large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("how", ["before", "after", "down"])
def test_no_line_is_lost_or_paid_twice_whatever_call_fails(how: How, is_large: bool) -> None:
    first = ["before", "after", "down"].index(how) + 3 * is_large
    fail_in_turn(how, is_large, range(1 + first, 10_000, EVERY))


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("is_large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("how", ["before", "after", "down"])
def test_no_line_is_lost_or_paid_twice_whatever_single_call_fails(how: How, is_large: bool) -> None:
    struck = fail_in_turn(how, is_large, range(1, 10_000))
    assert {"ledger.settle_lines", "callers.move", "jobs.put_batch", "blobs.write"} <= struck


def fail_in_turn(how: How, is_large: bool, numbers: Iterable[int]) -> set[str]:
    """Let calls fail, each in a run of its own; returns which ones that were."""
    struck: Counter[str] = Counter()
    calls = calls_of(how, is_large=is_large)
    for number in (each for each in numbers if each <= calls):
        world, fault = prepared(), Fault(number, how)
        made = run(world, fault, is_large=is_large)
        struck[fault.struck] += 1
        try:
            judge(world, made)
        except AssertionError as error:
            error.add_note(f"call {number}, {how}: {fault.struck}")
            raise
    return set(struck)


def test_a_naive_runner_that_pays_before_it_writes_loses_lines() -> None:
    """The judge is no rubber stamp: settling before the answer is kept loses it in a crash."""
    world = prepared()
    lines = world.batches.lines
    keep = lines._keep

    def forgetful(caller: Batch, records: Any) -> None:
        if records:
            return
        keep(caller, records)

    world.batches.lines._keep = forgetful  # type: ignore[method-assign]
    from tests.deferral import key_row  # noqa: F401

    made = world.create(*LINES)
    world.pass_time(2 * HOUR, step=240)
    with pytest.raises(AssertionError):
        judge(world, made)
