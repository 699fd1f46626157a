"""What the routes of OpenAI's files and batches have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

import msgspec

from local.simulator.batches.spool import Spool
from local.simulator.errands import Body, ErrandReply, carry_out
from local.simulator.faults import Errand, Operation
from local.simulator.openai_chat import errors

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.simulator.desk import Desk

Json = dict[str, object]
Query = TypeVar("Query", bound=msgspec.Struct)
PROVIDER = "openai"


def errand(operation: Operation) -> Errand:
    """Return what faults see of a request."""
    return Errand(PROVIDER, "openai-chat", operation)


def answer(desk: Desk, operation: Operation, work: Callable[[], Json | Spool]) -> ErrandReply:
    """Carry out a request that is in order; raises :class:`errors.ApiError`."""
    kind = "application/octet-stream" if operation == "files.content" else "application/json"
    headers = {"content-type": kind, "x-request-id": f"req_{uuid4().hex}"}

    def body() -> Body:
        made = work()
        return made if isinstance(made, Spool) else msgspec.json.encode(made)

    return carry_out(desk, errand(operation), errors.ApiError, body, headers)


def read_query(request: Request, kind: type[Query]) -> Query:
    """Return the query, its fields checked; raises :class:`errors.ApiError`."""
    try:
        return msgspec.convert(dict(request.query_params), kind, strict=False)
    except msgspec.ValidationError as error:
        raise errors.from_validation(error) from error


def not_found(what: str, item_id: str, param: str) -> errors.ApiError:
    """Refuse an id that is nobody's, another's, or that of something which has expired."""
    return errors.ApiError(404, f"No such {what} object: {item_id}", param=param)
