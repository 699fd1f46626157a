"""Makes providers' batches of a planned batch.

A part is named by what it is a part of, so whoever splits the same batch makes the same parts. The
batch names its parts before the first one stands, and a part that does not stand yet is put there
by whoever comes next: none is lost, and none is at a provider twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from shared.catalog import Catalog
from shared.clock import Clock
from shared.domain.batches.batch import Batch, Group, Part
from shared.domain.batches.records import PlannedLine, planned_in
from shared.domain.jobs.job import Held
from shared.domain.jobs.lines import Claimed, Line
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.times import JobTimes
from shared.ports.jobs import BatchStore, Blobs
from shared.usecases.jobs.batch_files import BatchFiles

_FILES: Final = "1"
_AROUND_A_LINE: Final = 256
"""Bytes that a provider's own wrapping of a line takes at most, its name included."""


class Splitter:
    """Splits. Synchronous; raises ``StoreUnavailable``; every method may be repeated."""

    def __init__(
        self, batches: BatchStore, blobs: Blobs, catalog: Catalog, times: JobTimes, clock: Clock
    ) -> None:
        self._batches = batches
        self._blobs = blobs
        self._files = BatchFiles(blobs)
        self._catalog = catalog
        self._times = times
        self._clock = clock

    def parts(self, batch: Batch) -> tuple[Part, ...]:
        """Return the parts of a batch, cut by what its providers take in one."""
        return tuple(
            part
            for number, group in enumerate(batch.groups)
            for part in self._cut(batch, number, group)
        )

    def halves(self, batch: Batch, part: Part) -> tuple[Part, Part]:
        """Return the two parts that a refused one is tried again as."""
        half = part.lines // 2
        sizes = ((part.first, half), (part.first + half, part.lines - half))
        first, second = (
            self._part(batch, part.group, start, lines, parent=part.batch) for start, lines in sizes
        )
        return first, second

    def stand(self, batch: Batch, part: Part) -> ProviderBatch:
        """Return a part's batch, which is written if it is not there."""
        return self._batches.batch(part.batch) or self._put(batch, part)

    def _put(self, batch: Batch, part: Part) -> ProviderBatch:
        group = batch.groups[part.group]
        new = ProviderBatch(
            id=part.batch,
            provider=group.provider,
            model=group.model,
            state="intent",
            created_at=self._clock(),
            lines=part.lines,
            size=0,
            first_deadline=_deadline(batch, self._times),
            files=_FILES,
            purge_at=batch.purge_at,
        )
        _, size = self._files.write_lines(new, self._claimed(batch, part))
        new = replace(new, size=size)
        self._batches.put_batch(new)
        return new

    def _claimed(self, batch: Batch, part: Part) -> Iterator[Claimed]:
        held = batch.hold()
        for planned in islice(self._planned(batch, part), part.lines):
            line = Line(
                owner="batch",
                id=line_name(batch, planned),
                entry=planned.entry,
                key_digest=batch.key_digest,
                held=Held(planned.held, held.day, held.expires_at),
                wish=planned.wish,
                deadline=_deadline(batch, self._times),
            )
            yield Claimed(line, bytes(planned.body))

    def _planned(self, batch: Batch, part: Part) -> Iterator[PlannedLine]:
        group = batch.groups[part.group]
        return islice(planned_in(self._blobs.read(group.blob.key)), part.first, None)

    def _cut(self, batch: Batch, number: int, group: Group) -> Iterator[Part]:
        api = self._catalog.providers[group.provider].batch
        if api is None:
            raise ValueError(f"{group.provider} has no batch API")
        planned = planned_in(self._blobs.read(group.blob.key))
        for first, lines in _runs((len(each.body) for each in planned), api.lines, api.bytes):
            yield self._part(batch, number, first, lines)

    def _part(
        self, batch: Batch, group: int, first: int, lines: int, parent: str | None = None
    ) -> Part:
        named = f"{batch.team}/{batch.id}/{group}/{first}/{lines}/{parent or ''}"
        digest = hashlib.sha256(named.encode()).hexdigest()
        planned_at = int(batch.in_progress_at or batch.created_at)
        return Part(f"bat_{planned_at:08x}{digest[:24]}", group, first, lines, parent)


def line_name(batch: Batch, planned: PlannedLine) -> str:
    """Return what a line is called in a manifest; see :func:`read_line_name`."""
    return f"{batch.id}/{planned.number}/{planned.custom_id}"


def read_line_name(name: str) -> tuple[str, int, str]:
    """Return the batch, the number and the custom id that a line's name holds."""
    batch_id, number, custom = name.split("/", 2)
    return batch_id, int(number), custom


def _deadline(batch: Batch, times: JobTimes) -> float:
    """Return the deadline by which the machinery cancels a part when its batch's time is over."""
    return batch.expires_at + times.cancel_before


def _runs(sizes: Iterable[int], most_lines: int, most_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield where each part begins and how many lines it has."""
    first = lines = size = 0
    for line in sizes:
        more = line + _AROUND_A_LINE
        if lines and (lines == most_lines or size + more > most_bytes):
            yield first, lines
            first, lines, size = first + lines, 0, 0
        lines, size = lines + 1, size + more
    if lines:
        yield first, lines
