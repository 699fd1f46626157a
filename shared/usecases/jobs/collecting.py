"""Looks after the batches that providers have: polls, cancels, promotes, and sees to their ends.

Any number of these may run at once. A batch is leased, so that seldom two of them read the same
results; where they do, every line is settled once all the same, by the ledger and by its job. A run
stops when its time is over and the next one goes on. What is done with the ends of lines stands in
:mod:`shared.usecases.jobs.ending`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from shared.clock import Clock
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.lines import BatchProgress, Line, Owner
from shared.domain.jobs.manifest import Manifest
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.provider_errors import BatchFailure
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter
from shared.ports.jobs import BatchProvider, BatchStore
from shared.usecases.crashes import Crashes
from shared.usecases.jobs.batch_files import BatchFiles, FilesGone
from shared.usecases.jobs.chunks import chunks
from shared.usecases.jobs.ending import Ending
from shared.usecases.jobs.moving import BatchLost, moved
from shared.usecases.jobs.owners import SETTLED_TOGETHER, LineOwner, by_owner

_NEVER: Final = float(2**53)


class Collector:
    """Reconciles what providers have with what is written down. Raises ``StoreUnavailable``."""

    def __init__(
        self,
        *,
        batches: BatchStore,
        files: BatchFiles,
        providers: Mapping[str, BatchProvider],
        owners: Mapping[Owner, LineOwner],
        meter: Meter,
        times: JobTimes,
        clock: Clock,
        name: Callable[[], str],
    ) -> None:
        self._batches = batches
        self._files = files
        self._providers = providers
        self._owners = owners
        self._meter = meter
        self._times = times
        self._clock = clock
        self._name = name
        self._ending = Ending(
            batches=batches, files=files, owners=owners, meter=meter, times=times, clock=clock
        )

    def run(self, until: float) -> None:
        """Do what is to be done for each batch, up to an epoch second.

        Raises ``Crashed`` once all had their turn, where one failed unexpectedly.
        """
        crashes = Crashes(self._meter)
        for batch in self._batches.open_batches():
            if self._clock() >= until:
                break
            if self._is_due(batch):
                with crashes.kept(StoreUnavailable, batch=batch.id):
                    self._tried(batch, until)
        crashes.raise_any()

    def _tried(self, batch: ProviderBatch, until: float) -> None:
        with suppress(BatchLost, FilesGone):
            try:
                self._look_after(batch, until)
            except BatchFailure as error:
                self._meter.trouble("batch_unread", batch=batch.id, reason=error.reason)

    def _is_due(self, batch: ProviderBatch) -> bool:
        now = self._clock()
        if now < batch.leased_until:
            return False
        if self._is_to_call(batch, batch.promoted_by):
            return True
        is_to_be_cancelled = not batch.cancelled_at and self._is_too_late(batch)
        return batch.state == "submitted" and (now >= batch.poll_at or is_to_be_cancelled)

    def _is_to_call(self, batch: ProviderBatch, deadline: float) -> bool:
        return self._clock() >= self._times.call_at(deadline, batch.early)

    def _is_too_late(self, batch: ProviderBatch) -> bool:
        return self._clock() >= self._times.cancel_at(batch.first_deadline, batch.early)

    def _look_after(self, batch: ProviderBatch, until: float) -> None:
        name = self._name()
        leased_until = self._clock() + self._times.lane
        batch = self._move(batch, leased_to=name, leased_until=leased_until)
        try:
            batch = self._looked_after(batch, until)
        except (StoreUnavailable, BatchLost, FilesGone):
            raise
        except Exception:
            self._put_off(batch.id, name)
            raise
        if not batch.is_at_rest:
            self._move(batch, leased_until=0.0)

    def _put_off(self, batch_id: str, name: str) -> None:
        """Look at a batch later, and call whom that is too late for, if it is still ours."""
        batch = self._batches.batch(batch_id)
        if batch is None or batch.is_at_rest or batch.leased_to != name:
            return
        pause = self._times.next_poll(batch.poll_pause)
        with suppress(BatchLost):
            batch = self._promoted(batch)
            self._move(batch, poll_at=self._clock() + pause, poll_pause=pause, leased_until=0.0)

    def _looked_after(self, batch: ProviderBatch, until: float) -> ProviderBatch:
        if batch.state == "claiming":
            return self._let_go(batch)
        if batch.state != "submitted":
            return self._promoted(batch)
        provider = self._providers.get(batch.provider)
        if provider is None:
            self._meter.trouble("batch_unread", batch=batch.id, reason="provider_disabled")
            return self._promoted(batch)
        progress = provider.progress(batch)
        if progress.failed_because is not None:
            return self._failed(batch, progress.failed_because, is_for_now=progress.is_for_now)
        if progress.is_over:
            return self._promoted(self._ending.collected(batch, provider, until))
        if not batch.cancelled_at and self._is_too_late(batch):
            provider.cancel(batch)
            batch = self._move(batch, cancelled_at=self._clock())
        if batch.submits > 1 and provider.keeps_ids:
            self._look_for_others(batch, provider)
        return self._poll_later(self._promoted(batch), progress)

    def _failed(self, batch: ProviderBatch, reason: str, *, is_for_now: bool) -> ProviderBatch:
        """Give a batch back that failed before it was begun, or send it once more after a while.

        What fails because of the account is no fault of its lines. Nobody else's batch would be
        taken either, so all others wait behind it.
        """
        if not is_for_now:
            self._meter.trouble("batch_failed", batch=batch.id, reason=reason)
            return self._move(batch, state="aborting", reason=reason)
        self._meter.trouble("batch_not_taken", batch=batch.id, reason=reason)
        go_at = self._clock() + self._times.account_pause(batch.pauses)
        pauses = batch.pauses + 1
        return self._move(batch, state="intent", provider_batch=None, go_at=go_at, pauses=pauses)

    def _let_go(self, batch: ProviderBatch) -> ProviderBatch:
        """Let the jobs of a batch go on that has not even bound all of them in time."""
        for some in chunks(self._files.plan(batch), SETTLED_TOGETHER):
            for owner, own in by_owner(some):
                self._owners[owner].let_go(batch, own)
        return self._move(batch, next_deadline=_NEVER)

    def _poll_later(self, batch: ProviderBatch, progress: BatchProgress) -> ProviderBatch:
        pause = self._times.next_poll(batch.poll_pause)
        if batch.cancelled_at:
            pause = self._times.first_poll
        return self._move(batch, poll_at=self._clock() + pause, poll_pause=pause)

    def _look_for_others(self, batch: ProviderBatch, provider: BatchProvider) -> None:
        """Cancel what a create that had been given up for lost has made after all."""
        for other in provider.find(batch):
            if other != batch.provider_batch:
                self._meter.trouble("batch_twice", batch=batch.id, provider_batch=other)
                provider.cancel(batch, other)

    def _promoted(self, batch: ProviderBatch) -> ProviderBatch:
        """Have the lines called whose deadline is too near to wait any longer."""
        if batch.is_at_rest or not self._is_to_call(batch, batch.promoted_by):
            return batch
        manifest, left = self._files.manifest(batch), []
        for some in chunks(_lines(manifest), SETTLED_TOGETHER):
            late = [line for line in some if self._is_to_call(batch, line.deadline)]
            left += [line.deadline for line in some if line not in late]
            for owner, own in by_owner(late):
                self._owners[owner].promote(batch, own)
        return self._move(batch, next_deadline=min(left, default=_NEVER))

    def _move(self, batch: ProviderBatch, **changes: object) -> ProviderBatch:
        return moved(self._batches, batch, **changes)


def _lines(manifest: Manifest) -> Iterator[Line]:
    return (manifest[number] for number in range(len(manifest)))
