"""Writes docs/idle-cost.md: ``python -m tests.policy.idle_cost_table``."""

from __future__ import annotations

import functools
import json
import math
from typing import Any, Final

from shared.domain.routing import TIERS
from shared.meters import METRICS
from tests.infra.bare import ENVIRONMENTS, ROOT, declared, run_with, stack_of
from tests.policy.idle_cost import charges, idle_nano, read_prices

FILE = ROOT / "docs" / "idle-cost.md"
CENT = 10_000_000
NANO_PER_METRIC: Final = 300_000_000

OPTIONS: Final[dict[str, Any]] = {
    "release_alarms": True,
    "alarms": "all",
    "webhooks": True,
    "dashboard": True,
    "access_logs": True,
    "customer_key": True,
    "snap_start": True,
    "waf_requests_per_ip": 30_000,
}
"""The settings that cost something while nobody calls, and a value that switches each on."""
OFF: Final[dict[str, Any]] = {"alarms": "none"}
"""What else must be said for none of them to be on in dev."""

_HEAD = """\
# What a stack costs while nobody calls it

Made by `make idle-cost` from what the program declares and from `infra/idle_prices.toml`; a test
fails where this page no longer says what they say. USD a month, us-east-1, without free tiers.
"""


def cents(nano: int) -> str:
    """Return nano-dollars as dollars and cents, rounded to the nearest cent."""
    rounded = (nano + CENT // 2) // CENT
    return f"${rounded // 100}.{rounded % 100:02d}"


def option_nano(environment: str, setting: str) -> int:
    """Return what a setting adds to a stack of an environment's memory with none of them on.

    Of how many alarms there are, it is what the environment has that counts.
    """
    memory = declared(environment).function["memorySize"]
    value = OPTIONS[setting]
    if setting in OFF:
        value = stack_of(environment).config[f"sluice:{setting}"]
    return _alone_nano(memory, setting, value) - _alone_nano(memory, None, None)


@functools.cache
def _alone_nano(memory_mb: int, setting: str | None, value: Any) -> int:
    on = {} if setting is None else {setting: value}
    return idle_nano(run_with("dev", memory_mb=memory_mb, **{**OFF, **on}))


def metrics_of(environment: str) -> int:
    """Return how many custom metrics there are at most: a name with a value of each dimension."""
    known = {"environment": 1, "tier": len(TIERS), "provider": _providers(environment)}
    return sum(
        math.prod(known[each] for each in dimensions)
        for metric in METRICS.values()
        for dimensions in metric.sets
    )


def metrics_nano(environment: str) -> int:
    """Return what they cost in a month in which each has a point in every hour."""
    return metrics_of(environment) * NANO_PER_METRIC


def _providers(environment: str) -> int:
    return len(json.loads(stack_of(environment).config["sluice:providers"]))


def render() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_environments(), "", *_options(), "", *_in_use()]) + "\n"


def _environments() -> list[str]:
    costs = {each: _by_charge(each) for each in ENVIRONMENTS}
    whats = sorted({what for cost in costs.values() for what in cost})
    rows = [_row(what, [costs[each].get(what, 0) for each in ENVIRONMENTS]) for what in whats]
    sums = _row("**together**", [idle_nano(declared(each)) for each in ENVIRONMENTS])
    return [f"| | {' | '.join(ENVIRONMENTS)} |", "|---|---|---|---|", *rows, sums]


def _by_charge(environment: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for charge in charges(declared(environment)):
        what = f"{charge.price.type.rpartition(':')[2]}, per {charge.price.per.replace('_', ' ')}"
        total[what] = total.get(what, 0) + charge.nano
    return total


def _row(what: str, nanos: list[int]) -> str:
    return f"| {what} | {' | '.join(cents(nano) for nano in nanos)} |"


def _options() -> list[str]:
    rows = [
        _row(f"`{setting}`", [option_nano(each, setting) for each in ENVIRONMENTS])
        for setting in OPTIONS
    ]
    return [
        "What each setting adds, whether it is on there or not (a snapshot's price goes with the",
        "memory, and is paid for each published version until the version is deleted):",
        "",
        f"| setting | {' | '.join(ENVIRONMENTS)} |",
        "|---|---|---|---|",
        *rows,
    ]


def _in_use() -> list[str]:
    most, sparse = metrics_of("prod"), sum(metric.sparse for metric in METRICS.values())
    metrics = (
        f"| custom metrics | $0.30 a month each, by the hour in which they have a point: at most "
        f"{most} in prod, {cents(metrics_nano('prod'))} in a month of calls around the clock; "
        f"{sparse} of the {len(METRICS)} names have a point only when something is wrong |"
    )
    rows = [
        f"| {price.type.rpartition(':')[2]} | {price.in_use} ([source]({price.source}), "
        f"{price.checked}) |"
        for price in read_prices().price
    ]
    return ["What calls add, beside the providers' bill:", "", "| | |", "|---|---|", metrics, *rows]


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
