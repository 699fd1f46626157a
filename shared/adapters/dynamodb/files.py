"""Files' rows in the table of jobs. Each method but a listing is one AWS call."""

from __future__ import annotations

from typing import Any

from shared.adapters.dynamodb import file_rows as rows
from shared.adapters.dynamodb.reaching import Report
from shared.adapters.dynamodb.rows import text
from shared.adapters.dynamodb.table import Table
from shared.domain.files import PART_PREFIX, Listing, Part, StoredFile, Upload
from shared.resources import file_partition, upload_partition


class DynamoFiles:
    """Implements :class:`shared.ports.batches.FileStore`."""

    def __init__(self, client: Any, table: str, report: Report) -> None:
        self._table = Table(client, table, report)

    def put_file(self, file: StoredFile) -> None:
        """Put the row."""
        self._table.put("put_file", rows.file_item(file))

    def file(self, team: str, file_id: str) -> StoredFile | None:
        """Get the row."""
        item = self._table.get("file", rows.file_key(team, file_id))
        return rows.file_of(item) if item else None

    def files(self, team: str, listing: Listing) -> list[StoredFile]:
        """Query the team's partition in the order of ids, which is that of age."""
        sign = "<" if listing.newest_first else ">"
        where, values = "pk = :pk", {":pk": text(file_partition(team))}
        if listing.after is not None:
            where += f" AND sk {sign} :after"
            values[":after"] = text(listing.after)
        found = self._table.query(
            "files", where, values, limit=listing.limit, forward=not listing.newest_first
        )
        return [rows.file_of(item) for item in found]

    def delete_file(self, team: str, file_id: str) -> None:
        """Delete the row."""
        self._table.delete("delete_file", rows.file_key(team, file_id))

    def put_upload(self, upload: Upload) -> None:
        """Put the row."""
        self._table.put("put_upload", rows.upload_item(upload))

    def upload(self, team: str, upload_id: str) -> Upload | None:
        """Get the row."""
        item = self._table.get("upload", rows.upload_key(team, upload_id))
        return rows.upload_of(item) if item else None

    def put_part(self, team: str, part: Part) -> None:
        """Put the row."""
        self._table.put("put_part", rows.part_item(team, part))

    def parts(self, team: str, upload_id: str) -> list[Part]:
        """Query the upload's partition."""
        values = {":pk": text(upload_partition(team, upload_id)), ":parts": text(PART_PREFIX)}
        found = self._table.query("parts", "pk = :pk AND begins_with(sk, :parts)", values)
        return [rows.part_of(item) for item in found]

    def end_upload(self, upload: Upload, file: StoredFile | None) -> Upload:
        """Write both rows in one transaction, on the condition that the upload is pending.

        A condition that failed may be this very end, sent before: what stands there is returned.
        """
        is_pending = {
            "ConditionExpression": "#status = :pending",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":pending": text("pending")},
        }
        writes = [self._table.to_put(rows.upload_item(upload), **is_pending)]
        if file is not None:
            writes.append(self._table.to_put(rows.file_item(file)))
        if self._table.transact("end_upload", writes):
            return upload
        return self.upload(upload.team, upload.id) or upload
