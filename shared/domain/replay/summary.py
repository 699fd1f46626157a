"""Adds a replay up: the bill without and with, each lever, and the groups of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.domain.replay.scenarios import LEVERS, Lever, Replayed

FROM_CACHE: Final = "exact cache"
"""Who answered a hit."""


@dataclass
class Sum:
    """Calls and nano-dollars of one group."""

    calls: int = 0
    hits: int = 0
    as_it_was: int = 0
    together: int = 0

    def add(self, each: Replayed) -> None:
        """Count a call."""
        self.calls += 1
        self.hits += each.served_by is None
        self.as_it_was += each.as_it_was
        self.together += each.together

    @property
    def saved(self) -> int:
        """What the gateway would have saved."""
        return self.as_it_was - self.together


@dataclass
class LeverSum:
    """One lever: its bill when it is alone, and what it brings when all work together."""

    alone: int = 0
    touched: int = 0
    saved_together: int = 0


@dataclass
class Summary:
    """The sums of a replay."""

    total: Sum = field(default_factory=Sum)
    levers: dict[Lever, LeverSum] = field(
        default_factory=lambda: {lever: LeverSum() for lever in LEVERS}
    )
    by_model: dict[str, Sum] = field(default_factory=dict)
    by_tier: dict[str, Sum] = field(default_factory=dict)
    by_label: dict[str, Sum] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    unbilled: int = 0
    assumed_outputs: int = 0
    seconds_saved: float = 0.0

    def add(self, each: Replayed) -> None:
        """Count a call everywhere."""
        self.total.add(each)
        for lever, found in self.levers.items():
            found.alone += each.alone[lever]
            found.touched += lever in each.touched
            found.saved_together += each.saved.get(lever, 0)
        self._add_to_groups(each)
        self.unbilled += not each.call.counted.is_billed
        self.assumed_outputs += each.call.counted.output == "assumed"
        if each.call.refusal is not None:
            self.refused[each.call.refusal] += 1
        if each.served_by is None:
            self.seconds_saved += each.call.latency

    def _add_to_groups(self, each: Replayed) -> None:
        tier = FROM_CACHE if each.served_by is None else each.served_by.tier or "as named"
        for groups, name in (
            (self.by_model, each.call.model),
            (self.by_tier, tier),
            (self.by_label, each.call.label),
        ):
            groups.setdefault(name, Sum()).add(each)


def summed(replayed: Iterable[Replayed]) -> Summary:
    """Add up a replay."""
    found = Summary()
    for each in replayed:
        found.add(each)
    return found


def largest(groups: dict[str, Sum], count: int) -> Sequence[tuple[str, Sum]]:
    """Return the groups that cost most as it was, the rest together as ``others``."""
    ordered = sorted(groups.items(), key=_dearest_first)
    if len(ordered) <= count:
        return ordered
    rest = Sum()
    for _, each in ordered[count - 1 :]:
        rest.calls += each.calls
        rest.hits += each.hits
        rest.as_it_was += each.as_it_was
        rest.together += each.together
    return [*ordered[: count - 1], (f"{len(ordered) - count + 1} others", rest)]


def _dearest_first(group: tuple[str, Sum]) -> tuple[int, str]:
    return -group[1].as_it_was, group[0]
