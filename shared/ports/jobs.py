"""Deferred calls: jobs, the batches that they join at providers, the queue of the dispatcher."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what only operators need stays out of the router
    from shared.domain.jobs.job import Job, Waiting
    from shared.domain.jobs.lines import AskedLine, BatchProgress, LineResult
    from shared.domain.jobs.provider_batch import Lane, ProviderBatch


class JobStore(Protocol):
    """Jobs, waiting rooms and contents.

    Raises :class:`~shared.domain.errors.StoreUnavailable` when the table cannot be reached. Reads
    are strongly consistent. A write that AWS's client sends twice has the effect of one.
    """

    def put(self, job: Job) -> Job:
        """Write a new job; returns the one that stands under its id, this or an earlier one.

        Raises ``StoreUnavailable`` also where the id was barred.
        """

    def bar(self, team: str, job: str, purge_at: int) -> Job | None:
        """Return a job, or keep one from ever being written under its id; either for good."""

    def get(self, team: str, job: str) -> Job | None:
        """Return a job; None where this team has none of this id."""

    def get_many(self, jobs: Sequence[tuple[str, str]]) -> list[Job]:
        """Return those of some jobs, by team and id, that there are, in no order."""

    def move(self, seen: Job, after: Job) -> Job:
        """Write a changed job if it still is as seen; returns it as it stands, ``after`` if so."""

    def list_jobs(self, team: str, *, newest: int) -> list[Job]:
        """Return a team's newest jobs, newest first."""

    def file(self, row: Waiting) -> None:
        """Write a row of a waiting room; the same row may be written again."""

    def unfile(self, row: Waiting) -> None:
        """Take a row out of its room; it may be gone already."""

    def waiting(self, room: str, *, most: int) -> list[Waiting]:
        """Return the rows of a room, those that must go first first."""

    def occupied(self, provider: str) -> list[str]:
        """Return the rooms in which rows wait for a provider's batches, in order."""

    def put_content(self, team: str, job: str, name: str, content: bytes) -> None:
        """Keep a body or an answer; the same name is written with the same content only."""

    def content(self, team: str, job: str, name: str) -> bytes | None:
        """Return what was kept."""


class BatchStore(Protocol):
    """The provider batches of an environment, and the lanes in which they are submitted.

    Raises :class:`~shared.domain.errors.StoreUnavailable`. Reads are strongly consistent. A write
    that AWS's client sends twice has the effect of one.
    """

    def put_batch(self, batch: ProviderBatch) -> None:
        """Write a new batch; its id is of its writer's making."""

    def batch(self, batch: str) -> ProviderBatch | None:
        """Return a batch, open or at rest."""

    def open_batches(self) -> list[ProviderBatch]:
        """Return all batches that are not at rest, oldest first."""

    def past_batches(self, since: float) -> list[ProviderBatch]:
        """Return the batches at rest that were planned since an epoch second, oldest first."""

    def move_batch(self, seen: ProviderBatch, after: ProviderBatch) -> ProviderBatch:
        """Write a changed batch if it is as seen; returns it as it stands, ``after`` if so."""

    def lane(self, provider: str) -> Lane:
        """Return a provider's lane; one that nobody has had is free."""

    def move_lane(self, seen: Lane, after: Lane) -> Lane:
        """Write a changed lane if it is as seen; returns it as it stands, ``after`` if so."""


class Blobs(Protocol):
    """Files too large for a table. Raises ``StoreUnavailable``; a file is whole or not there."""

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        """Write a file, replacing one of the same key; holds little of it in memory."""

    def read(self, key: str) -> Iterator[bytes]:
        """Yield a file piece by piece; raises ``KeyError`` where there is none."""

    def delete(self, key: str) -> None:
        """Delete a file; it may be gone already."""


class JobQueue(Protocol):
    """Messages that make the dispatcher look at jobs at once. Losing one loses only time."""

    def send(self, jobs: Sequence[tuple[str, str]]) -> None:
        """Send a message for each job, by team and id: never content.

        Raises ``StoreUnavailable``.
        """


class BatchProvider(Protocol):
    """The batch API of one provider's account.

    No method sends anything twice. What each may raise, from
    :mod:`shared.domain.jobs.provider_errors`: ``BatchRefused`` (the provider said no, and will
    again: nothing came to be), ``BatchNotTaken`` (nothing came to be; later it may be taken: a
    refused connection, 429, a key that is refused), ``BatchAnswerLost`` (anything may have
    come to be: time-outs, broken connections, any 5xx).

    ``keeps_ids`` tells whether :meth:`find` goes by our own id and so finds no other's batch.
    """

    keeps_ids: bool

    def upload(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str | None:
        """Upload the input where that is a step of its own; returns the file's id, else None.

        Nothing is billed for a file; one whose answer was lost may be left lying.
        """

    def create(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str:
        """Create the batch from ``batch.input_file`` or from the lines; returns its id there."""

    def find(self, batch: ProviderBatch) -> list[str]:
        """Return the ids of the batches at the provider that can only be this one, oldest first.

        By our id where the provider keeps one (``metadata``); else by what else is known of it:
        the time since ``batch.submitting_since``, the number of lines, and the lines' names
        where they can be read. Those of our other batches are told apart by the caller, and the
        lane sees to it that no two are looked for at once.
        """

    def progress(self, batch: ProviderBatch) -> BatchProgress:
        """Say how far the provider is."""

    def cancel(self, batch: ProviderBatch, provider_batch: str | None = None) -> None:
        """Ask the provider to stop; what is answered already is billed. May be asked again.

        ``provider_batch``: another batch at the provider that turned out to be the same one.
        """

    def results(self, batch: ProviderBatch) -> Iterator[LineResult]:
        """Yield what the provider says of the lines, in any order, of some perhaps nothing.

        Only of a batch that is over. Holds one line in memory. Raises ``BatchAnswerLost`` where
        the results broke off: they are read again from the start later.
        """

    def discard(self, batch: ProviderBatch) -> None:
        """Delete the files of a batch that was collected; they may be gone already."""
