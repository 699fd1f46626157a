"""The ports in memory, for tests: the same promises as the real adapters, none of the network.

The contract suite in ``tests/contracts`` runs on these and on the real ones alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from shared.catalog import Provider
from shared.domain.entries import Entry, KeyRow, Repeat, Settlement, StoredAnswer
from shared.domain.errors import StoreUnavailable


class MemoryStore:
    """Implements ``Store`` and ``KeyAdmin`` in one process.

    ``down`` holds the names of methods that fail as if their table could not be reached.
    """

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], KeyRow] = {}
        self.answers: dict[tuple[str, str], StoredAnswer] = {}
        self.opened: dict[str, Entry] = {}
        self.settled: dict[str, Settlement] = {}
        self.calls: list[str] = []
        self.down: set[str] = set()

    def look_up(
        self, team: str, key_digest: str, answer_digest: str | None
    ) -> tuple[KeyRow | None, StoredAnswer | None]:
        """Read both rows."""
        self._called("look_up")
        answer = self.answers.get((team, answer_digest)) if answer_digest else None
        return self.keys.get((team, key_digest)), answer

    def read_answer(self, team: str, answer_digest: str) -> StoredAnswer | None:
        """Read the answer."""
        self._called("read_answer")
        return self.answers.get((team, answer_digest))

    def open_entry(self, entry: Entry) -> None:
        """Remember the entry as open."""
        self._called("open_entry")
        self.opened[entry.request_id] = entry

    def settle_entry(self, entry: Entry, settlement: Settlement) -> None:
        """Settle it unless it was settled before."""
        self._called("settle_entry")
        self.settled.setdefault(entry.request_id, settlement)

    def record_hit(self, entry: Entry, settlement: Settlement, repeat: Repeat | None) -> None:
        """Remember the settled entry and count the repeat of an unreplaced answer."""
        self._called("record_hit")
        self.opened[entry.request_id] = entry
        self.settled[entry.request_id] = settlement
        if repeat is not None:
            self._count(repeat)

    def put_answer(self, answer: StoredAnswer, purge_at: int) -> None:
        """Store the answer."""
        self._called("put_answer")
        self.answers[answer.team, answer.digest] = answer

    def create(self, row: KeyRow) -> None:
        """Store the key row."""
        self.keys[row.team, row.digest] = row

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
        self, entry: Entry, provider: Provider, path: str, body: bytes, *, timeout_seconds: float
    ) -> AsyncIterator[MemoryReply]:
        """Remember the call and hand over the answer."""
        self.sent.append((entry, provider.name, body))
        yield self.answering(entry, provider, path, body)


class MemoryMeter:
    """Implements ``Meter`` by remembering."""

    def __init__(self) -> None:
        self.settlements: list[tuple[Entry, Settlement]] = []
        self.refusals: list[tuple[str, int, str | None]] = []
        self.troubles: list[tuple[str, dict[str, Any]]] = []

    def settled(self, entry: Entry, settlement: Settlement, seconds: float) -> None:
        """Remember a settled request."""
        self.settlements.append((entry, settlement))

    def refused(self, request_id: str, door: str, status: int, code: str | None) -> None:
        """Remember a refused request."""
        self.refusals.append((request_id, status, code))

    def trouble(self, what: str, **facts: Any) -> None:
        """Remember a trouble."""
        self.troubles.append((what, facts))
