"""Domain values as DynamoDB items, and back.

Items are written in DynamoDB's own typed form by hand: boto3's serializer costs several times
as much on the hot path and would turn integers into Decimals.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from typing import TYPE_CHECKING, Any, Final, cast

from shared.clock import utc
from shared.domain.api_keys import KeyLimits
from shared.domain.entries import (
    CacheResult,
    Claim,
    Door,
    Entry,
    KeyRow,
    Outcome,
    Settlement,
    StoredAnswer,
    UsageSource,
)
from shared.domain.freshness import TierName
from shared.domain.health import Cause, Health, Rest
from shared.domain.prices import TokenCounts, Variant
from shared.domain.savings import LEVERS, Levers
from shared.resources import (
    HEALTH_PARTITION,
    answer_partition,
    idempotency_partition,
    key_partition,
    usage_partition,
)

if TYPE_CHECKING:  # the judge is imported where a schema is asked for
    from shared.domain.schema_check import SchemaVerdict

Item = dict[str, Any]
ANSWER_SORT: Final = "answer"
HEALTH_SORT: Final = "models"
_FAILURES: Final = "failures:"
_REST: Final = "rest:"
_KEY_SORT: Final = "key/"
_LIMITS: Final = tuple(field.name for field in dataclasses.fields(KeyLimits))
_OPTIONAL_FACTS: Final = ("tier", "feature", "task", "routed_model", "request_digest")
_SAVED: Final = "saved_"
"""Before a lever's name: a row holds only those that are not 0."""
_USAGE_RETENTION_SECONDS: Final = 400 * 24 * 3600
"""Thirteen months: a year's report can be compared with the year before."""


def text(value: str) -> dict[str, str]:
    """Return a DynamoDB string."""
    return {"S": value}


def number(value: int) -> dict[str, str]:
    """Return a DynamoDB number; integers only."""
    return {"N": str(value)}


def key_of(partition: str, sort: str) -> Item:
    """Return the primary key of an item."""
    return {"pk": text(partition), "sk": text(sort)}


HEALTH_KEY: Final = key_of(HEALTH_PARTITION, HEALTH_SORT)
"""The one item that holds every model's health: a few models, so it stays small."""


def answer_key(team: str, digest: str) -> Item:
    """Return the primary key of a stored answer."""
    return key_of(answer_partition(team, digest), ANSWER_SORT)


def key_row_key(team: str, digest: str) -> Item:
    """Return the primary key of a gateway key's row."""
    return key_of(key_partition(team), _KEY_SORT + digest)


def usage_key(entry: Entry, day: str) -> Item:
    """Return the primary key of a usage row: by team and the day of its budget, then by time."""
    time = f"{utc(entry.opened_at):%H:%M:%S.%f}"
    sort = f"{time}/{entry.request_id}/{entry.attempt}"
    return key_of(usage_partition(entry.team, day), sort)


def key_row_item(row: KeyRow) -> Item:
    """Return the item of a gateway key."""
    return key_row_key(row.team, row.digest) | {
        "key_id": text(row.key_id),
        "environment": text(row.environment),
        "team": text(row.team),
        "digest": text(row.digest),
        "name": text(row.name),
        "created_at": number(row.created_at),
        **{
            name: number(most)
            for name, most in dataclasses.asdict(row.limits).items()
            if most is not None
        },
    }


def is_key_row(item: Item) -> bool:
    """Tell whether an item of the ledger is a gateway key's row."""
    partition: str = item["pk"]["S"]
    return partition.endswith("/keys")


def key_row(item: Item) -> KeyRow:
    """Return the gateway key of an item."""
    revoked = item.get("revoked_at")
    return KeyRow(
        key_id=item["key_id"]["S"],
        environment=item["environment"]["S"],
        team=item["team"]["S"],
        digest=item["digest"]["S"],
        name=item["name"]["S"],
        created_at=int(item["created_at"]["N"]),
        revoked_at=int(revoked["N"]) if revoked else None,
        limits=KeyLimits(**{name: int(item[name]["N"]) for name in _LIMITS if name in item}),
    )


