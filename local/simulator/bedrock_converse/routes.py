"""Where Converse is served: under ``/bedrock`` and at the root, as boto3 appends its own path."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.routing import Route

from local.simulator.answering import choices, failure_of, pause_of
from local.simulator.anthropic_messages.ask import read_ask
from local.simulator.anthropic_messages.prompt import read_prompt
from local.simulator.anthropic_messages.turns import check
from local.simulator.bedrock_converse import errors
from local.simulator.bedrock_converse.request import read_body
from local.simulator.bedrock_converse.translation import to_messages
from local.simulator.bedrock_converse.wire import ConverseWire, usage_json
from local.simulator.books import Sale, fingerprint
from local.simulator.desk import Desk, desk_of
from local.simulator.schema_values import UnsatisfiableSchemaError
from local.simulator.serving import Reply, accept

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.simulator.answering import Ask
    from local.simulator.pieces import Choice
    from local.simulator.prices import Model

PROVIDER = "bedrock"
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/\d{8}/(?P<region>[a-z0-9-]+)/bedrock/aws4_request"
)


def routes() -> list[Route]:
    """Return the routes; a model's id may hold slashes."""
    made = []
    for prefix in ("", "/bedrock"):
        for action, stream in (("converse", False), ("converse-stream", True)):
            path = f"{prefix}/model/{{model:path}}/{action}"
            made.append(Route(path, partial(converse, stream=stream), methods=["POST"]))
    return made


async def converse(request: Request, *, stream: bool) -> Reply:
    """Answer a Converse request; raises :class:`errors.ConverseError`."""
    desk = desk_of(request)
    at, raw = await desk.arrival(request)
    credential, region = _signer(request)
    model = _model(desk, request.path_params["model"])
    converse_body = read_body(raw)
    limit = converse_body.inference_config.max_tokens
    body = to_messages(converse_body, model.id)
    check(body, limit, errors.invalid)
    prompt = read_prompt(body)
    ask = read_ask(body, model, prompt, limit)
    said = _choices(ask)
    sale = Sale(at, fingerprint(credential), region, model, "bedrock-converse", stream=stream)
    order = accept(desk, sale, prompt, said, pause_of(ask), errors.ConverseError)
    usage = order.reported(usage_json(order.usage()))
    return Reply(desk, order, ConverseWire(str(uuid4()), said[0], usage), errors.ConverseError)


def _signer(request: Request) -> tuple[str, str]:
    """Return the access key's id and the region; the signature itself is not verified."""
    signed = _SIGNED.match(request.headers.get("authorization", ""))
    if signed is None:
        raise errors.ConverseError(403, "The request is not signed for Bedrock.")
    return signed["id"], signed["region"]


def _model(desk: Desk, name: str) -> Model:
    model = desk.prices.find(PROVIDER, name)
    if model is None:
        raise errors.ConverseError(400, "The provided model identifier is invalid.")
    return model


def _choices(ask: Ask) -> tuple[Choice, ...]:
    status = failure_of(ask)
    if status is not None:
        raise errors.ConverseError.scripted(status)
    try:
        return choices(ask)
    except UnsatisfiableSchemaError as error:
        raise errors.invalid("schema", str(error)) from error
