"""What ``GET /v1/usage`` answers, as a page to forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from cli.reports.charts import Bar, bars
from cli.reports.figures import DASH, count, counted, percentage, usd, words
from cli.reports.markup import Html
from cli.reports.page import Headline, bullets, page, section, table

Row = Mapping[str, Any]

_MONEY: Final = ("requests", "baseline", "cost", "saved", "saved %")
_SUCCESS: Final = ("succeeded", "failed", "unknown", "cost per success", "95 % interval")
_TOKENS: Final = ("input", "cache_read", "cache_write", "output")
_NOTES: Final = (
    "Baseline: what was asked for, at list price, without any cache. Cost: what the providers "
    "billed. The levers add up to the difference, exactly.",
    "Cost per success: all cost divided by the requests known to have succeeded. Its interval "
    "follows from the share of successes among the requests of known outcome (Wilson).",
)


def usage_report_html(data: Mapping[str, Any]) -> str:
    """Return the page; ``data`` has the shape of ``GET /v1/usage``, whatever it is grouped by.

    ``from`` and ``to`` are shown where they are given.
    """
    total, rows = data["total"], data["data"]
    saves = Decimal(total["saved_usd"]) >= 0
    share = percentage(abs(float(total["effective_discount_percent"])))
    sentence = (
        f"{usd(total['cost_usd'])} instead of {usd(total['baseline_usd'])} "
        f"for {counted(total['requests'], 'request')}"
    )
    return page(
        "What Sluice cost and saved",
        " to ".join(_minute(data[name]) for name in ("from", "to") if data.get(name)),
        Headline(f"{share} {'less' if saves else 'more'}", sentence, _beside(total), is_good=saves),
        section("Saved by lever", _levers(total), note="Signed, and together the whole saving."),
        section(f"Cost by {_dimension(rows)}", _costs(rows), _money(rows, total)),
        section("Cost per success", _successes(rows, total)),
        section("Tokens", _tokens(rows, total)),
        section("How to read this", bullets(_NOTES)),
        foot="sluice usage",
    )


def _minute(moment: str) -> str:
    """Return a moment as people write it: ``2026-11-22 09:30 UTC``."""
    return f"{moment[:16].replace('T', ' ')} UTC"


def _beside(total: Row) -> str | None:
    """Return what the gateway itself costs, where it is told: in no sum of this page."""
    aws = total.get("aws_usd")
    return None if aws is None else f"Beside it, the gateway's own AWS cost: about {usd(aws)}."


def _levers(total: Row) -> Html:
    named = total["levers"].items()
    rows = [
        Bar(words(name), Decimal(saved), usd(saved), "bad" if Decimal(saved) < 0 else "good")
        for name, saved in named
        if Decimal(saved)
    ]
    return bars("Saved by each lever", rows) or bullets(["Nothing was saved yet."])


def _costs(rows: Sequence[Row]) -> Html:
    found = [Bar(_name(row), Decimal(row["cost_usd"]), usd(row["cost_usd"])) for row in rows]
    return bars("Cost of each group", found)


def _money(rows: Sequence[Row], total: Row) -> Html:
    return table((_dimension(rows), *_MONEY), [_paid(r) for r in rows], total=_paid(total))


def _paid(row: Row) -> tuple[str, ...]:
    return (
        _name(row),
        count(row["requests"]),
        usd(row["baseline_usd"]),
        usd(row["cost_usd"]),
        usd(row["saved_usd"]),
        percentage(float(row["effective_discount_percent"])),
    )


def _successes(rows: Sequence[Row], total: Row) -> Html:
    written = [_succeeded(row) for row in rows]
    return table((_dimension(rows), *_SUCCESS), written, total=_succeeded(total))


def _succeeded(row: Row) -> tuple[str, ...]:
    low, high = row.get("cps_interval_usd") or (None, None)
    return (
        _name(row),
        count(row["successes"]),
        count(row["failures"]),
        count(row["unknown"]),
        usd(row.get("cost_per_success_usd")),
        f"{usd(low)} to {usd(high)}" if low is not None and high is not None else DASH,
    )


def _tokens(rows: Sequence[Row], total: Row) -> Html:
    columns = (_dimension(rows), *(words(name) for name in _TOKENS))
    return table(columns, [_counted(row) for row in rows], total=_counted(total))


def _counted(row: Row) -> tuple[str, ...]:
    return (_name(row), *(count(row["tokens"].get(name, 0)) for name in _TOKENS))


def _dimension(rows: Sequence[Row]) -> str:
    return ", ".join(rows[0]["group"]) if rows and rows[0]["group"] else "all"


def _name(row: Row) -> str:
    """Return the values of a row's group; the total has none."""
    return ", ".join(str(value or "(none)") for value in (row.get("group") or {}).values()) or "all"