def answer_item(answer: StoredAnswer, purge_at: int) -> Item:
    """Return the item of a stored answer, its body compressed."""
    item = answer_key(answer.team, answer.digest) | {
        "team": text(answer.team),
        "digest": text(answer.digest),
        "body": {"B": zlib.compress(answer.body, 6)},
        "model": text(answer.model),
        "stored_at": number(answer.stored_at),
        "expires_at": number(answer.expires_at),
        "purge_at": number(purge_at),
        "freshness": text(answer.freshness),
        "repeats": number(answer.repeats),
    }
    if answer.tier is not None:
        item["tier"] = text(answer.tier)
    return item | _tokens_item(answer.tokens)


def stored_answer(item: Item) -> StoredAnswer:
    """Return the stored answer of an item."""
    return StoredAnswer(
        team=item["team"]["S"],
        digest=item["digest"]["S"],
        body=zlib.decompress(item["body"]["B"]),
        model=item["model"]["S"],
        tier=item["tier"]["S"] if "tier" in item else None,
        tokens=_tokens(item),
        stored_at=int(item["stored_at"]["N"]),
        expires_at=int(item["expires_at"]["N"]),
        freshness=cast("TierName", item["freshness"]["S"]),
        repeats=int(item["repeats"]["N"]),
    )


def claim_key(team: str, key_digest: str) -> Item:
    """Return the primary key of a claim on an Idempotency-Key."""
    return key_of(idempotency_partition(team, key_digest), "claim")


def claim_item(claim: Claim) -> Item:
    """Return the item of a claim, with the answer once there is one."""
    item: Item = {}
    if claim.answer is not None:
        item = answer_item(claim.answer, claim.purge_at)
    return (
        item
        | claim_key(claim.team, claim.key_digest)
        | {
            "team": text(claim.team),
            "key_digest": text(claim.key_digest),
            "body_digest": text(claim.body_digest),
            "request_id": text(claim.request_id),
            "lease_until": number(claim.lease_until),
            "purge_at": number(claim.purge_at),
        }
    )


def claim(item: Item) -> Claim:
    """Return the claim of an item."""
    return Claim(
        team=item["team"]["S"],
        key_digest=item["key_digest"]["S"],
        body_digest=item["body_digest"]["S"],
        request_id=item["request_id"]["S"],
        lease_until=int(item["lease_until"]["N"]),
        purge_at=int(item["purge_at"]["N"]),
        answer=stored_answer(item) if "body" in item else None,
    )


def failures_name(model: str) -> str:
    """Return the attribute that counts a model's failures."""
    return _FAILURES + model


def rest_name(model: str) -> str:
    """Return the attribute that says until when a model rests, and why."""
    return _REST + model


def rest_text(rest: Rest) -> str:
    """Return a rest as it is written: ``1795330000 limited``."""
    return f"{math.ceil(rest.until)} {rest.cause}"


def health(item: Item) -> dict[str, Health]:
    """Return the health of the models that something is known of."""
    models = {name.split(":", 1)[1] for name in item if name.startswith((_FAILURES, _REST))}
    return {model: _health(item, model) for model in models}


def _health(item: Item, model: str) -> Health:
    failures = int(item.get(failures_name(model), number(0))["N"])
    until, _, cause = item.get(rest_name(model), text("0 failing"))["S"].partition(" ")
    return Health(failures, float(until), cast("Cause", cause))


def usage_item(entry: Entry, settlement: Settlement, day: str) -> Item:
    """Return the usage row of a settled entry, booked into a day."""
    purge_at = number(int(entry.opened_at) + _USAGE_RETENTION_SECONDS)
    facts = entry_facts(entry) | settlement_item(settlement)
    return usage_key(entry, day) | facts | {"purge_at": purge_at}


