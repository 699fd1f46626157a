"""Jobs, waiting rooms, batches and lanes as DynamoDB items, and back.

What conditions and people look at stands in attributes; the rest is one JSON text beside them,
for nothing asks for a part of it.
"""

from __future__ import annotations

import zlib
from typing import Final

import msgspec

from shared.adapters.dynamodb.rows import Item, key_of, number, text
from shared.domain.jobs.job import Job, Waiting
from shared.domain.jobs.provider_batch import Lane, ProviderBatch
from shared.resources import (
    LANES_PARTITION,
    OPEN_BATCHES_PARTITION,
    PAST_BATCHES_PARTITION,
    content_partition,
    job_partition,
    waiting_partition,
)

_encode: Final = msgspec.json.Encoder().encode
_job: Final = msgspec.json.Decoder(Job)
_waiting: Final = msgspec.json.Decoder(Waiting)
_batch: Final = msgspec.json.Decoder(ProviderBatch)
_lane: Final = msgspec.json.Decoder(Lane)
_ROWS_KEPT_SECONDS: Final = 30 * 24 * 3600


def job_key(team: str, job: str) -> Item:
    """Return the primary key of a job."""
    return key_of(job_partition(team), job)


def job_item(job: Job) -> Item:
    """Return the item of a job."""
    return job_key(job.team, job.id) | {
        "state": text(job.state),
        "revision": number(job.revision),
        "purge_at": number(job.purge_at),
        "facts": _facts(job),
    }


def barred_job_item(team: str, job: str, purge_at: int) -> Item:
    """Return the mark that keeps a job from being written."""
    return job_key(team, job) | {"purge_at": number(purge_at)}


def job_in(item: Item) -> Job | None:
    """Return the job of an item, or None for the mark of one that was barred."""
    return _job.decode(item["facts"]["S"]) if "facts" in item else None


def waiting_key(row: Waiting) -> Item:
    """Return the primary key of a row of a waiting room: the room, and by when it must go."""
    sort = f"{row.room}/{int(row.go_at):011d}/{row.team}/{row.job}/{row.number}"
    return key_of(room_partition(row.room), sort)


def room_partition(room: str) -> str:
    """Return the partition in which a room's rows stand, beside those of its provider's others."""
    provider, _, _ = room.partition("/")
    return waiting_partition(provider)


def waiting_item(row: Waiting) -> Item:
    """Return the item of a row; it is kept past its deadline, for it may lead to a hold."""
    purge_at = number(int(row.deadline) + _ROWS_KEPT_SECONDS)
    return waiting_key(row) | {"facts": _facts(row), "purge_at": purge_at}


def waiting_in(item: Item) -> Waiting:
    """Return the row of an item."""
    return _waiting.decode(item["facts"]["S"])


def content_key(team: str, job: str, name: str) -> Item:
    """Return the primary key of what a job was asked or answered."""
    return key_of(content_partition(team, job), name)


def content_item(team: str, job: str, name: str, packed: bytes, purge_at: int) -> Item:
    """Return the item of a packed content."""
    kept = {"content": {"B": packed}, "purge_at": number(purge_at)}
    return content_key(team, job, name) | kept


def pointer_item(team: str, job: str, name: str, blob: str, purge_at: int) -> Item:
    """Return the item of a content that is kept in a file."""
    return content_key(team, job, name) | {"blob": text(blob), "purge_at": number(purge_at)}


def packed(content: bytes) -> bytes:
    """Return a content as it is kept."""
    return zlib.compress(content, 6)


def unpacked(kept: bytes) -> bytes:
    """Return a content as it was."""
    return zlib.decompress(kept)


def batch_key(batch: str, *, is_open: bool) -> Item:
    """Return the primary key of a batch, open or at rest."""
    return key_of(OPEN_BATCHES_PARTITION if is_open else PAST_BATCHES_PARTITION, batch)


def batch_item(batch: ProviderBatch) -> Item:
    """Return the item of a batch; only one at rest may vanish."""
    item = batch_key(batch.id, is_open=not batch.is_at_rest) | {
        "state": text(batch.state),
        "revision": number(batch.revision),
        "facts": _facts(batch),
    }
    return item | {"purge_at": number(batch.purge_at)} if batch.is_at_rest else item


def batch_in(item: Item) -> ProviderBatch:
    """Return the batch of an item."""
    return _batch.decode(item["facts"]["S"])


def lane_key(provider: str) -> Item:
    """Return the primary key of a lane."""
    return key_of(LANES_PARTITION, provider)


def lane_item(lane: Lane) -> Item:
    """Return the item of a lane."""
    return lane_key(lane.provider) | {"revision": number(lane.revision), "facts": _facts(lane)}


def lane_in(item: Item) -> Lane:
    """Return the lane of an item."""
    return _lane.decode(item["facts"]["S"])


def _facts(value: Job | Waiting | ProviderBatch | Lane) -> dict[str, str]:
    return text(_encode(value).decode())
