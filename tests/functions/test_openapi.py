"""The published document says what the router does: routes, requests, refusals."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest
from starlette.routing import Route

from functions.router.app import EVENTS_PATH
from functions.router.openapi import document
from functions.router.openapi_shapes import CHAT_EXAMPLES, MESSAGES_EXAMPLES
from shared.domain.chat import ChatRequest, Shape, parse_chat
from shared.domain.controls import Controls, read_controls
from shared.domain.errors import InvalidRequest
from shared.domain.messages import MessagesRequest, parse_messages
from tests.functions.conftest import Gateway, run

Json = dict[str, Any]

DOCUMENT: Json = json.loads(document())
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
EXAMPLES = [(CHAT, each) for each in CHAT_EXAMPLES] + [(MESSAGES, e) for e in MESSAGES_EXAMPLES]


def operation(path: str, method: str = "post") -> Json:
    found: Json = DOCUMENT["paths"][path][method]
    return found


def body_schema(path: str) -> Json:
    content: Json = operation(path)["requestBody"]["content"]["application/json"]
    return {**content["schema"], "components": DOCUMENT["components"]}


def is_documented(path: str, body: Json) -> bool:
    return jsonschema_rs.is_valid(body_schema(path), body)


def test_the_document_is_openapi_3_1() -> None:
    openapi_spec_validator.validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_it_is_served_without_a_key_and_without_a_read(gateway: Gateway) -> None:
    response = run(gateway.call("GET", "/openapi.json"))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.content == document()
    assert gateway.store.calls == []


def test_the_documented_routes_are_the_routes_of_the_app(gateway: Gateway) -> None:
    served = {
        (route.path, method)
        for route in gateway.app.routes
        if isinstance(route, Route) and route.path != EVENTS_PATH
        for method in (route.methods or set()) - {"HEAD"}
    }
    documented = {
        (path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item
    }
    assert documented == served


@pytest.mark.parametrize(("path", "name"), EXAMPLES)
def test_a_documented_example_is_accepted_and_answered_as_documented(
    gateway: Gateway, path: str, name: str
) -> None:
    content = operation(path)["requestBody"]["content"]["application/json"]
    example = content["examples"][name]["value"]
    assert is_documented(path, example)
    headers = {"x-api-key": gateway.keys["search"]}
    response = run(gateway.post(json.dumps(example).encode(), headers, path))
    expected = 202 if "deadline" in example.get("sluice", {}) else 200
    assert response.status_code == expected, response.text
    documented = operation(path)["responses"][str(expected)]
    kind = response.headers["content-type"].partition(";")[0]
    assert kind == ("text/event-stream" if example.get("stream") else "application/json")
    if not example.get("stream"):
        schema = {**documented["content"][kind]["schema"], "components": DOCUMENT["components"]}
        jsonschema_rs.validate(schema, response.json())
    named = {name for name in response.headers if "request-id" in name or "sluice" in name}
    assert named <= documented["headers"].keys()


@pytest.mark.parametrize(
    ("path", "request_type"), [(CHAT, ChatRequest), (MESSAGES, MessagesRequest)]
)
def test_every_field_of_a_request_is_documented_and_no_other(
    path: str, request_type: type[Shape]
) -> None:
    name = operation(path)["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = DOCUMENT["components"]["schemas"][name.rpartition("/")[2]]
    assert schema["properties"].keys() == {*request_type.__struct_fields__, "sluice"}
    assert schema["additionalProperties"] is False


SPELLED = {
    "task": "qa",
    "feature": "docs",
    "cache": "refresh",
    "deadline": "2h",
    "max-cost": "0.5",
}
"""A value for each control, by its header."""
IN_BODY = {name: name for name in SPELLED} | {"max-cost": "max_cost_usd"}


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_every_control_that_is_built_is_documented_and_no_other(path: str) -> None:
    names = {parameter["name"] for parameter in operation(path)["parameters"]}
    assert names == {"Idempotency-Key", *(f"x-sluice-{name}" for name in SPELLED)}
    in_body = DOCUMENT["components"]["schemas"]["Controls"]["properties"]
    assert in_body.keys() == set(IN_BODY.values())


def test_every_documented_control_is_honoured_in_either_place() -> None:
    plain = read_controls({}, None)
    from_headers = read_controls({f"x-sluice-{n}": value for n, value in SPELLED.items()}, None)
    from_body = read_controls({}, {IN_BODY[name]: value for name, value in SPELLED.items()})
    assert from_headers == from_body
    for field in dataclasses.fields(Controls):
        assert getattr(from_body, field.name) != getattr(plain, field.name)


AMOUNTS = ["5", "0.000000001", "0.0000000010", "0.0000000001", "-1", "1e3", "", "1.", "1\n"]


@pytest.mark.parametrize("amount", AMOUNTS)
def test_a_max_cost_is_documented_just_where_it_is_accepted(amount: str) -> None:
    asked = {**CHAT_EXAMPLES["plain"], "sluice": {"max_cost_usd": amount}}
    try:
        read_controls({}, asked["sluice"])
    except InvalidRequest:
        assert not is_documented(CHAT, asked)
    else:
        assert is_documented(CHAT, asked)


def test_patterns_are_regular_expressions_of_json_schema() -> None:
    assert b"\\\\Z" not in document()


NAMES = ["look_up", "look up", "look_up\n", "", "x" * 200]


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_name_is_documented_just_where_it_is_accepted(name: str) -> None:
    function = {"type": "function", "function": {"name": name}}
    chat = {**CHAT_EXAMPLES["plain"], "tools": [function]}
    messages = {**MESSAGES_EXAMPLES["plain"], "tools": [{"name": name, "input_schema": {}}]}
    assert is_documented(CHAT, chat) == is_accepted(parse_chat, chat)
    assert is_documented(MESSAGES, messages) == is_accepted(parse_messages, messages)


def is_accepted(parse: Any, body: Json) -> bool:
    try:
        parse(body)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {}, 400),
        (b"{}", {"x-api-key": "none"}, 401),
        (b" " * 2_000_000, {}, 413),
    ],
)
def test_a_refusal_has_a_documented_status_and_the_shape_of_its_door(
    gateway: Gateway, path: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    key = {"x-api-key": gateway.keys["search"]}
    response = run(gateway.post(content, key | headers, path))
    assert response.status_code == status
    documented = operation(path)["responses"][str(status)]["content"]["application/json"]
    schema = {**documented["schema"], "components": DOCUMENT["components"]}
    jsonschema_rs.validate(schema, response.json())
