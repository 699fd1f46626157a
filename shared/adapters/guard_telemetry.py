"""The budget guard's own metrics."""

from __future__ import annotations

from shared.adapters.telemetry import PowertoolsMeter
from shared.domain.budgets import Budget
from shared.domain.notices.budget_notices import used_percent
from shared.meters import GAUGES, Meter


class PowertoolsGuardMeter(PowertoolsMeter):
    """Implements :class:`shared.ports.notices.GuardMeter`."""

    def budget(self, budget: Budget) -> None:
        """Tell the gauges of every capped counter; nothing where the month has spent nothing.

        A point in each hour is a metric to pay for, and an idle stack's budget is no news.
        """
        if not budget.month.spent and not budget.month.held:
            return
        values: dict[Meter, int] = {}
        for period, counter in budget.counters:
            if counter.is_capped:
                gauges = GAUGES[period]
                values[gauges.used] = used_percent(budget, period)
                values[gauges.cap] = counter.limit
        self.measured(values)

    def audited(self, findings: int, price_age_days: int) -> None:
        """Tell both, nothing found too: a day without is a day without an audit."""
        self.measured({Meter.AUDIT_FINDINGS: findings, Meter.PRICE_AGE: price_age_days})

    def gap(self, permille: int) -> None:
        """Tell it, none too: the alarm stays as it is until the next day's."""
        self.measured({Meter.LEDGER_GAP: permille})

    def audit_overdue(self, hours: int) -> None:
        """Tell it where it is."""
        self.measured({Meter.AUDIT_OVERDUE: hours})

    def undelivered(self, messages: int) -> None:
        """Tell it: a gauge, at every look."""
        self.measured({Meter.UNDELIVERED: messages})
