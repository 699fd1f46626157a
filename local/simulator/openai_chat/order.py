"""From a chat request's body to an answer that only has to be sent, or put into a results file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from local.simulator.answering import choices, failure_of, pause_of
from local.simulator.books import Sale
from local.simulator.openai_chat import errors
from local.simulator.openai_chat.ask import read_ask
from local.simulator.openai_chat.caching import refuse_cache_fields
from local.simulator.openai_chat.dialects import DIALECTS
from local.simulator.openai_chat.prompt import read_prompt
from local.simulator.openai_chat.request import read_body
from local.simulator.openai_chat.wire import ChatWire
from local.simulator.schema_values import UnsatisfiableSchemaError
from local.simulator.serving import Order, accept

if TYPE_CHECKING:
    from local.simulator.answering import Ask
    from local.simulator.desk import Desk
    from local.simulator.pieces import Choice


@dataclass(frozen=True)
class Asked:
    """Who asks which provider, and when; ``key`` is a fingerprint, ``batch`` a batch's id."""

    provider: str
    key: str
    at: float
    batch: str | None = None


def take_order(desk: Desk, asked: Asked, raw: bytes) -> tuple[Order, ChatWire]:
    """Read a body and make its answer; raises :class:`errors.ApiError`."""
    dialect = DIALECTS[asked.provider]
    body, plain = read_body(raw)
    model = desk.prices.find(asked.provider, body.model)
    if model is None:
        raise errors.no_such_model(body.model)
    refuse_cache_fields(body, model)
    if body.thinking is not None and not dialect.switches_thinking:
        raise errors.unknown("thinking")
    if asked.batch and body.stream:
        raise errors.invalid("stream", "not supported in a batch")
    prompt = read_prompt(body, model.cache)
    ask = read_ask(body, plain, model, prompt, dialect)
    said = _choices(ask)
    sale = Sale(
        asked.at, asked.key, asked.key, model, "openai-chat", bool(body.stream), asked.batch
    )
    order = accept(desk, sale, prompt, said, pause_of(ask), errors.ApiError)
    usage = order.reported(dialect.usage(order.usage()))
    return order, ChatWire(uuid4().hex, int(asked.at), body, model, dialect, said, usage)


def _choices(ask: Ask) -> tuple[Choice, ...]:
    status = failure_of(ask)
    if status is not None:
        raise errors.ApiError.scripted(status)
    try:
        return choices(ask)
    except UnsatisfiableSchemaError as error:
        raise errors.invalid("schema", str(error)) from error
