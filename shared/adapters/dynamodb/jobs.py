"""Jobs, waiting rooms, provider batches and lanes on the jobs table.

Every write of a job, a batch or a lane is conditional on the revision that it was decided on, or
on there being none. A write that AWS's client sends twice meets its own revision the second time:
what comes back with the refusal (``ALL_OLD``) is then what was to be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from shared.adapters.dynamodb import job_rows as rows
from shared.adapters.dynamodb.reaching import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    Report,
    reaching,
)
from shared.adapters.dynamodb.rows import Item, number, text
from shared.clock import Clock
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.ids import first_id
from shared.domain.jobs.job import Job, Waiting
from shared.domain.jobs.provider_batch import Lane, ProviderBatch
from shared.ports.jobs import Blobs
from shared.resources import (
    OPEN_BATCHES_PARTITION,
    PAST_BATCHES_PARTITION,
    content_partition,
    job_partition,
    waiting_partition,
)

JOB_CONDITIONS: Final[dict[str, str]] = {
    "job.new": "attribute_not_exists(pk)",
    "job.as_seen": "revision = :revision",
    "batch.as_seen": "revision = :revision",
    "lane.new": "attribute_not_exists(pk)",
    "lane.as_seen": "revision = :revision",
}
"""Every condition by name; ``tests/simulation`` takes each away in turn."""
LARGEST_ITEM_BYTES: Final = 256 * 1024
"""A packed content above this is kept in a file: an item may have 400 KB in all."""
_READ_TOGETHER: Final = 100
_READ_TRIES: Final = 8
_CONTENT_SECONDS: Final = 40 * 24 * 3600
_PAGE_ROWS: Final = 1_000
_AFTER_SLASH: Final = "0"
"""What follows the ``/`` behind a room's name, in the order of sort keys."""


