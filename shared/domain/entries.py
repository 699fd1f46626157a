"""What the gateway remembers: keys, stored answers, and one usage entry per request.

Money is held for an entry before a provider is called (:mod:`shared.domain.budgets`) and the entry
is written when it is settled. A hold that nobody settles is charged in full: what a process that
died may have cost is then in doubt, never silently zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from shared.domain.api_keys import KeyLimits
from shared.domain.freshness import Freshness, TierName
from shared.domain.health import Health
from shared.domain.prices import TokenCounts, Variant
from shared.domain.savings import NO_LEVERS, Levers

if TYPE_CHECKING:
    from shared.domain.budgets import Budget, Scope
    from shared.domain.schema_check import SchemaVerdict

Door = Literal["chat", "messages", "count_tokens"]
CacheResult = Literal["hit", "miss", "bypass"]
Outcome = Literal["answered", "refused", "failed", "expired"]
"""``expired``: nobody settled the call in time, and all that was held for it was charged."""
UsageSource = Literal["provider", "stored", "estimated", "held", "none"]
"""``held``: nobody settled the call, so all that was held for it was charged.
``estimated``: the provider's figures never arrived; a high estimate was charged, in doubt."""


REPLAY: Final = "idempotent replay"
"""The route reason of a retry that got the first answer again."""


@dataclass(frozen=True)
class KeyRow:
    """A gateway key as stored. The key itself is nowhere; ``digest`` is its SHA-256.

    ``limits`` holds what this key's own row says; what it leaves out, the environment says.
    """

    key_id: str
    environment: str
    team: str
    digest: str
    name: str
    created_at: int
    revoked_at: int | None = None
    limits: KeyLimits = field(default_factory=KeyLimits)


@dataclass(frozen=True)
class StoredAnswer:
    """A cached completion. It repeats its tenant and digest, which the reader checks."""

    team: str
    digest: str
    body: bytes
    model: str
    tier: str | None
    tokens: TokenCounts
    stored_at: int
    expires_at: int
    freshness: TierName
    repeats: int = 0
    """How often it was asked for again, remembered for a while after it has expired."""

    def is_fresh(self, now: float) -> bool:
        """Whether it may still be served; DynamoDB deletes expired rows days late."""
        return now < self.expires_at


@dataclass(frozen=True)
class Entry:
    """One request's usage entry as opened. Times are epoch seconds; no prompt, no answer."""

    request_id: str
    opened_at: float
    team: str
    key_id: str
    door: Door
    requested_model: str
    model: str
    provider: str
    tier: str | None
    price_version: str
    stream: bool
    cache: CacheResult
    route_reason: str = ""
    feature: str | None = None
    task: str | None = None
    attempt: int = 1
    """Each try of a call has an entry of its own."""
    routed_model: str | None = None
    """The model that the route chose first, where another one is tried in its place."""
    request_digest: str | None = None
    """Shortened: tells whether the same caller asked the same again, and nothing of what."""
    variant: Variant = "standard"
    """How the provider processes it, which decides the price."""


@dataclass(frozen=True)
class Settlement:
    """How a request ended and what it cost, in nano-dollars."""

    outcome: Outcome
    tokens: TokenCounts
    usage_source: UsageSource
    cost_nano: int
    baseline_nano: int
    finish_reason: str | None = None
    levers: Levers = NO_LEVERS
    """What made the difference between baseline and cost: they add up to it."""
    schema: SchemaVerdict | None = None
    """Whether an answer that was asked for by a JSON schema fits it."""
    milliseconds: int = 0
    """From the arrival of the call to its settlement."""
    aws_nano: int = 0
    """What it cost at AWS, estimated: beside the provider's cost, never in a sum with it."""

    @property
    def saved_nano(self) -> int:
        """Baseline minus cost; negative when the baseline would have been cheaper."""
        return self.baseline_nano - self.cost_nano


@dataclass(frozen=True)
class Found:
    """What one read brings: the key, the answer, the models' health by their id, the budgets."""

    key: KeyRow | None
    answer: StoredAnswer | None
    health: Mapping[str, Health]
    budgets: Mapping[Scope, Budget] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """One use of an Idempotency-Key: whose, of which request, and until when it is remembered.

    ``body_digest`` names the request; ``lease_until`` is when an unfinished first call may be
    taken over. ``answer`` is set once the first call has been answered. Times are epoch seconds.
    """

    team: str
    key_digest: str
    body_digest: str
    request_id: str
    lease_until: int
    purge_at: int
    answer: StoredAnswer | None = None


@dataclass(frozen=True)
class Repeat:
    """A hit's effect on the stored answer: counted, and perhaps kept longer."""

    answer: StoredAnswer
    promote_to: Freshness | None = None
    purge_at: int = 0
    """When the row of a promoted answer may vanish, in epoch seconds."""
