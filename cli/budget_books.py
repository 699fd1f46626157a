"""``sluice budget sweep`` and ``audit``: holds nobody settled, and whether the books add up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console

from cli import budget_options as options
from cli.budget_stack import budgets_at, failed, print_json, refusals
from cli.charged_metrics import ChargedMetrics
from cli.keys import AsJson, Environment, Local
from cli.tables import table_of
from shared.clock import utc
from shared.domain.budgets import Hold
from shared.domain.money import format_usd
from shared.usecases.budget_audit import Audited

console = Console(highlight=False)


def sweep(environment: Environment = None, local: Local = None, as_json: AsJson = False) -> None:
    """Charge what was held for calls that nobody settled in time: in full, in doubt.

    It is counted in the metrics too, where the credentials may put them.
    """
    with refusals():
        at = budgets_at(environment, local)
        metrics = ChargedMetrics(at.stack)
    try:
        with refusals():
            swept = at.sweep(metrics.charged)
    finally:
        # Of a sweep that is broken off, too: what it ended stays charged.
        _tell_uncounted(metrics.put())
    if as_json:
        print_json({"ended": list(map(_hold, swept.ended)), "left": list(map(_hold, swept.left))})
    else:
        total = sum(hold.nano for hold in swept.ended)
        console.print(f"{len(swept.ended)} expired holds ended, of ${format_usd(total)} in all.")
    if swept.left:
        raise failed(f"{len(swept.left)} could not be ended: other calls were in the way.")


def _tell_uncounted(why: str | None) -> None:
    if why is not None:
        said = f"What was charged is in the ledger and in no metric: {why}"
        Console(stderr=True, highlight=False).print(said, markup=False, soft_wrap=True)


def audit(
    day: Annotated[
        str | None,
        typer.Option(parser=options.day, metavar="DAY", help="2026-11-22; today without it."),
    ] = None,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Compare the counters of a day with its usage rows and the open holds."""
    with refusals():
        at = budgets_at(environment, local)
        audited = at.audit(day or f"{utc(at.stack.clock()):%Y-%m-%d}")
    if as_json:
        print_json(asdict(audited))
    else:
        _print_audited(audited)
    if audited.findings:
        raise failed(f"{len(audited.findings)} findings.")


def _print_audited(audited: Audited) -> None:
    if audited.findings:
        rows = [(each.invariant, each.budget, each.what) for each in audited.findings]
        console.print(table_of(("invariant", "budget", "what is off"), rows))
    console.print(f"{audited.budgets} budgets compared for {audited.day}.")
    if audited.moved_on:
        console.print(f"A later day has begun for {', '.join(audited.moved_on)}.", markup=False)


def _hold(hold: Hold) -> dict[str, Any]:
    entry = hold.entry
    return {
        "request_id": entry.request_id,
        "attempt": entry.attempt,
        "team": entry.team,
        "key_id": entry.key_id,
        "model": entry.model,
        "held_usd": format_usd(hold.nano),
    }
