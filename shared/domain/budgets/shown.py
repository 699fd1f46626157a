"""Budgets as people and programs read them: money as decimal USD, times as ISO 8601 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.domain.budgets.budget import Budget, Counter
from shared.domain.budgets.ladder import LadderStep, Rung, step_of, used_tenths
from shared.domain.budgets.refusals import facts_of
from shared.domain.money import format_usd


def rung_shown(rung: Rung) -> dict[str, Any]:
    """Return one capped counter as callers see it: ``cap_usd`` is the cap with its raise."""
    return {
        **facts_of(rung),
        "doubt_usd": format_usd(rung.counter.doubt),
        "used_percent": used_tenths(rung.counter) / 10,
        "step": step_shown(rung),
    }


def budget_shown(budget: Budget) -> dict[str, Any]:
    """Return a whole budget as operators see it; what has no cap has no ``left_usd`` either."""
    told = {
        "budget": budget.name,
        "on_limit": budget.on_limit,
        "ladder": list(budget.ladder),
        "frozen": budget.frozen_because,
        "in_flight": budget.in_flight,
    }
    rungs = (Rung(budget, period, step_of(budget, period)) for period, _ in budget.counters)
    return told | {rung.period: _counter_shown(rung) for rung in rungs}


def limits_shown(counter: Counter) -> dict[str, Any]:
    """Return the cap of a counter and its raise; None where there is none."""
    is_raised = counter.raised != 0
    return {
        "cap_usd": format_usd(counter.cap) if counter.is_capped else None,
        "raised_usd": format_usd(counter.raised) if is_raised else None,
        "raised_until": _moment(counter.raised_until) if is_raised else None,
    }


def step_shown(rung: Rung) -> LadderStep:
    """Return the step of a counter; a frozen budget is stopped, whatever it has spent."""
    return "stopped" if rung.budget.frozen_because is not None else rung.step


def _counter_shown(rung: Rung) -> dict[str, Any]:
    counter = rung.counter
    is_capped = counter.is_capped
    told = rung_shown(rung)
    return {
        "label": counter.label,
        **limits_shown(counter),
        **{name: told[name] for name in ("spent_usd", "held_usd", "doubt_usd")},
        "left_usd": format_usd(counter.avail) if is_capped else None,
        "used_percent": told["used_percent"] if is_capped else None,
        "step": told["step"],
        "reset_at": told["reset_at"],
    }


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%SZ}"
