"""What the published document says of the caller's controls and of the answers' notes."""

from __future__ import annotations

import inspect
from typing import Any, Final

import msgspec

from shared.domain.controls import DEADLINE_PATTERN, HEADER_PREFIX, MAX_TTL_SECONDS, Tags

Json = dict[str, Any]

_CACHE_MODE: Final[Json] = {
    "type": "string",
    "pattern": r"^(auto|bypass|refresh|ttl=[0-9]{1,9})$",
}
_AMOUNT: Final[Json] = {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9}0{0,9})?$"}
_AMOUNT_AS_NUMBER: Final[Json] = {"type": "number", "minimum": 0, "exclusiveMaximum": 10**9}
_DEADLINE: Final[Json] = {"type": "string", "pattern": f"^{DEADLINE_PATTERN}$"}
_MAY_WAIT: Final = (
    "By when the answer must be there, from `1m` to `7d`: the call is accepted (202) as a job, and "
    "joins a provider's batch at half the price where there is the time for it."
)
_MAX_COST: Final = (
    "Refuses the call (402) rather than cost more, in USD with up to nine decimals. Measured by "
    "the most that the call can cost."
)

NOTE_HEADERS: Final[Json] = {
    HEADER_PREFIX + name: {"schema": {"type": "string"}, "description": about}
    for name, about in {
        "cache": "`hit`, `miss`, or `bypass` where the cache had no part.",
        "model": "Who answered.",
        "tier": "The tier of who answered.",
        "route-reason": "Why that model.",
        "cost-usd": "What it cost; not in the headers of a stream.",
        "baseline-usd": "What it would have cost without the gateway; not in those of a stream.",
        "saved-usd": "The difference; not in those of a stream.",
        "budget-remaining-usd": "What the tightest hard cap of the key or its team has left.",
        "budget-warning": "The tightest budget from its first step on: `team:x:day 71.3% warn`.",
    }.items()
}


def headers_taken() -> list[Json]:
    """Return the parameters of a door: the controls, and what makes retries safe."""
    controls = (
        {"name": HEADER_PREFIX + header, "in": "header", "schema": schema, "description": about}
        for header, _, schema, about in _controls()
    )
    idempotency = {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "A retry with the same body gets the first answer again, for a day.",
    }
    return [*controls, idempotency]


def controls_in_body() -> Json:
    """Return the schema of the body's object of controls."""
    named = {
        body: {"anyOf": [*_in_body(schema), {"type": "null"}], "description": about}
        for _, body, schema, about in _controls()
    }
    return {"type": ["object", "null"], "properties": named, "additionalProperties": False}


def converted(schema: Any) -> Any:
    r"""Return a schema in the regular expressions of JSON Schema, which know no ``\Z``."""
    if isinstance(schema, list):
        return [converted(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    said = {name: converted(value) for name, value in schema.items()}
    if isinstance(said.get("pattern"), str):
        said["pattern"] = said["pattern"].replace(r"\Z", "$")
    if isinstance(said.get("description"), str):
        said["description"] = inspect.cleandoc(said["description"])
    return said


def _controls() -> list[tuple[str, str, Json, str]]:
    """Return each control: its header without the prefix, its name in a body, schema, meaning."""
    _, found = msgspec.json.schema_components([Tags], ref_template="{name}")
    tags = found["Tags"]["properties"]
    return [
        ("task", "task", _text_of(tags["task"]), "Steers the router."),
        ("feature", "feature", _text_of(tags["feature"]), "Tags cost reports."),
        ("cache", "cache", _CACHE_MODE, f"At most ttl={MAX_TTL_SECONDS}."),
        ("deadline", "deadline", _DEADLINE, _MAY_WAIT),
        ("max-cost", "max_cost_usd", _AMOUNT, _MAX_COST),
    ]


def _in_body(schema: Json) -> list[Json]:
    return [schema, _AMOUNT_AS_NUMBER] if schema == _AMOUNT else [schema]


def _text_of(nullable: Json) -> Json:
    """Return the text among the types of a field: a header cannot be null."""
    [text] = [each for each in nullable["anyOf"] if each["type"] == "string"]
    return converted(text)  # type: ignore[no-any-return]
