"""The report of ``sluice replay`` as a page to forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from cli.reports.charts import Bar, Tone, bars
from cli.reports.figures import count, counted, percentage, usd, words
from cli.reports.markup import Html
from cli.reports.page import Headline, bullets, page, section, table

Report = Mapping[str, Any]

_CAVEAT: Final = (
    "Computed from the log, offline. Whether the routed answers are as good is not judged."
)
_COLUMNS: Final = ("calls", "from cache", "without", "with Sluice", "saved", "saved %")
_GROUPS: Final = (
    ("By model that was called", "model", "by_model"),
    ("By who would answer", "tier", "by_tier"),
    ("By task", "task", "by_task"),
)


def replay_report_html(told: Report) -> str:
    """Return the page; ``told`` is what ``sluice replay --json`` prints."""
    bill = told["bill"]
    saves = Decimal(bill["saved_usd"]) >= 0
    share = percentage(abs(bill["saved_percent"]))
    sentence = (
        f"{usd(bill['with_usd'])} instead of {usd(bill['without_usd'])} "
        f"for {counted(bill['calls'], 'call')}"
    )
    return page(
        "What these calls would cost through Sluice",
        _subtitle(told),
        Headline(f"{share} {'less' if saves else 'more'}", sentence, _CAVEAT, is_good=saves),
        section("The bill", _bill(bill)),
        section(
            "What each lever does alone",
            _alone(told["levers"]),
            note="Each lever tried on the whole bill by itself. They overlap: do not add these up.",
        ),
        section(
            "All of them together",
            _together(told),
            note="One simulation in the order of time. These parts add up to the saving.",
        ),
        *(_groups(title, name, told[key]) for title, name, key in _GROUPS),
        section("What this rests on", bullets(told["assumptions"])),
        section("What it does not say", bullets([*told["limits"], *_left_out(told)])),
        foot=f"sluice replay, prices {told['price_version']} as of {told['prices_on']}",
    )


def _subtitle(told: Report) -> str:
    if told["from"] is None:
        return str(told["log"])
    first, last = told["from"][:10], told["to"][:10]
    return f"{told['log']}, {first}" if first == last else f"{told['log']}, {first} to {last}"


def _bill(bill: Report) -> Html:
    rows = [
        Bar("Without Sluice", Decimal(bill["without_usd"]), usd(bill["without_usd"])),
        Bar("With Sluice", Decimal(bill["with_usd"]), usd(bill["with_usd"]), "good"),
    ]
    return bars("The bill without Sluice and with it", rows)


def _alone(levers: Sequence[Report]) -> Html:
    rows = [
        Bar(
            words(each["lever"]),
            Decimal(each["alone_saved_usd"]),
            f"{usd(each['alone_saved_usd'])} · {percentage(each['alone_saved_percent'])}",
            _tone(each["alone_saved_usd"]),
        )
        for each in levers
    ]
    return bars("Saved by each lever alone", rows)


def _together(told: Report) -> Html:
    bill = told["bill"]
    left = Decimal(bill["without_usd"])
    rows = [Bar("without Sluice", left, usd(bill["without_usd"]))]
    for each in told["levers"]:
        saved = each["together_saved_usd"]
        rows.append(Bar(words(each["lever"]), -Decimal(saved), _signed(saved), _tone(saved), left))
        left -= Decimal(saved)
    rows.append(Bar("with Sluice", Decimal(bill["with_usd"]), usd(bill["with_usd"])))
    return bars("From the bill without Sluice to the bill with it", rows)


def _signed(saved: str) -> str:
    amount = Decimal(saved)
    return usd(f"{-amount:f}") if amount else usd(saved)


def _tone(saved: str) -> Tone:
    return "bad" if Decimal(saved) < 0 else "good"


def _groups(title: str, name: str, groups: Sequence[Report]) -> Html:
    if not groups or (len(groups) == 1 and groups[0]["name"] == "(none)"):
        return Html("")
    rows = [
        (
            each["name"],
            count(each["calls"]),
            count(each["hits"]),
            usd(each["without_usd"]),
            usd(each["with_usd"]),
            usd(each["saved_usd"]),
            percentage(each["saved_percent"]),
        )
        for each in groups
    ]
    return section(title, table((name, *_COLUMNS), rows))


def _left_out(told: Report) -> list[str]:
    lines = told["lines"]
    found = []
    if lines["bad"]:
        first = "; ".join(f"line {each['line']}: {each['why']}" for each in told["bad_lines"])
        found.append(f"{count(lines['bad'])} lines could not be read. {first}")
    if lines["failed"]:
        found.append(f"{count(lines['failed'])} calls had failed and cost nothing.")
    if lines["unpriced"]:
        names = ", ".join(told["unpriced_models"])
        found.append(f"{count(lines['unpriced'])} calls have no known price, left out: {names}.")
    if told["refused"]:
        reasons = "; ".join(f"{why} ({count(n)})" for why, n in told["refused"].items())
        found.append(f"The gateway would refuse some calls, counted as unchanged: {reasons}")
    return found
