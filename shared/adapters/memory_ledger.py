"""The ledger in memory, for tests: the same promises as DynamoDB's, none of the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.adapters.memory_usage import MemoryUsage, Place
from shared.domain.budgets import (
    PERIODS,
    Budget,
    Counter,
    Hold,
    Period,
    Position,
    Scope,
    Step,
    next_step,
)
from shared.domain.budgets.budget import month_of, stepped
from shared.domain.budgets.movements import Ending, Movement, RowState, reserving
from shared.domain.budgets.refusals import MINUTE, HoldLimits, key_refusal
from shared.domain.entries import Settlement


class MemoryLedger(MemoryUsage):
    """Implements ``Ledger`` in one process.

    ``calls`` may be a list that others write to as well.
    """

    def __init__(self, calls: list[str] | None = None) -> None:
        super().__init__(calls)
        self.budgets: dict[Scope, Budget] = {}
        self.holds: dict[Place, Hold] = {}
        self.barred: set[Place] = set()

    def read_budgets(self, scopes: Iterable[Scope]) -> dict[Scope, Budget]:
        """Return what is known."""
        self._called("read_budgets")
        return {scope: self.budgets[scope] for scope in scopes if scope in self.budgets}

    def open_budget(self, budget: Budget) -> Budget:
        """Remember the budget unless there is one."""
        self._called("open_budget")
        return self.budgets.setdefault(budget.scope, budget)

    def take_step(self, budget: Budget, step: Step) -> Budget:
        """Take the step if the budget still asks for it."""
        self._called("take_step")
        current = self.budgets[budget.scope]
        same = (current.terms, current.day.label) == (budget.terms, budget.day.label)
        if same:
            self.budgets[budget.scope] = stepped(current, step)
        return self.budgets[budget.scope]

    def move_room(self, into: Budget, donors: Sequence[tuple[Budget, int, int]]) -> bool:
        """Move room and caps."""
        self._called("move_room")
        for budget, day, month in donors:
            self._give(budget.scope, -day, -month)
        self._give(into.scope, sum(row[1] for row in donors), sum(row[2] for row in donors))
        return True

    def recut(self, seen: Sequence[Budget], after: Sequence[Budget]) -> bool:
        """Replace the slices if they are as seen."""
        self._called("recut")
        if any(self.budgets[budget.scope] != budget for budget in seen):
            return False
        self.budgets.update({budget.scope: budget for budget in after})
        return True

    def reserve(
        self, hold: Hold, budgets: Sequence[Budget], limits: HoldLimits, now: float
    ) -> Hold | Mapping[Scope, Budget]:
        """Take from all budgets, or from none."""
        self._called("reserve")
        place = _place(hold)
        if place in self.barred:
            return {}
        if place in self.holds:
            return self.holds[place]
        changed = {
            seen.scope: self.budgets[seen.scope]
            for seen in budgets
            if not _may_take(self.budgets[seen.scope], seen, hold, limits, now)
        }
        if changed:
            return changed
        self.holds[place] = hold
        for seen in budgets:
            taken = moved(self.budgets[seen.scope], reserving(hold.nano), PERIODS)
            self.budgets[seen.scope] = _counted(taken, hold, now)
        return hold

    def end(
        self,
        hold: Hold,
        settlement: Settlement | None,
        ending: Ending,
        position: Position,
        late_at: float | None = None,
    ) -> Position | None:
        """End the hold if it stands as the ending asks."""
        self._called("end")
        place = _place(hold)
        stands, row = self._stands(hold), self._row_state(place)
        if (ending.takes_hold and not stands) or row != ending.row_before:
            return Position(stands, row, position.budgets)
        if ending.takes_hold:
            del self.holds[place]
        if ending.writes_row and settlement is not None:
            self.book(hold.entry, settlement, hold.day)
            if late_at is not None:
                spent = ending.movement(hold.nano, settlement.cost_nano).spent
                self.book_late(hold.entry, spent, late_at)
        self._move(hold, ending, settlement)
        return None

    def bar(self, hold: Hold) -> None:
        """Remember that the hold was abandoned."""
        self._called("bar")
        self.barred.add(_place(hold))

    def close_place(self, team: str, request_id: str, attempt: int, expires_at: int) -> Hold | None:
        """Return the hold, or remember that there will be none."""
        self._called("close_place")
        place = (request_id, attempt)
        if place not in self.holds:
            self.barred.add(place)
        return self.holds.get(place)

    def expired_holds(self, team: str, now: float) -> list[Hold]:
        """Return the holds whose time is over."""
        self._called("expired_holds")
        due = [h for h in self.holds.values() if h.entry.team == team and h.expires_at <= now]
        return sorted(due, key=lambda hold: hold.expires_at)

    def _move(self, hold: Hold, ending: Ending, settlement: Settlement | None) -> None:
        movement = ending.movement(hold.nano, settlement.cost_nano if settlement else 0)
        for scope in hold.scopes:
            budget = self.budgets[scope]
            after = moved(budget, movement, hold.periods_in(budget))
            if scope.kind == "key" and ending.takes_hold and hold.is_in_flight:
                after = replace(after, in_flight=after.in_flight - 1)
            if scope.kind == "key" and ending.charges_real and settlement and hold.is_in_flight:
                tokens = settlement.tokens.prompt + settlement.tokens.output
                after = replace(after, minute_tokens=after.minute_tokens + tokens)
            self.budgets[scope] = after

    def _give(self, scope: Scope, day: int, month: int) -> None:
        budget = self.budgets[scope]
        self.budgets[scope] = replace(
            budget, day=_widened(budget.day, day), month=_widened(budget.month, month)
        )

    def _stands(self, hold: Hold) -> bool:
        standing = self.holds.get(_place(hold))
        return standing is not None and standing.nano == hold.nano

    def _row_state(self, place: Place) -> RowState:
        row = self.rows.get(place)
        if row is None:
            return "none"
        return "expired" if row.outcome == "expired" else "settled"


def _place(hold: Hold) -> Place:
    return hold.entry.request_id, hold.entry.attempt


def _may_take(current: Budget, seen: Budget, hold: Hold, limits: HoldLimits, now: float) -> bool:
    is_as_seen = (
        current.terms == seen.terms
        and current.day.label == hold.day
        and current.month.label == month_of(hold.day)
        and next_step(current, hold.day, now) is None
    )
    has_room = not current.may_refuse or all(
        counter.avail >= hold.nano for _, counter in current.counters
    )
    is_key = current.scope.kind == "key"
    return is_as_seen and has_room and not (is_key and key_refusal(current, limits.key, now))


def _counted(budget: Budget, hold: Hold, now: float) -> Budget:
    if budget.scope.kind != "key":
        return budget
    minute = int(now) // MINUTE
    if minute > budget.minute:
        budget = replace(budget, minute=minute, minute_requests=0, minute_tokens=0)
    requests = budget.minute_requests + 1
    in_flight = budget.in_flight + hold.is_in_flight
    return replace(budget, in_flight=in_flight, minute_requests=requests)


def moved(budget: Budget, movement: Movement, periods: Sequence[Period]) -> Budget:
    """Return a budget after a movement in some of its periods."""
    for period in periods:
        budget = budget.with_counter(period, _after(budget.counter(period), movement))
    return budget


def _after(counter: Counter, movement: Movement) -> Counter:
    return replace(
        counter,
        avail=counter.avail + movement.avail,
        spent=counter.spent + movement.spent,
        held=counter.held + movement.held,
        doubt=counter.doubt + movement.doubt,
    )


def _widened(counter: Counter, room: int) -> Counter:
    return replace(counter, cap=counter.cap + room, avail=counter.avail + room)
