"""From a Messages body to an answer that only has to be sent, or put among a batch's results."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from local.simulator.answering import choices, failure_of, pause_of
from local.simulator.anthropic_messages import errors
from local.simulator.anthropic_messages.ask import read_ask
from local.simulator.anthropic_messages.prompt import read_prompt
from local.simulator.anthropic_messages.request import (
    MessagesBody,
    ThinkingAdaptive,
    ThinkingOn,
)
from local.simulator.anthropic_messages.turns import check
from local.simulator.anthropic_messages.wire import MessagesWire, usage_json
from local.simulator.books import Sale
from local.simulator.schema_values import UnsatisfiableSchemaError
from local.simulator.serving import Order, accept

if TYPE_CHECKING:
    from local.simulator.answering import Ask
    from local.simulator.desk import Desk
    from local.simulator.pieces import Choice
    from local.simulator.prices import Model

PROVIDER = "anthropic"


def take_order(
    desk: Desk, key: str, at: float, body: MessagesBody, batch: str | None = None
) -> tuple[Order, MessagesWire]:
    """Make the answer to a body; ``key`` is a fingerprint; raises :class:`errors.MessagesError`."""
    model = model_of(desk, body.model)
    check(body, body.max_tokens or None, errors.invalid)
    if batch and body.stream:
        raise errors.invalid("stream", "not supported in a batch")
    prompt = read_prompt(body)
    ask = read_ask(body, model, prompt, body.max_tokens)
    said = _choices(ask)
    sale = Sale(at, key, key, model, "anthropic-messages", body.stream, batch)
    order = accept(desk, sale, prompt, said, pause_of(ask), errors.MessagesError)
    tier = "standard" if batch is None else "batch"
    usage = order.reported(usage_json(order.usage(), tier))
    wire = MessagesWire(
        uuid4().hex[:24], errors.new_request_id(), model, said[0], usage, _shows_thinking(body)
    )
    return order, wire


def model_of(desk: Desk, name: str) -> Model:
    """Return a model on sale; raises :class:`errors.MessagesError`."""
    model = desk.prices.find(PROVIDER, name)
    if model is None:
        raise errors.no_such_model(name)
    return model


def _choices(ask: Ask) -> tuple[Choice, ...]:
    status = failure_of(ask)
    if status is not None:
        raise errors.MessagesError.scripted(status)
    try:
        return choices(ask)
    except UnsatisfiableSchemaError as error:
        raise errors.invalid("schema", str(error)) from error


def _shows_thinking(body: MessagesBody) -> bool:
    thinking = body.thinking
    return isinstance(thinking, ThinkingOn | ThinkingAdaptive) and thinking.display != "omitted"
