"""The router's view of the two tables. Each method is one AWS call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.dynamodb import rows
from shared.adapters.dynamodb.rows import Item, number, text
from shared.domain.entries import Entry, KeyRow, Repeat, Settlement, StoredAnswer
from shared.domain.errors import StoreUnavailable

Report = Callable[[str, str], None]
"""Told the operation and AWS's error code when a call fails, before the caller is."""


class DynamoStore:
    """Implements :class:`shared.ports.Store` on two tables.

    The answer's ``team`` and ``digest`` are compared with what was asked for: a row that lies
    under the wrong key is no answer.
    """

    def __init__(self, client: Any, *, cache_table: str, ledger_table: str, report: Report) -> None:
        self._client = client
        self._cache = cache_table
        self._ledger = ledger_table
        self._report = report

    def look_up(
        self, team: str, key_digest: str, answer_digest: str | None
    ) -> tuple[KeyRow | None, StoredAnswer | None]:
        """Read the key row, and the answer where its digest is given, in one BatchGetItem."""
        wanted: dict[str, Any] = {
            self._ledger: {
                "Keys": [rows.key_row_key(team, key_digest)],
                "ConsistentRead": True,
            }
        }
        if answer_digest is not None:
            wanted[self._cache] = {"Keys": [rows.answer_key(team, answer_digest)]}
        with self._reaching("look_up"):
            found = self._client.batch_get_item(RequestItems=wanted)
        if found.get("UnprocessedKeys"):
            self._report("look_up", "UnprocessedKeys")
            raise StoreUnavailable("key table")
        responses = found["Responses"]
        key_items = responses.get(self._ledger, [])
        answers = responses.get(self._cache, [])
        return (
            rows.key_row(key_items[0]) if key_items else None,
            self._own(answers[0], team, answer_digest) if answers else None,
        )

    def read_answer(self, team: str, answer_digest: str) -> StoredAnswer | None:
        """Read one answer in one GetItem."""
        with self._reaching("read_answer"):
            found = self._client.get_item(
                TableName=self._cache, Key=rows.answer_key(team, answer_digest)
            )
        item = found.get("Item")
        return self._own(item, team, answer_digest) if item else None

    def open_entry(self, entry: Entry) -> None:
        """Put the entry. The request id in its key makes a re-send overwrite itself only."""
        with self._reaching("open_entry"):
            self._client.put_item(TableName=self._ledger, Item=rows.opened_item(entry))

    def settle_entry(self, entry: Entry, settlement: Settlement) -> None:
        """Settle the entry if it is still open.

        A failed condition means that it was settled already, by this call's own re-send or by
        an earlier one: either way nothing is left to do.
        """
        values = rows.settlement_item(settlement)
        names = {f"#{name}": name for name in values}
        try:
            with self._reaching("settle_entry", passing="ConditionalCheckFailedException"):
                self._client.update_item(
                    TableName=self._ledger,
                    Key=rows.entry_key(entry),
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                    ConditionExpression="#status = :open",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues={f":{name}": value for name, value in values.items()}
                    | {":open": text("open")},
                )
        except ClientError:
            return

    def record_hit(self, entry: Entry, settlement: Settlement, repeat: Repeat | None) -> None:
        """Put the settled entry; with a repeat, one transaction also counts it."""
        item = rows.opened_item(entry) | rows.settlement_item(settlement)
        with self._reaching("record_hit"):
            if repeat is None:
                self._client.put_item(TableName=self._ledger, Item=item)
                return
            put = {"Put": {"TableName": self._ledger, "Item": item}}
            self._count_repeat(put, item, repeat)

    def put_answer(self, answer: StoredAnswer, purge_at: int) -> None:
        """Put the answer."""
        with self._reaching("put_answer"):
            self._client.put_item(TableName=self._cache, Item=rows.answer_item(answer, purge_at))

    def _count_repeat(self, put: dict[str, Any], item: Item, repeat: Repeat) -> None:
        """Count the repeat unless the answer was replaced meanwhile; keep the entry anyway."""
        try:
            self._client.transact_write_items(
                TransactItems=[put, {"Update": self._repeat_update(repeat)}],
                ClientRequestToken=item["request_id"]["S"][:36],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            self._client.put_item(TableName=self._ledger, Item=item)

    def _repeat_update(self, repeat: Repeat) -> dict[str, Any]:
        answer = repeat.answer
        update = "ADD repeats :one"
        values: Item = {":one": number(1), ":stored_at": number(answer.stored_at)}
        if repeat.promote_to is not None:
            update += " SET freshness = :tier, expires_at = :until, purge_at = :purge"
            until = answer.stored_at + repeat.promote_to.ttl_seconds
            values |= {
                ":tier": text(repeat.promote_to.tier),
                ":until": number(until),
                ":purge": number(until + repeat.promote_to.ttl_seconds),
            }
        return {
            "TableName": self._cache,
            "Key": rows.answer_key(answer.team, answer.digest),
            "UpdateExpression": update,
            "ConditionExpression": "stored_at = :stored_at",
            "ExpressionAttributeValues": values,
        }

    def _own(self, item: Item, team: str, digest: str | None) -> StoredAnswer | None:
        answer = rows.stored_answer(item)
        if answer.team != team or answer.digest != digest:
            self._report("read_answer", "ForeignAnswer")
            return None
        return answer

    @contextmanager
    def _reaching(self, operation: str, *, passing: str = "") -> Iterator[None]:
        """Turn AWS errors into ``StoreUnavailable``, but for the one code that is an answer."""
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == passing:
                raise
            self._report(operation, code)
            raise StoreUnavailable("store") from error
        except BotoCoreError as error:
            self._report(operation, type(error).__name__)
            raise StoreUnavailable("store") from error
