"""Money is held before a provider is called, and settled after: the only way to an ``OpenHold``.

A reservation is decided by budgets as they were seen and carried out under the condition that
they still are. Where they are not, the ledger's refusal says how they stand, and it is decided
anew. The work of this module is synchronous and runs in a thread of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared.clock import Clock, utc
from shared.domain.api_keys import KeyLimits
from shared.domain.budgets import (
    Budget,
    DropRaise,
    Hold,
    OpenHold,
    Position,
    Roll,
    Scope,
    Step,
    as_of,
    current_day,
    next_step,
)
from shared.domain.budgets.movements import (
    ABANDON,
    DROP_SETTLED,
    SETTLE,
    SETTLE_UNHELD,
    Ending,
    RowState,
    expiring,
    settling,
)
from shared.domain.budgets.refusals import HoldLimits, refusal, together
from shared.domain.budgets.scopes import all_slices, scopes_of
from shared.domain.budgets.seeds import Seeds
from shared.domain.budgets.slices import allows, donors, lowered
from shared.domain.entries import Entry, KeyRow, Settlement
from shared.domain.errors import StoreUnavailable
from shared.domain.prices import TokenCounts

if TYPE_CHECKING:
    from shared.ports.ledger import Ledger

_TRIES: Final = 24
"""How often a reservation is tried that others were in the way of: two seconds in all."""
_ENDING_TRIES: Final = 80
"""How often an ending is: seven seconds. A provider has been paid, and ten are left for it."""
_FIRST_PAUSE_SECONDS: Final = 0.004
_LONGEST_PAUSE_SECONDS: Final = 0.2
_BARRING_TRIES: Final = 3
_GRACE_SECONDS: Final = 60
"""How long after its invocation must have ended a hold is left alone."""

_OF_CALL_SECONDS: Final = 900
"""A call that is waited for is settled by then: its row's time tells when."""

Pause = Callable[[float], None]
_AS_RESERVED: Final = Position()


def _untold(_: int) -> None:
    """Tell nobody, where there are no metrics: operators read what their command did."""


@dataclass(frozen=True)
class HoldPolicy:
    """What this deployment's budgets start with, and what bounds a call."""

    seeds: Seeds
    max_share_percent: int
    key_limits: KeyLimits


