"""What one protocol can say and the other cannot, as data, and the refusal that says so."""

from __future__ import annotations

from typing import Any, Final, Literal

from shared.domain.errors import InvalidRequest

Side = Literal["OpenAI chat", "Anthropic messages", "Bedrock Converse"]
CHAT: Final[Side] = "OpenAI chat"
MESSAGES: Final[Side] = "Anthropic messages"
CONVERSE: Final[Side] = "Bedrock Converse"
"""Reached by way of Anthropic messages."""


class Untranslatable(InvalidRequest):
    """A request that the other family of providers cannot be given; another model may do."""

    code = "not_translatable"

    def __init__(self, param: str, why: str, *, to: Side) -> None:
        door = CHAT if to == MESSAGES else MESSAGES
        super().__init__(
            f"{param} cannot be carried over from {door} to {to}. {why} "
            f"Change it, or name a model that speaks {door} itself.",
            param=param,
        )


CHAT_REFUSED: Final = {
    "n": "One call gives one answer there. Call n times.",
    "logprobs": "Token probabilities are not given there.",
    "top_logprobs": "Token probabilities are not given there.",
    "logit_bias": "Tokens cannot be weighted there.",
    "frequency_penalty": "There are no penalties there.",
    "presence_penalty": "There are no penalties there.",
    "seed": "Sampling cannot be seeded there.",
    "prediction": "Predicted output does not exist there.",
    "functions": "Send them as tools.",
    "function_call": "Send it as tool_choice.",
    "store": "Answers are not stored for the caller there.",
    "verbosity": "Verbosity is not a setting there. Ask for it in the instructions.",
}
"""Fields of a chat request without a counterpart, unless they hold a neutral value."""

CHAT_NEUTRAL: Final[dict[str, tuple[Any, ...]]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "functions": ([],),
    "store": (False,),
    "verbosity": ("medium",),
}
"""Values that ask for what the other side does anyway."""

CHAT_DROPPED: Final = {
    "prompt_cache_key": "Steers OpenAI's cache to a machine; the answer is the same.",
    "prompt_cache_retention": "How long OpenAI's cache keeps a prefix; the answer is the same.",
    "stream_options": "The door that sends the stream honours it.",
    "modalities": "Text is the only one that the gateway accepts.",
}
"""Fields of a chat request that need no counterpart, and why."""

MESSAGES_REFUSED: Final = {"top_k": "Sampling cannot be cut to the k likeliest tokens there."}
"""Fields of a Messages request without a counterpart."""

MESSAGES_DROPPED: Final = {"speed": "Standard is the only speed that the gateway accepts."}
"""Fields of a Messages request that need no counterpart, and why."""


def refuse_chat_fields(body: dict[str, Any]) -> None:
    """Raise :class:`Untranslatable` for a chat field that Anthropic messages lack."""
    for field, why in CHAT_REFUSED.items():
        value = body.get(field)
        if value is not None and value not in CHAT_NEUTRAL.get(field, ()):
            raise Untranslatable(field, why, to=MESSAGES)


def refuse_messages_fields(body: dict[str, Any]) -> None:
    """Raise :class:`Untranslatable` for a Messages field that OpenAI chat lacks."""
    for field, why in MESSAGES_REFUSED.items():
        if body.get(field) is not None:
            raise Untranslatable(field, why, to=CHAT)
