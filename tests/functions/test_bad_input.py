"""Bad input gets a 4xx in OpenAI's shape that names what is wrong, and costs nothing."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functions.conftest import Gateway, run

USER = {"role": "user", "content": "hi"}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "auto", "messages": [USER], **fields}).encode()


def nested(depth: int) -> bytes:
    schema = b'{"a":' * depth + b"1" + b"}" * depth
    return body(metadata="@").replace(b'"@"', schema)


MALFORMED: dict[str, tuple[bytes, dict[str, str], int, str | None]] = {
    "an empty body": (b"", {}, 400, None),
    "text that is no JSON": (b"hello", {}, 400, None),
    "JSON that breaks off": (b'{"model": "auto", "messages"', {}, 400, None),
    "bytes that are no UTF-8": (b'{"model": "\xff"}', {}, 400, None),
    "a lone surrogate": (b'{"model": "\\ud800"}', {}, 400, None),
    "not a number": (b'{"model": "auto", "temperature": NaN}', {}, 400, None),
    "an endless number": (b'{"model": ' + b"9" * 5000 + b"}", {}, 400, None),
    "a list": (b"[]", {}, 400, None),
    "a bare text": (b'"hi"', {}, 400, None),
    "thirty-three levels": (nested(33), {}, 400, None),
    "a hundred thousand levels": (b'{"a":' * 100_000, {}, 400, None),
    "no model": (b'{"messages": [{"role": "user", "content": "hi"}]}', {}, 400, "model"),
    "no messages": (b'{"model": "auto"}', {}, 400, "messages"),
    "no message": (body(messages=[]), {}, 400, "messages"),
    "a message without a role": (body(messages=[{"content": "x"}]), {}, 400, "messages[0].role"),
    "an unknown role": (
        body(messages=[{"role": "x", "content": "x"}]), {}, 400, "messages[0].role"),
    "an unknown field": (body(api_base="http://evil.example"), {}, 400, "api_base"),
    "an unknown model": (body(model="gpt-2"), {}, 400, "model"),
    "a model that is no text": (body(model=7), {}, 400, "model"),
    "a temperature in words": (body(temperature="warm"), {}, 400, "temperature"),
    "no choices": (body(n=0), {}, 400, "n"),
    "a stream in words": (body(stream="yes"), {}, 400, "stream"),
    "an unpriced service tier": (body(service_tier="priority"), {}, 400, "service_tier"),
    "audio": (body(audio={"voice": "x", "format": "wav"}), {}, 400, "audio"),
    "an image from a file": (
        body(messages=[{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}]),
        {}, 400, "messages[0].content[0].image_url.url",
    ),
    "an unknown control": (body(), {"x-sluice-magic": "1"}, 400, "x-sluice-magic"),
    "a deadline past all bounds": (body(), {"x-sluice-deadline": "8d"}, 400, "x-sluice-deadline"),
    "an endless idempotency key": (
        body(), {"idempotency-key": "k" * 256}, 400, "Idempotency-Key"),
    "a control object of the wrong kind": (body(sluice=[1]), {}, 400, "sluice"),
    "a compressed body": (body(), {"content-encoding": "gzip"}, 400, "content-encoding"),
    "a body over the limit": (body(user="x" * 1_100_000), {}, 413, None),
    "no key": (body(), {"authorization": ""}, 401, None),
    "a key of another kind": (body(), {"authorization": "Bearer sk-1234"}, 401, None),
    "basic authentication": (body(), {"authorization": "Basic dXNlcjpwYXNz"}, 401, None),
}  # fmt: skip


def assert_openai_error(response: httpx2.Response, status: int, param: str | None) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code", "request_id"}
    assert error["param"] == param
    assert error["message"]
    assert error["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_input_is_refused_in_shape(gateway: Gateway, kind: str) -> None:
    content, headers, status, param = MALFORMED[kind]
    key = {"authorization": f"Bearer {gateway.keys['search']}"}
    response = run(gateway.post(content, key | headers))
    assert_openai_error(response, status, param)
    assert gateway.upstream.sent == []
    assert gateway.ledger.rows == {}
    assert [refusal[1] for refusal in gateway.meter.refusals] == [status]


def test_there_are_at_least_twenty_five_kinds() -> None:
    assert len(MALFORMED) >= 25


def test_who_has_no_valid_key_is_not_told_what_is_wrong_with_the_body(gateway: Gateway) -> None:
    from shared.domain.api_keys import compose_key

    unknown = compose_key("dev", "search", b"?" * 24)
    response = run(gateway.post(b"not json", {"authorization": f"Bearer {unknown}"}))
    assert_openai_error(response, 401, None)
    assert "JSON" not in response.text


def test_a_malformed_key_costs_no_read(gateway: Gateway) -> None:
    run(gateway.post(body(), {"authorization": "Bearer slc_dev_search_nope"}))
    assert gateway.store.calls == []


def test_a_key_of_another_environment_costs_no_read(gateway: Gateway) -> None:
    from shared.domain.api_keys import compose_key

    foreign = compose_key("prod", "search", b"?" * 24)
    assert run(gateway.post(body(), {"x-api-key": foreign})).status_code == 401
    assert gateway.store.calls == []


def test_a_key_may_come_as_x_api_key(gateway: Gateway) -> None:
    assert run(gateway.post(body(), {"x-api-key": gateway.keys["search"]})).status_code == 200


def test_a_key_whose_row_names_another_team_is_refused(gateway: Gateway) -> None:
    import dataclasses

    for place, row in gateway.store.keys.items():
        gateway.store.keys[place] = dataclasses.replace(row, team="someone-else")
    assert run(gateway.chat()).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/chat/completions/", 404),
        ("GET", "/v1/models/", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/health", 405),
    ],
)
def test_unknown_routes_and_methods_are_refused_in_shape(
    gateway: Gateway, method: str, path: str, status: int
) -> None:
    assert_openai_error(run(gateway.call(method, path)), status, None)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/embeddings"])
def test_a_route_that_is_not_built_names_itself_and_what_to_do(gateway: Gateway, path: str) -> None:
    response = run(gateway.post(b"{}", {"x-api-key": gateway.keys["search"]}, path))
    assert_openai_error(response, 404, None)
    told = response.json()["error"]["message"]
    assert f"no route POST {path}." in told
    assert "not built: ask" in told


def test_an_event_that_is_no_request_is_accepted_and_ignored_but_no_route(gateway: Gateway) -> None:
    ignored = run(gateway.post(b'{"Records": []}', {}, "/lambda-events"))
    assert ignored.status_code == 200
    called = run(gateway.post(b"{}", {"x-amzn-request-context": "{}"}, "/lambda-events"))
    assert_openai_error(called, 404, None)


def test_a_control_named_twice_is_refused(gateway: Gateway) -> None:
    headers = [("x-api-key", gateway.keys["search"]), ("x-sluice-cache", "bypass")]
    twice = [*headers, ("x-sluice-cache", "auto")]
    response = run(gateway.call("POST", "/v1/chat/completions", content=body(), headers=twice))
    assert_openai_error(response, 400, "x-sluice-cache")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "content", ["\n" * 500_000, "a{ " * 300_000, "word " * 190_000, " " * 900_000]
)
def test_a_megabyte_of_anything_is_routed_in_no_time(gateway: Gateway, content: str) -> None:
    assert run(gateway.chat(content)).status_code == 200


def test_a_streamed_body_is_refused_as_soon_as_it_is_too_large(gateway: Gateway) -> None:
    read = []

    async def endless() -> Any:
        for number in range(1000):
            read.append(number)
            yield b"x" * 10_000

    headers = {"x-api-key": gateway.keys["search"]}
    response = run(gateway.call("POST", "/v1/chat/completions", content=endless(), headers=headers))
    assert_openai_error(response, 413, None)


def test_health_needs_no_key(gateway: Gateway) -> None:
    response = run(gateway.call("GET", "/health"))
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert gateway.store.calls == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
fields = st.sampled_from(
    ["model", "messages", "stream", "n", "tools", "sluice", "stop", "max_tokens", "temperature",
     "response_format", "tool_choice", "metadata", "logit_bias", "stream_options", "prediction"]
)  # fmt: skip


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=60) | st.dictionaries(fields, values).map(lambda f: body(**f)))
def test_no_body_makes_the_gateway_fail(gateway: Gateway, content: bytes) -> None:
    response = run(gateway.post(content, {"x-api-key": gateway.keys["search"]}))
    assert response.status_code in {200, 400}, response.text
    assert gateway.meter.troubles == []


@pytest.mark.parametrize("length", [b"\xb2", b"", b"-1", b"0" * 30])
def test_a_length_that_is_no_number_over_the_limit_is_left_to_the_body(
    gateway: Gateway, length: bytes
) -> None:
    headers = [(b"x-api-key", gateway.keys["search"].encode()), (b"content-length", length)]
    response = run(gateway.call("POST", "/v1/chat/completions", content=body(), headers=headers))
    assert response.status_code == 200


def test_a_length_of_five_thousand_digits_is_too_large(gateway: Gateway) -> None:
    headers = {"x-api-key": gateway.keys["search"], "content-length": "9" * 5000}
    assert_openai_error(run(gateway.post(body(), headers)), 413, None)


@pytest.mark.parametrize("context", ["[]", "7", '{"deadline": "soon"}', "[" * 5000, "\u00e9"])
def test_an_invocation_context_that_says_nothing_leaves_the_longest_time(
    gateway: Gateway, context: str
) -> None:
    told = ("x-amzn-lambda-context", context.encode("latin-1"))
    headers = [("x-api-key", gateway.keys["search"]), told]
    response = run(gateway.call("POST", "/v1/chat/completions", content=body(), headers=headers))
    assert response.status_code == 200
