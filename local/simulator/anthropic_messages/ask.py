"""What a Messages request asks of the model, once its fields are known to be sound."""

from __future__ import annotations

from local.simulator.answering import THOUGHTS, Ask, ToolChoice
from local.simulator.anthropic_messages.prompt import ends_in_results, last_user_text
from local.simulator.anthropic_messages.request import (
    AnyChoice,
    AutoChoice,
    CountBody,
    MessagesBody,
    NamedChoice,
    NoneChoice,
)
from local.simulator.prices import Model
from local.simulator.prompt import Prompt

USUAL_EFFORT = "high"
"""Anthropic's default effort."""


def read_ask(body: MessagesBody, model: Model, prompt: Prompt, limit: int | None) -> Ask:
    """Join a checked body with what is derived from it."""
    settings = {
        "temperature": body.temperature,
        "top_p": body.top_p,
        "top_k": body.top_k,
        "effort": body.output_config.effort if body.output_config else None,
    }
    return Ask(
        digest=prompt.digest(model.id, settings),
        question=last_user_text(body),
        fresh=not ends_in_results(body),
        limit=limit,
        tools={tool.name: tool.input_schema for tool in body.tools or []},
        choice=_tool_choice(body),
        stops=tuple(body.stop_sequences or ()),
        schema=body.schema,
        effort=_effort(body),
    )


def _tool_choice(body: CountBody) -> ToolChoice:
    match body.tool_choice:
        case NamedChoice(name=name, disable_parallel_tool_use=alone):
            return ToolChoice("required", name, not alone)
        case AnyChoice(disable_parallel_tool_use=alone):
            return ToolChoice("required", None, not alone)
        case AutoChoice(disable_parallel_tool_use=alone):
            return ToolChoice("auto", None, not alone)
        case NoneChoice():
            return ToolChoice("none")
        case None:
            return ToolChoice()


def _effort(body: CountBody) -> str | None:
    if not body.thinks:
        return None
    asked = body.output_config.effort if body.output_config else None
    return asked if asked in THOUGHTS else USUAL_EFFORT
