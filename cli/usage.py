"""``sluice usage``: what teams spent, what was saved and by which lever, and cost per success."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import typer
from rich.console import Console
from rich.markup import escape

from cli.connection import UsageSource
from cli.reports.usage_page import usage_report_html
from cli.tables import giving_way, number, print_table
from shared.domain.errors import StoreUnavailable
from shared.domain.money import format_usd
from shared.domain.rollups import DIMENSIONS, Cells, Dimension, Sums
from shared.domain.usage_report import as_json, discount_percent, report, total
from shared.domain.usage_rows import moment_of

console = Console(highlight=False)

_BAR_CELLS: Final = 40
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
_SHOWN: Final = ("requests", "cost $", "baseline $", "saved $", "saved %", "$/success", "ok %")


def usage(
    source: UsageSource,
    by: str,
    since: str,
    team: str | None,
    *,
    as_json_text: bool,
    html: Path | None = None,
) -> None:
    """Print the sums of one team, or of all, in groups; raises ``typer.BadParameter``.

    ``html`` names a file for the same as a page to forward.
    """
    group_by = _dimensions(by)
    now = source.clock()
    moments = _since(since, now), moment_of(now + 1)
    try:
        teams = _cells(source, team, *moments)
    except StoreUnavailable as error:
        raise _refused(source, error) from None
    groups = report(teams, source.environment, group_by)
    data = [{"group": group, **_facts(sums)} for group, sums in groups]
    told = {"object": "list", "data": data, "total": _facts(total(teams))}
    if html is not None:
        page = usage_report_html({**told, "from": moments[0], "to": moments[1]})
        html.write_text(page, encoding="utf-8")
    if as_json_text:
        typer.echo(json.dumps(told, indent=2))
        return
    _print_table(groups, total(teams), group_by)
    _print_levers(total(teams))
    if html is not None:
        console.print(f"wrote {escape(str(html))}")


def _cells(source: UsageSource, team: str | None, since: str, until: str) -> dict[str, Cells]:
    names = source.ledger.teams() if team is None else [team]
    return {name: source.reader.cells(name, since, until) for name in names}


def _dimensions(by: str) -> list[Dimension]:
    names = list(dict.fromkeys(by.split(",")))
    if unknown := set(names) - set(DIMENSIONS):
        raise typer.BadParameter(f"--by: {min(unknown)!r} is none of {', '.join(DIMENSIONS)}")
    return cast("list[Dimension]", names)


def _since(text: str, now: float) -> str:
    """Return the moment that is meant by ``7d``, ``12h``, a date or an ISO time."""
    if back := re.fullmatch(r"(\d{1,4})([hdw])", text):
        return moment_of(now - timedelta(**{_UNITS[back[2]]: int(back[1])}).total_seconds())
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"--since: {text!r} is neither like 7d or 12h, nor a date, nor an ISO time"
        ) from None
    return moment_of((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _facts(sums: Sums) -> dict[str, Any]:
    """Return what the gateway tells its callers, and what only operators ask for."""
    return {**as_json(sums), "aws_usd": format_usd(sums.aws_nano)}


def _print_table(
    groups: list[tuple[dict[str, Any], Sums]], whole: Sums, group_by: list[Dimension]
) -> None:
    columns = [*map(giving_way, group_by), *map(number, _SHOWN)]
    rows = [
        [*(group[name] or "-" for name in group_by), *_cells_of(sums)] for group, sums in groups
    ]
    total = ["all", *[""] * (len(group_by) - 1), *_cells_of(whole)]
    print_table(console, columns, rows, names=len(group_by), total=total)
    console.print(f"[dim]AWS, estimated beside it: ${format_usd(whole.aws_nano)}[/dim]")


def _cells_of(sums: Sums) -> list[str]:
    told = as_json(sums)
    known = sums.successes + sums.failures
    names = ("requests", "cost_usd", "baseline_usd", "saved_usd")
    percent, per_success = discount_percent(sums), told["cost_per_success_usd"]
    return [
        *(str(told[name]) for name in names),
        "-" if percent is None else f"{percent:.1f}",
        per_success or "-",
        f"{1000 * sums.successes // known / 10:.1f}" if known else "-",
    ]


def _print_levers(whole: Sums) -> None:
    """Print a bar for each lever that counted, as long as its part of the largest."""
    counted = [(name, nano) for name, nano in whole.levers.items() if nano]
    largest = max((abs(nano) for _, nano in counted), default=0)
    for name, nano in sorted(counted, key=lambda each: -each[1]):
        bar = "█" * max(1, abs(nano) * _BAR_CELLS // largest)
        colour = "green" if nano > 0 else "red"
        console.print(f"{name:>12} [{colour}]{bar}[/{colour}] ${format_usd(nano)}")


def _refused(source: UsageSource, error: StoreUnavailable) -> typer.Exit:
    code = source.troubles[-1] if source.troubles else str(error)
    Console(stderr=True, highlight=False).print(f"[red]the ledger: {code}[/red]", soft_wrap=True)
    return typer.Exit(1)
