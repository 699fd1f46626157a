"""Jobs, batches and their files in memory, for tests: the promises of the real adapters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.job import Job, Waiting
from shared.domain.jobs.provider_batch import Lane, ProviderBatch

Revised = TypeVar("Revised", Job, ProviderBatch, Lane)


class MemoryJobs:
    """Implements ``JobStore`` and ``BatchStore`` in one process.

    ``down`` holds the names of methods that fail as if the table could not be reached.
    """

    def __init__(self) -> None:
        self.jobs: dict[tuple[str, str], Job] = {}
        self.rooms: dict[tuple[str, str], Waiting] = {}
        self.contents: dict[tuple[str, str, str], bytes] = {}
        self.batches: dict[str, ProviderBatch] = {}
        self.lanes: dict[str, Lane] = {}
        self.barred: set[tuple[str, str]] = set()
        self.down: set[str] = set()

    def put(self, job: Job) -> Job:
        """Remember a job unless there is one."""
        self._called("put")
        if (job.team, job.id) in self.barred:
            raise StoreUnavailable("jobs table")
        return self.jobs.setdefault((job.team, job.id), job)

    def bar(self, team: str, job: str, purge_at: int) -> Job | None:
        """Return a job, or remember that there will be none."""
        self._called("bar")
        if (team, job) not in self.jobs:
            self.barred.add((team, job))
        return self.jobs.get((team, job))

    def get(self, team: str, job: str) -> Job | None:
        """Return a job."""
        self._called("get")
        return self.jobs.get((team, job))

    def get_many(self, jobs: Sequence[tuple[str, str]]) -> list[Job]:
        """Return those that there are."""
        self._called("get_many")
        return [self.jobs[place] for place in jobs if place in self.jobs]

    def move(self, seen: Job, after: Job) -> Job:
        """Replace a job if it is as seen."""
        self._called("move")
        place = (seen.team, seen.id)
        self.jobs[place] = _moved(self.jobs[place], seen, after)
        return self.jobs[place]

    def list_jobs(self, team: str, *, newest: int) -> list[Job]:
        """Return a team's newest jobs."""
        self._called("list_jobs")
        own = [job for job in self.jobs.values() if job.team == team]
        return sorted(own, key=lambda job: job.id, reverse=True)[:newest]

    def file(self, row: Waiting) -> None:
        """Remember a row by its room, time and job."""
        self._called("file")
        self.rooms[_place(row)] = row

    def unfile(self, row: Waiting) -> None:
        """Forget a row."""
        self._called("unfile")
        self.rooms.pop(_place(row), None)

    def waiting(self, room: str, *, most: int) -> list[Waiting]:
        """Return the rows of a room in order."""
        self._called("waiting")
        places = sorted(place for place in self.rooms if place[0] == room)
        return [self.rooms[place] for place in places[:most]]

    def occupied(self, provider: str) -> list[str]:
        """Return the names of the rooms."""
        self._called("occupied")
        return sorted({room for room, _ in self.rooms if room.startswith(f"{provider}/")})

    def put_content(self, team: str, job: str, name: str, content: bytes) -> None:
        """Remember bytes."""
        self._called("put_content")
        self.contents[team, job, name] = content

    def content(self, team: str, job: str, name: str) -> bytes | None:
        """Return bytes."""
        self._called("content")
        return self.contents.get((team, job, name))

    def put_batch(self, batch: ProviderBatch) -> None:
        """Remember a batch unless there is one."""
        self._called("put_batch")
        self.batches.setdefault(batch.id, batch)

    def batch(self, batch: str) -> ProviderBatch | None:
        """Return a batch."""
        self._called("batch")
        return self.batches.get(batch)

    def open_batches(self) -> list[ProviderBatch]:
        """Return the batches that are not at rest."""
        self._called("open_batches")
        found = [batch for batch in self.batches.values() if not batch.is_at_rest]
        return sorted(found, key=lambda batch: batch.id)

    def past_batches(self, since: float) -> list[ProviderBatch]:
        """Return the batches that are at rest."""
        self._called("past_batches")
        found = [each for each in self.batches.values() if each.is_at_rest]
        return sorted((b for b in found if b.created_at >= since), key=lambda each: each.id)

    def move_batch(self, seen: ProviderBatch, after: ProviderBatch) -> ProviderBatch:
        """Replace a batch if it is as seen."""
        self._called("move_batch")
        self.batches[seen.id] = _moved(self.batches[seen.id], seen, after)
        return self.batches[seen.id]

    def lane(self, provider: str) -> Lane:
        """Return a lane."""
        self._called("lane")
        return self.lanes.get(provider, Lane(provider))

    def move_lane(self, seen: Lane, after: Lane) -> Lane:
        """Replace a lane if it is as seen."""
        self._called("move_lane")
        standing = self.lanes.get(seen.provider, Lane(seen.provider))
        self.lanes[seen.provider] = _moved(standing, seen, after)
        return self.lanes[seen.provider]

    def _called(self, name: str) -> None:
        if name in self.down:
            raise StoreUnavailable("jobs table")


class MemoryBlobs:
    """Implements ``Blobs`` in one process."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        """Remember a file once it is whole."""
        self.files[key] = b"".join(parts)

    def read(self, key: str) -> Iterator[bytes]:
        """Yield it in small pieces, which need not be lines."""
        whole = self.files[key]
        return (whole[at : at + 1000] for at in range(0, len(whole), 1000))

    def delete(self, key: str) -> None:
        """Forget a file."""
        self.files.pop(key, None)


class MemoryQueue:
    """Implements ``JobQueue`` by remembering."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.is_down = False

    def send(self, jobs: Sequence[tuple[str, str]]) -> None:
        """Remember the messages."""
        if self.is_down:
            raise StoreUnavailable("jobs queue")
        self.sent += jobs


def _moved(standing: Revised, seen: Revised, after: Revised) -> Revised:
    return after if standing.revision == seen.revision else standing


def _place(row: Waiting) -> tuple[str, str]:
    return row.room, f"{int(row.go_at):011d}/{row.team}/{row.job}/{row.number}"
