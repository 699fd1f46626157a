"""``sluice smoke``: does a deployed gateway do what it promises? One row a check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import httpx2
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.connection import Gateway
from cli.smoke_checks import CHECKS, Check
from cli.smoke_visit import Unexpected, Visit
from shared.settings import is_loopback_url

# A cold start and a slow model together; a stream may pause as long between two words.
TIMEOUT = httpx2.Timeout(60, connect=10)

# What an answer of another shape makes of the code that reads it.
_MISREAD = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)


@dataclass(frozen=True)
class Row:
    """One check: its name, whether it passed, and what was seen."""

    check: str
    passed: bool
    seen: str


@dataclass(frozen=True)
class Report:
    """All rows of one visit and what it cost in USD, as decimal text."""

    endpoint: str
    passed: bool
    cost_usd: str
    rows: list[Row]


def smoke(gateway: Gateway, model: str, *, as_json: bool) -> None:
    """Run every check and print the rows; raises ``typer.Exit(1)`` when one fails."""
    report = examine(gateway, model)
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False, indent=2))
    else:
        _print(report)
    if not report.passed:
        raise typer.Exit(1)


def examine(gateway: Gateway, model: str) -> Report:
    """Visit a gateway and return what every check saw; a check that fails stops no other."""
    with _visit(gateway, model) as visit:
        rows = [row for name, check in CHECKS.items() if (row := _row(name, check, visit))]
    passed = all(row.passed for row in rows)
    return Report(gateway.endpoint, passed, f"{visit.cost_usd:f}", rows)


@contextmanager
def _visit(gateway: Gateway, model: str) -> Iterator[Visit]:
    # A proxy in the caller's environment has no part in calls to this machine.
    beyond = not is_loopback_url(gateway.endpoint)
    with httpx2.Client(base_url=gateway.endpoint, timeout=TIMEOUT, trust_env=beyond) as http:
        yield Visit(http, gateway.api_key, model)


def _row(name: str, check: Check, visit: Visit) -> Row | None:
    try:
        seen = check(visit)
    except Unexpected as found:
        return Row(name, False, str(found))
    except httpx2.HTTPError as error:
        return Row(name, False, f"{type(error).__name__}: {error}")
    except _MISREAD as error:
        return Row(name, False, f"an answer of another shape: {error!r}")
    return None if seen is None else Row(name, True, seen)


def _print(report: Report) -> None:
    console = Console(highlight=False)
    table = Table("check", "", "seen")
    for row in report.rows:
        verdict = "[green]ok[/green]" if row.passed else "[bold red]FAILED[/bold red]"
        table.add_row(row.check, verdict, escape(row.seen))
    console.print(table)
    failed = sum(not row.passed for row in report.rows)
    verdict = f"[red]{failed} failed[/red]" if failed else "all passed"
    console.print(f"{escape(report.endpoint)}: {len(report.rows)} checks, {verdict}")
    console.print(f"These calls cost ${report.cost_usd} at list prices.")
