"""The exact cache while a log is replayed in the order of time, by the gateway's own policy."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.cache_key import answer_digest
from shared.domain.freshness import Freshness, FreshnessPolicy
from shared.domain.replay.calls import LoggedCall


@dataclass
class _Stored:
    begins: float
    freshness: Freshness
    repeats: int

    @property
    def expires(self) -> float:
        return self.begins + self.freshness.ttl_seconds

    def is_fresh(self, at: float) -> bool:
        return self.begins <= at < self.expires


@dataclass
class Answers:
    """Every answer that the cache holds. Times are epoch seconds."""

    policy: FreshnessPolicy
    _stored: dict[str, _Stored] = field(default_factory=dict)

    def serves(self, call: LoggedCall) -> bool:
        """Tell whether the cache answers a call; one that it does not may leave its answer.

        An answer can be served once its call has ended, by the log's own latency. A caller's
        TTL also bounds the age of what that caller is served.
        """
        if call.request is None:
            return False
        question, at = call.request.user_text(), call.at.timestamp()
        freshness = self.policy.decide(call.cache, question)
        if call.cache.mode == "bypass" or freshness.ttl_seconds == 0:
            return False
        digest = _digest(call)
        stored = self._stored.get(digest)
        if stored is not None and call.cache.reads and self._may_serve(call, stored, at):
            self._count_repeat(stored)
            return True
        self._keep(call, digest, stored, question)
        return False

    def _may_serve(self, call: LoggedCall, stored: _Stored, at: float) -> bool:
        limit = call.cache.ttl_seconds
        return stored.is_fresh(at) and (limit is None or at < stored.begins + limit)

    def _count_repeat(self, stored: _Stored) -> None:
        stored.repeats += 1
        is_frequent = stored.repeats >= self.policy.frequent_repeats
        if stored.freshness.tier == "default" and is_frequent:
            stored.freshness = Freshness("frequent", self.policy.frequent_ttl)

    def _keep(self, call: LoggedCall, digest: str, old: _Stored | None, question: str) -> None:
        at = call.at.timestamp()
        if not call.is_whole or (old is not None and at < old.begins):
            return
        remembered = old is not None and at < old.expires + self.policy.memory_seconds
        repeats = old.repeats + 1 if old is not None and remembered else 0
        freshness = self.policy.decide(call.cache, question, repeats)
        self._stored[digest] = _Stored(at + call.latency, freshness, repeats)


def _digest(call: LoggedCall) -> str:
    return answer_digest(
        environment="replay",
        team=call.tenant,
        policy_version="",
        door=call.door,
        task=call.task,
        body=call.body,
    )
