"""What people have been told, and messages, on the ledger table.

A message's row stands in its month for good; until it is delivered, another item names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from botocore.exceptions import ClientError

from shared.adapters.dynamodb.reaching import TRANSACTION_CANCELED, Report, reaching
from shared.adapters.dynamodb.rows import Item, key_of, number, text
from shared.clock import utc
from shared.domain.budgets import Period
from shared.domain.notices import (
    AlarmTold,
    BudgetTold,
    DailyDone,
    IncidentTold,
    Message,
    Progress,
    Told,
)
from shared.domain.notices.audits import Daily
from shared.domain.notices.message import Status
from shared.resources import message_partition, pending_partition, told_partition

Write = dict[str, Any]

_BUDGET: Final = "budget/"
_ALARM: Final = "alarm/"
_INCIDENT: Final = "incident/"
_DAILY: Final = "daily/"
_FAILED: Final = "ConditionalCheckFailed"
_NEW: Final = "attribute_not_exists(pk)"
_RETENTION_SECONDS: Final = 400 * 24 * 3600
"""Thirteen months, as long as usage rows are kept."""


class DynamoNotices:
    """Implements :class:`shared.ports.notices.Notices`."""

    def __init__(self, client: Any, table: str, report: Report) -> None:
        self._client = client
        self._table = table
        self._report = report

    def told(self) -> list[Told]:
        """Query the partition of what was told."""
        return [_told_of(item) for item in self._query("told", told_partition())]

    def write(self, message: Message | None, told: Sequence[Told]) -> bool:
        """Put all of it in one transaction; a message that stands there is this very one."""
        puts = [self._put(_told_item(each), _was(each.version)) for each in told]
        if message is not None:
            puts[:0] = [self._put(_message_item(message), {"ConditionExpression": _NEW})]
            puts.append(self._put(_pending_item(message), {}))
        codes = self._transact("tell", puts)
        return not any(codes) or (message is not None and codes[0] == _FAILED)

    def pending(self) -> list[Message]:
        """Query the partition that names them, and read each."""
        named = self._query("pending", pending_partition())
        keys = [key_of(item["partition"]["S"], item["sk"]["S"]) for item in named]
        found = (self._message(key) for key in keys)
        return [message for message in found if message is not None]

    def save(self, message: Message) -> bool:
        """Put the row if it is as this sender last saw it, and take its name away at the end."""
        moved = self._put(_message_item(message), _was(message.progress.version))
        writes = [moved]
        if message.progress.status != "pending":
            gone = {"TableName": self._table, "Key": _pending_key(message)}
            writes.append({"Delete": gone})
        if not any(self._transact("deliver", writes)):
            return True
        found = self._message(_message_key(message))
        return found is not None and found.progress == message.progress

    def messages(self, month: str) -> list[Message]:
        """Query the month."""
        return [_message_of(item) for item in self._query("messages", message_partition(month))]

    def _put(self, item: Item, condition: dict[str, Any]) -> Write:
        return {"Put": {"TableName": self._table, "Item": item, **condition}}

    def _transact(self, operation: str, writes: list[Write]) -> list[str]:
        """Return why each write was turned away, with nothing done; empty texts if all was."""
        try:
            with reaching(self._report, operation, passing=TRANSACTION_CANCELED):
                self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            reasons = cast("list[dict[str, Any]]", error.response["CancellationReasons"])
            codes = [reason.get("Code", "None") for reason in reasons]
            return [code if code != "None" else "" for code in codes]
        return []

    def _message(self, key: Item) -> Message | None:
        with reaching(self._report, "message"):
            found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return _message_of(found["Item"]) if "Item" in found else None

    def _query(self, operation: str, partition: str) -> Iterator[Item]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": text(partition)},
            "ConsistentRead": True,
        }
        while True:
            with reaching(self._report, operation):
                page = self._client.query(**asked)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _was(version: int) -> dict[str, Any]:
    """Return the condition that an item has the version before this one, 0 if it is not there."""
    if version <= 1:
        return {"ConditionExpression": f"{_NEW} OR version = :before", **_before(0)}
    return {"ConditionExpression": "version = :before", **_before(version - 1)}


def _before(version: int) -> dict[str, Any]:
    return {"ExpressionAttributeValues": {":before": number(version)}}


def _told_item(told: Told) -> Item:
    if isinstance(told, AlarmTold):
        return key_of(told_partition(), _ALARM + told.name) | {
            "is_off": {"BOOL": told.is_off},
            "at": number(told.at),
            "since": number(told.since),
            "version": number(told.version),
            "told_off": {"BOOL": told.told_off},
            "untold": number(told.untold),
            "says": text(told.says),
            "reason": text(told.reason),
        }
    if isinstance(told, IncidentTold):
        return key_of(told_partition(), _INCIDENT + told.name) | {
            "quiet_until": number(told.quiet_until),
            "is_page": {"BOOL": told.is_page},
            "version": number(told.version),
        }
    if isinstance(told, DailyDone):
        return key_of(told_partition(), _DAILY + told.name) | {
            "at": number(told.at),
            "version": number(told.version),
        }
    return key_of(told_partition(), f"{_BUDGET}{told.budget}/{told.period}") | {
        "label": text(told.label),
        "threshold": number(told.threshold),
        "version": number(told.version),
    }


def _told_of(item: Item) -> Told:
    sort, version = item["sk"]["S"], int(item["version"]["N"])
    if sort.startswith(_ALARM):
        return _alarm_of(item, version)
    if sort.startswith(_INCIDENT):
        until, is_page = int(item["quiet_until"]["N"]), item["is_page"]["BOOL"]
        return IncidentTold(sort.removeprefix(_INCIDENT), until, is_page, version)
    if sort.startswith(_DAILY):
        name = cast("Daily", sort.removeprefix(_DAILY))
        return DailyDone(name, int(item["at"]["N"]), version)
    budget, _, period = sort.removeprefix(_BUDGET).rpartition("/")
    threshold = int(item["threshold"]["N"])
    return BudgetTold(budget, cast("Period", period), item["label"]["S"], threshold, version)


def _alarm_of(item: Item, version: int) -> AlarmTold:
    """Read an alarm; a row from before alarms were held back was told of at once."""
    is_off = item["is_off"]["BOOL"]
    return AlarmTold(
        item["sk"]["S"].removeprefix(_ALARM),
        is_off,
        int(item["at"]["N"]),
        int(item["since"]["N"]),
        version,
        told_off=item.get("told_off", {}).get("BOOL", is_off),
        untold=int(item.get("untold", {}).get("N", 0)),
        says=item.get("says", {}).get("S", ""),
        reason=item.get("reason", {}).get("S", ""),
    )


def _sort(message: Message) -> str:
    return f"{utc(message.at):%Y-%m-%dT%H:%M:%S.%f}/{message.message_id}"


def _message_key(message: Message) -> Item:
    return key_of(message_partition(f"{utc(message.at):%Y-%m}"), _sort(message))


def _pending_key(message: Message) -> Item:
    return key_of(pending_partition(), _sort(message))


def _pending_item(message: Message) -> Item:
    return _pending_key(message) | {"partition": _message_key(message)["pk"]}


def _message_item(message: Message) -> Item:
    progress, written_at = message.progress, message.written_at
    written = {} if written_at is None else {"written_at": text(repr(written_at))}
    return (
        _message_key(message)
        | written
        | {
            "message_id": text(message.message_id),
            "at": text(repr(message.at)),
            "subject": text(message.subject),
            "text": text(message.text),
            "facts": text(json.dumps(message.facts)),
            "status": text(progress.status),
            "lease_until": number(progress.lease_until),
            "tries": number(progress.tries),
            "sent": text(json.dumps(sorted(progress.sent))),
            "open": text(json.dumps(sorted(progress.open))),
            "holder": text(progress.holder),
            "version": number(progress.version),
            "purge_at": number(int(message.at) + _RETENTION_SECONDS),
        }
    )


def _message_of(item: Item) -> Message:
    progress = Progress(
        status=cast("Status", item["status"]["S"]),
        lease_until=int(item["lease_until"]["N"]),
        tries=int(item["tries"]["N"]),
        sent=frozenset(json.loads(item["sent"]["S"])),
        open=frozenset(json.loads(item["open"]["S"])),
        holder=item["holder"]["S"],
        version=int(item["version"]["N"]),
    )
    return Message(
        item["message_id"]["S"],
        float(item["at"]["S"]),
        item["subject"]["S"],
        item["text"]["S"],
        json.loads(item["facts"]["S"]),
        progress,
        float(item["written_at"]["S"]) if "written_at" in item else None,
    )
