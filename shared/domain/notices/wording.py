"""Notices in words: what happened, who spent it, and the next command to type.

A reader is on call and half awake: first what it is, then what to do, then why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.budgets import Budget
from shared.domain.budgets.ladder import rungs, used_tenths
from shared.domain.budgets.shown import rung_shown
from shared.domain.money import format_usd
from shared.domain.notices.alarm_notices import AlarmNotice
from shared.domain.notices.budget_notices import ALL_CLEAR_FROM, BudgetNotice
from shared.domain.notices.spending import BYS, Spending, exhausted_at, spending_facts

RUNBOOK: Final = "docs/runbook.md"
_TIGHT: Final = 5
"""How many budgets are named, the fullest first."""
_SHORT_MINUTES: Final = 5
"""The short companion of a burn rate's window: whether it still burns."""
_STEPS: Final = {
    "normal": "everything is served",
    "warn": "everything is served, callers are warned",
    "cheapest": "only the cheapest tier is served",
    "batch_only": "only answers from the cache and calls with a deadline are served",
    "stopped": "only answers from the cache are served",
}


@dataclass(frozen=True)
class Worded:
    """A notice for people and for programs."""

    headline: str
    text: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Money:
    """What everybody spends, and all budgets."""

    budgets: Sequence[Budget]
    spending: Spending


def budget_worded(notice: BudgetNotice, spending: Spending, where: str) -> Worded:
    """Put a notice of a budget into words."""
    lines = [*_money(notice), *([] if notice.is_clear else _next_steps(notice, spending, where))]
    if not notice.is_clear:
        lines[1:1] = [_forecast(notice, spending), *_spenders(spending)]
    facts = {
        "kind": "all_clear" if notice.is_clear else "budget",
        "threshold_percent": notice.threshold,
        "period": notice.counter.label,
        **rung_shown(notice.rung),
        **spending_facts(notice.budget, notice.period, spending),
        "runbook": _section(notice),
    }
    return Worded(_headline(notice), "\n".join(lines), facts)


def alarm_worded(notice: AlarmNotice, where: str, money: Money | None = None) -> Worded:
    """Put a notice of an alarm into words, with what the environment spends where it is of use."""
    change = notice.change
    says, _, todo = change.says.partition(" What to do: ")
    since = _moment(notice.since / 1000)
    if notice.is_clear:
        headline = f"All clear: {change.name}"
        lines = [f"It is over since {_moment(change.at / 1000)}; it went off at {since}.", says]
    else:
        headline = f"Alarm: {change.name}"
        over = [f"It is over since {_moment(notice.after.at / 1000)}."] if notice.is_over else []
        lines = [says, f"Since {since}. CloudWatch: {change.reason}", *over]
        lines += [f"What it means and what to do first: {todo or RUNBOOK}", "First:"]
        lines += [f"  sluice alarms list {where}", f"  sluice usage --by model --since 1h {where}"]
        lines += _of_money(money) if money else []
    facts = {
        "kind": "all_clear" if notice.is_clear else "alarm",
        "alarm": change.name,
        "state": change.state,
        "since": since,
        "reason": change.reason,
        "runbook": todo or RUNBOOK,
    }
    return Worded(headline, "\n".join(lines), facts)


def told_together(worded: Sequence[Worded], environment: str) -> tuple[str, str, dict[str, Any]]:
    """Return the subject, the text and the facts of what was found at once."""
    first, *others = worded
    more = f" and {len(others)} more" if others else ""
    subject = f"[sluice {environment}] {first.headline}{more}"
    text = "\n\n".join(f"{each.headline}\n{each.text}" for each in worded)
    return subject, text, {"environment": environment, "notices": [each.facts for each in worded]}


def _of_money(money: Money) -> Iterator[str]:
    hour = format_usd(money.spending.last_hour_nano)
    lately = format_usd(_short(money.spending))
    yield f"The last hour spent ${hour}; its last {_SHORT_MINUTES} minutes, ${lately}."
    yield from _spenders(money.spending)
    tight = sorted(rungs(money.budgets), key=lambda rung: used_tenths(rung.counter), reverse=True)
    for rung in tight[:_TIGHT]:
        shown = rung_shown(rung)
        yield f"{rung.name}: {shown['used_percent']} % of ${shown['cap_usd']}, step {shown['step']}"


def _short(spending: Spending) -> int:
    since = spending.now - _SHORT_MINUTES * 60
    return sum(row.cost_nano for row in spending.rows if row.at >= since)


def _headline(notice: BudgetNotice) -> str:
    name = notice.rung.name
    if notice.why == "new_period":
        return f"All clear: {name} begins anew ({notice.counter.label})"
    if notice.why == "raised":
        return f"All clear: {name} is back under {_was(notice)} %"
    if notice.threshold == 100:
        return f"{name} is used up"
    return f"{name} has reached {notice.threshold} %"


def _was(notice: BudgetNotice) -> int:
    return notice.before.threshold if notice.before else 0


def _money(notice: BudgetNotice) -> Iterator[str]:
    shown = rung_shown(notice.rung)
    raised = notice.counter.raised
    note = f" (${format_usd(raised)} of it a raise)" if raised else ""
    yield (
        f"Spent ${shown['spent_usd']} and held ${shown['held_usd']} of ${shown['cap_usd']}{note}: "
        f"{shown['used_percent']} %. Step {shown['step']}: {_STEPS[shown['step']]}."
    )


def _forecast(notice: BudgetNotice, spending: Spending) -> str:
    hour = f"The last hour spent ${format_usd(spending.last_hour_nano)}"
    reset = rung_shown(notice.rung)["reset_at"]
    at = exhausted_at(notice.budget, notice.period, spending)
    if at is None:
        return f"{hour}. It begins anew at {reset}."
    until = datetime.fromisoformat(reset).timestamp()
    if at >= until:
        return f"{hour}; if that goes on, the cap holds until it begins anew at {reset}."
    return f"{hour}; if that goes on, nothing is left by {_moment(at)}. It begins anew at {reset}."


def _spenders(spending: Spending) -> Iterator[str]:
    for by in BYS:
        shares = [f"{s.name} ${format_usd(s.nano)} ({s.change})" for s in spending.top(by)]
        if shares:
            yield f"By {by}: {', '.join(shares)}"


def _next_steps(notice: BudgetNotice, spending: Spending, at: str) -> Iterator[str]:
    name = notice.budget.name
    fifth = max(1, -(-notice.counter.limit // 5))
    yield "Next:"
    yield f"  sluice budget show {name} {at}"
    yield (
        f"  sluice budget raise {name} --by {format_usd(fifth)} --for 4h"
        f'{" --period month" if notice.period == "month" else ""} --reason "…" {at}'
    )
    if freezes := _to_freeze(notice, spending):
        yield f'  sluice budget freeze {freezes} --reason "…" {at}'
    yield f"Runbook: {_section(notice)}"


def _to_freeze(notice: BudgetNotice, spending: Spending) -> str | None:
    """Return what to freeze: the dearest key, never all callers for one; at half, nothing yet."""
    if notice.threshold < ALL_CLEAR_FROM:
        return None
    if notice.budget.scope.kind == "key":
        return notice.budget.name
    dearest = spending.top("key")[:1]
    return f"key:{dearest[0].name}" if dearest else None


def _section(notice: BudgetNotice) -> str:
    level = notice.threshold if not notice.is_clear else _was(notice)
    return f"{RUNBOOK}#budget-{level or 80}"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, tz=UTC):%Y-%m-%d %H:%M} UTC"
