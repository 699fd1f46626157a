"""``GET /v1/models`` and ``GET /v1/models/{id}``: what a caller may put into ``model``."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from functions.router.errors import id_headers
from functions.router.reading import presented_key
from shared.catalog import Catalog
from shared.domain.errors import UnknownModel
from shared.domain.routing import AUTO, TIERS
from shared.wiring.router import Router

_CREATED = 1_767_225_600
"""The field is required by the SDKs; the catalog does not hold release dates. 2026-01-01."""


async def list_models(request: Request, router: Router, request_id: str) -> Response:
    """Return ``auto``, the tiers that have a model, and every enabled model."""
    await router.admission.confirm(presented_key(request))
    listed = [_model(name, owner) for name, owner in _names(router.catalog).items()]
    return _json({"object": "list", "data": listed}, request_id)


async def get_model(request: Request, router: Router, request_id: str) -> Response:
    """Return one of them."""
    await router.admission.confirm(presented_key(request))
    name = request.path_params["model"]
    names = _names(router.catalog)
    if name not in names:
        raise UnknownModel(name)
    return _json(_model(name, names[name]), request_id)


def _names(catalog: Catalog) -> dict[str, str]:
    tiers = {model.tier for model in catalog.models.values()}
    chosen_here = dict.fromkeys((AUTO, *(tier for tier in TIERS if tier in tiers)), "sluice")
    return chosen_here | {model.id: model.provider for model in catalog.models.values()}


def _model(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": owner}


def _json(value: Any, request_id: str) -> Response:
    return Response(
        msgspec.json.encode(value), media_type="application/json", headers=id_headers(request_id)
    )
