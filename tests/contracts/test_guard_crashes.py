"""No message twice and none missing, whatever dies, is delivered again or runs at once.

A seed writes a story: calls, raises, days that pass, alarms that SNS delivers twice and out of
order. At any step of a guard (a read or a write of the ledger, a send) it may die, or another
guard may run from beginning to end in between. Then the world becomes quiet, and people must know
what is so: no more, no less, and nothing twice but what the last sender of a dead guard had on
its lips, which is marked as a repeat.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Final

import pytest

from shared.domain.budgets.changes import Raise
from shared.domain.budgets.seeds import Seed
from shared.domain.errors import BudgetExceeded
from shared.domain.money import NANO_PER_USD
from shared.domain.notices import AlarmChange
from shared.domain.notices.budget_notices import level_of
from shared.domain.notices.message import MOST_PAUSE_SECONDS, Message, NotTaken
from tests.contracts.guards import BURNS, PAGE, SMOULDERS, Guarded, People, guarded
from tests.contracts.operators import in_memory
from tests.contracts.test_budget_admin import HOUR

USD: Final = NANO_PER_USD
SEEDS: Final = int(os.environ.get("SLUICE_GUARD_SEEDS", "150"))
STEPS: Final = 40
LAMBDA_TRIES: Final = 3
ALARMS: Final = {"latency": PAGE, "burn-day-30m": BURNS, "burn-day-8h": SMOULDERS}
"""Two of them are one incident, of which one alone is a page."""


class Died(BaseException):
    """A guard's process is gone; no handler of ordinary exceptions sees it."""


class Ears(People):
    """A channel that notes what the sender has on its lips when it dies."""

    def __init__(self, name: str, world: World) -> None:
        super().__init__(name)
        self._world = world
        self.last_words: Counter[str] = Counter()

    def send(self, message: Message, *, is_repeat: bool) -> None:
        self._world.step()
        if self._world.chance(0.05):
            raise NotTaken("status 500", may_have_arrived=True)
        self.heard.append((message, is_repeat))
        self._world.on_lips.append((self, message.message_id))
        self._world.step()


class Stepping:
    """The ledger's notices, with a step before and after each call."""

    def __init__(self, inner: Any, world: World) -> None:
        self._inner = inner
        self._world = world

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)

        def stepping(*arguments: Any) -> Any:
            self._world.step()
            answer = method(*arguments)
            if name == "save":
                self._world.on_lips.clear()
            self._world.step()
            return answer

        return stepping


