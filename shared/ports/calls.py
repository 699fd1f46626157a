"""What serving a call needs: the tables, the providers, the meter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from shared.catalog import Provider
from shared.domain.budgets import OpenHold, Scope
from shared.domain.entries import Claim, Entry, Found, Repeat, Settlement, StoredAnswer
from shared.domain.health import Rest
from shared.meters import Trouble


class Store(Protocol):
    """The cache and ledger tables as the router uses them.

    Every method raises :class:`~shared.domain.errors.StoreUnavailable` when its table cannot be
    reached or refuses: the caller fails closed. A method that AWS's client re-sends after a
    lost answer has the same effect as one send.
    """

    def look_up(
        self,
        team: str,
        key_digest: str | None,
        answer_digest: str | None,
        scopes: Iterable[Scope] = (),
    ) -> Found:
        """Read the models' health and, where they are named, a key row, an answer and budgets.

        One round trip. The answer may have expired; the caller checks. Strongly consistent for
        the key and the budgets; a scope without a budget is not among those found.
        """

    def stored_answers(self, team: str, digests: Sequence[str]) -> dict[str, StoredAnswer]:
        """Read up to 25 answers by their digest; what cannot be read is left out.

        They may have expired; the caller checks.
        """

    def record_hit(
        self, entry: Entry, settlement: Settlement, repeat: Repeat | None, day: str
    ) -> None:
        """Write the usage row of a hit and, where given, count the repeat, in one write."""

    def claim(self, claim: Claim, now: float) -> Claim | None:
        """Claim an Idempotency-Key; returns the claim that stands in the way, if one does.

        A claim whose answer is missing and whose lease has run out stands in nobody's way.
        """

    def fulfil(self, claim: Claim) -> None:
        """Store the answer under the claim, if the claim is still this call's own."""

    def release(self, claim: Claim) -> None:
        """Forget this call's own claim: it brought no answer, so it may be tried again."""

    def count_failure(self, model: str) -> int:
        """Count a failure of a model; returns how many there have been since a success."""

    def rest(self, model: str, rest: Rest) -> None:
        """Tell all instances to leave a model alone for a while."""

    def forget_failures(self, model: str) -> None:
        """Tell all instances that a model answers again."""

    def put_answer(self, answer: StoredAnswer, purge_at: int) -> None:
        """Store an answer, replacing an older one; the row may vanish after ``purge_at``.

        An answer too large for a row is not stored, which is no error.
        """


class UpstreamReply(Protocol):
    """A provider's answer as it arrives."""

    status: int
    headers: dict[str, str]

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""


class Upstream(Protocol):
    """The one client that talks to providers.

    It sends to hosts of the catalog only and never without an open hold. Raises
    ``UpstreamFailed`` or ``UpstreamTimedOut``; never retries and never follows a redirect.
    """

    def post(
        self, hold: OpenHold, provider: Provider, path: str, body: bytes, *, timeout_seconds: float
    ) -> AbstractAsyncContextManager[UpstreamReply]:
        """Send a JSON body and hand over the reply while it arrives."""


class Meter(Protocol):
    """Where each request's log line and metrics go. Never raises for want of a listener."""

    def settled(
        self,
        entry: Entry,
        settlement: Settlement,
        seconds: float,
        held_nano: int | None = None,
    ) -> None:
        """Record one request that reached an answer, from the cache or a provider.

        ``held_nano`` is what was held for it.
        """

    def charged(self, nano: int) -> None:
        """Record what was charged in full, for want of a settlement; below zero, given back.

        What a settlement cost that replaces such a charge is recorded apart.
        """

    def refused(self, request_id: str, door: str, status: int, code: str | None) -> None:
        """Record one request that was refused before it reached an answer."""

    def trouble(self, what: Trouble, **facts: Any) -> None:
        """Record something an operator must know about; facts are identifiers, never content."""
