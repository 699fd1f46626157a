"""Looks at the tables after every step and says what must never be, with the name of the rule.

I1  the provider's books are within the cap (and its raise) of every hard budget
I2  avail + spent + held = cap + raised for every counter; the slices' caps add up
I3  every call that reached the provider is held or charged for, at no less than it cost
I4  a call settles once, at its own cost; another row of it can only be one of another day, where
    it was booked first, expired and is in doubt
I5  after a sweep no hold is older than its expiry
I6  no provider call without a hold, open or charged in full
I7  usage rows and holds come to what the counters say, to the nano-dollar

Where an operator takes a cap down below what is committed, nothing more may be: I1 then holds
against what was committed at that moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from tests.simulation.books import Books
from tests.simulation.fitting import fits
from tests.simulation.grants import check_grant, check_minutes
from tests.simulation.orders import Bounds, Order
from tests.simulation.scheduler import Clock, Task
from tests.simulation.small_dynamo import Snapshot
from tests.simulation.sums import Place, Totals, totals
from tests.simulation.view import Call, Count, Reader, Row, View


class Broken(AssertionError):
    """A rule was broken."""


class SnapshotReader(Protocol):
    """Knows the items of one scheme."""

    def view(self, snapshot: Snapshot) -> View:
        """Return what stands in a snapshot."""


class Judge:
    """Watches one world; ``reader_type`` reads what its scheme has written."""

    reader_type: Callable[[], SnapshotReader] = Reader

    def __init__(self, bounds: Bounds, clock: Clock) -> None:
        self.orders: dict[Call, Order] = {}
        self.books = Books()
        self.view = View()
        self._bounds = bounds
        self._clock = clock
        self._reader = type(self).reader_type()
        self._known: dict[Call, int] = {}
        self._allowed: dict[Place, int] = {}
        self._limits: dict[Place, int] = {}
        self._wanted: dict[Call, Task] = {}
        self._had_no_room: set[Call] = set()

    def look(self, snapshot: Snapshot) -> None:
        """Check every rule that holds at every step."""
        before, self.view = self.view, self._reader.view(snapshot)
        sums = totals(self.view, self.orders)
        self._check_counters(sums)
        self._check_slices()
        self._check_cover()
        self._check_known()
        self._check_single()
        self._check_late()
        self._check_caps(sums)
        self._check_grants(before)
        self._notice_refusals()

    def wants(self, order: Order, task: Task) -> None:
        """Hear that a reservation begins."""
        self._wanted[order.call] = task
        self._notice_refusals()

    def refused(self, call: Call, why: str) -> None:
        """Hear that an order was refused: somewhere on the way it must not have fitted."""
        self._require(call in self._had_no_room, f"phantom refusal of {call}: {why}")
        self.decided(call)

    def unavailable(self, call: Call, faults: int) -> None:
        """Hear that the ledger could not be reached, after so many faults that can cause it."""
        self._require(faults > 0, f"{call} found no ledger though nothing failed")
        self.decided(call)

    def decided(self, call: Call) -> None:
        """Hear that a reservation is over."""
        del self._wanted[call]

    def provider_called(self, order: Order, day: str) -> None:
        """Hear of a provider call that begins."""
        row = self.view.rows.get((order.call, day))
        is_charged = row is not None and row.status == "expired" and row.cost >= order.nano
        is_covered = order.call in self.view.holds or is_charged
        self._require(is_covered, f"I6: {order.call} reaches the provider without a hold")
        self.books.charge(order, day)

    def settled(self, order: Order) -> None:
        """Hear that the ledger said it has settled an order."""
        self._known[order.call] = order.cost
        self._check_known()

    def check_end(self) -> None:
        """Check what must be true once all is quiet and swept."""
        self._require(not self.view.holds, f"I5: holds are left: {list(self.view.holds)}")
        for purse in self.view.purses.values():
            self._require(purse.in_flight == 0, f"leak: {purse.whose} has calls in flight")
            for count in purse.counts:
                self._require(count.held == 0, f"leak: {count} still holds")

    def _check_counters(self, sums: Totals) -> None:
        for purse in self.view.purses.values():
            flying = sums.open_calls[purse.whose] if purse.whose[0] == "key" else 0
            self._require(purse.in_flight == flying, f"I7: {purse.whose} in flight is not {flying}")
            day, month = purse.counts
            self._require(day.label[:7] == month.label, f"{purse.whose} is in two months")
            for count in purse.counts:
                self._require(count.raised >= 0, f"{count} is raised by less than nothing")
                self._check_count(count, sums)

    def _check_count(self, count: Count, sums: Totals) -> None:
        parts = count.avail + count.spent + count.held
        self._require(parts == count.limit, f"I2: {count} does not add up")
        place = (count.whose, count.period, count.label)
        for name in ("held", "spent", "doubt"):
            counted, true = getattr(count, name), getattr(sums, name)[place]
            self._require(counted == true, f"I7: {name} is {counted}, not {true}: {count}")

    def _check_slices(self) -> None:
        found = {
            whose[1]: purse
            for whose, purse in self.view.purses.items()
            if whose[0] == "environment"
        }
        wanted = self.view.environment_caps or self._bounds.environment
        for index, cap in enumerate(wanted):
            caps = [
                found[str(n)].counts[index].cap if str(n) in found
                else self._bounds.slice_caps(n)[index]
                for n in range(4)
            ]  # fmt: skip
            self._require(sum(caps) == cap, f"I2: the slices' caps {caps} are not {cap}")

    def _check_cover(self) -> None:
        for call, cost in self.books.costs.items():
            hold = self.view.holds.get(call)
            covered = max([hold.nano if hold else 0, *(row.cost for row in self._rows_of(call))])
            self._require(covered >= cost, f"I3: {call} cost {cost}, covered are {covered}")

    def _check_known(self) -> None:
        for call, cost in self._known.items():
            final = [row.cost for row in self._rows_of(call) if row.status != "expired"]
            self._require(final == [cost], f"I4: {call} was settled at {cost}, not {final}")

    def _check_single(self) -> None:
        final = Counter(row.call for row in self.view.rows.values() if row.status != "expired")
        twice = [call for call, number in final.items() if number > 1]
        self._require(not twice, f"I4: settled twice: {twice}")

    def _check_late(self) -> None:
        cost = sum(row.cost for row in self.view.rows.values() if row.is_late)
        moved = self.view.late
        self._require(moved == cost, f"I7: late settlements moved {moved}, their rows cost {cost}")

    def _rows_of(self, call: Call) -> list[Row]:
        return [row for row in self.view.rows.values() if row.call == call]

    def _check_caps(self, sums: Totals) -> None:
        for place, limit in self._current_limits().items():
            if self._limits.get(place) != limit:
                self._limits[place] = limit
                self._allowed[place] = max(limit, sums.committed(place))
        for place, allowed in self._allowed.items():
            paid = self.books.totals[place]
            self._require(paid <= allowed, f"I1: {place} paid {paid} of {allowed}")
            likely = sums.committed(place)
            self._require(likely <= allowed, f"I1: {place} committed {likely} of {allowed}")

    def _current_limits(self) -> dict[Place, int]:
        """Return what every hard counter may spend, the slices as one."""
        limits: dict[Place, int] = {}
        slices = [p for p in self.view.purses.values() if p.whose[0] == "environment"]
        caps = self.view.environment_caps or self._bounds.environment
        for purse in self.view.purses.values():
            if not purse.is_hard:
                continue
            for index, count in enumerate(purse.counts):
                if purse.whose[0] == "environment":
                    raised = sum(each.counts[index].raised for each in slices)
                    limits[("environment",), count.period, count.label] = caps[index] + raised
                else:
                    limits[count.whose, count.period, count.label] = count.limit
        return limits

    def _check_grants(self, before: View) -> None:
        new = [hold for call, hold in self.view.holds.items() if call not in before.holds]
        for hold in new:
            for whose in hold.scopes:
                wrong = check_grant(before.purses.get(whose), self.view.purses[whose], self._bounds)
                self._require(wrong is None, f"{hold.call} was granted: {wrong}")
        if self.view is not before:
            wrong = check_minutes(before, self.view, new)
            self._require(wrong is None, f"minutes: {wrong}")

    def _notice_refusals(self) -> None:
        for call, task in self._wanted.items():
            if call not in self._had_no_room:
                now = self._clock.now + task.skew
                if not fits(self.view, self.orders[call], self._bounds, now):
                    self._had_no_room.add(call)

    def _require(self, is_so: bool, what: str) -> None:
        if not is_so:
            raise Broken(what)


class BooksJudge(Judge):
    """Knows the provider's books and the first caps, and nothing of the ledger."""

    def look(self, snapshot: Snapshot) -> None:
        """Check the books against the caps."""
        for place, paid in self.books.totals.items():
            whose, period, _ = place
            caps = self._bounds.environment
            if whose != ("environment",):
                caps = self._bounds.first_caps(whose)
            cap = caps[("day", "month").index(period)]
            self._require(paid <= cap, f"I1: {place} paid {paid} of {cap}")

    def provider_called(self, order: Order, day: str) -> None:
        """Write it down."""
        self.books.charge(order, day)

    def refused(self, call: Call, why: str) -> None:
        """Believe it."""
        self.decided(call)

    def unavailable(self, call: Call, faults: int) -> None:
        """Believe it."""
        self.decided(call)

    def settled(self, order: Order) -> None:
        """Believe it."""

    def check_end(self) -> None:
        """Ask for nothing."""
