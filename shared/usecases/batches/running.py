"""Takes batches as far as they go: what is due is told by what is written down, and is done once.

A batch is leased, so that seldom two processes do the same work; where they do, the one that comes
second finds the batch changed and leaves it alone. Every step may be repeated after a crash.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from shared.clock import Clock
from shared.domain.batches.batch import GRACE_SECONDS, Batch, Part, Status
from shared.domain.batches.records import hits_in
from shared.domain.budgets.lines import MOST_LINES, SettledLine
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.lines import Owner
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.ports.batches import CallerBatches
from shared.ports.calls import Meter
from shared.ports.jobs import BatchStore, Blobs
from shared.usecases.batches.given_up import GivenUp, without_answer
from shared.usecases.batches.merging import Merger
from shared.usecases.batches.money import BatchMoney
from shared.usecases.batches.splitting import Splitter
from shared.usecases.batches.taking import LEASE_SECONDS, BatchChanged, BatchTaker
from shared.usecases.crashes import Crashes
from shared.usecases.jobs.chunks import chunks

_MOST_PARTS: Final = 1_000
"""So many stand in a batch's item, which DynamoDB lets be 400 KB; what was refused until then, in
ever smaller parts, is not halved any more."""
_STOPPABLE: Final = frozenset({"claiming", "intent"})
"""States of a provider's batch in which nobody was told of it."""


