"""Budgets, changes and audits as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cli.tables import giving_way, number, print_table, table_of
from shared.clock import utc
from shared.domain.budgets import PERIODS, Budget
from shared.domain.budgets.changes import AuditRow
from shared.domain.budgets.shown import budget_shown

_USUAL_LADDER: Final = [70, 85, 95]
"""What a budget begins with; saying it of every budget would hide the others."""


def print_budgets(console: Console, budgets: Iterable[Budget]) -> None:
    """Print two rows for each budget: its day and its month. Amounts in USD."""
    amounts = [number(each) for each in ("cap", "spent", "held", "left", "used")]
    rows = [
        (f"{shown['budget']}:{period}", *_cells(shown[period]))
        for shown in map(budget_shown, budgets)
        for period in PERIODS
    ]
    print_table(console, (giving_way("budget"), *amounts, giving_way("step")), rows)


def budget_notes(budgets: Iterable[Budget]) -> list[str]:
    """Return what a table has no room for: what is frozen, raised or in doubt, and terms."""
    return [note for budget in budgets for note in _notes(budget_shown(budget))]


def log_table(rows: Iterable[AuditRow]) -> Table:
    """Return a row for each change, what it changed among the terms, and why."""
    cells = [
        (
            f"{utc(row.at):%Y-%m-%d %H:%M:%S}",
            row.who,
            row.what,
            row.budget,
            difference(row.before, row.after),
            row.reason,
        )
        for row in rows
    ]
    return table_of(("when (UTC)", "who", "what", "budget", "change", "reason"), cells)


def difference(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """Return which terms are others now: ``day_cap_usd 5 → 7``."""
    names = [name for name in after if before.get(name) != after[name]]
    return ", ".join(f"{name} {_told(before.get(name))} → {_told(after[name])}" for name in names)


def row_facts(row: AuditRow) -> dict[str, Any]:
    """Return an audit row for programs."""
    return {
        "at": f"{utc(row.at):%Y-%m-%dT%H:%M:%SZ}",
        "who": row.who,
        "what": row.what,
        "budget": row.budget,
        "before": dict(row.before),
        "after": dict(row.after),
        "reason": row.reason,
    }


def _notes(shown: Mapping[str, Any]) -> Iterator[str]:
    name = shown["budget"]
    if shown["frozen"] is not None:
        yield f"{name} is frozen: {shown['frozen']}"
    for period in PERIODS:
        counter = shown[period]
        if counter["raised_usd"]:
            until = counter["raised_until"]
            yield f"{name}:{period} is raised by {counter['raised_usd']} until {until}"
        if counter["doubt_usd"] != "0":
            yield f"{name}:{period} has {counter['doubt_usd']} of it in doubt: never settled"
    if shown["on_limit"] != "degrade":
        yield f"{name} has on-limit {shown['on_limit']}"
    elif shown["ladder"] != _USUAL_LADDER:
        yield f"{name} has the ladder {','.join(map(str, shown['ladder']))}"


def _cells(counter: Mapping[str, Any]) -> list[str]:
    capped = counter["cap_usd"] is not None
    raised = f" +{counter['raised_usd']}" if counter["raised_usd"] else ""
    return [
        f"{counter['cap_usd']}{raised}" if capped else "-",
        counter["spent_usd"],
        counter["held_usd"],
        counter["left_usd"] if capped else "-",
        f"{counter['used_percent']}%" if capped else "-",
        counter["step"],
    ]


def _told(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "-" if value is None else str(value)