@dataclass(frozen=True)
class Wanted:
    """What is to be held: for which call, how much, and until when, in epoch seconds."""

    entry: Entry
    key: KeyRow
    nano: int
    expires_at: int

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes it is taken from."""
        return scopes_of(self.key.team, self.key.digest, self.entry.request_id)


class Holding:
    """Reserves, settles and expires holds, each once, whoever else is at it."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        policy: HoldPolicy,
        pause: Pause,
        jitter: Callable[[], float] = random.random,
        charged: Callable[[int], None] = _untold,
    ) -> None:
        """``charged`` is told what is charged in full, and, below zero, what is given back of it.

        In nano-dollars, by the one process that did it, as soon as it is done.
        """
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._pause = pause
        self._jitter = jitter
        self._charged = charged

    def limits_of(self, key: KeyRow) -> KeyLimits:
        """Return what a key may do: what its row says, else what the environment says."""
        own, usual = key.limits, self._policy.key_limits
        return KeyLimits(
            requests_per_minute=_own_or(own.requests_per_minute, usual.requests_per_minute),
            tokens_per_minute=_own_or(own.tokens_per_minute, usual.tokens_per_minute),
            in_flight=_own_or(own.in_flight, usual.in_flight),
        )

    def _bounding(self, wanted: Wanted) -> KeyLimits:
        """Return what bounds a key here: a deferred call waits, so it is not one of many at once.

        Nor do its tokens count in a minute: they come when the provider has the time.
        """
        limits = self.limits_of(wanted.key)
        if wanted.entry.variant == "standard":
            return limits
        return KeyLimits(requests_per_minute=limits.requests_per_minute)

    def today(self, budgets: Mapping[Scope, Budget]) -> list[Budget]:
        """Return budgets as they are at this moment, though nothing was written yet."""
        day = current_day(budgets.values(), self._clock_day())
        return [as_of(budget, day, self._clock()) for budget in budgets.values()]

    def standing(self, scopes: Iterable[Scope]) -> list[Budget]:
        """Return the budgets of scopes as they are at this moment; raises ``StoreUnavailable``."""
        return self.today(self._ledger.read_budgets(scopes))

    def reserve(self, wanted: Wanted, seen: Mapping[Scope, Budget] | None) -> OpenHold:
        """Hold money in all scopes of a call, deciding by budgets as they were seen, if they were.

        Raises ``BudgetExceeded`` or ``KeyLimited``, and ``StoreUnavailable`` where the ledger
        cannot be reached or is too busy: then nothing is held.
        """
        limits = HoldLimits(self._policy.max_share_percent, self._bounding(wanted))
        seen = self._ledger.read_budgets(wanted.scopes) if seen is None else seen
        budgets = [seen.get(scope) or self._opened(scope, wanted.key) for scope in wanted.scopes]
        for _ in self._tries():
            budgets, day = self._current(budgets)
            environment, *own = budgets
            self._check(own, wanted.nano, limits)
            if not self._has_room(environment, wanted.nano, limits):
                budgets = [self._fresh(environment), *own]
                continue
            hold = Hold(wanted.entry, wanted.nano, day, wanted.scopes, wanted.expires_at)
            found = self._try_to_reserve(hold, budgets, limits)
            if isinstance(found, Hold):
                return OpenHold(found, _remaining(own, wanted.nano))
            budgets = [found.get(budget.scope, budget) for budget in budgets]
        raise StoreUnavailable("ledger")

    def taken_up(self, hold: Hold) -> OpenHold:
        """Return a hold that another process opened and this one spends; raises ``ValueError``."""
        if self._clock() >= hold.expires_at:
            raise ValueError("the hold has expired")
        return OpenHold(hold)

    def slices(self) -> list[Budget]:
        """Return all slices of the environment's budget as they are now, read together."""
        while True:
            standing = self._slices()
            if self._current(standing)[0] == standing:
                return standing

    def settle(self, opened: OpenHold, settlement: Settlement) -> bool:
        """Settle a hold at the real cost of its call, once; raises ``StoreUnavailable``.

        False where it was settled before.
        """
        return self._end(opened.hold, settlement, settling)

    def settle_later(self, hold: Hold, settlement: Settlement) -> bool:
        """Settle a hold that another process opened, perhaps days ago; as :meth:`settle`.

        It is certain to have been booked: where neither it nor its row stands, it was given back.
        """
        return self._end(hold, settlement, _settling_later)

    def release(self, hold: Hold) -> None:
        """Give a hold back whose call provably costs nothing, once; raises ``StoreUnavailable``.

        One that had expired meanwhile was charged in full: that is given back too.
        """
        self._end(hold, None, _releasing)
        nothing = Settlement("failed", TokenCounts(), "none", cost_nano=0, baseline_nano=0)
        self._end(hold, nothing, _giving_back, Position(hold_stands=False, row="expired"))

    def close_place(self, team: str, request_id: str, attempt: int, expires_at: int) -> Hold | None:
        """Return the hold of an attempt, or keep one from being booked, either for good.

        Raises ``StoreUnavailable``.
        """
        return self._ledger.close_place(team, request_id, attempt, expires_at)

    def expire(self, hold: Hold) -> bool:
        """Charge a hold whose time is over in full; raises ``StoreUnavailable``.

        False where it had ended before.
        """
        charged = Settlement(
            outcome="expired",
            tokens=TokenCounts(),
            usage_source="held",
            cost_nano=hold.nano,
            baseline_nano=hold.nano,
        )
        return self._end(hold, charged, expiring)

    def expired(self, team: str) -> list[Hold]:
        """Return a team's holds whose time is over."""
        return self._ledger.expired_holds(team, self._clock())

    def _try_to_reserve(
        self, hold: Hold, budgets: Sequence[Budget], limits: HoldLimits
    ) -> Hold | Mapping[Scope, Budget]:
        try:
            return self._ledger.reserve(hold, budgets, limits, self._clock())
        except StoreUnavailable:
            self._abandon(hold)
            raise

    def _abandon(self, hold: Hold) -> None:
        """Take back a reservation whose answer was lost: it may have arrived, or still arrive.

        What cannot be taken back expires, and is charged in full.
        """
        position = Position()
        for _ in range(_BARRING_TRIES):
            try:
                found = self._ledger.end(hold, None, ABANDON, position)
                if found is None:
                    return
                if not found.hold_stands:
                    self._ledger.bar(hold)
                    found = self._ledger.end(hold, None, ABANDON, found)
                    if found is None or not found.hold_stands:
                        return
                position = found
            except StoreUnavailable:
                return

    def _end(
        self,
        hold: Hold,
        settlement: Settlement | None,
        how: Callable[[bool, RowState], Ending | None],
        position: Position = _AS_RESERVED,
    ) -> bool:
        """End a hold; returns whether it was done here, or before."""
        for _ in self._tries(_ENDING_TRIES):
            ending = how(position.hold_stands, position.row)
            if ending is None:
                return False
            self._reopen_rollups(hold, ending)
            late_at = self._late_at(hold, ending)
            found = self._ledger.end(hold, settlement, ending, position, late_at)
            if found is None:
                self._tell_doubt(hold, settlement, ending)
                return True
            position = found
        raise StoreUnavailable("ledger")

    def _tell_doubt(self, hold: Hold, settlement: Settlement | None, ending: Ending) -> None:
        cost = settlement.cost_nano if settlement else 0
        if doubt := ending.movement(hold.nano, cost).doubt:
            self._charged(doubt)

    def _late_at(self, hold: Hold, ending: Ending) -> float | None:
        """Return the time where it is not, within minutes and the same day, that of the call."""
        now = self._clock()
        is_of_call = now < hold.entry.opened_at + _OF_CALL_SECONDS
        is_at_once = is_of_call and f"{utc(now):%Y-%m-%d}" == hold.day
        return None if ending is SETTLE and hold.is_in_flight and is_at_once else now

    def _reopen_rollups(self, hold: Hold, ending: Ending) -> None:
        """Before a row is written or replaced after its hour, have the hour added up anew.

        The hour before has it as evidence of a retry. A call that was waited for and is settled
        while its hold lasts is never late; one whose process was frozen in the meantime may be, by
        hours, and a deferred call mostly is.
        """
        now = self._clock()
        is_in_time = hold.is_in_flight and ending is SETTLE and now < hold.expires_at
        if is_in_time or not ending.writes_row:
            return
        # Late rows are rare: no cold start waits for what adds usage up.
        from shared.domain.rollups import SETTLING_SECONDS  # noqa: PLC0415
        from shared.domain.usage_rows import epoch, hour_before, hour_end, moment_of  # noqa: PLC0415

        hour = hold.day + moment_of(hold.entry.opened_at)[10:13]
        if now >= epoch(hour_end(hour)):
            until = int(now) + SETTLING_SECONDS
            self._ledger.reopen(hold.entry.team, [hour, hour_before(hour)], until)

    def _current(self, budgets: list[Budget]) -> tuple[list[Budget], str]:
        """Write down what time has done to the budgets; returns them and the day they are in."""
        while True:
            now = self._clock()
            day = current_day(budgets, self._clock_day())
            steps = [(budget, next_step(budget, day, now)) for budget in budgets]
            if not any(step for _, step in steps):
                return budgets, day
            budgets = [self._taken(budget, step) for budget, step in steps]

    def _taken(self, budget: Budget, step: Step | None) -> Budget:
        if step is None:
            return budget
        if isinstance(step, DropRaise) and budget.scope.kind == "environment":
            self._lower_slices()
            return self._fresh(budget)
        return self._ledger.take_step(budget, step)

    def _lower_slices(self) -> None:
        """Take ended raises from all slices at once, so that none owes what another may spend."""
        slices = self._slices()
        day = current_day(slices, self._clock_day())
        if behind := [each for each in slices if each.day.label < day]:
            for each in behind:
                self._ledger.take_step(each, Roll(day))
            return
        after = lowered(slices, self._clock())
        if after != slices:
            self._ledger.recut(slices, after)

    def _check(self, budgets: Sequence[Budget], nano: int, limits: HoldLimits) -> None:
        error = refusal(budgets, nano, limits, self._clock())
        if error is not None:
            raise error

    def _has_room(self, piece: Budget, nano: int, limits: HoldLimits) -> bool:
        """Whether a slice of the environment has room; if not, it is made, or refused."""
        if allows(piece, nano, limits.max_share_percent):
            return True
        slices = self.slices()
        self._check([together(slices)], nano, limits)
        own = next(each for each in slices if each.scope == piece.scope)
        if gifts := donors(own, [each for each in slices if each != own], nano):
            self._ledger.move_room(own, gifts)
            return False
        return own == piece

    def _slices(self) -> list[Budget]:
        standing = self._ledger.read_budgets(all_slices())
        if missing := [scope for scope in all_slices() if scope not in standing]:
            for scope in missing:
                self._opened(scope, None)
            # Room may have moved meanwhile: slices add up only if they are read together.
            standing = self._ledger.read_budgets(all_slices())
        return [standing[scope] for scope in all_slices()]

    def _fresh(self, budget: Budget) -> Budget:
        return self._ledger.read_budgets([budget.scope])[budget.scope]

    def _opened(self, scope: Scope, key: KeyRow | None) -> Budget:
        key_id = key.key_id if key is not None and scope.kind == "key" else None
        return self._ledger.open_budget(self._policy.seeds.opened(scope, self._clock_day(), key_id))

    def _clock_day(self) -> str:
        return f"{utc(self._clock()):%Y-%m-%d}"

    def _tries(self, most: int = _TRIES) -> Iterator[int]:
        """Yield at once, and then after pauses that grow."""
        for number in range(most):
            if number:
                doubled = _FIRST_PAUSE_SECONDS * 2 ** min(number, 10)
                longest = min(_LONGEST_PAUSE_SECONDS, doubled)
                self._pause(longest * self._jitter())
            yield number