class World:
    """A guard on a bench, and a seed that decides what happens to it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 -- a seed must give the same story
        self.depth = 0
        self.is_calm = True
        self.on_lips: list[tuple[Ears, str]] = []
        """What was said and is not on record yet, by the guard that runs."""
        bench = in_memory(
            environment=Seed(day_usd="20", on_limit="stop"), team=Seed(day_usd="10"),
            key=Seed(day_usd="8", month_usd="30"),
        )  # fmt: skip
        self.made: Guarded = guarded(bench)
        self.truth = self.made.notices
        self.made.notices = Stepping(self.truth, self)
        self.ears = [Ears("people", self), Ears("webhook:chat", self)]
        self.made.people = list(self.ears)
        self.alarm_at = 0
        self.states = dict.fromkeys(ALARMS, "OK")
        self.firings: Counter[str] = Counter()
        """How often each alarm went off and a guard lived to hear of it."""
        self.perhaps: Counter[str] = Counter()
        """How often guards died of it, before or after they had written it down."""

    def chance(self, share: float) -> bool:
        return not self.is_calm and self.random.random() < share

    def step(self) -> None:
        """What may happen between two steps of a guard."""
        if self.chance(0.02):
            raise Died
        if self.depth == 0 and self.chance(0.05):
            said, self.on_lips = self.on_lips, []
            self.depth += 1
            try:
                self.run(self.made.guard.check)
            finally:
                self.depth -= 1
                self.on_lips = said

    def run(self, work: Callable[[], Any]) -> bool:
        """Wake a guard, as Lambda does: again where it dies, and in the end not any more."""
        for _ in range(LAMBDA_TRIES):
            try:
                work()
            except Died:
                for ears, message_id in self.on_lips:
                    ears.last_words[message_id] += 1
                self.on_lips = []
                continue
            return True
        return False

    def live(self) -> None:
        self.is_calm = False
        happenings = (
            self.spend, self.spend, self.check, self.alarm, self.pass_time, self.lift,
        )  # fmt: skip
        for _ in range(STEPS):
            self.random.choice(happenings)()
        self.is_calm = True
        for _ in range(3):
            self.made.bench.time[0] += MOST_PAUSE_SECONDS
            self.made.guard.check()

    def spend(self) -> None:
        try:
            self.made.bench.spend(self.random.randint(1, 3) * USD)
        except BudgetExceeded:
            return

    def check(self) -> None:
        self.run(self.made.guard.check)

    def alarm(self) -> None:
        """An alarm changes once or twice; SNS delivers in any order, and some twice."""
        name = self.random.choice(list(ALARMS))
        changes = []
        was_off = self.states[name] == "ALARM"
        for _ in range(self.random.randint(1, 2)):
            self.alarm_at += 1000
            self.states[name] = "OK" if self.states[name] == "ALARM" else "ALARM"
            change = AlarmChange(name, self.states[name], self.alarm_at, ALARMS[name], "")  # type: ignore[arg-type]
            changes += [change] * self.random.randint(1, 2)
        self.random.shuffle(changes)
        arrived: list[AlarmChange] = []
        for each in changes:
            self.is_calm = each is changes[-1]  # SNS does not give up on a function that dies
            lived = self.run(partial(self.made.guard.alarms, [each]))
            arrived += [each] if lived and each not in arrived else []
            self.perhaps[name] += not lived
            self.is_calm = False
        # Where it is off and comes back before its end arrives, it was never over.
        is_seen = not was_off or (bool(arrived) and arrived[0].state == "OK")
        self.firings[name] += is_seen and any(each.state == "ALARM" for each in arrived)

    def pass_time(self) -> None:
        self.made.bench.time[0] += self.random.choice([300, HOUR, 9 * HOUR])

    def lift(self) -> None:
        name = self.random.choice(["environment", "team:search"])
        until = int(self.made.bench.time[0]) + self.random.choice([600, 6 * HOUR])
        change = Raise("day", self.random.randint(1, 20) * USD, until)
        self.made.bench.budgets.change(name, change, "")


def told_last(messages: list[Message]) -> dict[str, int]:
    """What people believe of each counter: the last threshold told, 0 after an all-clear."""
    known: dict[str, int] = {}
    for message in messages:
        for notice in message.facts["notices"]:
            if "budget" in notice:
                clear = notice["kind"] == "all_clear"
                known[notice["budget"]] = 0 if clear else notice["threshold_percent"]
    return known


def judge(world: World) -> None:
    made = world.made
    ear = world.ears[0]
    written = [each for month in ("2026-11", "2026-12") for each in world.truth.messages(month)]
    assert {each.progress.status for each in written} <= {"sent"}
    for each in world.ears:
        heard = Counter(message.message_id for message, _ in each.heard)
        assert heard.keys() == {message.message_id for message in written}, "none missing"
        for message_id, times in heard.items():
            repeats = [r for m, r in each.heard if m.message_id == message_id]
            assert repeats[1:] == [True] * (times - 1), "whatever comes again says so"
            assert times <= 1 + each.last_words[message_id], "twice only from a dead one's lips"
    for budget in made.bench.budgets.show():
        for period, _ in budget.counters:
            believed = told_last(written).get(f"{budget.name}:{period}", 0)
            level = level_of(budget, period)
            # An all-clear leaves a lower threshold that is still reached, which is no news.
            assert believed in {0, level} or (believed == 50 and level == 0)
            assert believed == level or level < 100
    for name in ALARMS:
        judge_alarm(world, name, written)
    assert ear.heard or not written


def judge_alarm(world: World, name: str, written: list[Message]) -> None:
    """What is so is known, every firing was told of, and nobody was told all the time."""
    told = [(m.at, n) for m in written for n in m.facts["notices"] if n.get("alarm") == name]
    assert (told[-1][1]["state"] if told else "OK") == world.states[name]
    firings = sum(notice["went_off"] for _, notice in told)
    assert abs(firings - world.firings[name]) <= world.perhaps[name], "none is lost"
    times = [at for at, _ in told]
    # A firing or what was held back, and an end; once more with what is worse of its incident.
    most = 3 if name == "burn-day-8h" else 2
    for first, later in zip(times, times[most:], strict=False):
        assert later - first >= HOUR


@pytest.mark.parametrize("seed", range(SEEDS))
def test_people_know_what_is_so_and_hear_nothing_twice(seed: int) -> None:
    world = World(seed)
    world.live()
    judge(world)
