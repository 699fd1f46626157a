"""The single writes that the ledger's transactions are made of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from shared.adapters.dynamodb.budget_rows import budget_key, hold_item, hold_key
from shared.adapters.dynamodb.conditions import all_of, used
from shared.adapters.dynamodb.rows import Item, key_of, number, text, usage_item, usage_key
from shared.clock import utc
from shared.domain.budgets import (
    PERIODS,
    Budget,
    DropRaise,
    Hold,
    Period,
    Position,
    Roll,
    Scope,
    Step,
)
from shared.domain.budgets.budget import month_of, stepped
from shared.domain.budgets.movements import Ending, Movement, reserving
from shared.domain.budgets.refusals import MINUTE, HoldLimits
from shared.domain.entries import Entry, Settlement
from shared.resources import late_partition

Write = dict[str, Any]

_LATE_SECONDS: Final = 40 * 24 * 3600
"""How long late money is kept: its rows last, and days are compared within a week."""


def hold_put(table: str, hold: Hold) -> Write:
    """Return the put of a new hold."""
    put = {"TableName": table, "Item": hold_item(hold)}
    return {
        "Put": {**put, **conditional(["reserve.hold"]), "ReturnValuesOnConditionCheckFailure": _OLD}
    }


def reserve_update(table: str, hold: Hold, budget: Budget, limits: HoldLimits, now: float) -> Write:
    """Return the update that takes a hold's money from one budget."""
    names = ["reserve.terms", "reserve.day", "reserve.month"]
    if budget.may_refuse:
        names += ["reserve.day_room", "reserve.month_room"]
    adds = moved(reserving(hold.nano), PERIODS)
    sets: dict[str, Any] = {}
    values = {
        ":terms": number(budget.terms),
        ":day": text(hold.day),
        ":month": text(month_of(hold.day)),
        ":nano": number(hold.nano),
    }
    if budget.scope.kind == "key":
        minute = max(int(now) // MINUTE, budget.minute)
        names += _key_conditions(budget, limits, minute)
        if hold.is_in_flight:
            adds["in_flight"] = 1
        if minute > budget.minute:
            sets = {"minute_label": minute, "minute_requests": 1, "minute_tokens": 0}
        else:
            adds["minute_requests"] = 1
        values |= _key_values(limits, minute)
    return budget_update(table, budget.scope, adds, sets, names, values)


def _key_conditions(budget: Budget, limits: HoldLimits, minute: int) -> list[str]:
    names = ["reserve.in_flight"] if limits.key.in_flight is not None else []
    if minute > budget.minute:
        return [*names, "reserve.new_minute"]
    names.append("reserve.same_minute")
    if limits.key.requests_per_minute is not None:
        names.append("reserve.requests")
    if limits.key.tokens_per_minute is not None:
        names.append("reserve.tokens")
    return names


def _key_values(limits: HoldLimits, minute: int) -> dict[str, Any]:
    limited = {
        ":in_flight": limits.key.in_flight,
        ":requests": limits.key.requests_per_minute,
        ":tokens": limits.key.tokens_per_minute,
        ":minute": minute,
    }
    return {name: number(most) for name, most in limited.items() if most is not None}


def ending_items(
    table: str,
    hold: Hold,
    settlement: Settlement | None,
    ending: Ending,
    position: Position,
    late_at: float | None = None,
) -> dict[str, Write]:
    """Return the writes that end a hold, by what they touch: hold, row, each scope, late money."""
    items: dict[str, Write] = {}
    if ending.takes_hold:
        stands = conditional(["end.hold"], {":day": text(hold.day), ":held": number(hold.nano)})
        items["hold"] = {"Delete": {"TableName": table, "Key": hold_key(hold), **stands}}
    if ending.writes_row or ending.row_before != "none":
        items["row"] = _row_write(table, hold, settlement, ending, late_at)
    cost = settlement.cost_nano if settlement else 0
    movement = ending.movement(hold.nano, cost)
    tokens = settlement.tokens.prompt + settlement.tokens.output if settlement else 0
    for scope in hold.scopes:
        periods = hold.periods_in(position.budgets.get(scope))
        adds = moved(movement, periods)
        if scope.kind == "key":
            adds |= _key_ending(ending, tokens) if hold.is_in_flight else {}
        if adds:
            items[repr(scope)] = budget_update(table, scope, adds, {}, *of_period(hold, periods))
    if late_at is not None and ending.writes_row and movement.spent:
        moves = [(hold.entry, movement.spent)]
        items["late"] = late_put(table, hold, late_at, ending.name, moves)
    return items


def late_put(
    table: str, hold: Hold, at: float, name: str, moves: Sequence[tuple[Entry, int]]
) -> Write:
    """Return the put of what a late settlement moves, by the time of the settlement.

    ``moves`` are entries, the first of which no other settlement of this name settles, and what
    each adds to what is spent. It goes with the transaction whose conditions let it be done once.
    """
    first, _ = moves[0]
    spent: Counter[tuple[str | None, str]] = Counter()
    for entry, nano in moves:
        spent[entry.feature, entry.model] += nano
    parts = [[feature, model, nano] for (feature, model), nano in spent.items()]
    sort = f"{utc(at):%H:%M:%S.%f}/{first.request_id}/{first.attempt}/{name}"
    item = key_of(late_partition(hold.entry.team, f"{utc(at):%Y-%m-%d}"), sort) | {
        "key_id": text(first.key_id),
        "at": text(repr(at)),
        "cost_nano": number(sum(spent.values())),
        "parts": text(json.dumps(parts)),
        "purge_at": number(int(at) + _LATE_SECONDS),
    }
    return {"Put": {"TableName": table, "Item": item}}


def _row_write(
    table: str,
    hold: Hold,
    settlement: Settlement | None,
    ending: Ending,
    late_at: float | None,
) -> Write:
    name = f"end.row_{ending.row_before}"
    condition = conditional([name], {":expired": text("expired")}, {"#status": "status"})
    condition["ReturnValuesOnConditionCheckFailure"] = _OLD
    if not ending.writes_row or settlement is None:
        key = usage_key(hold.entry, hold.day)
        return {"ConditionCheck": {"TableName": table, "Key": key, **condition}}
    item = usage_item(hold.entry, settlement, hold.day) | {"held_nano": number(hold.nano)}
    if late_at is not None:
        item["settled_at"] = text(repr(late_at))
    return {"Put": {"TableName": table, "Item": item, **condition}}


def _key_ending(ending: Ending, tokens: int) -> dict[str, int]:
    adds = {"in_flight": -1} if ending.takes_hold else {}
    if ending.charges_real and tokens:
        adds["minute_tokens"] = tokens
    return adds


def of_period(hold: Hold, periods: Sequence[Period]) -> tuple[list[str], dict[str, Any]]:
    """Return the condition that a budget's counters are still those of the hold."""
    if "day" in periods:
        return ["end.day"], {":day": text(hold.day)}
    return (["end.month"], {":month": text(month_of(hold.day))}) if periods else ([], {})


def step_update(table: str, budget: Budget, step: Step) -> Write:
    """Return the arguments of the update that writes a step of time down."""
    after = stepped(budget, step)
    values = {
        ":terms": number(budget.terms),
        ":seen_day": text(budget.day.label),
        ":seen_day_cap": number(budget.day.cap),
        ":seen_month_cap": number(budget.month.cap),
    }
    if isinstance(step, DropRaise):
        counter = budget.counter(step.period)
        adds = {f"{step.period}_avail": -counter.raised, "terms": 1}
        sets: dict[str, Any] = {f"{step.period}_raised": 0, f"{step.period}_raised_until": 0}
        names = ["step.terms"]
    else:
        adds, sets = {}, dict(_rolled(budget, after, step))
        names = ["step.terms", "step.day", "step.caps"]
    written: Write = budget_update(table, budget.scope, adds, sets, names, values)["Update"]
    return written


def _rolled(before: Budget, after: Budget, step: Roll) -> Iterator[tuple[str, Any]]:
    for period, counter in after.counters:
        if period == "month" and counter.label == before.month.label:
            continue
        yield f"{period}_label", counter.label
        for part in ("avail", "spent", "held", "doubt"):
            yield f"{period}_{part}", getattr(counter, part)


def room_updates(
    table: str, into: Budget, donors: Sequence[tuple[Budget, int, int]]
) -> list[Write]:
    """Return the updates that move room, and the cap with it, into one slice."""
    day, month = sum(row[1] for row in donors), sum(row[2] for row in donors)
    given = [_room_update(table, budget, -day, -month) for budget, day, month in donors]
    return [_room_update(table, into, day, month), *given]


def _room_update(table: str, budget: Budget, day: int, month: int) -> Write:
    adds = {"day_avail": day, "day_cap": day, "month_avail": month, "month_cap": month}
    names = ["move.terms", "move.day", "move.month"]
    if day < 0:
        names.append("move.day_room")
    if month < 0:
        names.append("move.month_room")
    values = {
        ":terms": number(budget.terms),
        ":day": text(budget.day.label),
        ":month": text(budget.month.label),
        ":nano_day": number(-day),
        ":nano_month": number(-month),
    }
    return budget_update(table, budget.scope, adds, {}, names, values)


def recut_updates(table: str, seen: Sequence[Budget], after: Sequence[Budget]) -> list[Write]:
    """Return the updates that cut all slices anew, from how they were seen to how they shall be."""
    return [_recut_update(table, *pair) for pair in zip(seen, after, strict=True)]


def _recut_update(table: str, seen: Budget, after: Budget) -> Write:
    adds = {"terms": after.terms - seen.terms}
    sets: dict[str, Any] = {}
    values = {":terms": number(seen.terms), ":day": text(seen.day.label)}
    for (period, before), (_, counter) in zip(seen.counters, after.counters, strict=True):
        for part in ("avail", "cap", "raised"):
            adds[f"{period}_{part}"] = getattr(counter, part) - getattr(before, part)
        sets[f"{period}_raised_until"] = counter.raised_until
        values[f":{period}_floor"] = number(before.avail - max(0, counter.avail))
    names = ["recut.terms", "recut.day", "recut.day_room", "recut.month_room"]
    return budget_update(table, seen.scope, adds, sets, names, values)


_OLD = "ALL_OLD"


def budget_update(
    table: str,
    scope: Scope,
    adds: Mapping[str, int],
    sets: Mapping[str, Any],
    names: Sequence[str],
    values: Mapping[str, Any],
) -> Write:
    """Return an update of a scope's budget under named conditions."""
    adding = ", ".join(f"{name} :add_{name}" for name in adds)
    setting = ", ".join(f"{name} = :set_{name}" for name in sets)
    expression = f"{'SET ' + setting if sets else ''} {'ADD ' + adding if adds else ''}".strip()
    condition = conditional(names, values)
    return {
        "Update": {
            "TableName": table,
            "Key": budget_key(scope),
            "UpdateExpression": expression,
            **condition,
            "ExpressionAttributeValues": condition.get("ExpressionAttributeValues", {})
            | {f":add_{name}": number(by) for name, by in adds.items()}
            | {f":set_{name}": _typed(value) for name, value in sets.items()},
            "ReturnValuesOnConditionCheckFailure": _OLD,
        }
    }


def conditional(
    names: Sequence[str],
    values: Mapping[str, Any] | None = None,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the conjunction of named conditions with the values and names that it uses."""
    if not names:
        return {}
    expression = all_of(names)
    asked: dict[str, Any] = {"ConditionExpression": expression}
    if needed := used(values or {}, expression):
        asked["ExpressionAttributeValues"] = needed
    if attributes and "#" in expression:
        asked["ExpressionAttributeNames"] = dict(attributes)
    return asked


def _typed(value: int | str) -> Item:
    return text(value) if isinstance(value, str) else number(value)


def moved(movement: Movement, periods: Sequence[Period]) -> dict[str, int]:
    """Return what a movement adds to the counters of some periods."""
    parts = {
        "avail": movement.avail,
        "spent": movement.spent,
        "held": movement.held,
        "doubt": movement.doubt,
    }
    return {f"{period}_{part}": by for period in periods for part, by in parts.items() if by != 0}
