"""What the routes of OpenAI's files and batches have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import msgspec

from local.simulator.batches.register import Page
from local.simulator.batches.spool import Spool
from local.simulator.books import fingerprint
from local.simulator.desk import Desk, desk_of
from local.simulator.errands import Body, ErrandReply, carry_out
from local.simulator.faults import Errand, Operation
from local.simulator.openai_chat import errors
from local.simulator.openai_chat.routes import key_of

if TYPE_CHECKING:
    from starlette.requests import Request

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


async def arrived(request: Request) -> tuple[Desk, str, float]:
    """Return the desk, where all that was due by then is done, whose request it is, and when."""
    desk, account = desk_of(request), fingerprint(key_of(request))
    at, _ = await desk.arrival(request)
    await desk.floor.catch_up()
    return desk, account, at


def shown_page(page: Page[Any] | None, what: str, show: Callable[[Any], Json]) -> Json:
    """Return a page of a list of some kind of object; raises :class:`errors.ApiError`."""
    if page is None:
        raise errors.invalid("after", f"no such {what}")
    rows = [show(item) for item in page.items]
    return {
        "object": "list",
        "data": rows,
        "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
        "has_more": page.has_more,
    }


def read_query(request: Request, kind: type[Query]) -> Query:
    """Return the query, its fields checked; raises :class:`errors.ApiError`."""
    try:
        return msgspec.convert(dict(request.query_params), kind, strict=False)
    except msgspec.ValidationError as error:
        raise errors.from_validation(error) from error


def not_found(what: str, item_id: str, param: str) -> errors.ApiError:
    """Refuse an id that is nobody's, another's, or that of something which has expired."""
    return errors.ApiError(404, f"No such {what} object: {item_id}", param=param)
