"""``sluice budget``: what may be spent, what was, and who changed it.

Every change is written down with who made it, as AWS knows them, and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.console import Console

from cli import budget_options as options
from cli.budget_books import audit, sweep
from cli.budget_options import Reason, ScopeName
from cli.budget_report import (
    budget_notes,
    difference,
    log_table,
    print_budgets,
    row_facts,
)
from cli.budget_stack import BudgetStack, budgets_at, print_json, refusals
from cli.keys import AsJson, Environment, Local
from shared.domain.budgets import Budget, OnLimit, Period
from shared.domain.budgets.changes import (
    Change,
    Freeze,
    Raise,
    SetTerms,
    Unfreeze,
    terms_told,
)
from shared.domain.budgets.shown import budget_shown
from shared.usecases.budget_admin import Changed

app = typer.Typer(help="Look at budgets, change them, audit them.", no_args_is_help=True)
console = Console(highlight=False)

_WEEK_SECONDS: Final = 7 * 24 * 3600
_Amount = Annotated[
    int | None,
    typer.Option(parser=options.cap, metavar="USD", help="The new cap, or `none` for no cap."),
]


app.command()(sweep)
app.command()(audit)


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
    with refusals():
        found = budgets_at(environment, local).budgets.show(scope)
    if as_json:
        print_json([budget_shown(budget) for budget in found])
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
    _change(budgets_at(environment, local), scope, change, reason, as_json=as_json)


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
    at = budgets_at(environment, local)
    with refusals():
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
    _change(budgets_at(environment, local), scope, Freeze(reason), reason, as_json=as_json)


@app.command()
def unfreeze(
    scope: ScopeName,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Serve calls again."""
    _change(budgets_at(environment, local), scope, Unfreeze(), reason, as_json=as_json)


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
    at = budgets_at(environment, local)
    with refusals():
        rows = at.budgets.log(at.stack.clock() - (since or _WEEK_SECONDS))
    if as_json:
        print_json([row_facts(row) for row in rows])
    else:
        console.print(log_table(rows))


def _change(at: BudgetStack, scope: str, change: Change, reason: str, *, as_json: bool) -> None:
    with refusals():
        done = at.budgets.change(scope, change, reason)
    if as_json:
        print_json({"before": budget_shown(done.before), "after": budget_shown(done.after)})
    else:
        _print_change(done)


def _print_change(done: Changed) -> None:
    what = difference(terms_told([done.before]), terms_told([done.after])) or "nothing changed"
    console.print(f"{done.after.name}: {what}", markup=False, soft_wrap=True)
    _print([done.after])


def _print(budgets: Sequence[Budget]) -> None:
    print_budgets(console, budgets)
    for note in budget_notes(budgets):
        console.print(note, markup=False, soft_wrap=True)
