"""``GET /openapi.json``: what the router serves, in OpenAPI 3.1, made from what checks it.

Request bodies come from the closed structs, controls from theirs, refusals from the error
classes. The document says nothing of an environment: ``GET /v1/models`` lists its models.
Source: https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from functions.router.feedback import FeedbackRequest
from functions.router.jobs import WAIT_PATTERN
from functions.router.openapi_batches import BATCH_ANSWERS, batch_paths, request_schemas
from functions.router.openapi_controls import (
    NOTE_HEADERS,
    controls_in_body,
    converted,
    headers_taken,
)
from functions.router.openapi_shapes import ANSWERS, CHAT_EXAMPLES, MESSAGES_EXAMPLES
from functions.router.usage import GROUPING, MOMENT
from shared.domain.chat import ChatRequest
from shared.domain.controls import BODY_FIELD, HEADER_PREFIX
from shared.domain.errors import (
    BodyTooLarge,
    BudgetExceeded,
    GatewayError,
    IdempotencyConflict,
    IdempotencyMismatch,
    InvalidRequest,
    JobNotFound,
    KeyLimited,
    StoreUnavailable,
    Unauthorized,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamTimedOut,
)
from shared.domain.messages import COUNTED, MessagesRequest

Json = dict[str, Any]

_LOOKUP_REFUSALS: Final = (InvalidRequest, Unauthorized, StoreUnavailable)
_ASKING_REFUSALS: Final = (
    *_LOOKUP_REFUSALS,
    IdempotencyConflict,
    BodyTooLarge,
    IdempotencyMismatch,
    UpstreamRateLimited,
    UpstreamFailed,
    UpstreamTimedOut,
)
_PAID_REFUSALS: Final = (*_ASKING_REFUSALS, BudgetExceeded, KeyLimited)
_TEXT: Final[Json] = {"type": "string"}
_KEY: Final[list[Json]] = [{"bearer": []}, {"xApiKey": []}]


async def openapi(_: Request) -> Response:
    """Answer with the document; there is nothing in it that a key would protect."""
    return Response(document(), media_type="application/json")


@cache
def document() -> bytes:
    """Return the document as JSON, made when it is first asked for."""
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Sluice", "version": "1", "description": _ABOUT},
            "servers": [{"url": ".", "description": "Where this document was found."}],
            "security": _KEY,
            "paths": _paths(),
            "components": {"schemas": _schemas(), "securitySchemes": _SECURITY_SCHEMES},
        }
    )


_ABOUT: Final = """Any model behind either door, cached, routed and priced.

