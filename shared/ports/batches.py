"""Callers' files and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what only operators need stays out of the router
    from shared.domain.batches.batch import Batch, Results
    from shared.domain.batches.events import BatchEvent
    from shared.domain.files import Listing, Part, StoredFile, Upload


class FileStore(Protocol):
    """What is known of teams' files; their bytes are :class:`~shared.ports.jobs.Blobs`.

    Raises :class:`~shared.domain.errors.StoreUnavailable`. Reads are strongly consistent and may
    return what has expired; the caller checks. A write that is sent twice has the effect of one.
    A row is found under its own team and no other.
    """

    def put_file(self, file: StoredFile) -> None:
        """Write a file, replacing one of the same id."""

    def file(self, team: str, file_id: str) -> StoredFile | None:
        """Return a file."""

    def files(self, team: str, listing: Listing) -> list[StoredFile]:
        """Return up to ``listing.limit`` files of whatever purpose, in order."""

    def delete_file(self, team: str, file_id: str) -> None:
        """Delete a file's row; it may be gone already."""

    def put_upload(self, upload: Upload) -> None:
        """Write a new upload."""

    def upload(self, team: str, upload_id: str) -> Upload | None:
        """Return an upload."""

    def put_part(self, team: str, part: Part) -> None:
        """Write a part of an upload."""

    def parts(self, team: str, upload_id: str) -> list[Part]:
        """Return the parts of an upload, in the order of their ids."""

    def end_upload(self, upload: Upload, file: StoredFile | None) -> Upload:
        """Write an upload's end, with the file that it becomes, if it is pending; all or nothing.

        Returns the upload as it stands: this end, or the one that came first.
        """


class CallerBatches(Protocol):
    """Callers' batches, and the files of records that they gather.

    Raises :class:`~shared.domain.errors.StoreUnavailable`. Reads are strongly consistent. A write
    that is sent twice has the effect of one. A row is found under its own team and no other.
    """

    def put(self, batch: Batch) -> None:
        """Write a new batch, open from now on; the same one may be written again."""

    def get(self, team: str, batch_id: str) -> Batch | None:
        """Return a batch."""

    def move(self, seen: Batch, after: Batch) -> Batch:
        """Write a changed batch if it is as seen; returns it as it stands, ``after`` if so.

        A batch that is at rest is open no more, and its event is pending. Returns ``seen`` for one
        that was deleted.
        """

    def list_batches(self, team: str, prefix: str, listing: Listing) -> list[Batch]:
        """Return up to ``listing.limit`` batches whose ids have a prefix, in order."""

    def open_batches(self) -> list[tuple[str, str]]:
        """Return the team and the id of every batch that is not at rest; perhaps of others."""

    def delete(self, batch: Batch) -> None:
        """Delete a batch; it may be gone already."""

    def add_results(self, team: str, batch_id: str, results: Results, purge_at: int) -> None:
        """Take a file of records down."""

    def results(self, team: str, batch_id: str) -> list[Results]:
        """Return the files of records, in no order that says anything."""


class BatchEvents(Protocol):
    """The ends of batches that teams are still to be told of.

    Raises :class:`~shared.domain.errors.StoreUnavailable`. Reads are strongly consistent.
    """

    def pending(self) -> list[BatchEvent]:
        """Return all that wait."""

    def claim(self, seen: BatchEvent, after: BatchEvent) -> bool:
        """Write a try down before it is made; False where somebody else has tried since."""

    def drop(self, event: BatchEvent) -> None:
        """Forget an event; it may be gone already."""


class TeamHooks(Protocol):
    """How teams are told."""

    def is_told(self, team: str) -> bool:
        """Whether a team wants to be told, or might."""

    def send(self, team: str, event_id: str, body: bytes) -> None:
        """Tell a team once; raises :class:`~shared.domain.notices.message.NotTaken`."""