def _settling_later(hold_stands: bool, row: RowState) -> Ending | None:
    """Return how a call is settled whose hold was booked long ago."""
    is_unheld = row == "none" and not hold_stands
    return SETTLE_UNHELD if is_unheld else settling(hold_stands, row)


def _releasing(hold_stands: bool, row: RowState) -> Ending | None:
    """Return how a hold is given back, or None where it stands no more."""
    if not hold_stands or row == "expired":
        return None
    return ABANDON if row == "none" else DROP_SETTLED


def _giving_back(hold_stands: bool, row: RowState) -> Ending | None:
    """Return how what was charged for an expired hold is given back, or None where none was."""
    return settling(hold_stands, row) if row == "expired" else None


def expiry_of(deadline: float) -> int:
    """Return when the hold of an invocation that must end by a time is over, in epoch seconds."""
    return int(deadline) + _GRACE_SECONDS


def _own_or(own: int | None, usual: int | None) -> int | None:
    return usual if own is None else own


def _remaining(budgets: Sequence[Budget], nano: int) -> int | None:
    """Return what the tightest hard cap of a key or its team has left after a hold."""
    left = [
        counter.avail - nano
        for budget in budgets
        if budget.may_refuse
        for _, counter in budget.counters
        if counter.is_capped
    ]
    return min(left, default=None)
