"""Which JSON schema a request asked its answer to fit, in either door's shape, and whether it does.

Only an answer that ended of itself and speaks is judged: a call of a tool has a schema of its own,
and what was cut short is told by its finish reason.
"""

from __future__ import annotations

from typing import Any

from shared.domain.schema_check import SchemaVerdict, check

Body = dict[str, Any]


def schema_verdict(body: Body, whole: Body) -> SchemaVerdict | None:
    """Judge an answer in its door's format; None where no JSON was asked for, or none was said."""
    asked = _chat_schema(body) or _message_schema(body)
    if asked is None:
        return None
    texts = _chat_texts(whole) if "choices" in whole else _message_texts(whole)
    verdicts = [check(text, asked[0]) for text in texts]
    for verdict in ("broken", "unjudged", "met"):
        if verdict in verdicts:
            return verdict
    return None


def schema_part(body: Body) -> Body | None:
    """Return the part of a body that asks for JSON, which is judged as the body is, or None."""
    if _chat_schema(body) is None and _message_schema(body) is None:
        return None
    return {name: body[name] for name in ("response_format", "output_config") if name in body}


def _chat_schema(body: Body) -> tuple[object] | None:
    """Return the schema, which may be None where any object will do."""
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "json_object":
        return (None,)
    return (wanted["json_schema"].get("schema"),) if kind == "json_schema" else None  # type: ignore[index]


def _message_schema(body: Body) -> tuple[object] | None:
    config = body.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else None
    return (wanted["schema"],) if isinstance(wanted, dict) else None


def _chat_texts(whole: Body) -> list[str]:
    ended = [each["message"] for each in whole["choices"] if each.get("finish_reason") == "stop"]
    return [each["content"] for each in ended if isinstance(each.get("content"), str)]


def _message_texts(whole: Body) -> list[str]:
    if whole.get("stop_reason") != "end_turn":
        return []
    said = [block.get("text") for block in whole["content"] if block.get("type") == "text"]
    return ["".join(text for text in said if isinstance(text, str))] if said else []
