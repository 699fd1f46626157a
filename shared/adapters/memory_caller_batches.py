"""Callers' batches in memory, for tests; the contract suite runs on DynamoDB's as well."""

from __future__ import annotations

from shared.domain.batches.batch import Batch, Results
from shared.domain.batches.events import BatchEvent, event_of
from shared.domain.errors import StoreUnavailable
from shared.domain.files import Listing


class MemoryCallerBatches:
    """Implements ``CallerBatches`` and ``BatchEvents``; ``down`` names methods that fail."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Batch] = {}
        self.gathered: dict[tuple[str, str], dict[str, Results]] = {}
        self.events: dict[str, BatchEvent] = {}
        self.down: set[str] = set()

    def put(self, batch: Batch) -> None:
        """Write a new batch."""
        self._called("put")
        self.rows.setdefault((batch.team, batch.id), batch)

    def get(self, team: str, batch_id: str) -> Batch | None:
        """Return a batch."""
        self._called("get")
        return self.rows.get((team, batch_id))

    def move(self, seen: Batch, after: Batch) -> Batch:
        """Write a changed batch if it is as seen."""
        self._called("move")
        standing = self.rows.get((seen.team, seen.id))
        if standing is None:
            return seen
        if standing.revision == seen.revision:
            self.rows[seen.team, seen.id] = after
            if after.is_at_rest:
                event = event_of(after)
                self.events[event.id] = event
        return self.rows[seen.team, seen.id]

    def list_batches(self, team: str, prefix: str, listing: Listing) -> list[Batch]:
        """Return batches in order."""
        self._called("list_batches")
        ids = sorted(i for t, i in self.rows if t == team and i.startswith(prefix))
        if listing.newest_first:
            ids.reverse()
        if (after := listing.after) is not None:
            ids = [each for each in ids if (each < after if listing.newest_first else each > after)]
        return [self.rows[team, each] for each in ids[: listing.limit]]

    def open_batches(self) -> list[tuple[str, str]]:
        """Return the open ones."""
        self._called("open_batches")
        return [place for place, batch in self.rows.items() if not batch.is_at_rest]

    def delete(self, batch: Batch) -> None:
        """Forget a batch."""
        self._called("delete")
        self.rows.pop((batch.team, batch.id), None)

    def add_results(self, team: str, batch_id: str, results: Results, purge_at: int) -> None:
        """Take a file down."""
        self._called("add_results")
        self.gathered.setdefault((team, batch_id), {})[results.blob.key] = results

    def results(self, team: str, batch_id: str) -> list[Results]:
        """Return the files."""
        self._called("results")
        return list(self.gathered.get((team, batch_id), {}).values())

    def pending(self) -> list[BatchEvent]:
        """Return the events, as ``BatchEvents`` does."""
        self._called("pending")
        return list(self.events.values())

    def claim(self, seen: BatchEvent, after: BatchEvent) -> bool:
        """Write a try down."""
        self._called("claim")
        standing = self.events.get(seen.id)
        if standing is None or standing.tries != seen.tries:
            return False
        self.events[seen.id] = after
        return True

    def drop(self, event: BatchEvent) -> None:
        """Forget an event."""
        self._called("drop")
        self.events.pop(event.id, None)

    def _called(self, name: str) -> None:
        if name in self.down:
            raise StoreUnavailable("jobs table")
