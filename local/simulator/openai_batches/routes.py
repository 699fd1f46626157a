"""Where OpenAI's batches are served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from uuid import uuid4

import msgspec
from starlette.routing import Route

from local.simulator.batches.register import page_after
from local.simulator.batches.run import Run
from local.simulator.batches.schedule import Course, Schedule
from local.simulator.books import fingerprint
from local.simulator.desk import Desk, desk_of
from local.simulator.errands import ErrandReply
from local.simulator.openai_batches.answers import (
    answer,
    arrived,
    errand,
    not_found,
    read_query,
    shown_page,
)
from local.simulator.openai_batches.batch import CANCELLABLE, Batch
from local.simulator.openai_batches.file_routes import PREFIXES, Lifetime
from local.simulator.openai_batches.files import KEPT_SECONDS, StoredFile, find_file
from local.simulator.openai_batches.lines import ChatCrew
from local.simulator.openai_batches.validation import ENDPOINT, Problem, Verdict, validate
from local.simulator.openai_chat import errors
from local.simulator.openai_chat.routes import key_of

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_PAIRS = 16
Key = Annotated[str, msgspec.Meta(max_length=64)]
Value = Annotated[str, msgspec.Meta(max_length=512)]
OVER_THE_LIMIT = "The simulator was told that the account is over its limit."
TOLD = Problem("invalid_request", "The simulator was told to fail this batch.", 1)


class CreateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a create (openai 3.51, ``BatchCreateParams``)."""

    input_file_id: str
    endpoint: str
    completion_window: Literal["24h"]
    metadata: Annotated[dict[Key, Value], msgspec.Meta(max_length=MOST_PAIRS)] | None = None
    output_expires_after: Lifetime | None = None


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of a list of batches."""

    after: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


def routes() -> list[Route]:
    """Return the routes of every prefix at which OpenAI answers."""
    made = []
    for prefix in PREFIXES:
        one = f"{prefix}/batches/{{batch_id}}"
        made += [
            Route(f"{prefix}/batches", create, methods=["POST"]),
            Route(f"{prefix}/batches", listed, methods=["GET"]),
            Route(one, retrieve, methods=["GET"]),
            Route(f"{one}/cancel", cancel, methods=["POST"]),
        ]
    return made


async def create(request: Request) -> ErrandReply:
    """Begin a batch; raises :class:`errors.ApiError`."""
    desk, account = desk_of(request), fingerprint(key_of(request))
    at, raw = await desk.arrival(request)
    body = _read(raw)
    wait = desk.creates.wait(account, at)
    if wait:
        said = "Rate limit reached for batch creates: 2,000 an hour."
        raise errors.ApiError(429, said, retry_after=wait)
    file = find_file(desk, account, body.input_file_id, at)
    if file is None:
        raise errors.invalid("input_file_id", f"no such file: {body.input_file_id}")
    if file.purpose != "batch":
        raise errors.invalid("input_file_id", "the file's purpose must be 'batch'")

    def work() -> dict[str, object]:
        desk.creates.count(account, at)
        return _begun(desk, file, body, at).shown(at)

    return answer(desk, "batches.create", work)


async def retrieve(request: Request) -> ErrandReply:
    """Answer one batch; raises :class:`errors.ApiError`."""
    batch, at = await _batch(request)
    return answer(desk_of(request), "batches.retrieve", lambda: batch.shown(at))


async def listed(request: Request) -> ErrandReply:
    """Answer a page of batches, newest first; raises :class:`errors.ApiError`."""
    desk, account, at = await arrived(request)
    query = read_query(request, Listing)
    page = page_after(desk.batches.newest_first(account), query.after, query.limit)
    shown = shown_page(page, "batch", lambda batch: batch.shown(at))
    return answer(desk, "batches.list", lambda: shown)


async def cancel(request: Request) -> ErrandReply:
    """Let a batch's open lines go; raises :class:`errors.ApiError`."""
    batch, at = await _batch(request)

    def work() -> dict[str, object]:
        status = batch.status(at)
        if batch.run is None or status not in CANCELLABLE | {"cancelling"}:
            raise errors.ApiError(409, f"Cannot cancel a batch with status '{status}'.")
        if status in CANCELLABLE and not batch.run.sealed:
            batch.run.cancel(at)
        return batch.shown(at)

    return answer(desk_of(request), "batches.cancel", work)


def _begun(desk: Desk, file: StoredFile, body: CreateBody, at: float) -> Batch:
    verdict = validate(file.text, desk.prices)
    course = desk.faults.course(errand("batches.create"))
    if course.invalid:
        of_account = Problem(course.code, OVER_THE_LIMIT) if course.code else None
        verdict.problems.append(of_account or TOLD)
    batch = _described(desk, file, body, verdict, course, at)
    desk.batches.add(batch)
    if not batch.problems:
        crew = ChatCrew(desk, batch.account, batch.id)
        lines = file.text.lines()
        batch.run = Run(batch.schedule, lines, crew, lambda: batch.put_out(desk.files))
        desk.floor.open(batch.run)
    return batch


def _described(
    desk: Desk, file: StoredFile, body: CreateBody, verdict: Verdict, course: Course, at: float
) -> Batch:
    wanted = body.output_expires_after
    return Batch(
        id=f"batch_{uuid4().hex}",
        account=file.account,
        input_file_id=file.id,
        metadata=body.metadata,
        schedule=Schedule(at, verdict.lines, desk.batch_speedup, course),
        model=verdict.model,
        problems=verdict.problems,
        output_seconds=KEPT_SECONDS if wanted is None else wanted.seconds,
    )


async def _batch(request: Request) -> tuple[Batch, float]:
    desk, account, at = await arrived(request)
    batch_id = request.path_params["batch_id"]
    batch = desk.batches.find(account, batch_id)
    if batch is None:
        raise not_found("Batch", batch_id, "id")
    return batch, at


def _read(raw: bytes) -> CreateBody:
    try:
        body = msgspec.json.decode(raw, type=CreateBody)
    except msgspec.ValidationError as error:
        raise errors.from_validation(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.unreadable_json() from error
    if body.endpoint != ENDPOINT:
        said = f"the simulator has batches of {ENDPOINT} only, not of {body.endpoint}"
        raise errors.unsupported("endpoint", said)
    return body
