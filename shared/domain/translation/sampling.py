"""Sampling and stopping, from OpenAI chat to Anthropic messages and back.

Anthropic's temperature goes from 0 to 1. Claude from 4.7 on refuses every temperature but 1 and
every ``top_p`` and ``top_k``; the SDK's types no longer name them. A value that is the default
anyway is left out, so that a caller who spells it out is served.
Source: https://platform.claude.com/docs/en/build-with-claude/thinking (sampling parameters).
"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.translation.claude import rules_of
from shared.domain.translation.untranslatable import CHAT, MESSAGES, Untranslatable

_MAX_TEMPERATURE: Final = 1
_MAX_CHAT_STOPS: Final = 4


def sampling_for_messages(body: dict[str, Any], model: str) -> dict[str, Any]:
    """Return temperature and ``top_p`` where they ask for more than the default."""
    temperature = body.get("temperature")
    if temperature is not None and temperature > _MAX_TEMPERATURE:
        raise Untranslatable("temperature", "It goes from 0 to 1 there.", to=MESSAGES)
    asked = {
        name: body[name] for name in ("temperature", "top_p") if body.get(name) not in (None, 1)
    }
    if asked and not rules_of(model).takes_sampling:
        why = f"{model} takes no sampling parameters. Leave it out."
        raise Untranslatable(next(iter(asked)), why, to=MESSAGES)
    return asked


def sampling_for_chat(body: dict[str, Any]) -> dict[str, Any]:
    """Return temperature and ``top_p`` as they are: Anthropic's range lies within OpenAI's."""
    return {name: body[name] for name in ("temperature", "top_p") if body.get(name) is not None}


def stops_for_messages(stop: str | list[str] | None) -> dict[str, Any]:
    """Return ``stop_sequences``; Anthropic refuses those that are only white space."""
    stops = [stop] if isinstance(stop, str) else stop
    if any(not each.strip() for each in stops or ()):
        raise Untranslatable("stop", "A stop of white space only is refused there.", to=MESSAGES)
    return {"stop_sequences": stops} if stops else {}


def stops_for_chat(stops: list[str] | None) -> dict[str, Any]:
    """Return ``stop``, of which OpenAI takes four."""
    if stops and len(stops) > _MAX_CHAT_STOPS:
        raise Untranslatable("stop_sequences", "Only four are taken there.", to=CHAT)
    return {"stop": stops} if stops else {}
