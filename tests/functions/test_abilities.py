"""A model is asked for nothing that it cannot do: another of the tier is, or the field is named."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.functions.conftest import Gateway, make_gateway, run

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
FORM = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
TOOL = {"name": "f", "input_schema": SCHEMA}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}


def ask(gateway: Gateway, door: str, model: str, fields: dict[str, Any]) -> httpx2.Response:
    user = {"role": "user", "content": "hi"}
    body = {"model": model, "max_tokens": 50, "messages": [user], **fields}
    headers = {"x-api-key": gateway.keys["search"]}
    raw = json.dumps(body).encode()
    response: httpx2.Response = run(gateway.post(raw, headers, PATHS[door]))
    return response


BEYOND = [
    ("chat", "deepseek-flash", {"response_format": FORM}, "response_format"),
    ("messages", "deepseek-flash",
     {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
     "output_config.format"),
    ("chat", "deepseek-v4-pro", {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}]}, "messages"),
    ("chat", "claude-opus-5-5", {"tools": [FUNCTION], "tool_choice": "required"}, "tool_choice"),
    ("messages", "claude-opus-5-5",
     {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}}, "tool_choice"),
    ("messages", "claude-sonnet-5-5",
     {"tools": [TOOL], "tool_choice": {"type": "any"}}, "tool_choice"),
    ("messages", "global.anthropic.claude-haiku-5-5",
     {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
     "output_config.format"),
]  # fmt: skip


@pytest.mark.parametrize(("door", "model", "fields", "named"), BEYOND)
def test_what_a_named_model_cannot_do_is_refused_by_name_before_it_is_asked(
    door: str, model: str, fields: dict[str, Any], named: str
) -> None:
    gateway = make_gateway("openai", "anthropic", "deepseek", "bedrock")
    response = ask(gateway, door, model, fields)
    assert response.status_code == 400
    assert named in response.text
    assert gateway.upstream.sent == []
    assert gateway.ledger.entries == {}


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "f"}])
def test_a_tier_passes_over_the_model_that_takes_no_forced_tool(choice: dict[str, Any]) -> None:
    gateway = make_gateway("openai", "anthropic")
    response = ask(gateway, "messages", "frontier", {"tools": [TOOL], "tool_choice": choice})
    assert response.status_code == 200
    assert response.headers["x-sluice-model"] == "gpt-6-astra"
    assert "claude-opus-5-5 cannot take it" in response.headers["x-sluice-route-reason"]


@pytest.mark.parametrize(
    "choice", ["auto", "none", {"type": "allowed_tools", "allowed_tools": {
        "mode": "auto", "tools": []}}],
)  # fmt: skip
def test_a_choice_that_forces_nothing_is_left_to_the_translation(choice: Any) -> None:
    gateway = make_gateway("openai")
    fields = {"tools": [FUNCTION], "tool_choice": choice}
    assert ask(gateway, "chat", "gpt-6-luna", fields).status_code == 200
