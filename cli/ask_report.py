"""The table under ``sluice ask --file``: what a run of questions came to."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from rich.console import Console

from cli.tables import giving_way, number, print_table

Result = tuple[dict[str, str], str | None]
"""The gateway's notes of one answer and, where it failed, the error."""


def summary(results: list[Result]) -> dict[str, Any]:
    """Add up a run. Money stays decimal text, exact to the nano-dollar."""
    answered = [notes for notes, error in results if error is None]
    tiers = sorted({notes.get("tier", "none") for notes in answered})
    return {
        "requests": len(results),
        "errors": len(results) - len(answered),
        "error_texts": dict(Counter(error for _, error in results if error).most_common(5)),
        **_sums(answered),
        "tiers": {
            tier: _sums([notes for notes in answered if notes.get("tier", "none") == tier])
            for tier in tiers
        },
    }


def print_report(report: dict[str, Any]) -> None:
    """Print the sums by tier and in all."""
    console = Console(highlight=False)
    names = ("answers", "hits", "cost $", "baseline $", "saved $", "saved %")
    rows = [(tier, *_cells(sums)) for tier, sums in report["tiers"].items()]
    columns = (giving_way("tier"), *map(number, names))
    print_table(console, columns, rows, total=("all", *_cells(report)))
    console.print(f"{report['requests']} requests, {report['errors']} errors")
    for text, count in report["error_texts"].items():
        console.print(f"[red]{count} times: {text}[/red]", soft_wrap=True)


def _sums(answered: list[dict[str, str]]) -> dict[str, Any]:
    money = {
        name: sum((Decimal(notes.get(name, "0")) for notes in answered), Decimal())
        for name in ("cost_usd", "baseline_usd", "saved_usd")
    }
    baseline = money["baseline_usd"]
    percent = money["saved_usd"] / baseline * 100 if baseline else Decimal()
    return {
        "answers": len(answered),
        "hits": sum(notes.get("cache") == "hit" for notes in answered),
        **{name: f"{value:f}" for name, value in money.items()},
        "saved_percent": f"{percent:.1f}",
    }


def _cells(sums: dict[str, Any]) -> list[str]:
    names = ("answers", "hits", "cost_usd", "baseline_usd", "saved_usd", "saved_percent")
    return [str(sums[name]) for name in names]
