"""The ports in memory, for tests: the same promises as the real adapters, none of the network.

The contract suite in ``tests/contracts`` runs on these and on the real ones alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from shared.adapters.memory_ledger import MemoryLedger
from shared.catalog import Provider
from shared.domain.budgets import OpenHold, Scope
from shared.domain.entries import Claim, Entry, Found, KeyRow, Repeat, Settlement, StoredAnswer
from shared.domain.errors import StoreUnavailable
from shared.domain.health import Health, Rest
from shared.meters import Trouble


class MemoryStore:
    """Implements ``Store`` and ``KeyAdmin`` in one process.

    ``down`` holds the names of methods that fail as if their table could not be reached.
    """

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], KeyRow] = {}
        self.answers: dict[tuple[str, str], StoredAnswer] = {}
        self.claims: dict[tuple[str, str], Claim] = {}
        self.health: dict[str, Health] = {}
        self.calls: list[str] = []
        self.ledger = MemoryLedger(self.calls)
        self.down: set[str] = set()

    def look_up(
        self,
        team: str,
        key_digest: str | None,
        answer_digest: str | None,
        scopes: Iterable[Scope] = (),
    ) -> Found:
        """Read what is asked for."""
        self._called("look_up")
        key = self.keys.get((team, key_digest)) if key_digest else None
        answer = self.answers.get((team, answer_digest)) if answer_digest else None
        known = self.ledger.budgets
        budgets = {scope: known[scope] for scope in scopes if scope in known}
        return Found(key, answer, dict(self.health), budgets)

    def stored_answers(self, team: str, digests: Sequence[str]) -> dict[str, StoredAnswer]:
        """Read answers."""
        self.calls.append("stored_answers")
        found = {} if "stored_answers" in self.down else self.answers
        return {each: found[team, each] for each in digests if (team, each) in found}

    def record_hit(
        self, entry: Entry, settlement: Settlement, repeat: Repeat | None, day: str
    ) -> None:
        """Remember the usage row and count the repeat of an unreplaced answer."""
        self._called("record_hit")
        self.ledger.book(entry, settlement, day)
        if repeat is not None:
            self._count(repeat)

    def put_answer(self, answer: StoredAnswer, purge_at: int) -> None:
        """Store the answer."""
        self._called("put_answer")
        self.answers[answer.team, answer.digest] = answer

    def claim(self, claim: Claim, now: float) -> Claim | None:
        """Claim, unless an answered or running claim is in the way."""
        self._called("claim")
        place = (claim.team, claim.key_digest)
        standing = self.claims.get(place)
        if standing is not None and (
            now < standing.purge_at if standing.answer else now < standing.lease_until
        ):
            return standing
        self.claims[place] = claim
        return None

    def fulfil(self, claim: Claim) -> None:
        """Store the answered claim over this call's own."""
        self._called("fulfil")
        if self._is_own(claim):
            self.claims[claim.team, claim.key_digest] = claim

    def release(self, claim: Claim) -> None:
        """Forget this call's own claim."""
        self._called("release")
        if self._is_own(claim):
            del self.claims[claim.team, claim.key_digest]

    def count_failure(self, model: str) -> int:
        """Count a failure."""
        self._called("count_failure")
        known = self.health.get(model, Health())
        self.health[model] = dataclasses.replace(known, failures=known.failures + 1)
        return known.failures + 1

    def rest(self, model: str, rest: Rest) -> None:
        """Let the model rest."""
        self._called("rest")
        known = self.health.get(model, Health())
        self.health[model] = dataclasses.replace(known, resting_until=rest.until, cause=rest.cause)

    def forget_failures(self, model: str) -> None:
        """Forget what is known of a model."""
        self._called("forget_failures")
        self.health.pop(model, None)

    def create(self, row: KeyRow) -> None:
        """Store the key row."""
        self.keys[row.team, row.digest] = row
        self.ledger.known_teams.add(row.team)

    def list_keys(self, team: str | None) -> list[KeyRow]:
        """Return the rows, oldest first."""
        rows = [row for row in self.keys.values() if team in {None, row.team}]
        return sorted(rows, key=lambda row: (row.created_at, row.key_id))

    def revoke(self, key_id: str, at: int) -> KeyRow | None:
        """Mark the row."""
        for place, row in self.keys.items():
            if row.key_id == key_id:
                marked = row if row.revoked_at else dataclasses.replace(row, revoked_at=at)
                self.keys[place] = marked
                return marked
        return None

    def _is_own(self, claim: Claim) -> bool:
        standing = self.claims.get((claim.team, claim.key_digest))
        return standing is not None and standing.request_id == claim.request_id

    def _count(self, repeat: Repeat) -> None:
        place = (repeat.answer.team, repeat.answer.digest)
        current = self.answers.get(place)
        if current is None or current.stored_at != repeat.answer.stored_at:
            return
        counted = dataclasses.replace(current, repeats=current.repeats + 1)
        if repeat.promote_to is not None:
            counted = dataclasses.replace(
                counted,
                freshness=repeat.promote_to.tier,
                expires_at=current.stored_at + repeat.promote_to.ttl_seconds,
            )
        self.answers[place] = counted

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.down:
            raise StoreUnavailable("store")


class MemoryReply:
    """A provider's answer, given beforehand."""

    def __init__(
        self, body: AsyncIterator[bytes], status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        self.status = status
        self.headers = headers or {}
        self._body = body

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        return self._body


Answering = Callable[[Entry, Provider, str, bytes], MemoryReply]


class MemoryUpstream:
    """Implements ``Upstream``: every call is remembered and answered by a function."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.sent: list[tuple[Entry, str, bytes]] = []

    @asynccontextmanager
    async def post(
        self, hold: OpenHold, provider: Provider, path: str, body: bytes, *, timeout_seconds: float
    ) -> AsyncIterator[MemoryReply]:
        """Remember the call and hand over the answer."""
        self.sent.append((hold.entry, provider.name, body))
        yield self.answering(hold.entry, provider, path, body)


class MemoryMeter:
    """Implements ``Meter`` by remembering."""

    def __init__(self) -> None:
        self.settlements: list[tuple[Entry, Settlement]] = []
        self.refusals: list[tuple[str, int, str | None]] = []
        self.troubles: list[tuple[str, dict[str, Any]]] = []
        self.charges: list[int] = []

    def charged(self, nano: int) -> None:
        """Remember a charge."""
        self.charges.append(nano)

    def settled(
        self,
        entry: Entry,
        settlement: Settlement,
        seconds: float,
        held_nano: int | None = None,
    ) -> None:
        """Remember a settled request."""
        self.settlements.append((entry, settlement))

    def refused(self, request_id: str, door: str, status: int, code: str | None) -> None:
        """Remember a refused request."""
        self.refusals.append((request_id, status, code))

    def trouble(self, what: Trouble, **facts: Any) -> None:
        """Remember a trouble."""
        self.troubles.append((what, facts))
