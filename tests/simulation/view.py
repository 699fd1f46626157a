"""What stands in the tables, read from the raw items: the judge trusts no code of ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.simulation.expressions import Item
from tests.simulation.small_dynamo import Key, Snapshot

Whose = tuple[str, ...]
"""``("environment", "3")`` for a slice, ``("team", "red")``, ``("key", "red", "<digest>")``."""
Call = tuple[str, int]
"""A request's id and the number of its attempt."""


@dataclass(frozen=True)
class Count:
    """One counter of one budget, in nano-dollars."""

    whose: Whose
    period: str
    label: str
    cap: int
    avail: int
    spent: int
    held: int
    doubt: int
    raised: int
    raised_until: int

    @property
    def limit(self) -> int:
        return self.cap + self.raised


@dataclass(frozen=True)
class Purse:
    """One budget: its two counters and what else bounds a call."""

    whose: Whose
    counts: tuple[Count, Count]
    terms: int
    is_hard: bool
    is_frozen: bool
    in_flight: int
    minute: tuple[int, int, int]
    """The minute's number, and the calls and tokens in it."""


@dataclass(frozen=True)
class Held:
    """An open hold."""

    call: Call
    nano: int
    day: str
    expires_at: int
    scopes: tuple[Whose, ...]


@dataclass(frozen=True)
class Row:
    """The usage row of a call that has ended."""

    call: Call
    status: str
    cost: int
    day: str
    tokens: int
    is_late: bool


@dataclass(frozen=True)
class Late:
    """What a late settlement moved."""

    nano: int


@dataclass(frozen=True)
class View:
    """All that the ledger says at one moment."""

    purses: Mapping[Whose, Purse] = field(default_factory=dict)
    holds: Mapping[Call, Held] = field(default_factory=dict)
    rows: Mapping[tuple[Call, str], Row] = field(default_factory=dict)
    """By the call and the day."""
    late: int = 0
    """What all late settlements moved."""
    environment_caps: tuple[int, int] | None = None
    """The caps of day and month as an operator last set them."""


class Reader:
    """Reads snapshots; an item that has not changed since the last is not read again."""

    def __init__(self) -> None:
        self._read: dict[Key, tuple[Item, Any]] = {}

    def view(self, snapshot: Snapshot) -> View:
        """Return what stands in a snapshot."""
        parts = [self._part(key, item) for key, item in snapshot.items()]
        rows = [part for part in parts if isinstance(part, Row)]
        holds = [part for part in parts if isinstance(part, Held)]
        held = {hold.call: hold for hold in holds}
        assert len(held) == len(holds), "a call has more than one hold"
        return View(
            purses={part.whose: part for part in parts if isinstance(part, Purse)},
            holds=held,
            rows={(row.call, row.day): row for row in rows},
            late=sum(part.nano for part in parts if isinstance(part, Late)),
            environment_caps=_last_caps(parts),
        )

    def _part(self, key: Key, item: Item) -> Any:
        known = self._read.get(key)
        if known is None or known[0] is not item:
            known = self._read[key] = (item, part_of(key, item))
        return known[1]


def part_of(key: Key, item: Item) -> Any:
    """Return what one item is; None for what has no part in this."""
    team, _, rest = key[0].partition("/")
    if rest.startswith("budget"):
        return _purse(_whose(team, rest, key[1]), item)
    if rest.startswith("holds") and "held_nano" in item:
        return _held(team, item)
    if rest.startswith("usage/") and rest.endswith("/late"):
        return Late(_int(item, "cost_nano"))
    if rest.startswith("usage/"):
        return _row(rest.removeprefix("usage/"), item)
    if rest.startswith("audit/") and item["budget"]["S"] == "environment":
        after = json.loads(item["after"]["S"])
        return key[1], (_nano(after["day_cap_usd"]), _nano(after["month_cap_usd"]))
    return None


def _nano(usd: str) -> int:
    return int(Decimal(usd) * 10**9)


def _last_caps(parts: Iterable[Any]) -> tuple[int, int] | None:
    audits: list[tuple[str, tuple[int, int]]] = [part for part in parts if type(part) is tuple]
    return max(audits)[1] if audits else None


def _whose(team: str, rest: str, sort: str) -> Whose:
    if team == "-":
        return ("environment", rest.removeprefix("budget/"))
    return ("team", team) if sort == "team" else ("key", team, sort.removeprefix("key/"))


def _purse(whose: Whose, item: Item) -> Purse:
    return Purse(
        whose,
        counts=(_count(whose, "day", item), _count(whose, "month", item)),
        terms=_int(item, "terms"),
        is_hard=item["on_limit"]["S"] != "warn",
        is_frozen="frozen_because" in item,
        in_flight=_int(item, "in_flight"),
        minute=(
            _int(item, "minute_label"),
            _int(item, "minute_requests"),
            _int(item, "minute_tokens"),
        ),
    )


def _count(whose: Whose, period: str, item: Item) -> Count:
    parts = ("cap", "avail", "spent", "held", "doubt", "raised", "raised_until")
    figures = {part: _int(item, f"{period}_{part}") for part in parts}
    return Count(whose, period, item[f"{period}_label"]["S"], **figures)


def _held(team: str, item: Item) -> Held:
    return Held(
        _call(item),
        nano=_int(item, "held_nano"),
        day=item["budget_day"]["S"],
        expires_at=_int(item, "expires_at"),
        scopes=(
            ("environment", item["slice"]["N"]),
            ("team", team),
            ("key", team, item["key_digest"]["S"]),
        ),
    )


def _row(day: str, item: Item) -> Row:
    counted = ("input", "cache_read", "cache_write", "cache_write_long", "output")
    return Row(
        _call(item),
        status=item["status"]["S"],
        cost=_int(item, "cost_nano"),
        day=day,
        tokens=sum(_int(item, f"tokens_{each}") for each in counted),
        is_late="settled_at" in item,
    )


def _call(item: Item) -> Call:
    return item["request_id"]["S"], int(item["attempt"]["N"])


def _int(item: Item, name: str) -> int:
    return int(item[name]["N"])
