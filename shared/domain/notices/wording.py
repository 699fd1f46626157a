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
from shared.domain.notices.alarm_notices import WHAT_TO_DO, AlarmTold
from shared.domain.notices.budget_notices import ALL_CLEAR_FROM, BudgetNotice
from shared.domain.notices.spending import BYS, HOUR, Spending, exhausted_at, spending_facts

_TIGHT: Final = 5
"""How many budgets are named, the fullest first."""
_SHORT_MINUTES: Final = 5
"""The short companion of a burn rate's window: whether it still burns."""
_WHAT_FOLLOWS: Final = "Its end, or more of it, within the hour is told together when that is over."
_STEPS: Final = {
    "normal": "everything is served",
    "warn": "everything is served, callers are warned",
    "cheapest": "only the cheapest tier is served",
    "batch_only": "only answers from the cache and calls with a deadline are served",
    "stopped": "only answers from the cache are served",
}


@dataclass(frozen=True)
class Worded:
    """A notice for people and for programs; ``also`` are the facts of more that are in it."""

    headline: str
    text: str
    facts: dict[str, Any]
    also: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Place:
    """How commands name the stack (``--stack prod``), and where its runbook is: URL or path."""

    where: str
    runbook: str


@dataclass(frozen=True)
class Money:
    """What everybody spends, and all budgets; None where either could not be read."""

    budgets: Sequence[Budget] | None
    spending: Spending | None


def budget_worded(notice: BudgetNotice, spending: Spending | None, place: Place) -> Worded:
    """Put a notice of a budget into words; without spending, it says that it was not to be read."""
    lines = [*_money(notice), *([] if notice.is_clear else _next_steps(notice, spending, place))]
    if not notice.is_clear:
        lines[1:1] = [_forecast(notice, spending), *_spenders(spending, place)]
    return Worded(_headline(notice), "\n".join(lines), _facts(notice, spending, place))


def keys_begin_anew(notices: Sequence[BudgetNotice], place: Place) -> Worded:
    """Put the all-clears of keys whose new periods begin into one line."""
    first, *others = notices
    facts, *also = (_facts(each, None, place) for each in notices)
    if not others:
        return Worded(_headline(first), "\n".join(_money(first)), facts)
    headline = f"All clear: {len(notices)} budgets of keys begin anew ({first.counter.label})"
    names = ", ".join(each.rung.name for each in notices)
    return Worded(headline, names, facts, tuple(also))


def _facts(notice: BudgetNotice, spending: Spending | None, place: Place) -> dict[str, Any]:
    return {
        "kind": "all_clear" if notice.is_clear else "budget",
        "threshold_percent": notice.threshold,
        "period": notice.counter.label,
        **rung_shown(notice.rung),
        **spending_facts(notice.budget, notice.period, spending),
        "runbook": _section(notice, place),
    }


def alarm_worded(news: AlarmTold, place: Place, money: Money | None = None) -> Worded:
    """Put what is new of an alarm into words, with what is spent where it is of use.

    ``news`` is the alarm before it counts as told.
    """
    says, _, next_step = news.says.partition(WHAT_TO_DO)
    next_step = next_step or place.runbook
    is_clear = news.told_off and not news.is_off
    lines = [_how_it_stands(news), says]
    if not is_clear:
        lines = [says, f"{_how_it_stands(news)} CloudWatch: {news.reason}"]
        lines += [f"What it means and what to do first: {next_step}", "First:"]
        lines += [f"  sluice alarms list {place.where}"]
        lines += [f"  sluice usage --by model --since 1h {place.where}"]
        lines += _of_money(money, place) if money else []
        lines += [_WHAT_FOLLOWS]
    facts = {
        "kind": "all_clear" if is_clear else "alarm",
        "alarm": news.name,
        "state": "ALARM" if news.is_off else "OK",
        "since": _moment(news.since / 1000),
        "went_off": news.untold,
        "reason": news.reason,
        "runbook": next_step,
    }
    return Worded(_alarm_headline(news), "\n".join(lines), facts)