class BatchRunner:
    """Runs batches. Synchronous; raises ``StoreUnavailable``, and then the next run goes on."""

    def __init__(
        self,
        *,
        batches: CallerBatches,
        parts: BatchStore,
        taker: BatchTaker,
        splitter: Splitter,
        merger: Merger,
        money: BatchMoney,
        blobs: Blobs,
        meter: Meter,
        clock: Clock,
        name: Callable[[], str],
        own_nano: Callable[[Owner], int],
    ) -> None:
        self._batches = batches
        self._parts = parts
        self._taker = taker
        self._splitter = splitter
        self._merger = merger
        self._money = money
        self._given_up = GivenUp(blobs, money, meter)
        self._blobs = blobs
        self._meter = meter
        self._clock = clock
        self._name = name
        self._own_nano = own_nano

    def run_all(self, until: float) -> None:
        """Take every open batch as far as it goes; no step is begun after an epoch second.

        Raises ``Crashed`` once all had their turn, where one failed unexpectedly.
        """
        crashes = Crashes(self._meter)
        for team, batch_id in self._batches.open_batches():
            if self._clock() >= until:
                break
            with crashes.kept(batch=batch_id):
                try:
                    self.run(team, batch_id, until)
                except StoreUnavailable:
                    self._meter.trouble("batch_stuck", batch=batch_id)
        crashes.raise_any()

    def run(
        self,
        team: str,
        batch_id: str,
        until: float = math.inf,
        *,
        most_bytes: float = math.inf,
    ) -> Batch | None:
        """Take a batch as far as it goes now, unless it is too large; returns it as it stands.

        No step is begun after ``until``, in epoch seconds.
        """
        batch = self._batches.get(team, batch_id)
        if batch is None or not self._is_to_run(batch, until, most_bytes):
            return batch
        try:
            if batch.status == "validating" and batch.is_awaited:
                self._taker.forget(batch)
                return None
            batch = self._leased(batch)
            while self._clock() < until and (after := self._step(batch, until)) is not None:
                batch = after
            return batch if batch.is_at_rest else self._move(batch, leased_until=0.0)
        except BatchChanged:
            return self._batches.get(team, batch_id)

    def _is_to_run(self, batch: Batch, until: float, most_bytes: float) -> bool:
        now = self._clock()
        is_free = not batch.is_at_rest and batch.leased_until <= now < until
        return is_free and sum(blob.bytes for blob in batch.input) <= most_bytes

    def _leased(self, batch: Batch) -> Batch:
        until = self._clock() + LEASE_SECONDS
        return self._move(batch, leased_to=self._name(), leased_until=until)

    def _step(self, batch: Batch, until: float) -> Batch | None:
        """Take the next step; returns the batch after it, or None where there is none now."""
        if batch.is_at_rest:
            return None
        if batch.status == "validating" or batch.held is None:
            return self._plan(batch)
        if batch.status == "finalizing":
            return self._merge(batch)
        if not batch.is_split:
            return self._split(batch, until)
        return self._look_after(batch)

    def _plan(self, batch: Batch) -> Batch:
        if batch.status == "cancelling":
            return self._taker.end_unheld(batch, "cancelled")
        return self._taker.take(batch)

    def _split(self, batch: Batch, until: float) -> Batch | None:
        """Settle what the cache answered, and name the parts before the first one stands.

        Settling keeps to a rate. Where the time is over before all is settled, the next run, or the
        collector, which has more of it, begins anew: what is settled is left as it is.
        """
        for some in chunks(self._hits(batch), MOST_LINES):
            if self._clock() >= until:
                return None
            self._money.settle(batch.hold(), some)
        if batch.cancelling_at is not None:
            return self._move(batch, is_split=True)
        batch = self._move(batch, is_split=True, parts=self._splitter.parts(batch))
        for part in batch.parts:
            self._splitter.stand(batch, part)
        return batch

    def _hits(self, batch: Batch) -> Iterator[SettledLine]:
        if batch.hits is not None:
            own = self._own_nano("batch")
            for hit in hits_in(self._blobs.read(batch.hits.key)):
                yield SettledLine(hit.entry, 0, hit.settlement(own))

    def _look_after(self, batch: Batch) -> Batch | None:
        """Wait for every part to come to rest; a refused one is tried again as two."""
        going, halved = False, list[Part]()
        parents = {part.parent for part in batch.parts}
        for part in batch.parts:
            standing = self._standing(batch, part)
            if standing is None:
                continue
            if self._is_to_stop(batch):
                standing = self._stopped(batch, standing)
            going = going or not self._is_over(batch, standing)
            is_new = part.batch not in parents and len(batch.parts) + len(halved) < _MOST_PARTS
            if is_new and self._is_refused(batch, standing):
                halved += self._splitter.halves(batch, part)
        if halved:
            batch = self._move(batch, parts=(*batch.parts, *halved))
            for part in halved:
                self._splitter.stand(batch, part)
            return batch
        if going:
            return None
        return self._move(batch, status="finalizing", finalizing_at=self._clock())

    def _standing(self, batch: Batch, part: Part) -> ProviderBatch | None:
        """Return a part's batch; one that does not stand is put there unless it is too late."""
        standing = self._parts.batch(part.batch)
        if standing is None and not self._is_to_stop(batch):
            return self._splitter.stand(batch, part)
        return standing

    def _is_to_stop(self, batch: Batch) -> bool:
        return batch.cancelling_at is not None or self._clock() >= batch.expires_at

    def _is_over(self, batch: Batch, standing: ProviderBatch) -> bool:
        """Whether no more is waited for: it is at rest, or no provider's batch lives so long."""
        return standing.is_at_rest or self._clock() >= batch.expires_at + GRACE_SECONDS

    def _is_refused(self, batch: Batch, standing: ProviderBatch) -> bool:
        is_refused = standing.state == "aborted" and bool(standing.reason) and standing.lines > 1
        return is_refused and not self._is_to_stop(batch)

    def _stopped(self, batch: Batch, standing: ProviderBatch) -> ProviderBatch:
        """Keep a part from its provider, or have it cancelled there as soon as it is looked at."""
        if standing.state in _STOPPABLE:
            after = standing.changed(state="aborting", reason="")
            return self._parts.move_batch(standing, after)
        is_told = standing.cancelled_at or standing.first_deadline <= self._clock()
        if standing.is_at_rest or is_told or batch.cancelling_at is None:
            return standing
        return self._parts.move_batch(standing, standing.changed(first_deadline=self._clock()))

    def _merge(self, batch: Batch) -> Batch:
        """Put the results together, give back what is left of the hold, and only then say so.

        While a provider may still bill a line, or has billed one that cannot be charged, the hold
        stands until it expires.
        """
        found = (self._parts.batch(part.batch) for part in batch.parts)
        standing = [each for each in found if each is not None]
        unsettled = self._given_up.unsettled(standing)
        merged = self._merger.merge(batch, [without_answer(line) for line in unsettled])
        is_over = all(each.is_at_rest for each in standing)
        if self._given_up.are_charged(batch, unsettled) and is_over:
            self._money.release(batch.hold())
        status: Status = "completed"
        if batch.cancelling_at is not None:
            status = "cancelled"
        elif merged.counts.expired:
            status = "expired"
        return self._taker.move(batch, merged.changed(status=status, ended_at=self._clock()))

    def _move(self, batch: Batch, **changes: object) -> Batch:
        return self._taker.move(batch, batch.changed(**changes))
