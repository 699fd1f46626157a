"""Refusals have OpenAI's statuses and shape."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI

from tests.unit.simulator.conftest import KEY, Simulator
from tests.unit.simulator.test_chat import MODEL, ask

ONE = [{"role": "user", "content": "x"}]
WANTED = {"name": "a", "schema": {"type": "string", "pattern": "^a$"}}
REFUSED: list[tuple[dict[str, Any], str | None, str]] = [
    ({"messages": ONE}, "model", "missing_required_parameter"),
    ({"model": MODEL}, "messages", "missing_required_parameter"),
    ({"model": MODEL, "messages": []}, "messages", "invalid_value"),
    ({"model": MODEL, "messages": "x"}, "messages", "invalid_type"),
    ({"model": MODEL, "messages": ONE, "sluice": {}}, "sluice", "unknown_parameter"),
    ({"model": MODEL, "messages": [{"role": "user"}]}, "messages[0].content", "invalid_value"),
    ({"model": MODEL, "messages": ONE, "temperature": "hot"}, "temperature", "invalid_type"),
    ({"model": MODEL, "messages": ONE, "temperature": 3}, "temperature", "invalid_value"),
    ({"model": MODEL, "messages": ONE, "n": 0}, "n", "invalid_value"),
    ({"model": MODEL, "messages": ONE, "stop": ["a"] * 5}, "stop", "invalid_value"),
    ({"model": MODEL, "messages": ONE, "top_logprobs": 1}, "top_logprobs", "invalid_value"),
    ({"model": MODEL, "messages": ONE, "stream_options": {}}, "stream_options", "invalid_value"),
    ({"model": MODEL, "messages": ONE, "tool_choice": "auto"}, "tool_choice", "invalid_value"),
    ({"model": MODEL, "messages": ONE, "audio": {}}, "audio", "unsupported_parameter"),
    (
        {"model": MODEL, "messages": ONE, "max_tokens": 1, "max_completion_tokens": 1},
        "max_tokens",
        "invalid_parameter_combination",
    ),
    (
        {
            "model": MODEL,
            "messages": ONE,
            "response_format": {"type": "json_schema", "json_schema": WANTED},
        },
        "schema",
        "invalid_value",
    ),
]


@pytest.mark.parametrize(("body", "param", "code"), REFUSED)
def test_a_body_that_breaks_the_schema_is_400_and_names_the_field(
    simulator: Simulator, body: dict[str, Any], param: str, code: str
) -> None:
    answer = simulator.post(body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["param"], error["code"]) == (param, code)
    assert error["type"] == "invalid_request_error"
    assert simulator.books()["lines"] == []


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'"\\ud800"', b"[" * 5000])
def test_a_body_that_is_no_json_object_is_400(simulator: Simulator, raw: bytes) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    answer = simulator.control.post("/v1/chat/completions", content=raw, headers=headers)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, None),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Basic sk-1"}, None),
        ({"authorization": "Bearer pk-1"}, "invalid_api_key"),
    ],
)
def test_without_an_acceptable_key_it_is_401(
    simulator: Simulator, header: dict[str, str], code: str | None
) -> None:
    body = {"model": MODEL, "messages": ONE}
    answer = simulator.control.post("/v1/chat/completions", json=body, headers=header)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == code
    assert simulator.control.get("/v1/models", headers=header).status_code == 401


def test_the_sdk_raises_the_class_that_belongs_to_each_refusal(openai: OpenAI) -> None:
    with pytest.raises(NotFoundError) as missing:
        ask(openai, "x", model="gpt-none")
    assert missing.value.code == "model_not_found"
    with pytest.raises(AuthenticationError):
        ask(openai.with_options(api_key="wrong"), "x")
    with pytest.raises(BadRequestError):
        ask(openai, "x", extra_body={"surprise": 1})


def test_a_model_of_another_provider_is_404(simulator: Simulator) -> None:
    body = {"model": "grok-4.7", "messages": ONE}
    assert simulator.post(body).status_code == 404
    assert simulator.post(body, "/xai/v1/chat/completions").status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1/nothing", "/mistral/v1/chat/completions"])
def test_an_unknown_path_is_404_in_the_same_shape(simulator: Simulator, path: str) -> None:
    answer: httpx2.Response = simulator.post({}, path)
    assert answer.status_code == 404
    assert "Invalid URL" in answer.json()["error"]["message"]