def _alarm_headline(news: AlarmTold) -> str:
    more = "" if news.untold == 0 else f" went off {_times(news.untold)} more"
    if news.told_off:
        return f"Alarm: {news.name}{more}" if news.is_off else f"All clear: {news.name}{more}"
    return f"Alarm: {news.name}" + (f" went off {_times(news.untold)}" if news.untold > 1 else "")


def _how_it_stands(news: AlarmTold) -> str:
    since = _moment(news.since / 1000)
    if news.is_off:
        return f"Since {since}."
    return f"It is over since {_moment(news.at / 1000)}; it went off at {since}."


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def told_together(worded: Sequence[Worded], environment: str) -> tuple[str, str, dict[str, Any]]:
    """Return the subject, the text and the facts of what was found at once."""
    first, *others = worded
    more = f" and {len(others)} more" if others else ""
    subject = f"[sluice {environment}] {first.headline}{more}"
    text = "\n\n".join(f"{each.headline}\n{each.text}" for each in worded)
    notices = [facts for each in worded for facts in (each.facts, *each.also)]
    return subject, text, {"environment": environment, "notices": notices}


def _of_money(money: Money, place: Place) -> Iterator[str]:
    if money.spending is not None:
        lately = _least(_short(money.spending), money.spending, _SHORT_MINUTES * 60)
        yield f"{_hour(money.spending)}; its last {_SHORT_MINUTES} minutes, {lately}."
    yield from _spenders(money.spending, place)
    tight = sorted(
        rungs(money.budgets or ()), key=lambda rung: used_tenths(rung.counter), reverse=True
    )
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


def _forecast(notice: BudgetNotice, spending: Spending | None) -> str:
    reset = rung_shown(notice.rung)["reset_at"]
    if spending is None:
        return f"It begins anew at {reset}."
    hour = _hour(spending)
    at = exhausted_at(notice.budget, notice.period, spending)
    if at is None:
        return f"{hour}. It begins anew at {reset}."
    until = datetime.fromisoformat(reset).timestamp()
    if at >= until:
        return f"{hour}; if that goes on, the cap holds until it begins anew at {reset}."
    return f"{hour}; if that goes on, nothing is left by {_moment(at)}. It begins anew at {reset}."


def _hour(spending: Spending) -> str:
    """Return what the last hour spent; of one that was not wholly read, at least how much."""
    spent = f"The last hour spent {_least(spending.last_hour_nano, spending)}"
    notes = []
    if spending.read_seconds < HOUR:
        read = f"{spending.read_seconds // 60} min {spending.read_seconds % 60} s"
        notes.append(f"its last {read} alone: that is ${format_usd(spending.hourly_nano)} an hour")
    if spending.unread:
        notes.append(f"{spending.unread} of {spending.teams} teams were not looked at in time")
    return f"{spent} ({'; '.join(notes)})" if notes else spent


def _least(nano: int, spending: Spending, of_seconds: int = HOUR) -> str:
    least = "at least " if spending.read_seconds < of_seconds or spending.unread else ""
    return f"{least}${format_usd(nano)}"


def _spenders(spending: Spending | None, place: Place) -> Iterator[str]:
    if spending is None:
        yield "Who spent it could not be read in time. It tells:"
        yield f"  sluice usage --by key,model --since 1h {place.where}"
        return
    for by in BYS:
        shares = [f"{s.name} {_least(s.nano, spending)} ({s.change})" for s in spending.top(by)]
        if shares:
            yield f"By {by}: {', '.join(shares)}"


def _next_steps(notice: BudgetNotice, spending: Spending | None, place: Place) -> Iterator[str]:
    at = place.where
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
    yield f"Runbook: {_section(notice, place)}"


def _to_freeze(notice: BudgetNotice, spending: Spending | None) -> str | None:
    """Return what to freeze: the dearest key, never all callers for one; at half, nothing yet."""
    if notice.threshold < ALL_CLEAR_FROM:
        return None
    if notice.budget.scope.kind == "key":
        return notice.budget.name
    dearest = spending.top("key")[:1] if spending else []
    return f"key:{dearest[0].name}" if dearest else None


def _section(notice: BudgetNotice, place: Place) -> str:
    level = notice.threshold if not notice.is_clear else _was(notice)
    return f"{place.runbook}#budget-{level or 80}"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, tz=UTC):%Y-%m-%d %H:%M} UTC"
