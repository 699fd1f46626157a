"""What a chat request says: its prompt, what it asks last, and the digest of both.

Prompt tokens are the tokens of every text (at most one per UTF-8 byte), plus an overhead that
is no text: 3 for each message and 3 that prime the answer, and a fixed 765 for each image
whatever its size. The prompt starts with the tools and the answer's schema, as at OpenAI.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from local.simulator import tokens
from local.simulator.openai_chat.parts import Breakpoint, Image, Text, Tool
from local.simulator.openai_chat.request import ChatBody, JsonSchema, Message
from local.simulator.prices import Model
from local.simulator.prompt import Block, Prompt, form, image_pieces, message_blocks
from local.simulator.prompt_cache.rules import AutomaticCache, CacheRule, OpenAICache

IMAGE_TOKENS = 765
LIFETIMES = {"30m": 1_800, "12h": 43_200}
"""Seconds."""

NOT_IN_DIGEST = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "logprobs",
        "messages",
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
        "tools",
        "top_logprobs",
        "user",
    }
)
"""Fields that leave the answer as it is, only cut it short, repeat it or send it otherwise, or
that are in the digest as a part of the prompt."""


def read_prompt(body: ChatBody, rule: CacheRule | None = None) -> Prompt:
    """Return the prompt of a body, laid out for the cache of its model."""
    messages = [block for message in body.messages for block in _message(message)]
    return Prompt(
        blocks=(*(_tool(tool) for tool in body.tools or []), *_schema(body), *messages),
        implicit_seconds=_implicit_seconds(body, rule),
        partition=body.prompt_cache_key or "",
    )


def last_user_text(body: ChatBody) -> str:
    """Return the text of the last user message, or nothing."""
    return next((_text(m) for m in reversed(body.messages) if m.role == "user"), "")


def digest(model: Model, prompt: Prompt, plain: Mapping[str, object]) -> bytes:
    """Return the digest of a prompt and of the settings that change its answer."""
    settings = {name: value for name, value in plain.items() if name not in NOT_IN_DIGEST}
    return prompt.digest(model.id, settings)


def _implicit_seconds(body: ChatBody, rule: CacheRule | None) -> int | None:
    if isinstance(rule, OpenAICache):
        options = body.prompt_cache_options
        return LIFETIMES["30m"] if options is None or options.mode == "implicit" else None
    if isinstance(rule, AutomaticCache) and body.prompt_cache_retention == "24h":
        return rule.long_seconds
    return None


def _tool(tool: Tool) -> Block:
    said = [tool.function.name, tool.function.description or "", tool.function.parameters or {}]
    return Block(form("tool", tool), tuple(tokens.split_in(said)))


def _schema(body: ChatBody) -> Iterator[Block]:
    wanted = body.response_format
    if isinstance(wanted, JsonSchema):
        schema = wanted.json_schema.schema
        yield Block(form("schema", schema), tuple(tokens.split_in(schema)))


def _message(message: Message) -> list[Block]:
    parts = message.content if isinstance(message.content, list) else []
    if isinstance(message.content, str):
        parts = [Text(message.content)]
    return message_blocks(message.role, [*_extras(message), *(_part(part) for part in parts)])


def _extras(message: Message) -> Iterator[Block]:
    calls = [call.function for call in message.tool_calls or []]
    texts = [message.name or "", message.refusal or "", message.reasoning_content or ""]
    texts += [text for call in calls for text in (call.name, call.arguments)]
    if any(texts):
        pieces = tuple(token for text in texts for token in tokens.split(text))
        ids = [call.id for call in message.tool_calls or []]
        yield Block(form("extras", texts, ids, message.tool_call_id), pieces)


def _part(part: Text | Image) -> Block:
    seconds = _seconds(part.prompt_cache_breakpoint)
    if isinstance(part, Text):
        return Block(form("text", part.text), tuple(tokens.split(part.text)), seconds)
    pieces = image_pieces(part.image_url, IMAGE_TOKENS)
    return Block(form("image", part.image_url), pieces, seconds)


def _seconds(mark: Breakpoint | None) -> int | None:
    return None if mark is None else LIFETIMES[mark.ttl or "30m"]


def _text(message: Message) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    return "".join(part.text for part in message.content if isinstance(part, Text))
