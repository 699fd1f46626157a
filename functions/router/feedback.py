"""``POST /v1/feedback``: whether an earlier answer was of use."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from functions.router.errors import id_headers
from functions.router.reading import decode_object, presented_key, read_body
from shared.domain.chat import field_named
from shared.domain.errors import InvalidRequest
from shared.domain.usage_rows import Feedback
from shared.usecases.feedback import GiveFeedback
from shared.wiring.router import Router

_RequestId = Annotated[str, msgspec.Meta(pattern=r"^req_[0-9a-f]{32}\Z")]
_Score = Annotated[float, msgspec.Meta(ge=0, le=1)]


class FeedbackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller says of an answer: an outcome, or the answer as it should have been.

    A corrected answer counts as a failure; that there was one is kept, its text is not. What was
    said last of a request counts.
    """

    request_id: _RequestId
    outcome: Literal["success", "failure"] | msgspec.UnsetType = msgspec.UNSET
    score: _Score | None = None
    corrected: str | msgspec.UnsetType = msgspec.UNSET


async def feedback(request: Request, router: Router, request_id: str) -> Response:
    """Keep what was said, for the caller's own team."""
    key = await router.admission.confirm(presented_key(request))
    asked = _checked(await read_body(request, router.settings.body_limit_bytes))
    given = _given(asked, router.clock())
    give_feedback = GiveFeedback(router.ledger, router.clock)
    await asyncio.to_thread(give_feedback, key.team, given)
    kept = {
        "object": "sluice.feedback",
        "request_id": given.request_id,
        "outcome": given.outcome,
        "score": None if given.score is None else given.score / 1000,
        "corrected": given.corrected,
    }
    return Response(
        msgspec.json.encode(kept), media_type="application/json", headers=id_headers(request_id)
    )


def _checked(body: bytes) -> FeedbackRequest:
    try:
        return msgspec.convert(decode_object(body), FeedbackRequest)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        raise InvalidRequest(text, param=field_named(text, path.rstrip("`"))) from None


def _given(asked: FeedbackRequest, now: float) -> Feedback:
    corrected = asked.corrected is not msgspec.UNSET
    outcome = "failure" if asked.outcome is msgspec.UNSET else asked.outcome
    if asked.outcome is msgspec.UNSET and not corrected:
        raise InvalidRequest("Say success or failure, or correct the answer.", param="outcome")
    if corrected and outcome == "success":
        raise InvalidRequest("An answer that had to be corrected is no success.", param="outcome")
    score = None if asked.score is None else round(asked.score * 1000)
    return Feedback(asked.request_id, outcome, now, score, corrected)
