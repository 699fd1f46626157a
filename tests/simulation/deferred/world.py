"""One world of deferred calls: acceptors, dispatchers and tickers over real adapters.

Every invocation is a process of its own, with a memory of its own, that may die at any step; the
next one begins where it finds things. Once all have had their rounds, faults end, and the world is
let run until it is quiet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from shared.adapters.dynamodb.jobs import DynamoJobs
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.adapters.dynamodb.rows import key_row_item
from shared.adapters.dynamodb.store import DynamoStore
from shared.adapters.memory import MemoryMeter
from shared.domain.controls import CacheMode
from shared.domain.errors import GatewayError, StoreUnavailable
from shared.domain.jobs.ids import request_of
from shared.domain.jobs.job import FROM_CACHE, Job
from shared.domain.jobs.times import JobTimes
from tests.deferral import (
    UNCACHED,
    Names,
    Process,
    Stores,
    call,
    job_of,
    key_row,
    process,
    question,
)
from tests.simulation.calls import Calls
from tests.simulation.deferred.books import Books
from tests.simulation.deferred.judge import JobsJudge
from tests.simulation.deferred.places import FaultyBlobs, FaultyQueue
from tests.simulation.deferred.plans import TEAMS, Order, Plan, skew_of
from tests.simulation.deferred.provider import MoodyBatches, MoodyCalls
from tests.simulation.deferred.steps import Steps
from tests.simulation.dice import dice
from tests.simulation.faults import EVERY_FAULT, Faults, NoFaults, RandomFaults
from tests.simulation.judge import Broken
from tests.simulation.scheduler import Clock, Crash, Scheduler, Task
from tests.simulation.small_dynamo import SmallDynamo
from tests.simulation.trace import Trace
from tests.simulation.world import new_client

_QUIET_ROUNDS = 400
_NEVER = {"foreign_line", "crash"}
"""Troubles that only a mistake of ours can bring about here."""
_client: list[Any] = []


class Changeable:
    """Faults that can be ended."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults

    def at(self, point: int, possible: Any) -> Any:
        """Ask those in force."""
        return self.faults.at(point, possible)


class _Scheduler(Scheduler):
    """Lets what was sent and is late arrive by the clock."""

    later: Callable[[Callable[[], None]], None]

    def add_stray(self, arrive: Callable[[], None]) -> None:
        """Let it arrive after a while."""
        self.later(arrive)


class _Watched(SmallDynamo):
    """Shows each change to the judge."""

    def __init__(self, judge: JobsJudge) -> None:
        super().__init__()
        self._judge = judge

    def _apply(self, action: dict[str, Any]) -> None:
        [asked] = action.values()
        named = asked.get("Key") or asked["Item"]
        key = named["pk"]["S"], named["sk"]["S"]
        before = self.items().get(key)
        super()._apply(action)
        self._judge.changed(key, before, self.items().get(key))


