"""The Anthropic door on fakes: what is counted, refused and told."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from shared.adapters.memory import MemoryReply
from shared.domain.health import Health
from tests.functions.conftest import Gateway, as_chunks, make_gateway, run, usual_answer

USER = {"role": "user", "content": "hi"}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-5-5",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 5},
}


@pytest.fixture
def claude() -> Gateway:
    made = make_gateway("openai", "anthropic")

    def answer(body: dict[str, Any]) -> MemoryReply:
        if not body["model"].startswith("claude"):
            return usual_answer(body)
        return MemoryReply(as_chunks(json.dumps(MESSAGE).encode()))

    made.answer_with(answer)
    return made


def ask(gateway: Gateway, path: str = "/v1/messages", **fields: Any) -> httpx2.Response:
    body = {"model": "auto", "max_tokens": 50, "messages": [USER], **fields}
    body = {name: value for name, value in body.items() if value is not None}
    headers = {"x-api-key": gateway.keys["search"]}
    response: httpx2.Response = run(gateway.post(json.dumps(body).encode(), headers, path))
    return response


def test_a_message_is_answered_by_its_own_family_as_it_is(claude: Gateway) -> None:
    response = ask(claude, model="claude-haiku-5-5")
    assert response.json() == MESSAGE
    assert response.headers["x-sluice-cost-usd"] == "0.0000035"
    assert claude.sent_bodies == [
        {
            "model": "claude-haiku-5-5",
            "max_tokens": 50,
            "messages": [USER],
            "service_tier": "standard_only",
        }
    ]


def test_a_message_is_answered_by_the_other_family_in_its_own_shape(claude: Gateway) -> None:
    answered = ask(claude, model="gpt-6-luna").json()
    assert answered["type"] == "message"
    assert answered["content"] == [{"type": "text", "text": "Hello you"}]
    assert answered["stop_reason"] == "end_turn"
    assert (answered["usage"]["input_tokens"], answered["usage"]["output_tokens"]) == (10, 5)


def test_the_doors_do_not_share_stored_answers(claude: Gateway) -> None:
    for _ in range(2):
        assert ask(claude, model="gpt-6-luna").json()["type"] == "message"
        chat = run(claude.chat("hi", model="gpt-6-luna", max_tokens=50))
        assert chat.json()["object"] == "chat.completion"
    assert len(claude.upstream.sent) == 2


@pytest.mark.parametrize(
    ("fields", "status", "kind", "named"),
    [
        ({"temperature": "hot"}, 400, "invalid_request_error", "temperature"),
        ({"api_base": "http://evil.example"}, 400, "invalid_request_error", "api_base"),
        ({"max_tokens": None}, 400, "invalid_request_error", "max_tokens"),
        ({"model": "claude-1"}, 400, "invalid_request_error", "model"),
        ({"sluice": {"deadline": "soon"}}, 400, "invalid_request_error", "deadline"),
    ],
)
def test_refusals_have_anthropics_shape_and_name_the_field(
    claude: Gateway, fields: dict[str, Any], status: int, kind: str, named: str
) -> None:
    response = ask(claude, **fields)
    assert response.status_code == status
    body = response.json()
    assert body.keys() == {"type", "error", "request_id"}
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert named in body["error"]["message"]
    assert body["request_id"] == response.headers["request-id"]


def test_a_candidate_that_cannot_take_the_request_is_passed_over(claude: Gateway) -> None:
    response = run(claude.chat("What is a weir?", model="nano", seed=7))
    assert response.status_code == 200
    assert response.headers["x-sluice-model"] == "gpt-6-luna"
    assert "claude-haiku-5-5 cannot take it" in response.headers["x-sluice-route-reason"]
    assert run(claude.chat(model="claude-haiku-5-5", seed=7)).status_code == 400
    assert len(claude.ledger.entries) == 1


def test_tokens_are_counted_by_a_provider_that_can_at_no_cost(claude: Gateway) -> None:
    claude.answer_with(lambda _: MemoryReply(as_chunks(b'{"input_tokens": 14}')))
    path = "/v1/messages/count_tokens"
    response = ask(claude, path, max_tokens=None)
    assert response.json() == {"input_tokens": 14}
    [(entry, settlement)] = claude.meter.settlements
    assert (entry.door, entry.model, settlement.cost_nano) == (
        "count_tokens", "claude-haiku-5-5", 0,
    )  # fmt: skip
    assert len(claude.ledger.rows) == 1
    assert ask(claude, path, model="gpt-6-luna", max_tokens=None).status_code == 400
    refused = ask(claude, path, max_tokens=5).json()["error"]
    assert refused["message"].startswith("max_tokens: ")


@pytest.mark.parametrize(("raw", "status"), [(b"{}", 200), (b"[]", 200), (b"{}", 529)])
def test_a_count_that_fails_is_a_502_in_shape(claude: Gateway, raw: bytes, status: int) -> None:
    claude.answer_with(lambda _: MemoryReply(as_chunks(raw), status))
    response = ask(claude, "/v1/messages/count_tokens", max_tokens=None)
    assert response.status_code == 502
    assert response.json()["error"]["type"] == "api_error"
    assert [s.outcome for _, s in claude.meter.settlements] == ["failed"]


def test_the_details_of_health_are_for_who_has_a_key(claude: Gateway) -> None:
    claude.store.health["gpt-6-luna"] = Health(3, claude.time[0] + 9)
    assert run(claude.call("GET", "/health/details")).status_code == 401
    headers = {"x-api-key": claude.keys["search"]}
    details = run(claude.call("GET", "/health/details", headers=headers)).json()
    assert details["providers"] == ["anthropic", "openai"]
    assert details["ailing_models"] == {"gpt-6-luna": {"failures": 3, "resting_seconds": 9.0}}
    assert details["price_age_days"] >= 0
    assert details["price_version"]
