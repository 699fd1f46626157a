"""The audits of a day: its books shortly before it ends, its metrics shortly after.

The counters of a day are gone when the next one begins, so they are compared by then. A day's
usage rows and metrics stay, and are whole when it is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from shared.clock import Clock, utc
from shared.domain.budgets.audit import Finding
from shared.domain.notices import DailyDone, Message
from shared.domain.notices.audits import Daily, done
from shared.domain.notices.wording import Place
from shared.ports.notices import GuardMeter, MetricTotals, Notices
from shared.ports.operators import BudgetAdmin
from shared.usecases.budget_audit import Audit, Audited
from shared.usecases.guarding.delivery import Delivery

NO_MATTER_NANO: Final = 50_000_000
"""A call around midnight may count in one day here and in the next there: five cents are no gap."""
MOST_DAYS: Final = 7
"""What a guard that did not run for longer left uncompared nobody can mend any more."""
_DAY_SECONDS: Final = 24 * 3600


class DailyAudit:
    """Audits the books of the current day, and tells what is off once.

    Raises ``StoreUnavailable``; errors of AWS pass through.
    """

    def __init__(
        self,
        *,
        environment: str,
        place: Place,
        audit: Audit,
        price_age_days: Callable[[float], int],
        notices: Notices,
        delivery: Delivery,
        meter: GuardMeter,
        clock: Clock,
    ) -> None:
        self._environment = environment
        self._place = place
        self._audit = audit
        self._price_age_days = price_age_days
        self._notices = notices
        self._delivery = delivery
        self._meter = meter
        self._clock = clock

    def __call__(self) -> Audited:
        """Audit the day that the clock is in."""
        now = self._clock()
        day = f"{utc(now):%Y-%m-%d}"
        audited = self._audit(day)
        for finding in audited.findings:
            self._meter.trouble(
                "audit",
                invariant=finding.invariant,
                budget=finding.budget,
                finding=finding.what,
            )
        self._meter.audited(len(audited.findings), self._price_age_days(now))
        if audited.findings:
            self._notices.write(self._message(audited), [])
        _remember("audit", self._notices, now)
        self._delivery()
        return audited

    def _message(self, audited: Audited) -> Message:
        """Return what is told; under an id and a time of the day, so that it is told once."""
        findings = "\n".join(map(_line, audited.findings))
        subject = f"[sluice {self._environment}] The books of {audited.day} do not add up"
        where = self._place.where
        text = (
            f"{findings}\n{_not_compared(audited)}\nNext:\n"
            f"  sluice budget audit --day {audited.day} {where}\n"
            f"  sluice budget log --since 2d {where}\n"
            f"Runbook: {self._place.runbook}#audit-findings"
        )
        facts = {
            "kind": "audit",
            "environment": self._environment,
            "day": audited.day,
            "findings": [asdict(each) for each in audited.findings],
            "moved_on": list(audited.moved_on),
        }
        message_id, at = f"audit-{audited.day}", _start(audited.day)
        return Message(message_id, at, subject, text, facts, written_at=self._clock())


class DailyGap:
    """Compares what the ledger says that days cost with their metrics: by the time of settlement.

    Raises ``StoreUnavailable``; errors of AWS pass through.
    """

    def __init__(
        self,
        *,
        admin: BudgetAdmin,
        totals: MetricTotals,
        notices: Notices,
        meter: GuardMeter,
        clock: Clock,
    ) -> None:
        self._admin = admin
        self._totals = totals
        self._notices = notices
        self._meter = meter
        self._clock = clock

    def __call__(self) -> int:
        """Measure the days that are over and were not measured; return the largest gap.

        In thousandths. The last day always, and at most seven.
        """
        now = self._clock()
        last = _last("gap", self._notices)
        gap = max(self._of_day(day) for day in days_to_compare(last, now))
        self._meter.gap(gap)
        _remember("gap", self._notices, now)
        return gap

    def _of_day(self, day: str) -> int:
        begun = _start(day)
        rows = sum(self._of_team(team, day) for team in self._admin.teams())
        gap = gap_permille(rows, self._totals.cost_nano(begun, begun + _DAY_SECONDS))
        if gap:
            self._meter.trouble("ledger_gap", day=day, rows_nano=rows, permille=gap)
        return gap

    def _of_team(self, team: str, day: str) -> int:
        """Return what was spent on a day: by calls at once, and by what was settled late."""
        at_once = sum(row.cost_nano for row in self._admin.booked(team, day) if not row.is_late)
        return at_once + self._admin.settled_late(team, day)


def days_to_compare(last: DailyDone | None, now: float) -> list[str]:
    """Return the days that are over since the last comparison, at least one and at most seven.

    Each comparison is of the day before it, so the day of the last one is the first that waits.
    """
    today = _start(f"{utc(now):%Y-%m-%d}")
    done_on = today if last is None else _start(f"{utc(last.at / 1000):%Y-%m-%d}")
    waiting = round((today - done_on) / _DAY_SECONDS)
    number = max(1, min(MOST_DAYS, waiting))
    return [f"{utc(today - back * _DAY_SECONDS):%Y-%m-%d}" for back in range(number, 0, -1)]


def _remember(name: Daily, notices: Notices, now: float) -> None:
    """Write down that one was done; another guard's word for it is as good."""
    notices.write(None, [done(name, _last(name, notices), now)])


def _last(name: Daily, notices: Notices) -> DailyDone | None:
    found = (each for each in notices.told() if isinstance(each, DailyDone))
    return next((each for each in found if each.name == name), None)


def _not_compared(audited: Audited) -> str:
    """Return a line that names the budgets whose next day has begun, if there are any."""
    if not audited.moved_on:
        return ""
    return f"Not compared, since their next day has begun: {', '.join(audited.moved_on)}.\n"


def gap_permille(rows_nano: int, metrics_nano: int) -> int:
    """Return how far metrics are from rows, in thousandths of the rows, rounded down."""
    gap = abs(rows_nano - metrics_nano)
    return 0 if gap <= NO_MATTER_NANO else gap * 1000 // max(rows_nano, 1)


def _line(finding: Finding) -> str:
    return f"{finding.invariant} {finding.budget}: {finding.what}"


def _start(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
