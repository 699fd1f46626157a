"""How much a model is asked to think: OpenAI's one effort, Anthropic's thinking and effort.

Source: https://platform.claude.com/docs/en/build-with-claude/effort (effort high is the same as
none given on most models) and the types of ``anthropic`` 2.8 and ``openai`` 3.51.
"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.translation.claude import is_claude, rules_of
from shared.domain.translation.untranslatable import CHAT, MESSAGES, Untranslatable

Json = dict[str, Any]

EFFORTS: Final = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
"""``reasoning_effort`` as Anthropic's effort, with adaptive thinking; ``none`` turns it off."""

WITHOUT_THINKING: Final = frozenset({"low", "medium", "high"})
"""The efforts that Anthropic takes where thinking is off, as it has to be for a forced tool."""

UNSTATED_EFFORT: Final = "high"
"""The effort of adaptive thinking without one."""

BUDGETS: Final = ((16_384, "high"), (4_096, "medium"), (0, "low"))
"""The effort for a thinking budget of at least so many tokens."""

_OFF: Final = frozenset({"disabled", "between_tools"})


def effort_for_messages(effort: str | None, model: str, *, tool_is_forced: bool) -> Json:
    """Return ``thinking`` and ``output_config`` for a ``reasoning_effort``.

    Anthropic refuses to think when a tool is forced, so thinking is turned off then, which
    matters to the models that think unasked. Raises :class:`Untranslatable`.
    """
    level = _level(effort, model)
    if effort == "none" or (tool_is_forced and is_claude(model)):
        thinking = _off_for(model)
    else:
        thinking = {"thinking": {"type": "adaptive"}} if level else {}
    if tool_is_forced and level and level not in WITHOUT_THINKING:
        why = f"With a forced tool, {level} is refused there."
        raise Untranslatable("reasoning_effort", why, to=MESSAGES)
    return {**thinking, **({"output_config": {"effort": level}} if level else {})}


def _level(effort: str | None, model: str) -> str | None:
    if effort is None or effort == "none":
        return None
    if not rules_of(model).takes_effort:
        raise Untranslatable("reasoning_effort", f"{model} takes no effort.", to=MESSAGES)
    return EFFORTS[effort]


def _off_for(model: str) -> Json:
    way = rules_of(model).thinking_off
    if way is None:
        why = f"{model} always thinks. Ask for low."
        raise Untranslatable("reasoning_effort", why, to=MESSAGES)
    return {"thinking": {"type": way}}


def effort_for_chat(body: dict[str, Any]) -> str | None:
    """Return the ``reasoning_effort`` of a Messages request, or ``None`` for the default."""
    effort = (body.get("output_config") or {}).get("effort")
    thinking = body.get("thinking") or {}
    if thinking.get("type") in _OFF:
        if effort is not None:
            why = "Effort without thinking does not exist there."
            raise Untranslatable("output_config.effort", why, to=CHAT)
        return "none"
    if effort is not None:
        return str(effort)
    return _effort_of_thinking(thinking)


def _effort_of_thinking(thinking: dict[str, Any]) -> str | None:
    if thinking.get("type") == "adaptive":
        return UNSTATED_EFFORT
    if thinking.get("type") == "enabled":
        return next(effort for least, effort in BUDGETS if thinking["budget_tokens"] >= least)
    return None
