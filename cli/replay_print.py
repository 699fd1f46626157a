"""A replay's report for a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from cli.replay_report import Report
from cli.reports.figures import counted
from cli.tables import giving_way, number, print_table


def print_replay(told: Report, html: Path | None) -> None:
    """Print the bill, the levers, the groups, and what was left out or assumed."""
    console, bill = Console(highlight=False), told["bill"]
    console.print(
        f"[bold]{_headline(bill['saved_percent'])}[/bold]: ${_short(bill['without_usd'])} without "
        f"Sluice, ${_short(bill['with_usd'])} with it, for {counted(bill['calls'], 'call')}"
    )
    _print_levers(console, told)
    for title, groups in (("model", "by_model"), ("answered by", "by_tier"), ("task", "by_task")):
        if any(each["name"] != "(none)" for each in told[groups]):
            _print_groups(console, title, told[groups])
    for line in (*_left_out(told), "", *told["assumptions"], *told["limits"]):
        console.print(escape(line), style="dim", soft_wrap=True)
    if html is not None:
        console.print(f"wrote {escape(str(html))}")


def _headline(saved_percent: float) -> str:
    return f"{abs(saved_percent)} % {'less' if saved_percent >= 0 else 'more'}"


def _print_levers(console: Console, told: Report) -> None:
    names = ("bill alone $", "saved alone $", "%", "calls", "saved together $")
    rows = [
        (
            each["lever"].replace("_", " "),
            _short(each["alone_usd"]),
            _short(each["alone_saved_usd"]),
            str(each["alone_saved_percent"]),
            str(each["calls"]),
            _short(each["together_saved_usd"]),
        )
        for each in told["levers"]
    ]
    bill = told["bill"]
    total = ("all together", _short(bill["with_usd"]), "", "", "", _short(bill["saved_usd"]))
    print_table(console, (giving_way("lever"), *map(number, names)), rows, total=total)


def _print_groups(console: Console, title: str, groups: list[Report]) -> None:
    columns = map(number, ("calls", "hits", "without $", "with $", "saved %"))
    names = ("calls", "hits", "without_usd", "with_usd", "saved_percent")
    rows = [(each["name"], *(_short(str(each[name])) for name in names)) for each in groups]
    print_table(console, (giving_way(title), *columns), rows)


def _left_out(told: Report) -> list[str]:
    lines = told["lines"]
    found = [f"{lines['replayed']} of {lines['read']} lines were replayed."]
    if lines["failed"]:
        found.append(f"{lines['failed']} calls had failed and cost nothing.")
    if told["unpriced_models"]:
        names = ", ".join(f"{name} ({count})" for name, count in told["unpriced_models"].items())
        found.append(f"No price at their time, left out: {names}. See --price-as.")
    if told["refused"]:
        names = "; ".join(f"{why} ({count})" for why, count in told["refused"].items())
        found.append(f"The gateway would refuse, counted as unchanged: {names}")
    found += [f"line {each['line']}: {each['why']}" for each in told["bad_lines"]]
    if lines["bad"] > len(told["bad_lines"]):
        found.append(f"... and {lines['bad'] - len(told['bad_lines'])} more bad lines")
    return found


def _short(amount: str) -> str:
    """Cut an amount to six places; the exact one stands in the JSON."""
    whole, dot, places = amount.partition(".")
    return f"{whole}{dot}{places[:6]}"
