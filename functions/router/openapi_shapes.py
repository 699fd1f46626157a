"""What the published document says beyond the request schemas: answers, refusals, examples.

Answers are a provider's or a translation of it, so only what every one of them has is promised.
"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.budgets.ladder import STEPS
from shared.domain.jobs.ids import JOB_PATTERN
from shared.domain.rollups import DIMENSIONS
from shared.domain.savings import LEVERS

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_NULLABLE_TEXT: Final[Json] = {"type": ["string", "null"]}
_COUNT: Final[Json] = {"type": "integer", "minimum": 0}


def _object(properties: Json, *, optional: Json | None = None, is_closed: bool = False) -> Json:
    """Return the schema of an object that has all of these properties, and perhaps others."""
    schema: Json = {"type": "object", "properties": properties | (optional or {})}
    schema["required"] = list(properties)
    return {**schema, "additionalProperties": False} if is_closed else schema


def _list_of(schema: Json) -> Json:
    return {"type": "array", "items": schema}


_USD: Final[Json] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?$"}
_MOMENT: Final[Json] = {"type": "string", "format": "date-time"}

_FACTS: Final[Json] = {
    "sluice": _object(
        {"request_id": _TEXT},
        optional={
            "budget": {**_TEXT, "description": "Which budget refused: `team:search:day`."},
            "cap_usd": _USD,
            "spent_usd": _USD,
            "held_usd": _USD,
            "call_usd": {**_USD, "description": "The most that this call can cost."},
            "max_cost_usd": {**_USD, "description": "What the caller allowed."},
            "reset_at": {**_MOMENT, "description": "When the budget begins anew."},
            "frozen": {**_TEXT, "description": "Why an operator froze the budget."},
        },
        is_closed=True,
    )
}
"""What a refusal says to programs, where it says more than its message."""

_BUDGET: Final = _object(
    {
        "budget": {**_TEXT, "description": "`environment:day`, `team:…:month`, `key:…:day`."},
        "cap_usd": {**_USD, "description": "With what it is raised by for a while."},
        "spent_usd": _USD,
        "held_usd": {**_USD, "description": "Set aside for calls that go on."},
        "reset_at": _MOMENT,
        "doubt_usd": {**_USD, "description": "Spent for calls whose cost was never learnt."},
        "used_percent": {"type": "number", "minimum": 0},
        "step": {
            "enum": list(STEPS),
            "description": "What is still served: all, only the cheapest tier, only the cache.",
        },
    },
    is_closed=True,
)

_MODEL: Final = _object(
    {"id": _TEXT, "object": {"const": "model"}, "created": _COUNT, "owned_by": _TEXT},
    is_closed=True,
)

_NULLABLE_USD: Final[Json] = {"anyOf": [_USD, {"type": "null"}]}
_INTERVAL: Final[Json] = {
    "description": "95 %, by Wilson; an end without a bound is null.",
    "anyOf": [
        {"type": "array", "items": _NULLABLE_USD, "minItems": 2, "maxItems": 2},
        {"type": "null"},
    ],
}
_SUMS: Final[Json] = _object(
    {
        "requests": {**_COUNT, "description": "Attempts at a model: a fallback is another one."},
        "cost_usd": _USD,
        "baseline_usd": _USD,
        "saved_usd": _USD,
        "levers": _object(dict.fromkeys(LEVERS, _USD), is_closed=True),
        "effective_discount_percent": {"type": ["number", "null"]},
        "successes": _COUNT,
        "failures": _COUNT,
        "unknown": _COUNT,
        "cost_per_success_usd": _NULLABLE_USD,
        "cps_interval_usd": _INTERVAL,
        "tokens": _object(
            dict.fromkeys(("input", "cache_read", "cache_write", "output"), _COUNT), is_closed=True
        ),
    },
    is_closed=True,
)
_GROUP: Final[Json] = {
    "type": "object",
    "properties": dict.fromkeys(DIMENSIONS, _NULLABLE_TEXT),
    "additionalProperties": False,
}
_GROUP_SUMS: Final[Json] = {**_SUMS, "properties": {"group": _GROUP, **_SUMS["properties"]}}

ANSWERS: Final[Json] = {
    "ChatCompletion": _object(
        {
            "id": _TEXT,
            "object": {"const": "chat.completion"},
            "created": _COUNT,
            "model": _TEXT,
            "choices": _list_of(
                _object({"index": _COUNT, "message": {"type": "object"}, "finish_reason": _TEXT})
            ),
        }
    ),
    "Message": _object(
        {
            "id": _TEXT,
            "type": {"const": "message"},
            "role": {"const": "assistant"},
            "model": _TEXT,
            "content": _list_of(_object({"type": _TEXT})),
            "stop_reason": _TEXT,
            "usage": _object({"input_tokens": _COUNT, "output_tokens": _COUNT}),
        }
    ),
    "Model": _MODEL,
    "ModelList": _object({"object": {"const": "list"}, "data": _list_of(_MODEL)}, is_closed=True),
    "BudgetList": _object({"object": {"const": "list"}, "data": _list_of(_BUDGET)}, is_closed=True),
    "Health": _object({"status": {"const": "ok"}}),
    "HealthDetails": _object(
        {
            "status": {"const": "ok"},
            "environment": _TEXT,
            "policy_version": _TEXT,
            "price_version": _TEXT,
            "prices_checked": {**_TEXT, "format": "date"},
            "price_age_days": {"type": "integer"},
            "providers": _list_of(_TEXT),
            "ailing_models": {"type": "object"},
        }
    ),
    "Job": _object(
        {
            "id": {**_TEXT, "pattern": JOB_PATTERN},
            "object": {"const": "sluice.job"},
            "status": {"enum": ["queued", "assigned", "done", "delivered", "failed"]},
            "created_at": _COUNT,
            "deadline": _COUNT,
            "url": _TEXT,
            "result": {
                "type": ["object", "null"],
                "description": "The answer, in the format of the door that was asked.",
            },
            "error": {
                "type": ["object", "null"],
                "description": "Why there is none, as that door says it, and the status.",
            },
        },
        is_closed=True,
    ),
    "UsageReport": _object(
        {
            "object": {"const": "list"},
            "data": _list_of({**_GROUP_SUMS, "required": ["group", *_SUMS["required"]]}),
            "total": _SUMS,
        },
        is_closed=True,
    ),
    "FeedbackKept": _object(
        {
            "object": {"const": "sluice.feedback"},
            "request_id": _TEXT,
            "outcome": {"enum": ["success", "failure"]},
            "score": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "corrected": {"type": "boolean"},
        },
        is_closed=True,
    ),
    "OpenAiError": _object(
        {
            "error": _object(
                {
                    "message": {**_TEXT, "minLength": 1},
                    "type": _TEXT,
                    "param": {**_NULLABLE_TEXT, "description": "The field at fault."},
                    "code": _NULLABLE_TEXT,
                    "request_id": _TEXT,
                },
                optional=_FACTS,
                is_closed=True,
            )
        },
        is_closed=True,
    ),
    "AnthropicError": _object(
        {
            "type": {"const": "error"},
            "error": _object(
                {"type": _TEXT, "message": {**_TEXT, "minLength": 1}},
                optional=_FACTS,
                is_closed=True,
            ),
            "request_id": _TEXT,
        },
        is_closed=True,
    ),
}
"""Schemas of what is answered, by name."""

_QUESTION: Final = "Which lock raises a ship the highest?"
_FIELDS: Final[Json] = {"type": "object", "properties": {"lock": {"type": "string"}}}
_PIXEL: Final = "R0lGODlhAQABAAAAACwAAAAAAQABAAA="
_ASKED: Final[Json] = {"model": "auto", "messages": [{"role": "user", "content": _QUESTION}]}

CHAT_EXAMPLES: Final[dict[str, Json]] = {
    "plain": _ASKED,
    "stream": {**_ASKED, "stream": True, "stream_options": {"include_usage": True}},
    "tools": {
        **_ASKED,
        "tools": [{"type": "function", "function": {"name": "look_up", "parameters": _FIELDS}}],
        "tool_choice": "auto",
    },
    "image": {
        "model": "frontier",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/gif;base64,{_PIXEL}"}},
                ],
            }
        ],
    },
    "jsonSchema": {
        **_ASKED,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "lock", "schema": _FIELDS},
        },
    },
    "controls": {
        **_ASKED,
        "sluice": {"task": "qa", "feature": "docs", "cache": "ttl=60", "max_cost_usd": "9"},
    },
    "deferred": {**_ASKED, "sluice": {"deadline": "2h"}},
}
"""Requests that the chat door takes."""

_BOUNDED: Final[Json] = {**_ASKED, "max_tokens": 256}

MESSAGES_EXAMPLES: Final[dict[str, Json]] = {
    "plain": _BOUNDED,
    "stream": {**_BOUNDED, "stream": True, "system": "Answer in one sentence."},
    "tools": {
        **_BOUNDED,
        "tools": [{"name": "look_up", "input_schema": _FIELDS}],
        "tool_choice": {"type": "auto"},
    },
    "image": {
        "model": "frontier",
        "max_tokens": 256,
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/gif", "data": _PIXEL},
                    },
                    {"type": "text", "text": "What is this?"},
                ],
            }
        ],
    },
    "jsonSchema": {
        **_BOUNDED,
        "output_config": {"format": {"type": "json_schema", "schema": _FIELDS}},
    },
    "controls": {**_BOUNDED, "sluice": {"task": "qa", "cache": "bypass", "max_cost_usd": 0.5}},
    "deferred": {**_BOUNDED, "sluice": {"deadline": "24h"}},
}
"""Requests that the Messages door takes."""
