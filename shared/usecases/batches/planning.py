"""Makes a plan of a batch: every line is checked, and the money for all of them is held.

::

    lines      cut from the file, one at a time; a bad envelope fails the batch
    call       checked by its door's schema; a bad one is that line's own affair
    twins      a line that asks what an earlier one asks is answered with it
    cache      lines whose answer is known are answered, at cost 0
    route      the rest goes to models that answer in batches, at a known price
    hold       for all lines at once, or for none
    files      what each model is asked, in one file for each, equal prompt prefixes side by side

Nothing but the hold is of any effect before the batch says that it is planned, and the hold is
found again by whoever plans the batch anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec

from shared.clock import Clock
from shared.domain.batches.batch import MOST_ERRORS, Batch, Counts, Group, LineError
from shared.domain.batches.jsonl import raw_lines
from shared.domain.batches.lines import InvalidLine, Line, LineReader
from shared.domain.batches.records import Hit, Record, Twin, written
from shared.domain.budgets import Hold
from shared.domain.budgets.scopes import scopes_of
from shared.domain.doors import DOORS
from shared.domain.entries import KeyRow, StoredAnswer
from shared.domain.errors import GatewayError, Unauthorized
from shared.domain.files import Blob, blob_key
from shared.domain.jobs.job import Held
from shared.ports.calls import Store
from shared.ports.jobs import Blobs
from shared.usecases.batches.line_plan import CheckedLine, LinePlanner, refused
from shared.usecases.batches.room import BatchRoom
from shared.usecases.batches.sorted_lines import SortedLines
from shared.usecases.batches.spool import Spool
from shared.usecases.holding import Holding
from shared.usecases.jobs.bodies import asked_of, prefix_of
from shared.usecases.jobs.chunks import chunks
from shared.usecases.settling import Settler
from shared.usecases.standing import Standing, StandingOf

_LOOKED_UP_TOGETHER = 25
_TWIN = "duplicate in the batch"
_HIT = "exact cache"


class BatchFailed(Exception):
    """A batch that cannot be taken, and why, line by line."""

    def __init__(self, errors: tuple[LineError, ...]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


class Planner:
    """Plans batches. Synchronous; raises ``BatchFailed`` and ``shared.domain.errors``."""

    def __init__(
        self,
        *,
        environment: str,
        lines: LinePlanner,
        room: BatchRoom,
        holding: Holding,
        blobs: Blobs,
        store: Store,
        settler: Settler,
        clock: Clock,
    ) -> None:
        self._environment = environment
        self._lines = lines
        self._room = room
        self._standing_of = StandingOf(holding)
        self._blobs = blobs
        self._store = store
        self._settler = settler
        self._clock = clock

    def plan(self, batch: Batch, attempt: str) -> Batch:
        """Return the batch as it is once its money is held; ``attempt`` names this try."""
        key, standing = self._caller(batch)
        with ExitStack() as stack:
            found = SortedLines(stack)
            self._sort(batch, key, standing, found)
            hold = self._room.reserve(batch, key, found.most)
            return self._written(batch, found, hold, blob_key(batch.team, f"{batch.id}/{attempt}"))

    def _caller(self, batch: Batch) -> tuple[KeyRow, Standing]:
        """Return the key that asked, which may have been revoked since, and how its budgets are."""
        scopes = scopes_of(batch.team, batch.key_digest, batch.request_id)
        seen = self._store.look_up(batch.team, batch.key_digest, None, scopes)
        key = seen.key
        if key is None or key.revoked_at is not None or key.team != batch.team:
            raise Unauthorized("The key of this batch is not valid any more.")
        standing = asyncio.run(self._standing_of(seen.budgets))
        standing.check_deferrable()
        return key, standing

    def _sort(self, batch: Batch, key: KeyRow, standing: Standing, found: SortedLines) -> None:
        errors: list[LineError] = []
        for some in chunks(self._read(batch, errors), _LOOKED_UP_TOGETHER):
            if not errors:
                self._sort_some(batch, key, standing, some, found)
        if errors:
            raise BatchFailed(tuple(errors))

    def _read(self, batch: Batch, errors: list[LineError]) -> Iterator[Line]:
        """Yield the lines of a batch; what fails it is put down, as far as it is worth telling."""
        for line in LineReader(DOORS[batch.door]).file(raw_lines(self._input(batch))):
            if isinstance(line, Line):
                yield line
                continue
            errors.append(_error_of(line))
            if len(errors) == MOST_ERRORS:
                return

    def _input(self, batch: Batch) -> Iterator[bytes]:
        try:
            for blob in batch.input:
                yield from self._blobs.read(blob.key)
        except KeyError:
            gone = LineError("file_not_found", "The input file was deleted before it was read.")
            raise BatchFailed((gone,)) from None

    def _sort_some(
        self,
        batch: Batch,
        key: KeyRow,
        standing: Standing,
        lines: list[Line],
        found: SortedLines,
    ) -> None:
        checked = list(self._checked(batch, lines, found))
        digests = dict.fromkeys(each.digest for each in checked if each.digest)
        stored = self._store.stored_answers(batch.team, list(digests))
        for line in checked:
            answer = stored.get(line.digest or "")
            if answer is not None and self._lines.may_serve(line, answer):
                self._hit(line, key, answer, found)
            elif self._is_twin(line, found):
                self._twin(line, found)
            else:
                self._plan(batch, line, key, standing, answer, found)

    def _checked(
        self, batch: Batch, lines: list[Line], found: SortedLines
    ) -> Iterator[CheckedLine]:
        for line in lines:
            try:
                yield self._lines.checked(batch, self._environment, line)
            except GatewayError as error:
                found.records.add(written(refused(batch, line, error)))

    def _is_twin(self, line: CheckedLine, found: SortedLines) -> bool:
        """Whether an earlier line asks the same and both take an answer that was given before."""
        reads = line.call.controls.cache.reads
        return reads and line.digest is not None and line.digest in found.first

    def _twin(self, line: CheckedLine, found: SortedLines) -> None:
        first = found.first[line.digest or ""]
        own = line.line
        found.twins.add(written(Twin(own.number, own.custom_id, line.call.request_id, first)))

    def _hit(
        self, line: CheckedLine, key: KeyRow, answer: StoredAnswer, found: SortedLines
    ) -> None:
        entry = self._lines.hit_entry(line, key, answer, _HIT)
        settlement = self._settler.price_hit(entry, answer)
        record = Record(
            number=line.line.number,
            custom_id=line.line.custom_id,
            request_id=entry.request_id,
            end="succeeded",
            baseline=settlement.baseline_nano,
            body=msgspec.Raw(answer.body),
        )
        found.records.add(written(record))
        hit = Hit(entry, answer.tokens, settlement.baseline_nano, settlement.levers)
        found.hits.add(written(hit))
        found.succeeded += 1

    def _plan(
        self,
        batch: Batch,
        line: CheckedLine,
        key: KeyRow,
        standing: Standing,
        stored: StoredAnswer | None,
        found: SortedLines,
    ) -> None:
        try:
            planned = self._lines.planned(line, key, standing, stored)
        except GatewayError as error:
            found.records.add(written(refused(batch, line.line, error)))
            return
        found.plan(
            found.judged(planned, line.call.body), prefix_of(batch.team, asked_of(line.call))
        )
        if line.digest is not None:
            found.first.setdefault(line.digest, line.line.number)

    def _written(self, batch: Batch, found: SortedLines, hold: Hold, place: str) -> Batch:
        groups = tuple(
            Group(provider, model, spool.lines, spool.write(self._blobs, f"{place}/{number}"))
            for number, ((provider, model), spool) in enumerate(found.groups.items())
        )
        failed = found.records.lines - found.succeeded
        return batch.changed(
            status="in_progress",
            in_progress_at=self._clock(),
            held=Held(hold.nano, hold.day, hold.expires_at),
            groups=groups,
            counts=Counts(found.total, found.succeeded, failed),
            records=self._blob(found.records, f"{place}/records"),
            twins=self._blob(found.twins, f"{place}/twins"),
            hits=self._blob(found.hits, f"{place}/hits"),
            schemas=self._blob(found.schemas, f"{place}/schemas"),
        )

    def _blob(self, spool: Spool, key: str) -> Blob | None:
        return spool.write(self._blobs, key) if spool.lines else None


def failure_of(error: GatewayError) -> tuple[LineError, ...]:
    """Return what a batch that was refused as a whole says of it."""
    return (LineError(error.code or error.type, error.message, param=error.param),)


def _error_of(line: InvalidLine) -> LineError:
    return LineError(line.code, line.message, line.line, line.param)