class DynamoJobs:
    """Implements ``JobStore`` and ``BatchStore`` on the jobs table and a bucket."""

    def __init__(self, client: Any, table: str, blobs: Blobs, report: Report, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._blobs = blobs
        self._report = report
        self._clock = clock

    def put(self, job: Job) -> Job:
        """Put it unless there is one."""
        standing = self._put("put_job", rows.job_item(job), "job.new")
        if standing is None:
            return job
        found = rows.job_in(standing)
        if found is None:
            self._report("put_job", "Barred")
            raise StoreUnavailable("jobs table")
        return found

    def bar(self, team: str, job: str, purge_at: int) -> Job | None:
        """Put a mark unless there is a job: one write, no race."""
        standing = self._put("bar", rows.barred_job_item(team, job, purge_at), "job.new")
        return None if standing is None else rows.job_in(standing)

    def get(self, team: str, job: str) -> Job | None:
        """Read it."""
        return next(iter(self.get_many([(team, job)])), None)

    def get_many(self, jobs: Sequence[tuple[str, str]]) -> list[Job]:
        """Read a hundred at a time."""
        keys = [rows.job_key(*place) for place in jobs]
        found = [
            rows.job_in(item)
            for first in range(0, len(keys), _READ_TOGETHER)
            for item in self._read("get_jobs", keys[first : first + _READ_TOGETHER])
        ]
        return [job for job in found if job is not None]

    def move(self, seen: Job, after: Job) -> Job:
        """Replace it if it is as seen."""
        standing = self._put("move_job", rows.job_item(after), "job.as_seen", seen.revision)
        return after if standing is None else rows.job_in(standing) or seen

    def list_jobs(self, team: str, *, newest: int) -> list[Job]:
        """Query the team's partition backwards: ids begin with the time."""
        found = self._query("list_jobs", job_partition(team), newest, ScanIndexForward=False)
        return [job for job in map(rows.job_in, found) if job is not None]

    def file(self, row: Waiting) -> None:
        """Put a row."""
        with reaching(self._report, "file"):
            self._client.put_item(TableName=self._table, Item=rows.waiting_item(row))

    def unfile(self, row: Waiting) -> None:
        """Delete a row."""
        with reaching(self._report, "unfile"):
            self._client.delete_item(TableName=self._table, Key=rows.waiting_key(row))

    def waiting(self, room: str, *, most: int) -> list[Waiting]:
        """Query the room in order."""
        found = self._query("waiting", rows.room_partition(room), most, within=f"{room}/")
        return [rows.waiting_in(item) for item in found]

    def occupied(self, provider: str) -> list[str]:
        """Query the first row of each room: one read where nobody waits."""
        found: list[str] = []
        while True:
            first = f"{found[-1]}{_AFTER_SLASH}" if found else f"{provider}/"
            row = self._query("occupied", waiting_partition(provider), 1, first=first)
            if not row:
                return sorted(found)
            found.append(rows.waiting_in(row[0]).room)

    def put_content(self, team: str, job: str, name: str, content: bytes) -> None:
        """Put it packed, or write a file and put a pointer to it."""
        kept = rows.packed(content)
        purge_at = int(self._clock()) + _CONTENT_SECONDS
        if len(kept) <= LARGEST_ITEM_BYTES:
            item = rows.content_item(team, job, name, kept, purge_at)
        else:
            blob = f"{content_partition(team, job)}/{name}"
            self._blobs.write(blob, [kept])
            item = rows.pointer_item(team, job, name, blob, purge_at)
        with reaching(self._report, "put_content"):
            self._client.put_item(TableName=self._table, Item=item)

    def content(self, team: str, job: str, name: str) -> bytes | None:
        """Read it, or the file that it points to."""
        found = self._read("content", [rows.content_key(team, job, name)])
        if not found:
            return None
        if "content" in found[0]:
            return rows.unpacked(found[0]["content"]["B"])
        return rows.unpacked(b"".join(self._blobs.read(found[0]["blob"]["S"])))

    def put_batch(self, batch: ProviderBatch) -> None:
        """Put it among the open ones, unless it is there or has come to rest meanwhile.

        A write that was sent twice may arrive long after: it must not wake a batch that is over.
        """
        put = {"TableName": self._table, "Item": rows.batch_item(batch), **_condition("job.new", 0)}
        rested = {
            "TableName": self._table,
            "Key": rows.batch_key(batch.id, is_open=False),
            **_condition("job.new", 0),
        }
        try:
            with reaching(self._report, "put_batch", passing=TRANSACTION_CANCELED):
                self._client.transact_write_items(
                    TransactItems=[{"Put": put}, {"ConditionCheck": rested}]
                )
        except ClientError as error:
            if self.batch(batch.id) is None:  # not refused but in another's way: nothing was done
                raise StoreUnavailable("jobs table") from error

    def batch(self, batch: str) -> ProviderBatch | None:
        """Read it from both places."""
        keys = [rows.batch_key(batch, is_open=is_open) for is_open in (True, False)]
        found = [rows.batch_in(item) for item in self._read("batch", keys)]
        return max(found, key=lambda each: each.revision, default=None)

    def open_batches(self) -> list[ProviderBatch]:
        """Query the open ones: ids begin with the time."""
        found = self._query("open_batches", OPEN_BATCHES_PARTITION, None)
        return [rows.batch_in(item) for item in found]

    def past_batches(self, since: float) -> list[ProviderBatch]:
        """Query those at rest: ids begin with the second in which they were planned."""
        found = self._query("past_batches", PAST_BATCHES_PARTITION, None, first=first_id(since))
        return [rows.batch_in(item) for item in found]

    def move_batch(self, seen: ProviderBatch, after: ProviderBatch) -> ProviderBatch:
        """Replace it if it is as seen, or take it to those at rest."""
        if after.is_at_rest:
            return self._rest_batch(seen, after)
        standing = self._put("move_batch", rows.batch_item(after), "batch.as_seen", seen.revision)
        if standing is None:
            return after
        return rows.batch_in(standing) if standing else self.batch(seen.id) or seen

    def lane(self, provider: str) -> Lane:
        """Read it."""
        found = self._read("lane", [rows.lane_key(provider)])
        return rows.lane_in(found[0]) if found else Lane(provider)

    def move_lane(self, seen: Lane, after: Lane) -> Lane:
        """Replace it if it is as seen."""
        name = "lane.as_seen" if seen.revision else "lane.new"
        standing = self._put("move_lane", rows.lane_item(after), name, seen.revision)
        return after if standing is None else rows.lane_in(standing) if standing else seen

    def _rest_batch(self, seen: ProviderBatch, after: ProviderBatch) -> ProviderBatch:
        """Move the item to the other partition, in one transaction."""
        gone = {
            "TableName": self._table,
            "Key": rows.batch_key(seen.id, is_open=True),
            **_condition("batch.as_seen", seen.revision),
        }
        put = {"TableName": self._table, "Item": rows.batch_item(after)}
        try:
            with reaching(self._report, "rest_batch", passing=TRANSACTION_CANCELED):
                self._client.transact_write_items(TransactItems=[{"Delete": gone}, {"Put": put}])
        except ClientError:
            return self.batch(seen.id) or seen
        return after

    def _put(self, name: str, item: Item, condition: str, revision: int = 0) -> Item | None:
        """Put an item; returns what stands there where the condition does not hold."""
        asked = {"TableName": self._table, "Item": item, **_condition(condition, revision)}
        try:
            with reaching(self._report, name, passing=CONDITION_FAILED):
                self._client.put_item(**asked)
        except ClientError as error:
            standing: Item = error.response.get("Item", {})  # type: ignore[assignment]
            return standing
        return None

    def _read(self, name: str, keys: Sequence[Item]) -> list[Item]:
        """Read items, asking again for what DynamoDB left unprocessed."""
        wanted: Any = {self._table: {"Keys": list(keys), "ConsistentRead": True}}
        items: list[Item] = []
        for _ in range(_READ_TRIES):
            with reaching(self._report, name):
                found = self._client.batch_get_item(RequestItems=wanted)
            items += found["Responses"].get(self._table, [])
            if not (wanted := found.get("UnprocessedKeys")):
                return items
        self._report(name, "UnprocessedKeys")
        raise StoreUnavailable("jobs table")

    def _query(
        self,
        name: str,
        partition: str,
        most: int | None,
        *,
        first: str = "",
        within: str = "",
        **extra: Any,
    ) -> list[Item]:
        """Return the items of a partition in order, page by page, up to so many."""
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": text(partition)},
            "ConsistentRead": True,
            "Limit": _PAGE_ROWS if most is None else min(most, _PAGE_ROWS),
            **extra,
        }
        if first:
            asked["KeyConditionExpression"] += " AND sk >= :first"
            asked["ExpressionAttributeValues"][":first"] = text(first)
        elif within:  # a key condition has one part for the sort key
            asked["KeyConditionExpression"] += " AND begins_with(sk, :within)"
            asked["ExpressionAttributeValues"][":within"] = text(within)
        items: list[Item] = []
        while True:
            with reaching(self._report, name):
                page = self._client.query(**asked)
            items += page["Items"]
            if not page.get("LastEvaluatedKey") or (most is not None and len(items) >= most):
                return items if most is None else items[:most]
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _condition(name: str, revision: int) -> dict[str, Any]:
    expression = JOB_CONDITIONS[name]
    asked: dict[str, Any] = {
        "ConditionExpression": expression,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if ":revision" in expression:
        asked["ExpressionAttributeValues"] = {":revision": number(revision)}
    return asked
