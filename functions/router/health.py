"""``GET /health``: a fixed body for the Web Adapter; ``/health/details`` for who has a key."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from functions.router.errors import id_headers
from functions.router.reading import presented_key
from shared.clock import utc
from shared.wiring.router import Router


async def health(_: Request) -> Response:
    """Say that the process answers; asks nothing of anyone."""
    return Response(b'{"status":"ok"}', media_type="application/json")


async def health_details(request: Request, router: Router, request_id: str) -> Response:
    """Return what this deployment answers by: versions, the prices' age, ailing models."""
    key = await router.admission.confirm(presented_key(request))
    found = await asyncio.to_thread(router.store.look_up, key.team, None, None)
    catalog, now = router.catalog, router.clock()
    details = {
        "status": "ok",
        "environment": router.settings.environment,
        "policy_version": router.settings.policy_version,
        "price_version": catalog.price_version,
        "prices_checked": catalog.prices_checked.isoformat(),
        "price_age_days": catalog.price_age_days(utc(now)),
        "providers": sorted(catalog.providers),
        "ailing_models": {
            name: {"failures": each.failures, "resting_seconds": max(0, each.resting_until - now)}
            for name, each in found.health.items()
        },
    }
    return Response(
        msgspec.json.encode(details),
        media_type="application/json",
        headers=id_headers(request_id),
    )