class World:
    """Runs one plan to its end; raises what rule was broken, with the seed and the last steps."""

    def __init__(self, plan: Plan, faults: Faults | None = None) -> None:
        self.plan = plan
        self.trace = Trace()
        self.books = Books()
        self.names = Names()
        self.clock = Clock(plan.start, plan.leaps)
        self.topics: dict[str, str] = {}
        self.judge = self._new_judge()
        self.service = _Watched(self.judge)
        self.meter = MemoryMeter()
        self.refused: list[str] = []
        chance = dice(f"deferred faults {plan.seed}")
        self._chance = chance
        self._faults = Changeable(faults or RandomFaults(chance, plan.fault_rate, EVERY_FAULT))
        self._scheduler = _Scheduler(dice(f"order {plan.seed}"), self.clock, self._look)
        self._seen = (0, 0)
        self.steps = Steps(self._scheduler, self.trace.say)
        self._scheduler.later = self._arrives_later
        self.steps.calls = self.calls = Calls(
            self.service,
            self._scheduler,
            self._faults,
            chance,
            lambda *step: self.trace.add(self.clock.now, *step),
            honours_tokens=plan.honours_tokens,
        )
        self.blobs = FaultyBlobs(self.steps)
        self.queue = FaultyQueue(self.steps, self.clock, chance)
        self.batches = MoodyBatches(self.clock, self.steps, chance, plan.temper, self.books)

    def _new_judge(self) -> JobsJudge:
        return JobsJudge(self.books, self.topics)

    def run(self) -> World:
        """Run to the end and return this world for inspection."""
        try:
            self._begin()
            self._scheduler.run()
            self._quieten()
        except (Broken, AssertionError) as error:
            raise type(error)(f"{error}\n{self.trace.told(self.plan.seed)}") from error
        return self

    def client(self) -> Any:
        """Return a client of boto3's whose calls are this world's."""
        if not _client:
            _client.append(new_client())
        _client[0]._make_api_call = self.steps.send
        return _client[0]

    def _begin(self) -> None:
        self.client()
        for team in TEAMS:
            self.service.carry_out("PutItem", {"Item": key_row_item(key_row(team))})
        skews = dice(f"skews {self.plan.seed}")
        self._add_callers(skews)
        for number in range(self.plan.dispatchers):
            self._add(f"dispatcher {number}", skews, self._dispatch)
        for number in range(self.plan.tickers):
            self._add(f"ticker {number}", skews, self._tick)
        if self.plan.cancels:
            self._add("operator", skews, self._cancel_some)

    def _cancel_some(self, task: Task) -> None:
        for _ in range(self.plan.cancels):
            self._pause(self._chance.choice((60.0, 400.0, 1_500.0)))
            self._invoke(task, self._cancel)

    def _cancel(self, _: Task, running: Process) -> None:
        if not self.judge.accepted:
            return
        job = self._chance.choice(sorted(self.judge.accepted))
        team, _deadline = self.judge.accepted[job]
        with suppress(StoreUnavailable):
            running.operator.cancel(team, job)

    def _add_callers(self, skews: Any) -> None:
        for number, orders in enumerate(self.plan.orders):
            self._add(f"acceptor {number}", skews, partial(self._accept_all, orders))

    def _add(self, name: str, skews: Any, work: Callable[[Task], None]) -> None:
        self._scheduler.add(Task(name, skew_of(self.plan, skews), work))

    def _accept_all(self, orders: tuple[Order, ...], task: Task) -> None:
        for order in orders:
            self._pause(self._chance.random() * 600.0)
            self._invoke(task, partial(self._accept, order))

    def _accept(self, order: Order, task: Task, running: Process) -> None:
        now = self.clock.now + task.skew
        control = CacheMode() if order.is_cached else UNCACHED
        made = call(order.number, now, now + order.seconds, team=order.team,
                    body=question(order.topic), cache=control)  # fmt: skip
        self.topics[made.request_id] = order.topic
        try:
            job = asyncio.run(running.accept(made))
        except GatewayError as error:
            self.refused.append(f"{order.number}: {error.code}")
        else:
            assert job.id == job_of(made)
            self.judge.accepted[job.id] = (order.team, job.deadline)

    def _dispatch(self, task: Task) -> None:
        for _ in range(self.plan.rounds):
            self._pause(self._chance.choice(self.plan.naps))
            self._invoke(task, self._handle)

    def _handle(self, task: Task, running: Process) -> None:
        taken = self.queue.receive()
        if not taken:
            return
        self.trace.notice("messages")
        places = list(taken.values())
        failed = asyncio.run(running.machinery.dispatcher.handle(places))
        self.queue.delete(number for number, place in taken.items() if place not in failed)

    def _tick(self, task: Task) -> None:
        for _ in range(self.plan.rounds):
            self._pause(self._chance.choice(self.plan.naps))
            self._invoke(task, self._tick_once)

    def _tick_once(self, task: Task, running: Process) -> None:
        running.machinery.tick(self.clock.now + task.skew + 800)

    def _invoke(self, task: Task, work: Callable[[Task, Process], None]) -> None:
        """Run one invocation of a function; where it dies, the function lives on."""
        self._scheduler.hand_over()
        self.steps.begin(task)
        try:
            work(task, self.process(task))
        except Crash:
            if task.is_stopped:
                raise
            self.trace.say(task.name, "is dead")

    def process(self, task: Task | None) -> Process:
        """Return a new process."""
        clock = self.clock_of(task)
        return process(self.stores(clock), clock, self.names, pause=self._pause, meter=self.meter,
                       jitter=self._chance.random,
                       times=JobTimes(lane=self.plan.leased,
                                      calls_a_second=self.plan.calls_a_second))  # fmt: skip

    def clock_of(self, task: Task | None) -> Callable[[], float]:
        """Return the clock that a task goes by."""
        return lambda: self.clock.now + (task.skew if task else 0.0)

    def stores(self, clock: Callable[[], float]) -> Stores:
        """Return new clients of all that is kept."""
        client, report = self.client(), self.trace.report
        jobs = DynamoJobs(client, "jobs", self.blobs, report, clock)
        return Stores(
            store=DynamoStore(client, cache_table="cache", ledger_table="ledger", report=report),
            ledger=DynamoLedger(client, "ledger", report),
            jobs=jobs,
            batches=jobs,
            blobs=self.blobs,
            queue=self.queue,
            providers={"openai": self.batches},
            upstream=MoodyCalls(self.steps, self._chance, self.plan.temper, self.books),
        )

    def _pause(self, seconds: float) -> None:
        """Sleep; others go on meanwhile."""
        task = self._scheduler.current
        if task is not None:
            task.wakes_at = self.clock.now + seconds
            self._scheduler.hand_over()

    def _arrives_later(self, arrive: Callable[[], None]) -> None:
        delay = self._chance.choice((2.0, 60.0, 1_500.0, 4_000.0)) * self._chance.random()
        self.steps.later(self.clock.now + delay, arrive)

    def _quieten(self) -> None:
        """Let the world run without faults until nothing is left to do, and sweep."""
        self._faults.faults = NoFaults()
        for batch in self._past_batches():
            self.trace.notice(f"{batch} before all was quiet")
        for _ in range(_QUIET_ROUNDS):
            self.clock.now += self._next_step()
            self.steps.arrive()
            running = self.process(None)
            self._handle(Task("quiet", 0.0, lambda _: None), running)
            running.machinery.tick(self.clock.now + 800)
            self._look()
            if self._is_quiet() and not self.steps.awaits():
                break
        self.steps.arrive()
        for what, facts in self.meter.troubles:
            self.trace.notice(what)
            if what in _NEVER:
                raise Broken(what)
            if what in {"job_promoted", "call_lost"}:
                self.judge.again[self.topics[request_of(facts["job"])]] += 1
        for job in self.judge.jobs(self.service.items()):
            self.trace.notice(_ended(job))
        self.judge.check_quiet(self.service.items())
        self.clock.now += 10 * 24 * 3600
        self._sweep()
        self._look()
        self.judge.check_end(self.service.items())

    def _next_step(self) -> float:
        """Return a minute where something is near, else longer."""
        jobs = [job for job in self.judge.jobs(self.service.items()) if not job.is_at_rest]
        is_near = any(job.deadline - self.clock.now < 3_000.0 for job in jobs)
        return 60.0 if is_near else 900.0

    def _past_batches(self) -> list[str]:
        items = self.service.items()
        return [items[key]["state"]["S"] for key in items if key[0] == "-/batches/past"]

    def _is_quiet(self) -> bool:
        return not any(
            partition.startswith("-/waiting/") or partition == "-/batches/open"
            for partition, _ in self.service.items()
        )

    def _sweep(self) -> None:
        holding = self.process(None).holding
        for team in TEAMS:
            try:
                for hold in holding.expired(team):
                    self.trace.notice("swept")
                    holding.expire(hold)
            except StoreUnavailable:
                raise Broken(f"the holds of {team} cannot be swept") from None

    def _look(self) -> None:
        self.batches.settle_books()
        state = self.service.changes, sum(self.books.bills.values())
        if state != self._seen:
            self._seen = state
            self.judge.look()


def _ended(job: Job) -> str:
    """Say how a job came to its end."""
    if job.answer is None:
        return f"failed: {job.error.code if job.error else None}"
    if job.answer == FROM_CACHE:
        return "answered by the cache"
    return "answered by a batch" if job.batch else "answered by a call"
