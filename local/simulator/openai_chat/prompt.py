"""What a request says: how many tokens it is, what it asks last, and its digest.

Prompt tokens are the tokens of every text (at most one per UTF-8 byte), plus an overhead that
is no text: 3 for each message and 3 that prime the answer, as in OpenAI's published counting
recipe, and a fixed 765 for each image whatever its size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from local.simulator import tokens
from local.simulator.openai_chat.request import ChatBody, Image, JsonSchema, Message, Text

MESSAGE_OVERHEAD = 3
PRIMING_OVERHEAD = 3
IMAGE_TOKENS = 765

NOT_IN_DIGEST = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "logprobs",
        "metadata",
        "model",
        "n",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "top_logprobs",
        "user",
    }
)
"""Fields that leave the answer as it is, or only cut it short, repeat it or send it otherwise."""


def prompt_tokens(body: ChatBody) -> int:
    """Return what the prompt is billed as."""
    spoken = sum(MESSAGE_OVERHEAD + _message_tokens(message) for message in body.messages)
    offered = sum(
        tokens.count_in([tool.function.name, tool.function.description or "", parameters])
        for tool in body.tools or []
        for parameters in [tool.function.parameters or {}]
    )
    return PRIMING_OVERHEAD + spoken + offered + _schema_tokens(body)


def last_user_text(body: ChatBody) -> str:
    """Return the text of the last user message, or nothing."""
    return next((_text(m) for m in reversed(body.messages) if m.role == "user"), "")


def digest(model: str, plain: Mapping[str, object]) -> bytes:
    """Return the SHA-256 of what the answer depends on: the same request, the same digest."""
    said = {name: value for name, value in plain.items() if name not in NOT_IN_DIGEST}
    return hashlib.sha256(msgspec.json.encode([model, said], order="deterministic")).digest()


def _message_tokens(message: Message) -> int:
    calls = [call.function for call in message.tool_calls or []]
    texts = [_text(message), message.name or "", message.refusal or ""]
    texts += [call.name for call in calls] + [call.arguments for call in calls]
    return sum(tokens.count(text) for text in texts) + IMAGE_TOKENS * _images(message)


def _text(message: Message) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    return "".join(part.text for part in message.content if isinstance(part, Text))


def _images(message: Message) -> int:
    parts = message.content if isinstance(message.content, list) else []
    return sum(isinstance(part, Image) for part in parts)


def _schema_tokens(body: ChatBody) -> int:
    wanted = body.response_format
    return tokens.count_in(wanted.json_schema.schema) if isinstance(wanted, JsonSchema) else 0
