"""Budgets and holds as DynamoDB items, and back."""

from __future__ import annotations

from typing import Final, cast

from shared.adapters.dynamodb.rows import Item, entry_facts, entry_of, key_of, number, text
from shared.domain.budgets import Budget, Counter, Hold, OnLimit, Period, Scope
from shared.domain.budgets.scopes import key_scope, slice_scope, team_scope
from shared.resources import ENVIRONMENT, budget_partition, hold_partition, slice_partition

_PARTS: Final = ("cap", "avail", "spent", "held", "doubt", "raised", "raised_until")
_TEAM_SORT: Final = "team"
_KEY_SORT: Final = "key/"
_SLICE_SORT: Final = "environment"
_ABANDONED_RETENTION_SECONDS: Final = 24 * 3600


def budget_key(scope: Scope) -> Item:
    """Return the primary key of a scope's budget."""
    if scope.kind == "environment":
        return key_of(slice_partition(scope.slice), _SLICE_SORT)
    sort = _TEAM_SORT if scope.kind == "team" else _KEY_SORT + scope.digest
    return key_of(budget_partition(scope.team), sort)


def scope_of(item: Item) -> Scope | None:
    """Return the scope whose budget an item is, or None for another kind of item."""
    team, _, rest = item["pk"]["S"].partition("/")
    sort = item["sk"]["S"]
    if not rest.startswith("budget"):
        return None
    if team == ENVIRONMENT:
        return slice_scope(int(rest.rpartition("/")[2]))
    return team_scope(team) if sort == _TEAM_SORT else key_scope(team, sort[len(_KEY_SORT) :])


def budget_item(budget: Budget) -> Item:
    """Return the item of a budget."""
    item = budget_key(budget.scope) | {
        "terms": number(budget.terms),
        "on_limit": text(budget.on_limit),
        "ladder": text(",".join(map(str, budget.ladder))),
        "in_flight": number(budget.in_flight),
        "minute_label": number(budget.minute),
        "minute_requests": number(budget.minute_requests),
        "minute_tokens": number(budget.minute_tokens),
    }
    for period, counter in budget.counters:
        item |= _counter_item(period, counter)
    optional = {"frozen_because": budget.frozen_because, "key_id": budget.key_id}
    return item | {name: text(value) for name, value in optional.items() if value is not None}


def budget_of(scope: Scope, item: Item) -> Budget:
    """Return the budget of an item."""
    warn, cheapest, batch_only = map(int, item["ladder"]["S"].split(","))
    return Budget(
        scope,
        day=_counter(item, "day"),
        month=_counter(item, "month"),
        terms=int(item["terms"]["N"]),
        on_limit=cast("OnLimit", item["on_limit"]["S"]),
        ladder=(warn, cheapest, batch_only),
        frozen_because=item["frozen_because"]["S"] if "frozen_because" in item else None,
        key_id=item["key_id"]["S"] if "key_id" in item else None,
        in_flight=int(item["in_flight"]["N"]),
        minute=int(item["minute_label"]["N"]),
        minute_requests=int(item["minute_requests"]["N"]),
        minute_tokens=int(item["minute_tokens"]["N"]),
    )


def _counter_item(period: Period, counter: Counter) -> Item:
    parts = {f"{period}_{part}": number(getattr(counter, part)) for part in _PARTS}
    return {f"{period}_label": text(counter.label), **parts}


def _counter(item: Item, period: Period) -> Counter:
    parts = {part: int(item[f"{period}_{part}"]["N"]) for part in _PARTS}
    return Counter(item[f"{period}_label"]["S"], **parts)


def hold_key(hold: Hold) -> Item:
    """Return the primary key of a hold: by team, then by when it expires."""
    entry = hold.entry
    return _hold_key(entry.team, entry.request_id, entry.attempt, hold.expires_at)


def _hold_key(team: str, request_id: str, attempt: int, expires_at: int) -> Item:
    return key_of(hold_partition(team), f"{expires_at:011d}/{request_id}/{attempt}")


def holds_until(now: float) -> str:
    """Return the sort key that all holds expired by now come before."""
    return f"{int(now):011d}0"


def hold_item(hold: Hold) -> Item:
    """Return the item of a hold."""
    [environment] = [scope.slice for scope in hold.scopes if scope.kind == "environment"]
    [digest] = [scope.digest for scope in hold.scopes if scope.kind == "key"]
    return (
        hold_key(hold)
        | entry_facts(hold.entry)
        | {
            "held_nano": number(hold.nano),
            "budget_day": text(hold.day),
            "slice": number(environment),
            "key_digest": text(digest),
            "expires_at": number(hold.expires_at),
        }
    )


def hold_of(item: Item) -> Hold | None:
    """Return the hold of an item, or None for the mark of one that was abandoned."""
    if "held_nano" not in item:
        return None
    entry = entry_of(item)
    scopes = (
        slice_scope(int(item["slice"]["N"])),
        team_scope(entry.team),
        key_scope(entry.team, item["key_digest"]["S"]),
    )
    return Hold(
        entry,
        nano=int(item["held_nano"]["N"]),
        day=item["budget_day"]["S"],
        scopes=scopes,
        expires_at=int(item["expires_at"]["N"]),
    )


def abandoned_item(hold: Hold) -> Item:
    """Return the mark that keeps a late reservation of an abandoned hold from being booked."""
    entry = hold.entry
    return closed_item(entry.team, entry.request_id, entry.attempt, hold.expires_at)


def closed_item(team: str, request_id: str, attempt: int, expires_at: int) -> Item:
    """Return the mark that keeps a hold from being booked in its place."""
    purge_at = number(expires_at + _ABANDONED_RETENTION_SECONDS)
    return _hold_key(team, request_id, attempt, expires_at) | {"purge_at": purge_at}
