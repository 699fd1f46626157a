"""What a Messages request says: its prompt in blocks, and what it asks last.

Tokens are those of every text, plus 3 for each message, 3 that prime the answer, and fixed
figures for images and for the instructions that Anthropic adds when tools are offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from local.simulator import tokens
from local.simulator.anthropic_messages.blocks import (
    CacheControl,
    Content,
    Image,
    RedactedThinking,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from local.simulator.anthropic_messages.request import CountBody, Message, Tool
from local.simulator.prompt import Block, Prompt, form, image_pieces, message_blocks

IMAGE_TOKENS = 1_600
"""About what an image of the largest size that is not scaled down costs (vision guide)."""
TOOL_PROMPT_TOKENS = 346
"""What Anthropic publishes for its own tool instructions with Claude 4 (pricing page)."""


def read_prompt(body: CountBody) -> Prompt:
    """Return the prompt; a marker on the whole request stands on its last block."""
    blocks = (*_tools(body), *_system(body), *_messages(body))
    if body.cache_control is not None and blocks[-1].seconds is None:
        blocks = (*blocks[:-1], replace(blocks[-1], seconds=body.cache_control.seconds))
    return Prompt(blocks)


def last_user_text(body: CountBody) -> str:
    """Return the text of the last user message that has any, or nothing."""
    texts = (_texts(message) for message in reversed(body.messages) if message.role == "user")
    return next((text for text in texts if text), "")


def ends_in_results(body: CountBody) -> bool:
    """Tell whether tool results stand below everything that was asked."""
    return any(isinstance(block, ToolResult) for block in body.messages[-1].blocks)


def _tools(body: CountBody) -> Iterator[Block]:
    for place, tool in enumerate(body.tools or []):
        hidden = ("tool instructions",) * TOOL_PROMPT_TOKENS if place == 0 else ()
        said = [tool.name, tool.description or "", tool.input_schema]
        pieces = (*hidden, *tokens.split_in(said))
        yield Block(form("tool", _unmarked(tool)), pieces, _seconds(tool.cache_control))


def _system(body: CountBody) -> Iterator[Block]:
    if body.schema is not None:
        yield Block(form("schema", body.schema), tuple(tokens.split_in(body.schema)))
    system = [Text(body.system)] if isinstance(body.system, str) else body.system or []
    for text in system:
        pieces = tuple(tokens.split(text.text))
        yield Block(form("system", text.text), pieces, _seconds(text.cache_control))


def _messages(body: CountBody) -> list[Block]:
    """Return the messages' blocks; the settings that only they depend on stand on the first.

    Changing ``tool_choice``, thinking, or whether there are images keeps the cached tools and
    system and loses the messages (prompt caching guide, "What invalidates the cache").
    """
    blocks = [block for message in body.messages for block in _message(message)]
    seen = any(isinstance(b, Image) for m in body.messages for b in m.blocks)
    settings = form("settings", body.tool_choice, body.thinking, seen)
    return [replace(blocks[0], form=settings + blocks[0].form), *blocks[1:]]


def _message(message: Message) -> list[Block]:
    return message_blocks(message.role, [part for b in message.blocks for part in _content(b)])


def _content(block: Content) -> Iterator[Block]:
    match block:
        case Text():
            pieces = tuple(tokens.split(block.text))
            yield Block(form("text", block.text), pieces, _seconds(block.cache_control))
        case Image():
            pieces = image_pieces(block.source, IMAGE_TOKENS)
            yield Block(form("image", block.source), pieces, _seconds(block.cache_control))
        case Thinking() | RedactedThinking():
            said = block.thinking if isinstance(block, Thinking) else block.data
            yield Block(form("thinking", said), tuple(tokens.split(said)))
        case ToolUse():
            pieces = tuple(tokens.split_in([block.name, block.input]))
            identity = form("tool_use", block.id, block.name, block.input)
            yield Block(identity, pieces, _seconds(block.cache_control))
        case ToolResult():
            yield from _result(block)


def _result(result: ToolResult) -> Iterator[Block]:
    inner = [block for part in result.parts for block in _content(part)]
    frame = form("tool_result", result.tool_use_id, result.is_error)
    first, *rest = inner or [Block(b"", ())]
    blocks = [replace(first, form=frame + first.form), *rest]
    own = _seconds(result.cache_control)
    yield from blocks[:-1]
    yield blocks[-1] if own is None else replace(blocks[-1], seconds=own)


def _unmarked(tool: Tool) -> dict[str, object]:
    return {name: getattr(tool, name) for name in tool.__struct_fields__ if name != "cache_control"}


def _seconds(mark: CacheControl | None) -> int | None:
    return mark.seconds if mark else None


def _texts(message: Message) -> str:
    return "".join(block.text for block in message.blocks if isinstance(block, Text))
