"""Deals with the ends of a batch's lines, once its provider is done with all of them.

Which lines were dealt with is written down as it goes on, so what a run leaves the next one does.
A line that crashes holds no other up. It is tried again, and given up only where the line and not
the code must be at fault; what the provider answered is then left where it lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.clock import Clock
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.ids import line_number
from shared.domain.jobs.lines import Ended, Line, LineResult, Owner
from shared.domain.jobs.manifest import Manifest
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.provider_errors import BatchFailure
from shared.domain.jobs.seen import Seen
from shared.domain.jobs.setting_aside import may_set_aside
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter
from shared.ports.jobs import BatchProvider, BatchStore
from shared.usecases.crashes import Crashes
from shared.usecases.jobs.batch_files import BatchFiles
from shared.usecases.jobs.chunks import chunks
from shared.usecases.jobs.moving import moved
from shared.usecases.jobs.owners import SETTLED_TOGETHER, LineOwner, by_owner

_SAVED_EVERY: Final = 20
"""After so many pieces of ``SETTLED_TOGETHER`` lines the progress is written down."""


@dataclass
class _Round:
    """What one way through the lines has come to: how many were settled, which crashed."""

    seen: Seen
    crashes: Crashes
    settled: int = 0
    crashed: list[int] = field(default_factory=list)

    def settle(self, numbers: list[int]) -> None:
        """Count lines that were settled."""
        self.seen.add_all(numbers)
        self.settled += len(numbers)

    def counted(self, batch: ProviderBatch, *, is_whole: bool) -> dict[str, object]:
        """Return what changes of a batch by it."""
        if not self.crashed:
            return {"seen": self.seen.stored()}
        rounds = 1 if self.settled else batch.crashes + 1
        return {
            "seen": self.seen.stored(),
            "crashes": rounds if is_whole else batch.crashes,
            "beside": batch.beside + self.settled,
        }


class Ending:
    """Brings batches to their ends. Raises ``StoreUnavailable``, ``BatchLost``, ``FilesGone``."""

    def __init__(
        self,
        *,
        batches: BatchStore,
        files: BatchFiles,
        owners: Mapping[Owner, LineOwner],
        meter: Meter,
        times: JobTimes,
        clock: Clock,
    ) -> None:
        self._batches = batches
        self._files = files
        self._owners = owners
        self._meter = meter
        self._times = times
        self._clock = clock

    def collected(
        self, batch: ProviderBatch, provider: BatchProvider, until: float
    ) -> ProviderBatch:
        """Deal with the end of every line, or with as many as there is time for.

        Raises ``Crashed`` where lines crashed that are to be tried again.
        """
        manifest = self._files.manifest(batch)
        turn = _Round(Seen(batch.seen, len(manifest)), Crashes(self._meter))
        ends = self._ends(batch, manifest, turn.seen, provider)
        for number, some in enumerate(chunks(ends, SETTLED_TOGETHER), start=1):
            self._settle(batch, some, turn)
            if self._clock() >= until:
                return self._left(batch, turn)
            if number % _SAVED_EVERY == 0:
                leased_until = self._clock() + self._times.lane
                batch = self._move(batch, seen=turn.seen.stored(), leased_until=leased_until)
        if turn.crashed:
            return self._without_crashed(batch, manifest, turn, provider, until)
        return self._ended(batch, turn.seen, provider)

    def _left(self, batch: ProviderBatch, turn: _Round) -> ProviderBatch:
        """Leave the rest to the next run; where all crashed, other batches come first."""
        batch = self._move(batch, **turn.counted(batch, is_whole=False))
        if not turn.settled:
            turn.crashes.raise_any()
        return batch

    def _without_crashed(
        self,
        batch: ProviderBatch,
        manifest: Manifest,
        turn: _Round,
        provider: BatchProvider,
        until: float,
    ) -> ProviderBatch:
        """Give up the lines that crashed, or have them tried again: raises ``Crashed``."""
        batch = self._move(batch, **turn.counted(batch, is_whole=True))
        if not may_set_aside(batch, len(turn.crashed), self._clock()):
            turn.crashes.raise_any()
        unsettled = Seen(batch.unsettled, len(manifest))
        for done, number in enumerate(turn.crashed):
            if self._clock() >= until:
                return self._move(batch, **_given_up(batch, turn.seen, unsettled, done))
            if not self._is_set_aside(batch, manifest[number]):
                unsettled.add(number)
            turn.seen.add(number)
        batch = self._move(batch, **_given_up(batch, turn.seen, unsettled, len(turn.crashed)))
        return self._ended(batch, turn.seen, provider)

    def _is_set_aside(self, batch: ProviderBatch, line: Line) -> bool:
        """Give up a line; False where even that crashes: then what is held for it still is."""
        self._meter.trouble("line_set_aside", batch=batch.id, line=line.id)
        with Crashes(self._meter).kept(StoreUnavailable, batch=batch.id, line=line.id):
            self._owners[line.owner].set_aside(batch, line)
            return True
        return False

    def _settle(self, batch: ProviderBatch, some: list[tuple[int, Ended]], turn: _Round) -> None:
        """Settle lines, each by itself where they crash together."""
        with Crashes(self._meter).kept(StoreUnavailable, batch=batch.id):
            for owner, own in by_owner([ended for _, ended in some]):
                self._owners[owner].settle(batch, own)
            turn.settle([number for number, _ in some])
            return
        for number, ended in some:
            with turn.crashes.kept(StoreUnavailable, batch=batch.id, line=ended.line.id):
                self._owners[ended.owner].settle(batch, [ended])
                turn.settle([number])
            if number not in turn.seen:
                turn.crashed.append(number)

    def _ends(
        self, batch: ProviderBatch, manifest: Manifest, seen: Seen, provider: BatchProvider
    ) -> Iterator[tuple[int, Ended]]:
        """Yield what the provider says, line by line, and then the lines it says nothing of."""
        told = Seen(seen.stored(), len(manifest))
        for result in provider.results(batch):
            number = line_number(result.custom_id, batch.id)
            if number is None or number >= len(manifest):
                self._meter.trouble("foreign_line", batch=batch.id)
            elif number not in told:
                told.add(number)
                yield number, Ended(manifest[number], result)
        for number in range(len(manifest)):
            if number not in told:
                yield number, Ended(manifest[number], _said_nothing(batch))

    def _ended(self, batch: ProviderBatch, seen: Seen, provider: BatchProvider) -> ProviderBatch:
        batch = self._move(batch, state="collected", seen=seen.stored(), finished_at=self._clock())
        try:
            if not batch.set_aside:
                provider.discard(batch)
            self._files.discard(batch)
        except BatchFailure as error:
            self._meter.trouble("batch_not_discarded", batch=batch.id, reason=error.reason)
        return batch

    def _move(self, batch: ProviderBatch, **changes: object) -> ProviderBatch:
        return moved(self._batches, batch, **changes)


def _given_up(batch: ProviderBatch, seen: Seen, unsettled: Seen, lines: int) -> dict[str, object]:
    """Return what changes of a batch when some more lines were given up."""
    changes: dict[str, object] = {"seen": seen.stored(), "set_aside": batch.set_aside + lines}
    return changes | ({"unsettled": unsettled.stored()} if unsettled else {})


def _said_nothing(batch: ProviderBatch) -> LineResult | None:
    """Return the end of a line of which nothing is said: one not begun, if it was cancelled."""
    return LineResult("", "canceled") if batch.cancelled_at else None
