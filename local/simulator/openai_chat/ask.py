"""What a chat request asks of the model, once its fields are known to be sound."""

from __future__ import annotations

from collections.abc import Mapping

from local.simulator.answering import Ask, ToolChoice
from local.simulator.openai_chat import prompt as prompts
from local.simulator.openai_chat.dialects import Dialect
from local.simulator.openai_chat.parts import NamedTool
from local.simulator.openai_chat.request import ChatBody, JsonObject, JsonSchema
from local.simulator.prices import Model
from local.simulator.prompt import Prompt

USUAL_EFFORT = "low"
"""How much a model reasons that always does, when nothing is said of it."""


def read_ask(
    body: ChatBody, plain: Mapping[str, object], model: Model, prompt: Prompt, dialect: Dialect
) -> Ask:
    """Join a checked body with what is derived from it."""
    wanted = body.response_format
    return Ask(
        digest=prompts.digest(model, prompt, plain),
        question=prompts.last_user_text(body),
        fresh=body.messages[-1].role == "user",
        limit=body.token_limit,
        tools={t.function.name: t.function.parameters or {} for t in body.tools or []},
        choice=_tool_choice(body),
        stops=body.stops,
        schema=wanted.json_schema.schema if isinstance(wanted, JsonSchema) else None,
        json_object=isinstance(wanted, JsonObject),
        answers=body.n or 1,
        effort=_effort(body, model),
        bounded_thoughts=not dialect.reasoning_outside,
    )


def _tool_choice(body: ChatBody) -> ToolChoice:
    parallel = body.parallel_tool_calls is not False
    if isinstance(body.tool_choice, NamedTool):
        return ToolChoice("required", body.tool_choice.function.name, parallel)
    return ToolChoice(body.tool_choice or "auto", None, parallel)


def _effort(body: ChatBody, model: Model) -> str | None:
    switched = body.thinking.type if body.thinking else None
    if model.reasons == "never" or switched == "disabled" or body.reasoning_effort == "none":
        return None
    wanted = model.reasons == "always" or switched == "enabled"
    return body.reasoning_effort or (USUAL_EFFORT if wanted else None)
