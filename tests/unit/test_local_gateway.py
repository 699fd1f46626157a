"""What API Gateway does by itself: routes, limits, its own answers."""

from __future__ import annotations

import pytest

from local import gateway_responses as answers
from local.declared import DeclarationError, Gateway, GatewayResponse, Route
from local.front_door import EVENT_LIMIT_BYTES, event_bytes, matching_route

ROOT, GREEDY, HEALTH = Route("/", "GET"), Route("/{proxy+}", "ANY"), Route("/health", "GET")


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/", ROOT),
        ("POST", "/", None),
        ("POST", "/v1/x", GREEDY),
        ("GET", "/health", HEALTH),
        ("POST", "/health", GREEDY),
    ],
)
def test_an_exact_route_wins_over_a_greedy_one(method: str, path: str, route: Route | None) -> None:
    assert matching_route((GREEDY, ROOT, HEALTH), method, path) == route


def test_a_body_of_four_and_a_half_megabytes_is_the_most_that_fits_an_event() -> None:
    assert event_bytes(4_700_000, 1_000) <= EVENT_LIMIT_BYTES < event_bytes(4_720_000, 1_000)


def test_a_refusal_falls_back_to_its_family_and_then_to_the_services_own_shape() -> None:
    family = GatewayResponse(None, '{"family":"$context.error.responseType"}')
    declared = Gateway("api", "live", (), responses={"DEFAULT_4XX": family})
    ours = answers.own_answer(declared, answers.TOO_LARGE, "id-1")
    assert (ours.status, ours.body) == (413, b'{"family":"REQUEST_TOO_LARGE"}')
    plain = answers.own_answer(declared, answers.BROKEN, "id-1")
    assert (plain.status, plain.body) == (502, b'{"message":"Internal server error"}')


@pytest.mark.parametrize(
    "response",
    [
        GatewayResponse(429, '{"who":"$context.identity.sourceIp"}'),
        GatewayResponse(429, None, {"gatewayresponse.header.x": "method.request.header.y"}),
        GatewayResponse(429, None, {"gatewayresponse.path.x": "'y'"}),
    ],
    ids=["variable", "mapping", "place"],
)
def test_a_declared_response_that_cannot_be_reproduced_is_refused(
    response: GatewayResponse,
) -> None:
    with pytest.raises(DeclarationError, match="THROTTLED"):
        answers.check(Gateway("api", "live", (), responses={"THROTTLED": response}))
