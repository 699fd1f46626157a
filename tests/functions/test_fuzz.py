"""Ten thousand made-up bodies through everything that a request meets before a provider does.

Real bodies are mutated by a seeded generator; hypothesis makes up others. From the bytes to the
body that a provider would be sent, nothing but a refusal is raised.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from functions.router.openapi_shapes import CHAT_EXAMPLES, MESSAGES_EXAMPLES
from functions.router.reading import decode_object
from shared import catalog
from shared.domain.cache_key import answer_digest
from shared.domain.chat import parse_chat
from shared.domain.controls import read_controls
from shared.domain.crossing import FORMATS, crossing
from shared.domain.errors import InvalidRequest
from shared.domain.messages import parse_messages
from shared.domain.routing import Asked
from shared.domain.translation import chat_to_messages, messages_to_chat
from shared.usecases.wire_body import wire_body
from tests.functions.conftest import Gateway, run
from tests.functions.mutator import Mutator, one_change_each
from tests.unit.domain.test_translation_round_trips import CHAT, MESSAGES
from tests.unit.domain.translatable import chat_requests, message_requests

Json = dict[str, Any]

CATALOG: Final = catalog.load(catalog.served_providers())
MODELS: Final = sorted(CATALOG.models)
SWEPT_BODIES: Final = 10_000
MUTATED_BODIES: Final = 2_000
GENERATED_BODIES: Final = 400
"""At least so many per door: one change each, many changes at random, made up by hypothesis."""


class Door:
    """What one door's requests go through."""

    def __init__(self, name: str, format_name: str, parse: Any, translate: Any) -> None:
        self.name = name
        self.format = FORMATS[format_name].name
        self.parse = parse
        self.translate = translate


DOORS: Final = {
    "chat": Door(
        "chat", "openai-chat", parse_chat,
        lambda body: chat_to_messages(body, model="claude-sonnet-5-5", max_tokens_default=4096),
    ),
    "messages": Door(
        "messages", "anthropic-messages", parse_messages,
        lambda body: messages_to_chat(body, model="gpt-6.1-terra"),
    ),
}  # fmt: skip


def go_through(door: Door, content: bytes, models: list[str]) -> str:
    """Return how far a body came: refused, parsed, or sent to a model at least."""
    try:
        body = decode_object(content)
        controls = read_controls({}, body.pop("sluice", None))
        request = door.parse(body)
    except InvalidRequest as refusal:
        assert_can_be_told(refusal)
        return "refused"
    kept = copy.deepcopy(body)
    decide(request.asked(), request.user_text(), controls.task)
    digest = answer_digest(
        environment="dev", team="t", policy_version="p", door=door.name, task=None, body=body
    )
    assert len(digest) == 64
    refuse_or(door.translate, body)
    reached = [refuse_or(wire, door, body, model) for model in models]
    assert body == kept
    return "sent" if any(reached) else "parsed"


def decide(asked: Asked, said: str, task: str | None) -> None:
    assert CATALOG.routing.decide(asked, task).reason.isascii()
    CATALOG.freshness.decide(read_controls({}, None).cache, said)


def wire(door: Door, body: Json, name: str) -> bool:
    model = CATALOG.models[name]
    provider = CATALOG.providers[model.provider]
    way = crossing(door.format, FORMATS[provider.wire_format].name)
    sent = json.loads(
        wire_body(body, model, provider, way, team="search", output_limit=None, choices=1).raw
    )
    return bool(sent["model"] == name)


def refuse_or(work: Callable[..., Any], *given: Any) -> Any:
    try:
        return work(*given)
    except InvalidRequest as refusal:
        assert_can_be_told(refusal)
        return None


def assert_can_be_told(refusal: InvalidRequest) -> None:
    assert refusal.message
    json.dumps([refusal.message, refusal.param], ensure_ascii=False).encode()


