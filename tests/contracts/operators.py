"""An operator, a caller and a clock on a ledger, in memory or on DynamoDB (moto)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from shared.adapters.dynamodb.budget_admin import DynamoBudgetAdmin
from shared.adapters.dynamodb.keys import DynamoKeyAdmin
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.adapters.memory import MemoryStore
from shared.adapters.memory_budget_admin import MemoryBudgetAdmin
from shared.domain.api_keys import KeyLimits
from shared.domain.budgets import Budget, OpenHold, Scope
from shared.domain.budgets.scopes import all_slices, key_scope, team_scope
from shared.domain.budgets.seeds import Seed, Seeds
from shared.domain.entries import Entry, KeyRow, Settlement
from shared.domain.prices import TokenCounts
from shared.usecases.budget_admin import Budgets
from shared.usecases.budget_audit import Audit, Sweep
from shared.usecases.holding import Holding, HoldPolicy, Wanted

NOON = 1_795_348_800.0
"""2026-11-22 12:00 UTC."""
DAY = "2026-11-22"
KEY = KeyRow("search.1f", "dev", "search", "d" * 64, "web", 100)
TEAM, OWN = team_scope("search"), key_scope("search", KEY.digest)
WHO = "arn:aws:sts::1:assumed-role/oncall/ada"
ENTRY = Entry(
    request_id="req_0", opened_at=NOON, team="search", key_id=KEY.key_id, door="chat",
    requested_model="auto", model="gpt-6-luna", provider="openai", tier="nano",
    price_version="v", stream=False, cache="miss",
)  # fmt: skip


def settled(nano: int) -> Settlement:
    return Settlement("answered", TokenCounts(input=10), "provider", nano, nano)


@dataclass
class Bench:
    """All that works on one ledger. ``seeds`` are those of the deployed function."""

    ledger: Any
    admin: Any
    keys: Any
    seeds: Seeds = field(default_factory=Seeds)
    time: list[float] = field(default_factory=lambda: [NOON])
    seeds_asked: int = 0
    number: int = 0
    charges: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys.create(KEY)

    @property
    def holding(self) -> Holding:
        policy = HoldPolicy(self.seeds, 100, KeyLimits())
        return Holding(self.ledger, self.clock, policy, lambda _: None, charged=self.charges.append)

    @property
    def budgets(self) -> Budgets:
        return Budgets(
            ledger=self.ledger,
            admin=self.admin,
            keys=self.keys,
            seeds=self._ask_seeds,
            caller=lambda: WHO,
            clock=self.clock,
            pause=lambda _: None,
        )

    @property
    def sweep(self) -> Sweep:
        return Sweep(self.holding, self.admin)

    @property
    def audit(self) -> Audit:
        return Audit(self.ledger, self.admin, self.clock)

    def clock(self) -> float:
        return self.time[0]

    def add_key(self, key: KeyRow) -> None:
        self.keys.create(key)
        if isinstance(self.admin, MemoryBudgetAdmin):
            self.admin.known_teams.append(key.team)

    def reserve(self, nano: int, key: KeyRow = KEY) -> OpenHold:
        self.number += 1
        entry = dataclasses.replace(
            ENTRY,
            request_id=f"req_{self.number}",
            opened_at=self.time[0],
            team=key.team,
            key_id=key.key_id,
        )
        return self.holding.reserve(Wanted(entry, key, nano, int(self.time[0]) + 960), None)

    def spend(self, nano: int, *, held: int | None = None, key: KeyRow = KEY) -> None:
        self.holding.settle(self.reserve(held or nano, key), settled(nano))

    def budget(self, scope: Scope) -> Budget:
        found: Budget = self.ledger.read_budgets([scope])[scope]
        return found

    def shown(self, name: str) -> Budget:
        [found] = self.budgets.show(name)
        return found

    def all_balanced(self) -> bool:
        found = self.ledger.read_budgets([*all_slices(), TEAM, OWN]).values()
        return all(counter.is_balanced for budget in found for _, counter in budget.counters)

    def _ask_seeds(self) -> Seeds:
        self.seeds_asked += 1
        return self.seeds


def in_memory(**seeds: Seed) -> Bench:
    store = MemoryStore()
    admin = MemoryBudgetAdmin(store.ledger, [KEY.team])
    return Bench(store.ledger, admin, store, Seeds(**seeds))  # type: ignore[arg-type]


def on_dynamo(client: Any, table: str = "ledger", **seeds: Seed) -> Bench:
    ledger = DynamoLedger(client, table, lambda *_: None)
    admin, keys = DynamoBudgetAdmin(client, table), DynamoKeyAdmin(client, table)
    return Bench(ledger, admin, keys, Seeds(**seeds))  # type: ignore[arg-type]
