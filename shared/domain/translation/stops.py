"""Why an answer ended, in the terms of the other door."""

from __future__ import annotations

from typing import Final

from shared.domain.completion import MalformedAnswer

FINISH_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "refusal": "content_filter",
}
"""Anthropic's stop reasons in OpenAI's terms; a paused turn is an unfinished answer."""

STOP_REASONS: Final = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
"""OpenAI's finish reasons in Anthropic's terms."""


def finish_reason(stop_reason: object) -> str:
    """Return OpenAI's reason; raises ``MalformedAnswer`` for one that is not known."""
    if not isinstance(stop_reason, str) or stop_reason not in FINISH_REASONS:
        raise MalformedAnswer("an unknown stop reason")
    return FINISH_REASONS[stop_reason]


def stop_reason(finish: object, *, has_calls: bool, has_refused: bool) -> str:
    """Return Anthropic's reason; raises ``MalformedAnswer`` for one that is not known.

    A forced call ends with ``stop`` at OpenAI, and a refusal in words does as well.
    """
    if not isinstance(finish, str) or finish not in STOP_REASONS:
        raise MalformedAnswer("an unknown finish reason")
    if finish in {"stop", "tool_calls"}:
        if has_refused:
            return "refusal"
        return "tool_use" if has_calls else "end_turn"
    return STOP_REASONS[finish]
