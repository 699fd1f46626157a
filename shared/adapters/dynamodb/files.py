"""Files' rows in the table of jobs. Each method but a listing is one AWS call."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final

from botocore.exceptions import ClientError

from shared.adapters.dynamodb import file_rows as rows
from shared.adapters.dynamodb.reaching import TRANSACTION_CANCELED, Report, reaching
from shared.adapters.dynamodb.rows import Item, text
from shared.domain.errors import StoreUnavailable
from shared.domain.files import PART_PREFIX, Listing, Part, StoredFile, Upload
from shared.resources import file_partition, upload_partition

_ENDING_TRIES: Final = 5


class DynamoFiles:
    """Implements :class:`shared.ports.batches.FileStore`."""

    def __init__(self, client: Any, table: str, report: Report) -> None:
        self._client = client
        self._table = table
        self._report = report

    def put_file(self, file: StoredFile) -> None:
        """Put the row."""
        self._put("put_file", rows.file_item(file))

    def file(self, team: str, file_id: str) -> StoredFile | None:
        """Get the row."""
        item = self._get("file", rows.file_key(team, file_id))
        return rows.file_of(item) if item else None

    def files(self, team: str, listing: Listing) -> list[StoredFile]:
        """Query the team's partition in the order of ids, which is that of age."""
        sign = "<" if listing.newest_first else ">"
        where, values = "pk = :pk", {":pk": text(file_partition(team))}
        if listing.after is not None:
            where += f" AND sk {sign} :after"
            values[":after"] = text(listing.after)
        found = self._query(
            "files", where, values, limit=listing.limit, forward=not listing.newest_first
        )
        return [rows.file_of(item) for item in found]

    def delete_file(self, team: str, file_id: str) -> None:
        """Delete the row."""
        with self._reaching("delete_file"):
            self._client.delete_item(TableName=self._table, Key=rows.file_key(team, file_id))

    def put_upload(self, upload: Upload) -> None:
        """Put the row."""
        self._put("put_upload", rows.upload_item(upload))

    def upload(self, team: str, upload_id: str) -> Upload | None:
        """Get the row."""
        item = self._get("upload", rows.upload_key(team, upload_id))
        return rows.upload_of(item) if item else None

    def put_part(self, team: str, part: Part) -> None:
        """Put the row."""
        self._put("put_part", rows.part_item(team, part))

    def parts(self, team: str, upload_id: str) -> list[Part]:
        """Query the upload's partition."""
        values = {":pk": text(upload_partition(team, upload_id)), ":parts": text(PART_PREFIX)}
        found = self._query("parts", "pk = :pk AND begins_with(sk, :parts)", values)
        return [rows.part_of(item) for item in found]

    def end_upload(self, upload: Upload, file: StoredFile | None) -> Upload:
        """Write both rows in one transaction, on the condition that the upload is pending.

        A condition that failed may be this very end, sent before: what stands there is returned.
        """
        pending = {":pending": text("pending")}
        ended = {
            "TableName": self._table,
            "Item": rows.upload_item(upload),
            "ConditionExpression": "#status = :pending",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": pending,
        }
        writes = [{"Put": ended}]
        if file is not None:
            writes.append({"Put": {"TableName": self._table, "Item": rows.file_item(file)}})
        for _ in range(_ENDING_TRIES):
            try:
                with self._reaching("end_upload", passing=TRANSACTION_CANCELED):
                    self._client.transact_write_items(TransactItems=writes)
            except ClientError:
                standing = self.upload(upload.team, upload.id)
                if standing is None or standing.status != "pending":
                    return standing or upload
            else:
                return upload
        raise StoreUnavailable("store")

    def _put(self, operation: str, item: Item) -> None:
        with self._reaching(operation):
            self._client.put_item(TableName=self._table, Item=item)

    def _get(self, operation: str, key: Item) -> Item | None:
        with self._reaching(operation):
            found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: Item | None = found.get("Item")
        return item

    def _query(
        self,
        operation: str,
        where: str,
        values: Item,
        *,
        limit: int | None = None,
        forward: bool = True,
    ) -> list[Item]:
        asked = {
            "TableName": self._table,
            "KeyConditionExpression": where,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": forward,
            "ConsistentRead": True,
        }
        found: list[Item] = []
        while True:
            if limit is not None:
                asked["Limit"] = limit - len(found)
            with self._reaching(operation):
                page = self._client.query(**asked)
            found += page["Items"]
            asked["ExclusiveStartKey"] = page.get("LastEvaluatedKey")
            if not asked["ExclusiveStartKey"] or (limit is not None and len(found) >= limit):
                return found

    def _reaching(self, operation: str, *, passing: str = "") -> AbstractContextManager[None]:
        return reaching(self._report, operation, passing=passing)