def entry_facts(entry: Entry) -> Item:
    """Return what is known of a call before it is made, without a key."""
    item = {
        "request_id": text(entry.request_id),
        "team": text(entry.team),
        "key_id": text(entry.key_id),
        "door": text(entry.door),
        "requested_model": text(entry.requested_model),
        "model": text(entry.model),
        "provider": text(entry.provider),
        "price_version": text(entry.price_version),
        "opened_at": text(repr(entry.opened_at)),
        "stream": {"BOOL": entry.stream},
        "attempt": number(entry.attempt),
        "cache": text(entry.cache),
        "route_reason": text(entry.route_reason),
    }
    optional = {name: getattr(entry, name) for name in _OPTIONAL_FACTS}
    if entry.variant != "standard":
        optional["variant"] = entry.variant
    return item | {name: text(value) for name, value in optional.items() if value is not None}


def entry_of(item: Item) -> Entry:
    """Return the entry of a hold or of a usage row."""
    return Entry(
        request_id=item["request_id"]["S"],
        opened_at=float(item["opened_at"]["S"]),
        team=item["team"]["S"],
        key_id=item["key_id"]["S"],
        door=cast("Door", item["door"]["S"]),
        requested_model=item["requested_model"]["S"],
        model=item["model"]["S"],
        provider=item["provider"]["S"],
        tier=_optional_text(item, "tier"),
        price_version=item["price_version"]["S"],
        stream=item["stream"]["BOOL"],
        cache=cast("CacheResult", item["cache"]["S"]),
        route_reason=item["route_reason"]["S"],
        feature=_optional_text(item, "feature"),
        task=_optional_text(item, "task"),
        attempt=int(item["attempt"]["N"]),
        routed_model=_optional_text(item, "routed_model"),
        request_digest=_optional_text(item, "request_digest"),
        variant=cast("Variant", _optional_text(item, "variant") or "standard"),
    )


def settlement_item(settlement: Settlement) -> Item:
    """Return the attributes that tell how an entry ended."""
    item = {
        "status": text(settlement.outcome),
        "usage_source": text(settlement.usage_source),
        "cost_nano": number(settlement.cost_nano),
        "baseline_nano": number(settlement.baseline_nano),
    }
    counts = {"milliseconds": settlement.milliseconds, "aws_nano": settlement.aws_nano}
    counts |= {_SAVED + lever: nano for lever, nano in settlement.levers.items()}
    item |= {name: number(value) for name, value in counts.items() if value}
    optional = {"finish_reason": settlement.finish_reason, "schema": settlement.schema}
    item |= {name: text(value) for name, value in optional.items() if value is not None}
    return item | _tokens_item(settlement.tokens)


def settlement_of(item: Item) -> Settlement:
    """Return how the entry of a usage row ended."""
    return Settlement(
        outcome=cast("Outcome", item["status"]["S"]),
        tokens=_tokens(item),
        usage_source=cast("UsageSource", item["usage_source"]["S"]),
        cost_nano=int(item["cost_nano"]["N"]),
        baseline_nano=int(item["baseline_nano"]["N"]),
        finish_reason=_optional_text(item, "finish_reason"),
        levers=Levers(**{lever: _optional_number(item, _SAVED + lever) for lever in LEVERS}),
        schema=cast("SchemaVerdict | None", _optional_text(item, "schema")),
        milliseconds=_optional_number(item, "milliseconds"),
        aws_nano=_optional_number(item, "aws_nano"),
    )


def _optional_text(item: Item, name: str) -> str | None:
    return item[name]["S"] if name in item else None


def _optional_number(item: Item, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _tokens_item(tokens: TokenCounts) -> Item:
    return {
        "tokens_input": number(tokens.input),
        "tokens_cache_read": number(tokens.cache_read),
        "tokens_cache_write": number(tokens.cache_write),
        "tokens_cache_write_long": number(tokens.cache_write_long),
        "tokens_output": number(tokens.output),
    }


def _tokens(item: Item) -> TokenCounts:
    return TokenCounts(
        input=int(item["tokens_input"]["N"]),
        cache_read=int(item["tokens_cache_read"]["N"]),
        cache_write=int(item["tokens_cache_write"]["N"]),
        cache_write_long=int(item["tokens_cache_write_long"]["N"]),
        output=int(item["tokens_output"]["N"]),
    )
