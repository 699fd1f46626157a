"""What a Messages request may say only in the right order or together with something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from local.simulator.anthropic_messages.blocks import (
    CacheControl,
    RedactedThinking,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from local.simulator.anthropic_messages.request import (
    AnyChoice,
    CountBody,
    Message,
    NamedChoice,
    ThinkingOn,
)

MOST_BREAKPOINTS = 4
BREAKS = "A maximum of 4 blocks with cache_control may be provided."
LONG_FIRST = "a breakpoint with ttl 1h must not come after one with ttl 5m"
ORDER = "tools, system, messages are processed in this order: "

Refuse = Callable[[str, str], Exception]
"""Makes a protocol's own error from a field's path and a reason."""


def check(body: CountBody, limit: int | None, refuse: Refuse) -> None:
    """Raise what ``refuse`` makes of the first fault that only the whole body shows.

    ``limit`` is the most tokens the answer may have; None where nothing is generated.
    """
    _check_turns(body, refuse)
    _check_tools(body, refuse)
    _check_thinking(body, limit, refuse)
    _check_breakpoints(body, refuse)


def _check_turns(body: CountBody, refuse: Refuse) -> None:
    if body.messages[0].role != "user":
        raise refuse("messages.0.role", "the first message must be the user's")
    if body.messages[-1].role != "user":
        raise refuse("messages", "this model takes no prefill: the last message must be the user's")
    before: Message | None = None
    for place, message in enumerate(body.messages):
        _check_texts(message, f"messages.{place}", refuse)
        _check_results(before, message, f"messages.{place}", refuse)
        before = message


def _check_texts(message: Message, where: str, refuse: Refuse) -> None:
    for place, block in enumerate(message.blocks):
        if isinstance(block, Text) and not block.text:
            raise refuse(f"{where}.content.{place}", "text content blocks must be non-empty")
        misplaced = ToolUse | Thinking | RedactedThinking if message.role == "user" else ToolResult
        if isinstance(block, misplaced):
            raise refuse(f"{where}.content.{place}", f"not allowed in {message.role} messages")


def _check_results(before: Message | None, message: Message, where: str, refuse: Refuse) -> None:
    called = [b.id for b in (before.blocks if before else []) if isinstance(b, ToolUse)]
    given = [b.tool_use_id for b in message.blocks if isinstance(b, ToolResult)]
    if sorted(called) != sorted(given):
        raise refuse(where, f"tool_use ids {called} need exactly these tool_results, got {given}")
    first = message.blocks[: len(given)]
    if not all(isinstance(block, ToolResult) for block in first):
        raise refuse(where, "tool_result blocks must come before other content")


def _check_tools(body: CountBody, refuse: Refuse) -> None:
    offered = [tool.name for tool in body.tools or []]
    if len(set(offered)) != len(offered):
        raise refuse("tools", "tool names must be unique")
    for place, tool in enumerate(body.tools or []):
        if tool.input_schema.get("type") != "object":
            raise refuse(f"tools.{place}.input_schema.type", "must be object")
    if body.tool_choice is not None and not offered:
        raise refuse("tool_choice", "may only be specified while providing tools")
    if isinstance(body.tool_choice, NamedChoice) and body.tool_choice.name not in offered:
        raise refuse("tool_choice.name", "is not among the tools")


def _check_thinking(body: CountBody, limit: int | None, refuse: Refuse) -> None:
    if body.thinks and isinstance(body.tool_choice, AnyChoice | NamedChoice):
        raise refuse("thinking", "may not be enabled when tool_choice forces tool use")
    budget = body.thinking.budget_tokens if isinstance(body.thinking, ThinkingOn) else None
    if budget is not None and limit is not None and budget >= limit:
        raise refuse("max_tokens", "must be greater than thinking.budget_tokens")


def _check_breakpoints(body: CountBody, refuse: Refuse) -> None:
    marks = list(_breakpoints(body))
    if len(marks) > MOST_BREAKPOINTS:
        raise refuse("cache_control", f"{BREAKS} Found {len(marks)}.")
    lifetimes = [mark.seconds for _where, mark in marks]
    if lifetimes != sorted(lifetimes, reverse=True):
        raise refuse("cache_control.ttl", ORDER + LONG_FIRST)


def _breakpoints(body: CountBody) -> Iterator[tuple[str, CacheControl]]:
    system = body.system if isinstance(body.system, list) else []
    inner = [part for m in body.messages for block in m.blocks for part in _with_parts(block)]
    marked = [*(body.tools or []), *system, *inner]
    for block in marked:
        mark = getattr(block, "cache_control", None)
        if mark is not None:
            yield type(block).__name__, mark
    if body.cache_control is not None:
        yield "request", body.cache_control


def _with_parts(block: object) -> list[object]:
    return [*block.parts, block] if isinstance(block, ToolResult) else [block]
