"""An operator who changes caps, raises and freezes while calls go on.

Each change is conditional on the ``terms`` that it was decided by and leaves a row of the audit
with the environment's caps in the same transaction, so the judge knows when it has landed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.dynamodb.budget_rows import budget_key
from shared.domain.budgets import Budget, Period
from shared.domain.budgets.scopes import Scope, key_scope, team_scope
from shared.domain.budgets.seeds import sliced
from shared.domain.budgets.slices import levelled
from shared.domain.errors import StoreUnavailable
from tests.simulation.plans import KEYS, TEAMS, Plan
from tests.simulation.schemes import TABLE, HoldingScheme, Scheme

Change = tuple[Budget, Budget]
"""A budget as it was seen and as it shall be."""


_IF_SEEN = "terms = :seen AND day_cap = :seen_day AND month_cap = :seen_month"
_IF_LEFT = " AND day_label = :day AND day_avail >= :day_floor AND month_avail >= :month_floor"


class Operator:
    """Makes changes, drawn by chance; what is refused or lost is let be."""

    def __init__(
        self, client: Any, scheme: Scheme, chance: Random, clock: Callable[[], float], plan: Plan
    ) -> None:
        assert isinstance(scheme, HoldingScheme)
        self._client = client
        self._holding = scheme.holding
        self._chance = chance
        self._clock = clock
        self._plan = plan

    def change(self) -> None:
        """Make one change."""
        try:
            seen = self._seen()
            if seen:
                self._write(self._changed(seen))
        except (ClientError, BotoCoreError, StoreUnavailable):
            return

    def _seen(self) -> list[Budget]:
        """Return the slices, or one other budget if it exists."""
        if self._chance.random() < self._plan.focus.environment_share:
            return self._holding.slices()
        team = self._chance.choice(TEAMS)
        scopes: list[Scope] = [team_scope(team), *(key_scope(team, key) for key in KEYS[team])]
        scope = self._chance.choice(scopes)
        return list(self._holding._ledger.read_budgets([scope]).values())

    def _changed(self, seen: list[Budget]) -> list[Change]:
        kind = self._chance.choice(("set", "set", "raise", "raise", "raise", "freeze"))
        if kind == "set":
            factor = self._chance.choice((0, 1, 1, 2, 3, 4))
            return [(each, _with_caps(each, self._caps(each, factor))) for each in seen]
        if kind == "raise":
            by = self._chance.choice((5, 15, 60))
            until = int(self._clock() + self._chance.choice((30, 300, 3_000)))
            period: Period = self._chance.choice(("day", "day", "month"))
            return [(each, _raised(each, period, by, until)) for each in seen]
        why = None if seen[0].frozen_because else "a leak"
        return [(each, replace(each, frozen_because=why)) for each in seen]

    def _caps(self, budget: Budget, factor: int) -> tuple[int, int]:
        caps = self._plan.bounds
        kind = budget.scope.kind
        if kind == "environment":
            day, month = (cap * factor // 2 for cap in self._plan.bounds.environment)
            return sliced(day, budget.scope.slice), sliced(month, budget.scope.slice)
        day, month = caps.team if kind == "team" else caps.key
        return day * factor // 2, month * factor // 2

    def _write(self, changes: list[Change]) -> None:
        self._client.transact_write_items(TransactItems=write_of(changes))


def write_of(changes: list[Change]) -> list[dict[str, Any]]:
    """Return the writes that carry changes out, slices levelled and with a row of the audit."""
    items = [{"Update": _update(*change)} for change in changes]
    seen = [before for before, _ in changes]
    if seen[0].scope.kind == "environment":
        after = levelled([new for _, new in changes])
        items = [{"Update": _update(*change)} for change in zip(seen, after, strict=True)]
        items.append({"Put": _audit(after)})
    return items


def _with_caps(budget: Budget, caps: tuple[int, int]) -> Budget:
    day, month = caps
    return replace(
        budget,
        day=replace(budget.day, cap=day, avail=budget.day.avail + day - budget.day.cap),
        month=replace(budget.month, cap=month, avail=budget.month.avail + month - budget.month.cap),
    )


def _raised(budget: Budget, period: Period, by: int, until: int) -> Budget:
    counter = budget.counter(period)
    avail = counter.avail + by - counter.raised
    raised = replace(counter, avail=avail, raised=by, raised_until=until)
    return replace(budget, day=raised) if period == "day" else replace(budget, month=raised)


def _update(seen: Budget, after: Budget) -> dict[str, Any]:
    sets: dict[str, int] = {}
    adds = {"terms": 1}
    for (period, old), (_, new) in zip(seen.counters, after.counters, strict=True):
        adds[f"{period}_avail"] = new.avail - old.avail
        for part in ("cap", "raised", "raised_until"):
            sets[f"{period}_{part}"] = getattr(new, part)
    values = {f":s_{name}": value for name, value in sets.items()}
    values |= {f":a_{name}": value for name, value in adds.items()}
    values |= {":seen": seen.terms, ":seen_day": seen.day.cap, ":seen_month": seen.month.cap}
    setting = ", ".join(f"{name} = :s_{name}" for name in sets)
    adding = ", ".join(f"{name} :a_{name}" for name in adds)
    typed: dict[str, Any] = {name: {"N": str(value)} for name, value in values.items()}
    clauses = [f"SET {setting}", f"ADD {adding}"]
    if after.frozen_because:
        clauses[0] += ", frozen_because = :why"
        typed[":why"] = {"S": after.frozen_because}
    elif seen.frozen_because:
        clauses.append("REMOVE frozen_because")
    is_slice = seen.scope.kind == "environment"
    if is_slice:
        typed[":day"] = {"S": seen.day.label}
        for (period, old), (_, new) in zip(seen.counters, after.counters, strict=True):
            typed[f":{period}_floor"] = {"N": str(old.avail - max(0, new.avail))}
    return {
        "TableName": TABLE,
        "Key": budget_key(seen.scope),
        "UpdateExpression": " ".join(clauses),
        "ConditionExpression": _IF_SEEN + (_IF_LEFT if is_slice else ""),
        "ExpressionAttributeValues": typed,
    }


def _audit(after: list[Budget]) -> dict[str, Any]:
    number = max(budget.terms for budget in after) + 1
    return {
        "TableName": TABLE,
        "Item": {
            "pk": {"S": "-/audit/2026"},
            "sk": {"S": f"{number:06d}"},
            "day_cap": {"N": str(sum(budget.day.cap for budget in after))},
            "month_cap": {"N": str(sum(budget.month.cap for budget in after))},
        },
    }
