"""What ``sluice replay`` found, as one JSON object; terminal and HTML are drawn from it."""

from __future__ import annotations

from typing import Any, Final

from cli.replay_log import Log, Reading
from shared.domain.freshness import FreshnessPolicy
from shared.domain.money import format_usd
from shared.domain.replay.scenarios import Wishes
from shared.domain.replay.summary import Sum, Summary, largest

Report = dict[str, Any]

MOST_ROWS: Final = 12
"""Groups in a table, and bad lines that are named."""

LIMITS: Final = (
    "Levers overlap: two of them may each save the same dollar alone, so the figures for each "
    "lever alone do not add up. The figures for all together do; they come from one simulation in "
    "the order of time.",
    "Whether the cheaper model's answer is as good is not judged here; the log does not say.",
    "Every model is taken to count the same tokens as the one that was called, and to answer at "
    "the same length.",
    "Calls are priced at standard processing. The gateway's own AWS bill is not part of the sums.",
    "The exact cache only: similar questions in other words, single flight, rules, compression "
    "and output control are not counted.",
)


def report(
    log: Log,
    found: Summary,
    *,
    name: str,
    reading: Reading,
    wishes: Wishes,
    freshness: FreshnessPolicy,
    providers: tuple[str, ...],
    price_version: str,
) -> Report:
    """Return the report; amounts are USD as decimal text, exact to the nano-dollar."""
    total = found.total
    times = [call.at for call in log.calls]
    return {
        "object": "sluice.replay",
        "log": name,
        "from": f"{min(times):%Y-%m-%dT%H:%M:%SZ}" if times else None,
        "to": f"{max(times):%Y-%m-%dT%H:%M:%SZ}" if times else None,
        "prices_on": f"{wishes.day:%Y-%m-%d}",
        "price_version": price_version,
        "lines": {
            "read": log.lines,
            "replayed": total.calls,
            "bad": len(log.bad),
            "failed": log.failed,
            "unpriced": sum(log.unpriced.values()),
        },
        "bill": _sum(total),
        "levers": [
            {
                "lever": lever,
                "alone_usd": format_usd(each.alone),
                "alone_saved_usd": format_usd(total.as_it_was - each.alone),
                "alone_saved_percent": percent(total.as_it_was - each.alone, total.as_it_was),
                "calls": each.touched,
                "together_saved_usd": format_usd(each.saved_together),
            }
            for lever, each in found.levers.items()
        ],
        "by_model": _groups(found.by_model),
        "by_tier": _groups(found.by_tier),
        "by_task": _groups(found.by_label),
        "waiting_saved_seconds": round(found.seconds_saved, 3),
        "bad_lines": [{"line": n, "why": why} for n, why in log.bad[:MOST_ROWS]],
        "unpriced_models": dict(log.unpriced.most_common(MOST_ROWS)),
        "refused": dict(found.refused.most_common(MOST_ROWS)),
        "assumptions": _assumptions(log, found, reading, wishes, freshness, providers),
        "limits": list(LIMITS),
    }


def percent(part: int, whole: int) -> float:
    """Return a share of nano-dollars in percent, to one place; of nothing it is 0."""
    return round(part * 1_000 / whole) / 10 if whole else 0.0


def _sum(each: Sum) -> dict[str, Any]:
    return {
        "calls": each.calls,
        "hits": each.hits,
        "without_usd": format_usd(each.as_it_was),
        "with_usd": format_usd(each.together),
        "saved_usd": format_usd(each.saved),
        "saved_percent": percent(each.saved, each.as_it_was),
    }


def _groups(groups: dict[str, Sum]) -> list[dict[str, Any]]:
    return [{"name": name or "(none)", **_sum(each)} for name, each in largest(groups, MOST_ROWS)]


def _assumptions(
    log: Log,
    found: Summary,
    reading: Reading,
    wishes: Wishes,
    freshness: FreshnessPolicy,
    providers: tuple[str, ...],
) -> list[str]:
    return [
        _of_the_bill(found),
        *_of_tokens(found, reading),
        *_of_time(log, reading, wishes),
        *([] if not log.unnamed else [_unnamed(log, reading)]),
        f"Exact cache: per tenant, {_lasting(freshness.default_ttl)}, "
        f"{_lasting(freshness.frequent_ttl)} after {freshness.frequent_repeats} repeats, never for "
        "questions about the moment. An answer can be served once its call has ended.",
        f"Routing: as if every caller asked for auto, among {', '.join(providers)} as of "
        f"{wishes.day:%Y-%m-%d}, to the cheapest model of the tier; a call whose own model is "
        "cheaper stays.",
        "Prompt cache: markers where the router sets them, the provider's minimum, write premium "
        "and lifetime (Anthropic 5 minutes from the last use, OpenAI 30 minutes from the write), "
        "one cache for each model and tenant. Where the router sets none, the log's usage stands.",
        _of_batch(wishes),
    ]


def _of_the_bill(found: Summary) -> str:
    known = found.total.calls - found.unbilled
    text = "Without Sluice: each call at the list price of its model on its day"
    if not known:
        return f"{text}, with what the provider's own prompt cache would have done."
    return (
        f"{text}. {known} of {found.total.calls} calls carry the provider's own usage, and so what "
        "its own prompt cache did."
    )


def _of_tokens(found: Summary, reading: Reading) -> list[str]:
    if not found.unbilled:
        return []
    text = (
        f"{found.unbilled} calls have no usage. Their tokens are estimated from characters by "
        "script: totals within 10 % of o200k in English, code, JSON, logs and eight other "
        "languages, within 27 % in all fourteen that were tried."
    )
    if found.assumed_outputs:
        text += (
            f" {found.assumed_outputs} have no answer either: "
            f"{reading.output_tokens} output tokens each, or the call's own limit if lower."
        )
    return [text]


def _of_time(log: Log, reading: Reading, wishes: Wishes) -> list[str]:
    if not log.untimed:
        return []
    return [
        f"{log.untimed} calls have no time: they are spread evenly over "
        f"{_lasting(reading.spread_seconds)} of {wishes.day:%Y-%m-%d}, in the order of the log. "
        "Caches depend on time, so real times would change their part."
    ]


def _unnamed(log: Log, reading: Reading) -> str:
    return (
        f"{log.unnamed} calls name no model, auto or a tier: without Sluice they would have gone "
        f"to {reading.baseline_model}."
    )


def _of_batch(wishes: Wishes) -> str:
    if wishes.batch_all:
        which = "every call may wait a day"
    elif wishes.batched:
        which = f"marked calls and those of {', '.join(sorted(wishes.batched))} may wait a day"
    else:
        which = "only calls marked with may_wait or a deadline may wait a day"
    return f"Batch: {which}; at the provider's batch price, with no read from a prompt cache."


def _lasting(seconds: int) -> str:
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds} seconds"
