"""What is decided of a call before anybody answers it: its identity, its place in the cache."""

from __future__ import annotations

from dataclasses import dataclass

from shared.catalog import Catalog, Model
from shared.clock import Clock
from shared.domain.cache_key import answer_digest
from shared.domain.entries import CacheResult, Entry, KeyRow, StoredAnswer
from shared.domain.prices import Variant
from shared.usecases.calls import Call
from shared.usecases.settling import Keeping

_DIGEST_CHARACTERS = 16
"""Of 64: enough to tell one caller's requests of a minute apart."""


@dataclass(frozen=True)
class Policy:
    """What this deployment answers by."""

    environment: str
    policy_version: str


class CallFacts:
    """Decides by the deployment's policy and catalog; asks nobody."""

    def __init__(self, policy: Policy, catalog: Catalog, clock: Clock) -> None:
        self._policy = policy
        self._catalog = catalog
        self._clock = clock

    def identity(self, call: Call) -> str:
        """Return the digest that the same request of the same team has, and no other."""
        return answer_digest(
            environment=self._policy.environment,
            team=call.key.team,
            policy_version=self._policy.policy_version,
            door=call.door,
            task=call.controls.task,
            body=call.body,
        )

    def is_cached(self, call: Call) -> bool:
        """Whether the cache has a part in this call."""
        control = call.controls.cache
        freshness = self._catalog.freshness.decide(control, call.request.user_text())
        return control.mode != "bypass" and freshness.ttl_seconds > 0

    def may_serve(self, call: Call, stored: StoredAnswer) -> bool:
        """Whether a stored answer is fresh, also by the caller's own limit on its age."""
        now, control = self._clock(), call.controls.cache
        if control.ttl_seconds is not None and now >= stored.stored_at + control.ttl_seconds:
            return False
        return control.reads and stored.is_fresh(now)

    def keeping(self, call: Call, digest: str | None, stored: StoredAnswer | None) -> Keeping:
        """Decide how long the new answer lasts; an expired one's repeats are remembered."""
        repeats = stored.repeats + 1 if stored else 0
        freshness = self._catalog.freshness.decide(
            call.controls.cache, call.request.user_text(), repeats
        )
        return Keeping(digest, freshness, repeats)

    def entry(
        self,
        call: Call,
        key: KeyRow,
        model: Model,
        cache: CacheResult,
        reason: str,
        variant: Variant = "standard",
    ) -> Entry:
        """Return the usage entry of a call's first attempt."""
        return Entry(
            request_id=call.request_id,
            opened_at=call.started_at,
            team=key.team,
            key_id=key.key_id,
            door=call.door,
            requested_model=call.request.model,
            model=model.id,
            provider=model.provider,
            tier=model.tier,
            price_version=self._catalog.price_version,
            stream=call.is_stream,
            cache=cache,
            route_reason=reason,
            feature=call.controls.feature,
            task=call.controls.task,
            request_digest=call.identity[:_DIGEST_CHARACTERS],
            variant=variant,
        )
