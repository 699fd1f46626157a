"""Takes one batch to its provider, exactly once.

Every step is written down before it is taken and is carried out from what is written down, so
that the next process goes on where one died. The one step that cannot be repeated is the create:
it is announced first (SUBMITTING); after that, nothing is sent again before the provider was
looked at, and then only once a call on its way must have arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from shared.clock import Clock
from shared.domain.jobs.job import ANY_COMPANY
from shared.domain.jobs.lines import Claimed, Ended, LineResult, Owner
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.provider_errors import (
    BatchAnswerLost,
    BatchFailure,
    BatchNotTaken,
    BatchRefused,
)
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter
from shared.ports.jobs import BatchProvider, BatchStore
from shared.usecases.jobs.batch_files import BatchFiles, FilesGone
from shared.usecases.jobs.chunks import chunks
from shared.usecases.jobs.lanes import HeldLane, LaneLost
from shared.usecases.jobs.owners import SETTLED_TOGETHER, LineOwner, by_owner

_CLAIMED_TOGETHER: Final = 100
_MOST_SUBMITS: Final = 3
"""After so many creates of which nothing was seen, the lines go on in halves, as if refused."""
_NEVER_ANSWERED: Final = "no create was answered"
_PLANNED_BEFORE_SECONDS: Final = 8 * 24 * 3600.0
"""Longer than from the plan of a batch to its submission: no deadline is as far."""
_PAUSE_SECONDS: Final = 60.0
"""How long a provider that takes nothing is left alone, where it does not say."""


class Sending:
    """Takes a batch from step to step, in the lane of its provider. Raises ``StoreUnavailable``."""

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
        new_id: Callable[[], str],
    ) -> None:
        self._batches = batches
        self._files = files
        self._providers = providers
        self._owners = owners
        self._meter = meter
        self._times = times
        self._clock = clock
        self._new_id = new_id

    def keeps_ids(self, provider: str) -> bool:
        """Whether a provider finds a batch by our own id."""
        return self._providers[provider].keeps_ids

    def go_on(
        self, batch: ProviderBatch, lane: HeldLane, until: float, *, may_send: bool = True
    ) -> bool:
        """Take a batch as far as it goes; False where it stands in the way of others."""
        steps = {
            "claiming": self._claim,
            "intent": self._submit if may_send else self._kept,
            "submitting": self._adopt,
            "aborting": self._give_back,
        }
        try:
            while step := steps.get(batch.state):
                if self._clock() >= until:
                    return False
                lane.renew()
                after = step(batch, lane)
                if after is None:
                    return False
                batch = after
        except FilesGone:
            self._meter.trouble("batch_files_gone", batch=batch.id)
        return True

    def _claim(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Bind the planned lines to the batch, and write what is sent."""
        written = batch.changed(state="intent", files=self._new_id())
        lines, size = self._files.write_lines(written, self._claimed(batch, lane))
        if lines == 0:
            return self._move(batch, state="aborted", reason="nothing was left of its plan",
                              finished_at=self._clock())  # fmt: skip
        return self._move(batch, state="intent", files=written.files, lines=lines, size=size)

    def _claimed(self, batch: ProviderBatch, lane: HeldLane) -> Iterator[Claimed]:
        for planned in chunks(self._files.plan(batch), _CLAIMED_TOGETHER):
            lane.renew()
            for owner, own in by_owner(planned):
                yield from self._owners[owner].claim(batch, own)

    def _submit(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Upload, announce, create; None where the provider takes nothing now."""
        if self._is_late(batch) or self._clock() < batch.go_at:
            return self._kept(batch, lane)
        provider, asked = self._providers[batch.provider], self._files.asked(batch)
        try:
            if batch.input_file is None:
                uploaded = provider.upload(batch, asked)
                batch = self._move(batch, input_file=uploaded)
            lane.count_create()
            batch = self._move(
                batch,
                state="submitting",
                submits=batch.submits + 1,
                submitting_since=self._clock(),
            )
            return self._submitted(batch, provider.create(batch, asked))
        except BatchRefused as error:
            self._meter.trouble("batch_refused", batch=batch.id, reason=error.reason)
            return self._move(batch, state="aborting", reason=error.reason)
        except BatchNotTaken as error:
            self._meter.trouble("batch_not_taken", batch=batch.id, reason=error.reason)
            pause = error.retry_after_seconds or _PAUSE_SECONDS
            self._move(batch, state="intent", go_at=self._clock() + pause)
            return None
        except BatchAnswerLost as error:
            self._meter.trouble("batch_answer_lost", batch=batch.id, reason=error.reason)
            return None

    def _kept(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Keep a batch that cannot be sent now, until it is too late for it."""
        return self._move(batch, state="aborting") if self._is_late(batch) else None

    def _is_late(self, batch: ProviderBatch) -> bool:
        """Whether it would be cancelled at once."""
        return self._clock() >= self._times.cancel_at(batch.first_deadline, batch.early)

    def _adopt(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Look for a batch whose answer was lost; None while it may still be on its way."""
        try:
            found = self._providers[batch.provider].find(batch)
            others = self._provider_batches(batch)
        except BatchFailure as error:
            self._meter.trouble("batch_not_looked_for", batch=batch.id, reason=error.reason)
            return None
        new = [each for each in found if each not in others]
        if new:
            self._cancel_others(batch, new[1:])
            return self._submitted(batch, new[0])
        if self._clock() < batch.submitting_since + self._times.arrival:
            return None
        if batch.submits >= _MOST_SUBMITS:
            self._meter.trouble("batch_refused", batch=batch.id, reason=_NEVER_ANSWERED)
            return self._move(batch, state="aborting", reason=_NEVER_ANSWERED)
        return self._move(batch, state="intent")

    def _provider_batches(self, batch: ProviderBatch) -> set[str | None]:
        """Return the ids at the provider of all batches that are not this one, for certain."""
        past = self._batches.past_batches(batch.submitting_since - _PLANNED_BEFORE_SECONDS)
        known = (*self._batches.open_batches(), *past)
        return {each.provider_batch for each in known if each.provider == batch.provider}

    def _cancel_others(self, batch: ProviderBatch, others: Sequence[str]) -> None:
        for other in others:
            self._meter.trouble("batch_twice", batch=batch.id, provider_batch=other)
            try:
                self._providers[batch.provider].cancel(batch, other)
            except BatchFailure as error:
                self._meter.trouble("batch_not_cancelled", batch=batch.id, reason=error.reason)

    def _give_back(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Return the lines; those of a refused batch in halves, until the one at fault is alone."""
        manifest = self._files.manifest(batch)
        company = (len(manifest) + 1) // 2 if batch.reason else ANY_COMPANY
        lines = (manifest[number] for number in range(len(manifest)))
        for some in chunks(lines, SETTLED_TOGETHER):
            lane.renew()
            for owner, own in by_owner(some):
                if batch.reason and len(manifest) == 1:
                    refused = _refusal(batch)
                    self._owners[owner].settle(batch, [Ended(line, refused) for line in own])
                else:
                    self._owners[owner].give_back(batch, own, company)
        return self._move(batch, state="aborted", finished_at=self._clock())

    def _submitted(self, batch: ProviderBatch, provider_batch: str) -> ProviderBatch:
        now, pause = self._clock(), self._times.first_poll
        return self._move(
            batch,
            state="submitted",
            provider_batch=provider_batch,
            submitted_at=now,
            poll_at=now + pause,
            poll_pause=pause,
        )

    def _move(self, batch: ProviderBatch, **changes: object) -> ProviderBatch:
        """Write a change; raises ``LaneLost`` where another process has gone on with it."""
        after = batch.changed(**changes)
        if self._batches.move_batch(batch, after) != after:
            raise LaneLost
        return after


def _refusal(batch: ProviderBatch) -> LineResult:
    """Return the end of the line that a batch was refused for; silence says nothing of the line."""
    status = 502 if batch.reason == _NEVER_ANSWERED else 400
    return LineResult("", "errored", http_status=status, message=batch.reason)
