"""The audit of a day shortly before it ends: whether the books add up, and metrics with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from shared.clock import Clock, utc
from shared.domain.budgets.audit import Finding
from shared.domain.notices import AlarmTold, Message
from shared.domain.notices.alarm_notices import LAST_AUDIT
from shared.domain.notices.alarm_notices import audited as remembered
from shared.domain.notices.wording import RUNBOOK
from shared.ports.notices import GuardMeter, MetricTotals, Notices
from shared.ports.operators import BudgetAdmin
from shared.usecases.budget_audit import Audit, Audited
from shared.usecases.delivery import Delivery

NO_MATTER_NANO: Final = 50_000_000
"""Metrics arrive minutes late: five cents are no gap, whatever the day has cost."""


class DailyAudit:
    """Audits the current day, tells what is off once, and measures the rest.

    Raises ``StoreUnavailable``; errors of AWS pass through.
    """

    def __init__(
        self,
        *,
        environment: str,
        where: str,
        audit: Audit,
        admin: BudgetAdmin,
        totals: MetricTotals,
        price_age_days: Callable[[float], int],
        notices: Notices,
        delivery: Delivery,
        meter: GuardMeter,
        clock: Clock,
    ) -> None:
        self._environment = environment
        self._where = where
        self._audit = audit
        self._admin = admin
        self._totals = totals
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
        gap = self._gap_permille(day, now)
        self._meter.audited(len(audited.findings), gap, self._price_age_days(now))
        if audited.findings:
            self._notices.write(self._message(audited), [])
        self._remember(now)
        self._delivery()
        return audited

    def _remember(self, now: float) -> None:
        """Write down that a day was audited; another guard's word for it is as good."""
        told = self._notices.told()
        last = [t for t in told if isinstance(t, AlarmTold) and t.name == LAST_AUDIT]
        self._notices.write(None, [remembered(last[0] if last else None, now)])

    def _gap_permille(self, day: str, now: float) -> int:
        begun = _start(day)
        rows = sum(
            row.cost_nano for team in self._admin.teams() for row in self._admin.booked(team, day)
        )
        return gap_permille(rows, self._totals.cost_nano(begun, now))

    def _message(self, audited: Audited) -> Message:
        """Return what is told; under an id and a time of the day, so that it is told once."""
        findings = "\n".join(map(_line, audited.findings))
        subject = f"[sluice {self._environment}] The books of {audited.day} do not add up"
        text = (
            f"{findings}\n\nNext:\n  sluice budget audit --day {audited.day} {self._where}\n"
            f"  sluice budget log --since 2d {self._where}\nRunbook: {RUNBOOK}#audit-findings"
        )
        facts = {
            "kind": "audit",
            "environment": self._environment,
            "day": audited.day,
            "findings": [asdict(each) for each in audited.findings],
        }
        return Message(f"audit-{audited.day}", _start(audited.day), subject, text, facts)


def gap_permille(rows_nano: int, metrics_nano: int) -> int:
    """Return how far metrics are from rows, in thousandths of the rows, rounded down."""
    gap = abs(rows_nano - metrics_nano)
    return 0 if gap <= NO_MATTER_NANO else gap * 1000 // max(rows_nano, 1)


def _line(finding: Finding) -> str:
    return f"{finding.invariant} {finding.budget}: {finding.what}"


def _start(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