`model` is `auto`, a tier (`nano`, `mid`, `frontier`) or a model's id. A field, control or route
that is not named here is refused by name."""

_SECURITY_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "xApiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


def _paths() -> Json:
    return {
        "/v1/chat/completions": {"post": _chat()},
        "/v1/messages": {"post": _messages()},
        "/v1/messages/count_tokens": {"post": _count()},
        "/v1/models": {"get": _lookup("List what may be asked for as a model.", "ModelList")},
        "/v1/models/{model}": {
            "get": {
                **_lookup("Look one of them up.", "Model"),
                "parameters": [{"name": "model", "in": "path", "required": True, "schema": _TEXT}],
            }
        },
        "/v1/budget": {
            "get": _lookup("Tell what the key, its team and all may still spend.", "BudgetList")
        },
        "/v1/jobs/{job_id}": {"get": _job()},
        "/v1/usage": {"get": _usage()},
        "/v1/feedback": {"post": _feedback()},
        **batch_paths(_refusals, _ID_HEADERS),
        "/health": {"get": _open("Tell whether the router is up.", {"$ref": _ref("Health")})},
        "/health/details": {"get": _lookup("Tell what the router answers by.", "HealthDetails")},
        "/openapi.json": {"get": _open("Return this document.", {"type": "object"})},
    }


def _chat() -> Json:
    return _door(
        "Answer an OpenAI chat completion.",
        _ref("chat.ChatRequest"),
        CHAT_EXAMPLES,
        answer=_ref("ChatCompletion"),
        error=_ref("OpenAiError"),
    )


def _messages() -> Json:
    return _door(
        "Answer an Anthropic message.",
        _ref("messages.MessagesRequest"),
        MESSAGES_EXAMPLES,
        answer=_ref("Message"),
        error=_ref("AnthropicError"),
    )


def _count() -> Json:
    content = {"schema": {"$ref": _ref("messages.CountRequest")}}
    count = {"type": "object", "properties": {"input_tokens": {"type": "integer"}}}
    return {
        "summary": "Count the tokens of an Anthropic message.",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {
                "description": "The provider's own count, which costs nothing.",
                "headers": _ID_HEADERS,
                "content": {"application/json": {"schema": count}},
            },
            **_refusals(_ASKING_REFUSALS, _ref("AnthropicError")),
        },
    }


def _door(summary: str, request: str, examples: Json, *, answer: str, error: str) -> Json:
    named = {name: {"value": body} for name, body in examples.items()}
    content = {"schema": {"$ref": request}, "examples": named}
    return {
        "summary": summary,
        "parameters": headers_taken(),
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {
                "description": "The answer: events where `stream` is true, the money in the last.",
                "headers": _ID_HEADERS | NOTE_HEADERS,
                "content": {
                    "application/json": {"schema": {"$ref": answer}},
                    "text/event-stream": {},
                },
            },
            "202": {
                "description": "The job of a call with a deadline.",
                "headers": _ID_HEADERS | NOTE_HEADERS | {"location": {"schema": _TEXT}},
                "content": {"application/json": {"schema": {"$ref": _ref("Job")}}},
            },
            **_refusals(_PAID_REFUSALS, error),
        },
    }


def _lookup(summary: str, answer: str) -> Json:
    return {
        "summary": summary,
        "responses": {
            "200": {
                "description": "What was asked for.",
                "headers": _ID_HEADERS,
                "content": {"application/json": {"schema": {"$ref": _ref(answer)}}},
            },
            **_refusals(_LOOKUP_REFUSALS, _ref("OpenAiError")),
        },
    }


def _job() -> Json:
    found = _lookup("Tell how far a deferred call is, and its answer.", "Job")
    named = {"name": "job_id", "in": "path", "required": True, "schema": _TEXT}
    wait = {
        "name": "wait",
        "in": "query",
        "description": "Seconds, up to 60, for which an answer is waited for.",
        "schema": {"type": "string", "pattern": f"^{WAIT_PATTERN}$"},
    }
    refusals = _refusals((*_LOOKUP_REFUSALS, JobNotFound), _ref("OpenAiError"))
    responses = found["responses"] | refusals
    return {**found, "parameters": [named, wait], "responses": responses}


def _usage() -> Json:
    described = {
        "from": ("The first moment: a date, or an ISO time (UTC). Seven days ago.", MOMENT),
        "to": ("The moment after the last one, of the same form. Now.", MOMENT),
        "group_by": ("Dimensions, separated by commas. By model.", GROUPING),
    }
    parameters = [
        {
            "name": name,
            "in": "query",
            "description": about,
            "schema": {"type": "string", "pattern": f"^{pattern}$"},
        }
        for name, (about, pattern) in described.items()
    ]
    found = _lookup("What your team's calls cost, what was saved, and by what.", "UsageReport")
    return {**found, "parameters": parameters}


def _feedback() -> Json:
    schemas = _request("feedback", FeedbackRequest)
    content = {"schema": _either_said(schemas["feedback.FeedbackRequest"])}
    refusals = _refusals((*_LOOKUP_REFUSALS, BodyTooLarge), _ref("OpenAiError"))
    lookup = _lookup("Say whether an earlier answer was of use.", "FeedbackKept")
    return {
        **lookup,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": lookup["responses"] | refusals,
    }


def _either_said(schema: Json) -> Json:
    """Demand an outcome or a corrected answer, as the door does."""
    return {**schema, "anyOf": [{"required": ["outcome"]}, {"required": ["corrected"]}]}


def _open(summary: str, answer: Json) -> Json:
    content = {"application/json": {"schema": answer}}
    said = {"200": {"description": "Always the same.", "content": content}}
    return {"summary": summary, "security": [], "responses": said}


def _refusals(classes: Sequence[type[GatewayError]], shape: str) -> Json:
    said: dict[str, str] = {}
    for each in classes:
        status, about = str(each.status), inspect.getdoc(each) or ""
        said[status] = f"{said[status]} {about}" if status in said else about
    said[str(GatewayError.status)] = "The gateway failed; quote the request id to its operators."
    content = {"application/json": {"schema": {"$ref": shape}}}
    return {
        status: {"description": text, "headers": _ID_HEADERS, "content": content}
        for status, text in sorted(said.items())
    }


_ID_HEADERS: Final[Json] = {
    name: {"schema": _TEXT, "description": "Quote it when something is wrong."}
    for name in ("x-request-id", "request-id", f"{HEADER_PREFIX}request-id")
}


def _schemas() -> Json:
    schemas = _request("chat", ChatRequest) | _request("messages", MessagesRequest)
    for name in ("chat.ChatRequest", "messages.MessagesRequest"):
        schemas[name]["properties"][BODY_FIELD] = {"$ref": _ref("Controls")}
    schemas["messages.CountRequest"] = _counted(schemas["messages.MessagesRequest"])
    return schemas | request_schemas() | ANSWERS | BATCH_ANSWERS | {"Controls": controls_in_body()}


def _counted(message: Json) -> Json:
    """Return the schema of a count: a message's fields without limits and sampling."""
    kept = {name: each for name, each in message["properties"].items() if name in COUNTED}
    required = [name for name in message["required"] if name in COUNTED]
    return {**message, "properties": kept, "required": required, "title": "CountRequest"}


def _request(door: str, request: type[msgspec.Struct]) -> Json:
    """Return the schemas of a door's request, under names that no other door has."""
    _, found = msgspec.json.schema_components([request], ref_template=_ref(door + ".{name}"))
    return {f"{door}.{name}": converted(schema) for name, schema in found.items()}


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}"
