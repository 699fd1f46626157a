"""``GET /v1/budget``: what the caller, its team and the environment may still spend."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from functions.router.errors import id_headers
from functions.router.reading import presented_key
from shared.clock import utc
from shared.domain.budgets import Budget, Scope, as_of, current_day
from shared.domain.budgets.ladder import Rung, step_of
from shared.domain.budgets.refusals import together
from shared.domain.budgets.scopes import all_slices, key_scope, team_scope
from shared.domain.budgets.seeds import Seeds
from shared.domain.budgets.shown import rung_shown
from shared.domain.entries import KeyRow
from shared.wiring.router import Router


async def list_budgets(request: Request, router: Router, request_id: str) -> Response:
    """Return every capped counter that the caller spends from: its key's, its team's, all's."""
    key = await router.admission.confirm(presented_key(request))
    found = await asyncio.to_thread(router.store.look_up, key.team, None, None, _scopes(key))
    budgets = _current(found.budgets, key, router.settings.budgets, router.clock())
    rungs = [
        Rung(budget, period, step_of(budget, period))
        for budget in budgets
        for period, counter in budget.counters
        if counter.is_capped
    ]
    return Response(
        msgspec.json.encode({"object": "list", "data": [rung_shown(rung) for rung in rungs]}),
        media_type="application/json",
        headers=id_headers(request_id),
    )


def _scopes(key: KeyRow) -> tuple[Scope, ...]:
    return (key_scope(key.team, key.digest), team_scope(key.team), *all_slices())


def _current(
    seen: Mapping[Scope, Budget], key: KeyRow, seeds: Seeds, now: float
) -> tuple[Budget, Budget, Budget]:
    """Return the three budgets as they are now; one that was never used is as it will begin."""
    today = f"{utc(now):%Y-%m-%d}"
    day = current_day(seen.values(), today)
    own, team, *slices = (
        as_of(seen.get(scope) or seeds.opened(scope, day, key.key_id), day, now)
        for scope in _scopes(key)
    )
    return own, team, together(slices)
