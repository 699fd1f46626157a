"""Where Anthropic's message batches are served."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import msgspec
from starlette.routing import Route

from local.simulator.anthropic_batches.batch import Json, MessageBatch
from local.simulator.anthropic_batches.lines import MessagesCrew
from local.simulator.anthropic_batches.request import MOST_BYTES, read_lines
from local.simulator.anthropic_messages import errors
from local.simulator.anthropic_messages.order import PROVIDER
from local.simulator.anthropic_messages.routes import key_of
from local.simulator.batches.register import Page, page_after, page_before
from local.simulator.batches.run import Run
from local.simulator.batches.schedule import Schedule
from local.simulator.batches.spool import Spool
from local.simulator.books import fingerprint
from local.simulator.desk import Desk, desk_of
from local.simulator.errands import Body, ErrandReply, carry_out
from local.simulator.faults import Errand, Operation

if TYPE_CHECKING:
    from starlette.requests import Request

PREFIXES = ("", "/anthropic")
NOTED_BYTES = 262_144
"""Longer bodies are remembered by their length alone."""


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of a list of batches."""

    after_id: str | None = None
    before_id: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 20


def routes() -> list[Route]:
    """Return the routes; ``/v1/batches`` at the root is OpenAI's."""
    made = []
    for prefix in PREFIXES:
        every = f"{prefix}/v1/messages/batches"
        one = f"{every}/{{batch_id}}"
        made += [
            Route(every, partial(create, path=every), methods=["POST"]),
            Route(every, listed, methods=["GET"]),
            Route(one, retrieve, methods=["GET"]),
            Route(one, delete, methods=["DELETE"]),
            Route(f"{one}/cancel", cancel, methods=["POST"]),
            Route(f"{one}/results", results, methods=["GET"]),
        ]
    return made


async def create(request: Request, path: str) -> ErrandReply:
    """Begin a batch; raises :class:`errors.MessagesError`."""
    desk, account = desk_of(request), fingerprint(key_of(request))
    at = desk.clock.now()
    body = await _body(request)
    short = body.size <= NOTED_BYTES
    desk.note(request, at, body.read(0, NOTED_BYTES) if short else _length(body))
    lines, total = read_lines(body)
    address = f"{request.base_url}{path.removeprefix('/')}"
    return _answer(
        desk, "batches.create", lambda: _begun(desk, account, address, lines, total, at).shown(at)
    )


async def retrieve(request: Request) -> ErrandReply:
    """Answer one batch; raises :class:`errors.MessagesError`."""
    batch, at = await _batch(request)
    return _answer(desk_of(request), "batches.retrieve", lambda: batch.shown(at))


async def listed(request: Request) -> ErrandReply:
    """Answer a page of batches, newest first; raises :class:`errors.MessagesError`."""
    desk, account = desk_of(request), fingerprint(key_of(request))
    at, _ = await desk.arrival(request)
    query = _query(request)
    await desk.floor.catch_up()
    page = _page(desk.message_batches.newest_first(account), query)
    rows = [batch.shown(at) for batch in page.items]
    shown = {
        "data": rows,
        "has_more": page.has_more,
        "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
    }
    return _answer(desk, "batches.list", lambda: shown)


async def cancel(request: Request) -> ErrandReply:
    """Let a batch's open lines go; raises :class:`errors.MessagesError`."""
    batch, at = await _batch(request)

    def work() -> Json:
        if batch.ended(at):
            said = f"Batch {batch.id} cannot be canceled because it has already ended."
            raise errors.MessagesError(400, said)
        if batch.run.canceled_at is None and not batch.run.sealed:
            batch.run.cancel(at)
        return batch.shown(at)

    return _answer(desk_of(request), "batches.cancel", work)


async def delete(request: Request) -> ErrandReply:
    """Forget a batch that has ended; raises :class:`errors.MessagesError`."""
    desk = desk_of(request)
    batch, at = await _batch(request)

    def work() -> Json:
        if not batch.ended(at):
            said = f"Batch {batch.id} cannot be deleted because it is still being processed."
            raise errors.MessagesError(400, said)
        desk.message_batches.remove(batch)
        return {"id": batch.id, "type": "message_batch_deleted"}

    return _answer(desk, "batches.delete", work)


async def results(request: Request) -> ErrandReply:
    """Answer the results, one a line; raises :class:`errors.MessagesError`."""
    batch, at = await _batch(request)
    if not batch.ended(at) or batch.archived(at):
        raise errors.MessagesError(404, f"Batch {batch.id} has no available results.")
    return _answer(desk_of(request), "batches.results", lambda: batch.results)


def _begun(
    desk: Desk, account: str, address: str, lines: Spool, total: int, at: float
) -> MessageBatch:
    course = desk.faults.course(_errand("batches.create"))
    if course.invalid:
        raise errors.MessagesError(400, "requests: the simulator was told to refuse this batch.")
    batch_id = f"msgbatch_{uuid4().hex[:24]}"
    schedule = Schedule(at, total, desk.batch_speedup, course)
    batch = MessageBatch(batch_id, account, f"{address}/{batch_id}", schedule)
    crew = MessagesCrew(desk, account, batch_id)
    batch.run = Run(schedule, lines.lines(), crew, batch.put_out)
    desk.message_batches.add(batch)
    desk.floor.open(batch.run)
    return batch


def _errand(operation: Operation) -> Errand:
    return Errand(PROVIDER, "anthropic-messages", operation)


def _answer(desk: Desk, operation: Operation, work: Callable[[], Json | Spool]) -> ErrandReply:
    kind = "application/x-jsonl" if operation == "batches.results" else "application/json"
    headers = {"content-type": kind, "request-id": errors.new_request_id()}

    def body() -> Body:
        made = work()
        return made if isinstance(made, Spool) else msgspec.json.encode(made)

    return carry_out(desk, _errand(operation), errors.MessagesError, body, headers)


async def _batch(request: Request) -> tuple[MessageBatch, float]:
    desk, account = desk_of(request), fingerprint(key_of(request))
    at, _ = await desk.arrival(request)
    await desk.floor.catch_up()
    batch_id = request.path_params["batch_id"]
    batch = desk.message_batches.find(account, batch_id)
    if batch is None:
        raise errors.MessagesError(404, f"Batch not found: {batch_id}")
    return batch, at


async def _body(request: Request) -> Spool:
    body = Spool()
    async for chunk in request.stream():
        body.append(chunk)
        if body.size > MOST_BYTES:
            raise errors.MessagesError(413, f"The request exceeds {MOST_BYTES} bytes.")
    return body


def _length(body: Spool) -> bytes:
    return msgspec.json.encode(f"{body.size} bytes")


def _query(request: Request) -> Listing:
    try:
        query = msgspec.convert(dict(request.query_params), Listing, strict=False)
    except msgspec.ValidationError as error:
        raise errors.from_validation(error) from error
    if query.after_id is not None and query.before_id is not None:
        raise errors.invalid("before_id", "cannot be used together with after_id")
    return query


def _page(found: list[MessageBatch], query: Listing) -> Page[MessageBatch]:
    if query.before_id is not None:
        page = page_before(found, query.before_id, query.limit)
    else:
        page = page_after(found, query.after_id, query.limit)
    if page is None:
        raise errors.invalid("before_id" if query.before_id else "after_id", "no such batch")
    return page
