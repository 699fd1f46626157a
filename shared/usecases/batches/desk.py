"""What callers do with batches: make, look at, list, cancel, delete, and read results.

Synchronous; raises ``shared.domain.errors``. Each team meets its own batches and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from shared.clock import Clock
from shared.domain.batches.batch import Batch, Counts, Kind
from shared.domain.batches.requests import BatchRequest
from shared.domain.doors import ENDPOINTS
from shared.domain.entries import Door, KeyRow
from shared.domain.errors import InvalidRequest, ObjectNotFound, StoreUnavailable
from shared.domain.files import BATCH_PREFIX, Blob, Listing, Page, blob_key, is_id, new_id
from shared.domain.files.ids import MESSAGE_BATCH_PREFIX, RANDOM_BYTES
from shared.domain.request_ids import request_id
from shared.ports.batches import CallerBatches
from shared.ports.calls import Store
from shared.ports.jobs import Blobs, JobQueue
from shared.usecases.batches.once import Once
from shared.usecases.batches.taking import LEASE_SECONDS, BatchTaker
from shared.usecases.files import Files

AT_ONCE_BYTES: Final = 1024 * 1024
"""A file of up to so many bytes is planned while its caller waits."""
_PREFIXES: Final[dict[Kind, str]] = {
    "openai": BATCH_PREFIX,
    "anthropic": MESSAGE_BATCH_PREFIX,
}
_TRIES: Final = 8


@dataclass(frozen=True)
class Making:
    """What a new batch is made of."""

    kind: Kind
    door: Door
    input: tuple[Blob, ...]
    request: BatchRequest | None = None

    @property
    def size(self) -> int:
        """How many bytes its lines have."""
        return sum(blob.bytes for blob in self.input)


class BatchDesk:
    """The use case behind the doors of batches."""

    def __init__(
        self,
        *,
        batches: CallerBatches,
        files: Files,
        blobs: Blobs,
        queue: JobQueue,
        store: Store,
        taker: BatchTaker,
        price_version: str,
        clock: Clock,
        random: Callable[[int], bytes],
    ) -> None:
        self._batches = batches
        self._files = files
        self._blobs = blobs
        self._queue = queue
        self._once = Once(store, batches, clock, random)
        self._taker = taker
        self._price_version = price_version
        self._clock = clock
        self._random = random

    def create(self, key: KeyRow, asked: BatchRequest, again: str | None = None) -> Batch:
        """Make a batch of a file; a small one is planned before this returns.

        ``again`` is the caller's Idempotency-Key. Raises ``BudgetExceeded`` where a small one has
        no room; a large one fails with that later.
        """
        return self._once.made(key, again, [asked], lambda: self._create(key, asked))

    def _create(self, key: KeyRow, asked: BatchRequest) -> Batch:
        try:
            file = self._files.get(key.team, asked.input_file_id)
        except ObjectNotFound as error:
            raise InvalidRequest(error.message, param="input_file_id") from None
        if file.purpose != "batch":
            raise InvalidRequest("The purpose of the file is not batch.", param="input_file_id")
        making = Making("openai", ENDPOINTS[asked.endpoint].name, file.blobs, asked)
        return self._made(key, making, is_awaited=making.size <= AT_ONCE_BYTES)

    def create_inline(self, key: KeyRow, lines: Iterable[bytes], again: str | None = None) -> Batch:
        """Make a batch of requests that came with it; a few are planned before this returns.

        Where many are refused as a whole, each of them says so in the results.
        """
        content = b"".join(lines)
        return self._once.made(key, again, [content], lambda: self._create_inline(key, content))

    def _create_inline(self, key: KeyRow, content: bytes) -> Batch:
        name = self._id(MESSAGE_BATCH_PREFIX)
        blob = Blob(blob_key(key.team, f"{name}/input"), len(content))
        self._blobs.write(blob.key, [content])
        making = Making("anthropic", "messages", (blob,))
        return self._made(key, making, is_awaited=making.size <= AT_ONCE_BYTES, name=name)

    def get(self, team: str, kind: Kind, batch_id: str) -> Batch:
        """Return a batch as far as it is; raises ``ObjectNotFound``."""
        batch = self._get(team, kind, batch_id)
        return batch if batch.is_at_rest or batch.held is None else self._counted(batch)

    def listed(self, team: str, kind: Kind, listing: Listing) -> Page[Batch]:
        """Return a page of a team's batches."""
        if listing.after is not None and not is_id(_PREFIXES[kind], listing.after):
            raise InvalidRequest("It must be the id of a batch.", param="after")
        asked = replace(listing, limit=listing.limit + 1)
        found = self._batches.list_batches(team, _PREFIXES[kind], asked)
        return Page(tuple(found[: listing.limit]), has_more=len(found) > listing.limit)

    def cancel(self, team: str, kind: Kind, batch_id: str) -> Batch:
        """Have a batch stopped; one that is stopping already, or at rest, stays as it is."""
        for _ in range(_TRIES):
            batch = self._get(team, kind, batch_id)
            if batch.is_at_rest and kind == "openai":
                raise InvalidRequest(f"The batch is {batch.status}.", param="batch_id")
            if batch.is_at_rest or batch.cancelling_at is not None or batch.status == "finalizing":
                return batch
            now = self._clock()
            after = batch.changed(status="cancelling", cancelling_at=now)
            if self._batches.move(batch, after) == after:
                self._nudge(after)
                return after
        raise StoreUnavailable("jobs table")

    def delete(self, team: str, batch_id: str) -> None:
        """Forget a batch that has ended, and its results."""
        batch = self._get(team, "anthropic", batch_id)
        if not batch.is_at_rest:
            about = "The batch has not ended. Cancel it first, and wait until it has."
            raise InvalidRequest(about, param="message_batch_id")
        self._batches.delete(batch)
        for blob in (batch.results, *batch.input):
            if blob is not None:
                self._blobs.delete(blob.key)

    def results(self, team: str, batch_id: str) -> tuple[Batch, Iterator[bytes]]:
        """Return a batch that has ended, and what its results file holds."""
        batch = self._get(team, "anthropic", batch_id)
        if batch.results is None:
            raise InvalidRequest("The batch has not ended yet.", param="message_batch_id")
        try:
            return batch, self._blobs.read(batch.results.key)
        except KeyError:
            raise ObjectNotFound("batch", batch_id, "message_batch_id") from None

    def _made(
        self, key: KeyRow, making: Making, *, is_awaited: bool, name: str | None = None
    ) -> Batch:
        batch = self._new(key, making, name or self._id(_PREFIXES[making.kind]))
        if is_awaited:
            until = self._clock() + LEASE_SECONDS
            batch = replace(batch, is_awaited=True, leased_to=batch.id, leased_until=until)
        self._batches.put(batch)
        if is_awaited:
            batch = self._taker.take_now(batch)
        if not batch.is_at_rest:
            self._nudge(batch)
        return batch

    def _new(self, key: KeyRow, making: Making, name: str) -> Batch:
        now, asked = self._clock(), making.request
        return Batch(
            id=name,
            team=key.team,
            kind=making.kind,
            door=making.door,
            key_id=key.key_id,
            key_digest=key.digest,
            created_at=now,
            status="validating",
            request_id=request_id(now, self._random(RANDOM_BYTES)),
            price_version=self._price_version,
            input=making.input,
            input_file=asked.input_file_id if asked else "",
            metadata=asked.metadata if asked else None,
            output_seconds=asked.output_seconds if asked else 30 * 24 * 3600,
        )

    def _get(self, team: str, kind: Kind, batch_id: str) -> Batch:
        is_one = is_id(_PREFIXES[kind], batch_id)
        batch = self._batches.get(team, batch_id) if is_one else None
        if batch is None:
            param = "batch_id" if kind == "openai" else "message_batch_id"
            raise ObjectNotFound("batch", batch_id, param)
        return batch

    def _counted(self, batch: Batch) -> Batch:
        """Return a batch with what has come in so far; a line that came twice counts once."""
        found = self._batches.results(batch.team, batch.id)
        counts = batch.counts
        rest = counts.processing
        succeeded = min(rest, sum(each.succeeded for each in found))
        errored = min(rest - succeeded, sum(each.failed for each in found))
        counted = Counts(counts.total, counts.succeeded + succeeded, counts.errored + errored)
        return replace(batch, counts=counted)

    def _nudge(self, batch: Batch) -> None:
        """Have it looked at at once; a message that is lost costs time and nothing else."""
        with suppress(StoreUnavailable):
            self._queue.send([(batch.team, batch.id)])

    def _id(self, prefix: str) -> str:
        return new_id(prefix, self._clock(), self._random(RANDOM_BYTES))
