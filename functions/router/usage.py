"""``GET /v1/usage``: what the caller's own team spent and saved, by lever and per success."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from functions.router.errors import id_headers
from functions.router.reading import presented_key
from shared.domain.errors import InvalidRequest
from shared.domain.rollups import DIMENSIONS, Dimension
from shared.domain.usage_report import as_json, report, total
from shared.domain.usage_rows import epoch, moment_of
from shared.usecases.usage_reader import UsageReader
from shared.wiring.router import Router

_DIMENSION: Final = "(" + "|".join(DIMENSIONS) + ")"
GROUPING: Final = f"{_DIMENSION}(,{_DIMENSION}){{0,{len(DIMENSIONS) - 1}}}"
MOMENT: Final = (
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}"
    r"(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
MOST_DAYS: Final = 92
"""A quarter: days that nobody added up before are read row by row."""

_USUAL_DAYS: Final = 7
_DAY_SECONDS: Final = 86_400


async def usage(request: Request, router: Router, request_id: str) -> Response:
    """Return the sums of the caller's own team."""
    key = await router.admission.confirm(presented_key(request))
    group_by, since, until = _asked(request, router.clock())
    reader = UsageReader(router.ledger, router.clock)
    cells = await asyncio.to_thread(reader.cells, key.team, since, until)
    teams = {key.team: cells}
    found = report(teams, router.settings.environment, group_by)
    body = {
        "object": "list",
        "data": [{"group": group, **as_json(sums)} for group, sums in found],
        "total": as_json(total(teams)),
    }
    return Response(
        msgspec.json.encode(body), media_type="application/json", headers=id_headers(request_id)
    )


def _asked(request: Request, now: float) -> tuple[Sequence[Dimension], str, str]:
    """Return the dimensions, the first moment and the one after the last."""
    given = _single(request)
    until = _moment("to", given["to"]) if "to" in given else moment_of(now)
    if "from" in given:
        since = _moment("from", given["from"])
    else:
        since = moment_of(epoch(until) - _USUAL_DAYS * _DAY_SECONDS)
    if since >= until:
        raise InvalidRequest("It must be before `to`.", param="from")
    if epoch(until) - epoch(since) > MOST_DAYS * _DAY_SECONDS:
        raise InvalidRequest(f"Ask for at most {MOST_DAYS} days at a time.", param="from")
    return _dimensions(given.get("group_by", "model")), since, until


def _single(request: Request) -> dict[str, str]:
    """Return the query, refusing what is unknown or given twice."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in {"from", "to", "group_by"}:
            raise InvalidRequest(f"There is no parameter {name!r}.", param=name)
        if name in given:
            raise InvalidRequest("It is given twice.", param=name)
        given[name] = value
    return given


def _moment(name: str, text: str) -> str:
    """Return the moment of a date or an ISO time; one without a zone is UTC's."""
    refusal = InvalidRequest(
        f"{name} must be a date such as 2026-11-22, or a time such as 2026-11-22T09:30:00Z.",
        param=name,
    )
    if not re.fullmatch(MOMENT, text):
        raise refusal
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise refusal from None
    return moment_of((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _dimensions(text: str) -> Sequence[Dimension]:
    if not re.fullmatch(GROUPING, text):
        raise InvalidRequest(
            f"group_by takes some of {', '.join(DIMENSIONS)}, separated by commas.",
            param="group_by",
        )
    return cast("list[Dimension]", list(dict.fromkeys(text.split(","))))
