"""The router's view of the two tables. Each method is one AWS call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

from botocore.exceptions import ClientError

from shared.adapters.dynamodb import rows
from shared.adapters.dynamodb.budget_rows import budget_key
from shared.adapters.dynamodb.ledger import budgets_in
from shared.adapters.dynamodb.reaching import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    Report,
    reaching,
)
from shared.adapters.dynamodb.rows import Item, number, text
from shared.domain.budgets import Scope
from shared.domain.entries import Claim, Entry, Found, Repeat, Settlement, StoredAnswer
from shared.domain.errors import StoreUnavailable
from shared.domain.health import Rest

_LARGEST_BODY_BYTES: Final = 380_000
"""An item may have 400 KB in all: a larger answer is served but not stored."""


class DynamoStore:
    """Implements :class:`shared.ports.calls.Store` on two tables.

    The answer's ``team`` and ``digest`` are compared with what was asked for: a row that lies
    under the wrong key is no answer.
    """

    def __init__(self, client: Any, *, cache_table: str, ledger_table: str, report: Report) -> None:
        self._client = client
        self._cache = cache_table
        self._ledger = ledger_table
        self._report = report

    def look_up(
        self,
        team: str,
        key_digest: str | None,
        answer_digest: str | None,
        scopes: Iterable[Scope] = (),
    ) -> Found:
        """Read what is asked for and the models' health in one BatchGetItem."""
        wanted: dict[str, Any] = {self._cache: {"Keys": [rows.HEALTH_KEY]}}
        if answer_digest is not None:
            wanted[self._cache]["Keys"].append(rows.answer_key(team, answer_digest))
        keys = [budget_key(scope) for scope in scopes]
        if key_digest is not None:
            keys.append(rows.key_row_key(team, key_digest))
        if keys:
            wanted[self._ledger] = {"Keys": keys, "ConsistentRead": True}
        try:
            found = self._read(wanted)
        except StoreUnavailable:
            # The cache is disposable: without it a call is a miss. Without the ledger it is none.
            wanted.pop(self._cache)
            found = self._read(wanted) if wanted else {}
        return self._found(found, team, answer_digest)

    def stored_answers(self, team: str, digests: Sequence[str]) -> dict[str, StoredAnswer]:
        """Read answers in one BatchGetItem; the cache is disposable, so a miss is no error."""
        keys = [rows.answer_key(team, digest) for digest in digests]
        try:
            items = self._read({self._cache: {"Keys": keys}}).get(self._cache, [])
        except StoreUnavailable:
            return {}
        answers = [rows.stored_answer(item) for item in items]
        asked = set(digests)
        return {each.digest: each for each in answers if each.team == team and each.digest in asked}

    def _read(self, wanted: dict[str, Any]) -> dict[str, list[Item]]:
        """Read items by table, asking once more for what DynamoDB left unprocessed."""
        read: dict[str, list[Item]] = {}
        for _ in range(2):
            with self._reaching("look_up"):
                found = self._client.batch_get_item(RequestItems=wanted)
            for table, items in found["Responses"].items():
                read.setdefault(table, []).extend(items)
            wanted = found.get("UnprocessedKeys") or {}
            if not wanted:
                return read
        self._report("look_up", "UnprocessedKeys")
        if self._ledger in wanted:
            raise StoreUnavailable("store")
        return read

    def record_hit(
        self, entry: Entry, settlement: Settlement, repeat: Repeat | None, day: str
    ) -> None:
        """Put the usage row; with a repeat, one transaction also counts it."""
        item = rows.usage_item(entry, settlement, day)
        with self._reaching("record_hit"):
            if repeat is None:
                self._client.put_item(TableName=self._ledger, Item=item)
                return
            put = {"Put": {"TableName": self._ledger, "Item": item}}
            self._count_repeat(put, item, repeat)

    def put_answer(self, answer: StoredAnswer, purge_at: int) -> None:
        """Put the answer."""
        item = rows.answer_item(answer, purge_at)
        if len(item["body"]["B"]) > _LARGEST_BODY_BYTES:
            return
        with self._reaching("put_answer"):
            self._client.put_item(TableName=self._cache, Item=item)

    def claim(self, claim: Claim, now: float) -> Claim | None:
        """Put the claim unless one stands there that is answered or whose lease runs.

        A condition that failed shows what stands there: this call's own claim means that an
        earlier send of this very put had arrived.
        """
        try:
            with self._reaching("claim", passing=CONDITION_FAILED):
                self._client.put_item(
                    TableName=self._cache,
                    Item=rows.claim_item(claim),
                    ConditionExpression=(
                        "attribute_not_exists(pk) OR purge_at <= :now"
                        " OR (attribute_not_exists(body) AND lease_until <= :now)"
                    ),
                    ExpressionAttributeValues={":now": number(int(now))},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as error:
            standing = rows.claim(error.response["Item"])  # type: ignore[typeddict-item]
            return None if standing.request_id == claim.request_id else standing
        return None

    def fulfil(self, claim: Claim) -> None:
        """Put the answered claim over this call's own."""
        own = {":own": text(claim.request_id)}
        with (
            suppress(ClientError),
            self._reaching("fulfil", passing=CONDITION_FAILED),
        ):
            self._client.put_item(
                TableName=self._cache,
                Item=rows.claim_item(claim),
                ConditionExpression="request_id = :own",
                ExpressionAttributeValues=own,
            )

    def release(self, claim: Claim) -> None:
        """Let this call's own claim run out at once."""
        with (
            suppress(ClientError),
            self._reaching("release", passing=CONDITION_FAILED),
        ):
            self._client.update_item(
                TableName=self._cache,
                Key=rows.claim_key(claim.team, claim.key_digest),
                UpdateExpression="SET lease_until = :zero, purge_at = :zero",
                ConditionExpression="request_id = :own AND attribute_not_exists(body)",
                ExpressionAttributeValues={":own": text(claim.request_id), ":zero": number(0)},
            )

    def count_failure(self, model: str) -> int:
        """Add one to the model's failures."""
        with self._reaching("count_failure"):
            counted = self._client.update_item(
                TableName=self._cache,
                Key=rows.HEALTH_KEY,
                UpdateExpression="ADD #failures :one",
                ExpressionAttributeNames={"#failures": rows.failures_name(model)},
                ExpressionAttributeValues={":one": number(1)},
                ReturnValues="UPDATED_NEW",
            )
        return int(counted["Attributes"][rows.failures_name(model)]["N"])

    def rest(self, model: str, rest: Rest) -> None:
        """Write down until when the model rests, and why."""
        with self._reaching("rest"):
            self._client.update_item(
                TableName=self._cache,
                Key=rows.HEALTH_KEY,
                UpdateExpression="SET #rest = :rest",
                ExpressionAttributeNames={"#rest": rows.rest_name(model)},
                ExpressionAttributeValues={":rest": text(rows.rest_text(rest))},
            )

    def forget_failures(self, model: str) -> None:
        """Remove what is written of the model."""
        with self._reaching("forget_failures"):
            self._client.update_item(
                TableName=self._cache,
                Key=rows.HEALTH_KEY,
                UpdateExpression="REMOVE #failures, #rest",
                ExpressionAttributeNames={
                    "#failures": rows.failures_name(model),
                    "#rest": rows.rest_name(model),
                },
            )

    def _found(self, responses: dict[str, list[Item]], team: str, digest: str | None) -> Found:
        ledger_items = responses.get(self._ledger, [])
        key_items = [item for item in ledger_items if rows.is_key_row(item)]
        cached = {item["sk"]["S"]: item for item in responses.get(self._cache, [])}
        answer = cached.get(rows.ANSWER_SORT)
        return Found(
            key=rows.key_row(key_items[0]) if key_items else None,
            answer=self._own(answer, team, digest) if answer else None,
            health=rows.health(cached.get(rows.HEALTH_SORT, {})),
            budgets=budgets_in(ledger_items),
        )

    def _count_repeat(self, put: dict[str, Any], item: Item, repeat: Repeat) -> None:
        """Count the repeat unless the answer was replaced meanwhile; keep the entry anyway."""
        try:
            self._client.transact_write_items(
                TransactItems=[put, {"Update": self._repeat_update(repeat)}],
                ClientRequestToken=item["request_id"]["S"][:36],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != TRANSACTION_CANCELED:
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
                ":purge": number(repeat.purge_at),
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
            self._report("look_up", "ForeignAnswer")
            return None
        return answer

    def _reaching(self, operation: str, *, passing: str = "") -> AbstractContextManager[None]:
        return reaching(self._report, operation, passing=passing)
