"""``sluice budget``: what may be spent, what was, and who changed it.

Every change is written down with who made it, as AWS knows them, and why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli import budget_options as options
from cli.budget_options import Reason, ScopeName
from cli.budget_report import (
    budget_notes,
    budget_table,
    difference,
    log_table,
    row_facts,
)
from cli.budget_stack import BudgetStack, NotDeployed
from cli.connection import stack_of
from cli.keys import AsJson, Environment, Local
from shared.clock import utc
from shared.domain.budgets import Budget, Hold, OnLimit, Period
from shared.domain.budgets.changes import (
    Change,
    Freeze,
    Raise,
    SenselessChange,
    SetTerms,
    Unfreeze,
    terms_told,
)
from shared.domain.budgets.shown import budget_shown
from shared.domain.errors import StoreUnavailable
from shared.domain.money import format_usd
from shared.usecases.budget_admin import Changed, InTheWay, UnknownBudget

app = typer.Typer(help="Look at budgets, change them, audit them.", no_args_is_help=True)
console = Console(highlight=False)

_WEEK_SECONDS: Final = 7 * 24 * 3600
_REFUSALS = (UnknownBudget, SenselessChange, InTheWay, NotDeployed, ClientError, BotoCoreError)
_Amount = Annotated[
    int | None,
    typer.Option(parser=options.cap, metavar="USD", help="The new cap, or `none` for no cap."),
]


@app.command()
def show(
    scope: Annotated[
        str | None, typer.Argument(help="environment, team:<team> or key:<id>; all without it.")
    ] = None,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Show what may be spent and what was, per day and month (UTC)."""
    with _refusals():
        found = _at(environment, local).budgets.show(scope)
    if as_json:
        _print_json([budget_shown(budget) for budget in found])
    else:
        _print(found)


@app.command("set")
def set_terms(
    scope: ScopeName,
    day: _Amount = None,
    month: _Amount = None,
    on_limit: Annotated[
        OnLimit | None, typer.Option(help="Step down before it stops, stop, or only warn.")
    ] = None,
    ladder: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENTAGES",
            help="Where to warn, serve the cheapest tier, and only the cache: 70,85,95.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Set caps, or what happens when they are near; what is not named stays as it is."""
    if day is None and month is None and on_limit is None and ladder is None:
        raise typer.BadParameter("nothing to set: name --day, --month, --on-limit or --ladder")
    steps = None if ladder is None else options.ladder(ladder)
    change = SetTerms(day=day, month=month, on_limit=on_limit, ladder=steps)
    _change(_at(environment, local), scope, change, reason, as_json=as_json)


@app.command("raise")
def raise_cap(
    scope: ScopeName,
    by: Annotated[int, typer.Option(parser=options.amount, metavar="USD", help="By how much.")],
    lasting: Annotated[
        int, typer.Option("--for", parser=options.duration, metavar="TIME", help="30m, 4h, 2d.")
    ],
    reason: Reason,
    period: Annotated[Period, typer.Option(help="Which cap.")] = "day",
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Raise a cap for a while. It ends by itself, and takes the place of one that is going on."""
    at = _at(environment, local)
    with _refusals():
        change = Raise(period, by, until=int(at.stack.clock()) + lasting)
    _change(at, scope, change, reason, as_json=as_json)


@app.command()
def freeze(
    scope: ScopeName,
    reason: Reason,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Refuse every call that would cost money; the callers are told the reason."""
    _change(_at(environment, local), scope, Freeze(reason), reason, as_json=as_json)


@app.command()
def unfreeze(
    scope: ScopeName,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Serve calls again."""
    _change(_at(environment, local), scope, Unfreeze(), reason, as_json=as_json)


@app.command()
def log(
    since: Annotated[
        int | None,
        typer.Option(parser=options.duration, metavar="TIME", help="How far back; 7d without it."),
    ] = None,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """List who changed what, oldest first."""
    at = _at(environment, local)
    with _refusals():
        rows = at.budgets.log(at.stack.clock() - (since or _WEEK_SECONDS))
    if as_json:
        _print_json([row_facts(row) for row in rows])
    else:
        console.print(log_table(rows))


@app.command()
def sweep(environment: Environment = None, local: Local = None, as_json: AsJson = False) -> None:
    """Charge what was held for calls that nobody settled in time: in full, in doubt."""
    with _refusals():
        swept = _at(environment, local).sweep()
    if as_json:
        _print_json({"ended": list(map(_hold, swept.ended)), "left": list(map(_hold, swept.left))})
    else:
        total = sum(hold.nano for hold in swept.ended)
        console.print(f"{len(swept.ended)} expired holds ended, of ${format_usd(total)} in all.")
    if swept.left:
        raise _failed(f"{len(swept.left)} could not be ended: other calls were in the way.")


@app.command()
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
    at = _at(environment, local)
    with _refusals():
        audited = at.audit(day or f"{utc(at.stack.clock()):%Y-%m-%d}")
    if as_json:
        _print_json(asdict(audited))
    else:
        table = Table("invariant", "budget", "what is off")
        for each in audited.findings:
            table.add_row(each.invariant, escape(each.budget), escape(each.what))
        if audited.findings:
            console.print(table)
        console.print(f"{audited.budgets} budgets compared for {audited.day}.")
        if audited.moved_on:
            console.print(f"A later day has begun for {', '.join(audited.moved_on)}.")
    if audited.findings:
        raise _failed(f"{len(audited.findings)} findings.")


def _at(environment: str | None, local: str | None) -> BudgetStack:
    return BudgetStack(stack_of(environment, local))


def _change(at: BudgetStack, scope: str, change: Change, reason: str, *, as_json: bool) -> None:
    with _refusals():
        done = at.budgets.change(scope, change, reason)
    if as_json:
        _print_json({"before": budget_shown(done.before), "after": budget_shown(done.after)})
    else:
        _print_change(done)


def _print_change(done: Changed) -> None:
    what = difference(terms_told([done.before]), terms_told([done.after])) or "nothing changed"
    console.print(f"{done.after.name}: {what}", markup=False, soft_wrap=True)
    _print([done.after])


def _print(budgets: Sequence[Budget]) -> None:
    console.print(budget_table(budgets))
    for note in budget_notes(budgets):
        console.print(note, markup=False, soft_wrap=True)


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


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell what cannot be done, and AWS's own words where the ledger cannot be reached."""
    try:
        yield
    except _REFUSALS as error:
        raise _failed(str(error)) from None
    except StoreUnavailable as error:
        raise _failed(str(error.__cause__ or "The ledger is too busy. Try again.")) from None


def _failed(text: str) -> typer.Exit:
    Console(stderr=True, highlight=False).print(f"[red]{escape(text)}[/red]", soft_wrap=True)
    return typer.Exit(1)
