"""Sums in the shape of ``GET /v1/usage``: money as decimal USD, everything else as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.domain.money import format_usd
from shared.domain.rollups import Cell, Cells, Dimension, Sums
from shared.domain.success import cost_per_success, cps_interval

Json = dict[str, Any]


def report(
    teams: Mapping[str, Cells], environment: str, group_by: Sequence[Dimension]
) -> list[tuple[Json, Sums]]:
    """Return the sums of each group of some teams' cells, the dearest first.

    A group is told by its dimensions; a call without a feature, tier or task has null there.
    """
    found: dict[tuple[str | None, ...], Sums] = {}
    for team, cells in teams.items():
        for cell, sums in cells.items():
            group = tuple(_value(name, cell, team, environment) for name in group_by)
            found[group] = found[group] + sums if group in found else sums
    ordered = sorted(found.items(), key=lambda each: (-each[1].cost_nano, _named(each[0])))
    return [(dict(zip(group_by, group, strict=True)), sums) for group, sums in ordered]


def total(teams: Mapping[str, Cells]) -> Sums:
    """Return the sums of all cells."""
    whole = Sums()
    for cells in teams.values():
        for sums in cells.values():
            whole += sums
    return whole


def as_json(sums: Sums) -> Json:
    """Return sums as the wire contract has them."""
    saved = sums.baseline_nano - sums.cost_nano
    per_success = cost_per_success(sums.cost_nano, sums.successes)
    interval = cps_interval(sums.cost_nano, sums.successes, sums.failures)
    return {
        "requests": sums.requests,
        "cost_usd": format_usd(sums.cost_nano),
        "baseline_usd": format_usd(sums.baseline_nano),
        "saved_usd": format_usd(saved),
        "levers": {name: format_usd(nano) for name, nano in sums.levers.items()},
        "effective_discount_percent": discount_percent(sums),
        "successes": sums.successes,
        "failures": sums.failures,
        "unknown": sums.unknown,
        "cost_per_success_usd": _usd(per_success),
        "cps_interval_usd": None if interval is None else [_usd(end) for end in interval],
        "tokens": {
            "input": sums.tokens.input,
            "cache_read": sums.tokens.cache_read,
            "cache_write": sums.tokens.cache_write + sums.tokens.cache_write_long,
            "output": sums.tokens.output,
        },
    }


def discount_percent(sums: Sums) -> float | None:
    """Return savings / (cost + savings) in percent, cut after one decimal; None of nothing."""
    if not sums.baseline_nano:
        return None
    saved = sums.baseline_nano - sums.cost_nano
    sign = -1 if saved < 0 else 1
    return sign * (1000 * abs(saved) // sums.baseline_nano) / 10


def _usd(nano: int | None) -> str | None:
    return None if nano is None else format_usd(nano)


def _value(name: Dimension, cell: Cell, team: str, environment: str) -> str | None:
    if name == "environment":
        return environment
    value: str | None = team if name == "team" else getattr(cell, name)
    return value


def _named(group: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple(value or "" for value in group)
