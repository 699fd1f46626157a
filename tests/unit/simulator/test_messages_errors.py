"""Refusals have Anthropic's statuses and shape."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic import (
    Anthropic,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
)

from tests.unit.simulator.conftest import KEY, Simulator
from tests.unit.simulator.test_messages import HAIKU, TOOLS, ask

USER = {"role": "user", "content": "x"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"}
SHORT = {"type": "ephemeral"}
LONG = {"type": "ephemeral", "ttl": "1h"}


def marked(*marks: dict[str, str]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": "x", "cache_control": mark} for mark in marks]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": [{**USER, "name": "bob"}]}, "messages.0.name: Extra inputs"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "assistant", "content": "x"}, USER]}, "messages.0.role"),
    ({"messages": [USER, {"role": "assistant", "content": "x"}]}, "prefill"),
    ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content.0"),
    ({"messages": [{"role": "user", "content": [CALL]}]}, "messages.0.content.0"),
    ({"messages": [{"role": "user", "content": [RESULT]}]}, "messages.0"),
    ({"messages": [USER, {"role": "assistant", "content": [CALL]}, USER]}, "messages.2"),
    ({"temperature": 1.5}, "temperature"),
    ({"stop_sequences": [" "]}, "stop_sequences"),
    ({"service_tier": "priority"}, "service_tier"),
    ({"inference_geo": "us"}, "inference_geo"),
    ({"speed": "fast"}, "speed"),
    ({"container": "c"}, "container"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0"),
    ({"tools": [{"name": "f", "input_schema": {}}]}, "tools.0.input_schema.type"),
    ({"tools": [*TOOLS, TOOLS[0]]}, "tools"),
    ({"tool_choice": {"type": "auto"}}, "tool_choice"),
    ({"tools": TOOLS, "tool_choice": {"type": "tool", "name": "absent"}}, "tool_choice.name"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1023}}, "thinking"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "max_tokens"),
    (
        {"tools": TOOLS, "tool_choice": {"type": "any"}, "thinking": {"type": "adaptive"}},
        "thinking",
    ),
    ({"system": marked(SHORT, SHORT, SHORT, SHORT, SHORT)}, "maximum of 4"),
    ({"system": marked(SHORT, SHORT, SHORT, SHORT), "cache_control": SHORT}, "maximum of 4"),
    ({"system": marked(SHORT, LONG)}, "1h must not come after"),
    ({"system": marked(SHORT), "cache_control": LONG}, "1h must not come after"),
    ({"system": marked({"type": "ephemeral", "ttl": "2h"})}, "system.0.cache_control.ttl"),
    (
        {
            "output_config": {
                "format": {"type": "json_schema", "schema": {"type": "string", "pattern": "^a$"}}
            }
        },
        "schema",
    ),
]


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_a_body_that_breaks_the_rules_is_400_and_names_the_field(
    simulator: Simulator, change: dict[str, Any], said: str
) -> None:
    answer = simulator.message({"model": HAIKU, "max_tokens": 100, "messages": [USER], **change})
    body = answer.json()
    assert answer.status_code == 400
    assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")
    assert said in body["error"]["message"]
    assert body["request_id"] == answer.headers["request-id"]
    assert simulator.books()["lines"] == []


def test_a_missing_limit_is_named(simulator: Simulator) -> None:
    answer = simulator.message({"model": HAIKU, "messages": [USER]})
    assert answer.json()["error"]["message"] == "max_tokens: Field required"


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"[" * 5000])
def test_a_body_that_is_no_json_object_is_400(simulator: Simulator, raw: bytes) -> None:
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    answer = simulator.control.post("/anthropic/v1/messages", content=raw, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("key", [None, "", "pk-1"])
def test_without_an_acceptable_key_it_is_401(simulator: Simulator, key: str | None) -> None:
    headers = {"anthropic-version": "2023-06-01", **({} if key is None else {"x-api-key": key})}
    answer = simulator.control.post("/v1/messages", json={}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"


def test_without_the_version_header_it_is_400(simulator: Simulator) -> None:
    answer = simulator.control.post("/v1/messages", json={}, headers={"x-api-key": KEY})
    assert answer.status_code == 400
    assert "anthropic-version" in answer.json()["error"]["message"]


def test_a_key_may_come_as_a_bearer_token(simulator: Simulator) -> None:
    headers = {"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"}
    assert simulator.control.post("/v1/messages", json={}, headers=headers).status_code == 400
    headers["authorization"] = f"Basic {KEY}"
    assert simulator.control.post("/v1/messages", json={}, headers=headers).status_code == 401


def test_the_sdk_raises_the_class_that_belongs_to_each_refusal(
    simulator: Simulator, anthropic: Anthropic
) -> None:
    with pytest.raises(NotFoundError) as missing:
        ask(anthropic, "x", model="claude-none")
    assert "claude-none" in missing.value.message
    with pytest.raises(AuthenticationError):
        ask(anthropic.with_options(api_key="wrong"), "x")
    with pytest.raises(BadRequestError):
        ask(anthropic, "x", extra_body={"surprise": 1})
    simulator.fault(kind="status", status=429, retry_after=7)
    with pytest.raises(RateLimitError) as limited:
        ask(anthropic, "x")
    assert limited.value.response.headers["retry-after"] == "7"
    simulator.fault(kind="status", status=529)
    with pytest.raises(InternalServerError) as overloaded:
        ask(anthropic, "x", stream=True)
    assert overloaded.value.status_code == 529
    assert overloaded.value.type == "overloaded_error"


def test_an_unknown_path_is_404_in_anthropics_shape(simulator: Simulator) -> None:
    answer = simulator.message({}, "/anthropic/v1/nothing")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")
