"""``GET /v1/jobs/{id}``, and the answer to a call that comes with a deadline: 202 and its job."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from functions.router.answering import note_headers
from functions.router.errors import ANTHROPIC_TYPES, id_headers
from functions.router.reading import presented_key
from shared.domain.errors import InvalidRequest
from shared.domain.jobs.job import Job, JobError
from shared.usecases.calls import Call
from shared.usecases.jobs.reading import LONGEST_WAIT_SECONDS
from shared.wiring.router import Router

ACCEPTED: Final = 202
WAIT_PATTERN: Final = r"[0-9]{1,3}(\.[0-9]{1,3})?"


async def accept_job(router: Router, call: Call) -> Response:
    """Answer with the job that will answer the call."""
    found = await router.deferral.accept.accepted(call)
    job, entry = found.job, found.job.entry
    notes = {
        "cache": entry.cache,
        "model": entry.model,
        "tier": entry.tier or "",
        "route_reason": entry.route_reason,
        **found.facts,
    }
    headers = {
        **note_headers({name: value for name, value in notes.items() if value}),
        **id_headers(call.request_id),
        "location": _url(job),
    }
    return _response(shown(job, None), headers, ACCEPTED)


async def get_job(request: Request, router: Router, request_id: str) -> Response:
    """Answer with one of the caller's own jobs, once it is at rest or the wait is over."""
    key = await router.admission.confirm(presented_key(request))
    wait = _wait(request)
    found = await router.deferral.read(key.team, request.path_params["job_id"], wait)
    headers = note_headers(dict(found.job.notes)) | id_headers(request_id)
    return _response(shown(found.job, found.answer), headers)


def shown(job: Job, answer: bytes | None) -> dict[str, Any]:
    """Return a job as callers see it; its result has the format of the door that was asked."""
    return {
        "id": job.id,
        "object": "sluice.job",
        "status": job.state,
        "created_at": int(job.created_at),
        "deadline": int(job.deadline),
        "url": _url(job),
        "result": None if answer is None else msgspec.Raw(answer),
        "error": None if job.error is None else _error(job, job.error),
    }


def _error(job: Job, error: JobError) -> dict[str, Any]:
    """Return why there is no answer, as the door would have said it, with the status."""
    if job.entry.door == "messages":
        kind = ANTHROPIC_TYPES.get(error.status, "api_error")
        return {"type": kind, "message": error.message, "status": error.status}
    return {
        "message": error.message,
        "type": error.type,
        "param": None,
        "code": error.code,
        "status": error.status,
    }


def _url(job: Job) -> str:
    return f"/v1/jobs/{job.id}"


def _wait(request: Request) -> float:
    given = request.query_params.multi_items()
    for name, _ in given:
        if name != "wait":
            raise InvalidRequest(f"There is no parameter {name!r}.", param=name)
    if len(given) > 1:
        raise InvalidRequest("It is given twice.", param="wait")
    text = given[0][1] if given else "0"
    if not re.fullmatch(WAIT_PATTERN, text) or float(text) > LONGEST_WAIT_SECONDS:
        raise InvalidRequest(
            f"wait must be seconds from 0 to {LONGEST_WAIT_SECONDS:.0f}.", param="wait"
        )
    return float(text)


def _response(body: dict[str, Any], headers: dict[str, str], status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers=headers,
    )
