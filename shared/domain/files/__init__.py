"""A team's files: what batches are made of, and what they end in.

A file is a list of blobs. An upload's parts, or the results of several provider batches, become
one file by being listed one after the other: nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from shared.domain.files.ids import (
    BATCH_PREFIX,
    FILE_PREFIX,
    PART_PREFIX,
    UPLOAD_PREFIX,
    is_id,
    new_id,
)

__all__ = [
    "BATCH_PREFIX",
    "FILE_PREFIX",
    "MOST_BYTES",
    "PART_PREFIX",
    "UPLOAD_PREFIX",
    "Blob",
    "Listing",
    "Page",
    "Part",
    "Purpose",
    "StoredFile",
    "Upload",
    "UploadStatus",
    "blob_key",
    "is_id",
    "new_id",
]

Row = TypeVar("Row")

Purpose = Literal["batch", "batch_output"]
UploadStatus = Literal["pending", "completed", "cancelled"]

MOST_BYTES: Final = 200 * 1024 * 1024
"""What a batch's input file may hold. Source: https://platform.openai.com/docs/guides/batch"""


@dataclass(frozen=True)
class Blob:
    """A run of bytes under a key, which starts with its team."""

    key: str
    bytes: int


@dataclass(frozen=True)
class StoredFile:
    """One file of one team. Times are epoch seconds."""

    team: str
    id: str
    filename: str
    purpose: Purpose
    created_at: int
    expires_at: int
    blobs: tuple[Blob, ...] = ()

    @property
    def bytes(self) -> int:
        """How many bytes it holds."""
        return sum(blob.bytes for blob in self.blobs)

    def is_gone(self, now: float) -> bool:
        """Whether its time is over."""
        return now >= self.expires_at


@dataclass(frozen=True)
class Upload:
    """A file that is still being sent, in parts; ``bytes`` is what the caller said it will hold.

    ``expires_at`` is until when parts are taken, ``file_seconds`` how long the file will last.
    """

    team: str
    id: str
    filename: str
    purpose: Purpose
    mime_type: str
    bytes: int
    created_at: int
    expires_at: int
    file_seconds: int
    status: UploadStatus = "pending"
    file_id: str | None = None

    def is_over(self, now: float) -> bool:
        """Whether it waited for its parts too long."""
        return self.status == "pending" and now >= self.expires_at


@dataclass(frozen=True)
class Part:
    """A part of an upload."""

    id: str
    upload_id: str
    created_at: int
    blob: Blob


@dataclass(frozen=True)
class Listing:
    """Which rows are asked for: after a cursor, an id of the same kind, in the order of age."""

    limit: int
    after: str | None = None
    newest_first: bool = True
    purpose: str | None = None


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a listing, and whether there are more of them."""

    rows: tuple[Row, ...]
    has_more: bool


def blob_key(team: str, name: str) -> str:
    """Return the key under which a team's bytes lie: ``search/files/file-…``."""
    return f"{team}/files/{name}"