TEXT: Final = {"type": "text", "text": "t"}
MARKED: Final = {**TEXT, "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}
CALLED: Final = {"name": "look_up", "arguments": '{"lock": [1, "\\u00e9"]}'}
EVERY_KIND_OF_CHAT: Final[Json] = {
    "model": "auto",
    "messages": [
        {"role": "system", "content": [TEXT, MARKED]},
        {"role": "developer", "content": [TEXT], "name": "n"},
        {"role": "user", "content": [TEXT, {"type": "image_url", "image_url": {
            "url": "https://a.example/lock.png", "detail": "low"}}]},
        {"role": "assistant", "content": [TEXT, {"type": "refusal", "refusal": "no"}],
         "reasoning_content": "r", "annotations": [{}],
         "tool_calls": [
             {"id": "c.1", "type": "function", "function": CALLED},
             {"id": "c2", "type": "custom", "custom": {"name": "write", "input": "x"}}]},
        {"role": "tool", "tool_call_id": "c.1", "content": [MARKED]},
        {"role": "assistant", "content": None, "function_call": CALLED},
        {"role": "function", "name": "look_up", "content": None},
        {"role": "user", "content": "Translate 今日は and explain the recursion"},
    ],
    "tools": [
        {"type": "custom", "custom": {"name": "write", "format": {
            "type": "grammar", "grammar": {"definition": "d", "syntax": "lark"}}}},
        {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}},
    ],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {
        "mode": "auto", "tools": [{"type": "function"}]}},
    "functions": [{"name": "look_up", "parameters": {}}],
    "function_call": {"name": "look_up"},
    "prediction": {"type": "content", "content": [TEXT]},
    "logit_bias": {"1": -100}, "metadata": {"user_id": "u", "a": "b"}, "seed": 7, "n": 2,
    "stop": ["x"], "reasoning_effort": "low", "verbosity": "medium", "top_p": 0.5,
    "prompt_cache_options": {"mode": "implicit"}, "sluice": {"task": "qa", "cache": "ttl=9"},
}  # fmt: skip
SHORT_LIVED: Final = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
EVERY_KIND_OF_MESSAGE: Final[Json] = {
    "model": "auto",
    "max_tokens": 5000,
    "system": [{**TEXT, **SHORT_LIVED}],
    "messages": [
        {"role": "user", "content": [
            {"type": "image", "source": {"type": "url", "url": "https://a.example/lock.png"},
             "transformations": {"oversized_image": "downsize"}},
            {"type": "document", "title": "t", "context": "c", "citations": {"enabled": True},
             "source": {"type": "text", "media_type": "text/plain", "data": "d"}}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "t", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"}, {**TEXT, "citations": [{}]},
            {"type": "tool_use", "id": "c1", "name": "look_up", "input": {"a": [1]},
             "caller": {"type": "direct"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c1", "is_error": True, **SHORT_LIVED,
             "content": [TEXT, {"type": "image", "source": {
                 "type": "base64", "media_type": "image/png", "data": "AA=="}}]}]},
        {"role": "system", "content": [TEXT]},
        {"role": "user", "content": "Translate 今日は and explain the recursion"},
    ],
    "tools": [{"name": "look_up", "input_schema": {}, "input_examples": [{}], "strict": True}],
    "tool_choice": {"type": "tool", "name": "look_up", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
    "metadata": {"user_id": "u"}, "stop_sequences": ["x"], "top_k": 5, "top_p": 0.5,
    "service_tier": "standard_only", "speed": "standard", "stream": True, **SHORT_LIVED,
}  # fmt: skip
BASES: Final = {
    "chat": [*CHAT_EXAMPLES.values(), CHAT, EVERY_KIND_OF_CHAT],
    "messages": [*MESSAGES_EXAMPLES.values(), MESSAGES, EVERY_KIND_OF_MESSAGE],
}


@pytest.mark.parametrize("body", BASES["chat"])
def test_every_base_of_the_mutated_chats_is_itself_well_formed(body: Json) -> None:
    assert go_through(DOORS["chat"], json.dumps(body).encode(), MODELS) != "refused"


@pytest.mark.parametrize("body", BASES["messages"])
def test_every_base_of_the_mutated_messages_is_itself_well_formed(body: Json) -> None:
    assert go_through(DOORS["messages"], json.dumps(body).encode(), MODELS) != "refused"


@pytest.mark.parametrize("door", DOORS)
def test_a_body_with_one_change_is_served_or_refused(door: str) -> None:
    swept = 0
    for base in BASES[door]:
        for content in one_change_each(base):
            go_through(DOORS[door], content, MODELS)
            swept += 1
    assert swept >= SWEPT_BODIES


@pytest.mark.parametrize("door", DOORS)
def test_a_mutated_body_is_served_or_refused(door: str) -> None:
    fates: Counter[str] = Counter()
    for content in Mutator(2026).bodies(BASES[door], MUTATED_BODIES):
        fates[go_through(DOORS[door], content, MODELS)] += 1
    assert fates.total() == MUTATED_BODIES
    assert fates["refused"] > MUTATED_BODIES // 4
    assert fates["parsed"] + fates["sent"] > MUTATED_BODIES // 5


def test_every_model_is_reached_from_both_doors() -> None:
    for name, door in DOORS.items():
        content = json.dumps(BASES[name][0]).encode()
        for model in MODELS:
            assert go_through(door, content, [model]) == "sent", model


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=GENERATED_BODIES, deadline=None, derandomize=True, database=None)
@given(chat_requests, st.sampled_from(MODELS), st.dictionaries(st.sampled_from(
    ["tools", "tool_choice", "stop", "metadata", "response_format", "prediction", "sluice"]
), anything, max_size=1))  # fmt: skip
def test_a_generated_chat_body_is_served_or_refused(body: Json, model: str, more: Json) -> None:
    go_through(DOORS["chat"], json.dumps({**body, **more}).encode(), [model])


@settings(max_examples=GENERATED_BODIES, deadline=None, derandomize=True, database=None)
@given(message_requests, st.sampled_from(MODELS), st.dictionaries(st.sampled_from(
    ["tools", "tool_choice", "system", "metadata", "thinking", "output_config", "sluice"]
), anything, max_size=1))  # fmt: skip
def test_a_generated_message_body_is_served_or_refused(body: Json, model: str, more: Json) -> None:
    go_through(DOORS["messages"], json.dumps({**body, **more}).encode(), [model])


HEADERS: Final = (
    "authorization", "content-encoding", "content-length", "content-type", "idempotency-key",
    "x-amzn-lambda-context", "x-api-key", "x-sluice-cache", "x-sluice-deadline", "x-sluice-feature",
    "x-sluice-task",
)  # fmt: skip
header_values = st.sampled_from(
    [b"\xb2", b"9" * 4301, b"-1", b"[]", b"[" * 5000, b"7",
     b'{"deadline": []}', b'{"deadline": 1e400}',
     b'{"deadline": 99999999999999999999}', b"bypass", b"ttl=\xb2", b"Bearer", b"\xe9", b""]
) | st.binary(max_size=40)  # fmt: skip


@settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.dictionaries(st.sampled_from(HEADERS), header_values, max_size=3))
def test_no_header_makes_the_gateway_fail(gateway: Gateway, sent: dict[str, bytes]) -> None:
    keyed = {"x-api-key": gateway.keys["search"].encode()} | sent
    content = json.dumps(CHAT_EXAMPLES["plain"]).encode()
    headers = [(name.encode(), value) for name, value in keyed.items()]
    response = run(gateway.call("POST", "/v1/chat/completions", content=content, headers=headers))
    assert response.status_code < 500, response.text
