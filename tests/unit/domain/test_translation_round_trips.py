"""Translated requests mean the same, there and back; nothing but a refusal comes of nonsense."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.chat import parse_chat
from shared.domain.errors import InvalidRequest
from shared.domain.messages import parse_messages
from shared.domain.translation import Untranslatable, chat_to_messages, messages_to_chat
from tests.unit.domain import meaning
from tests.unit.domain.translatable import calm, chat_requests, message_requests

Json = dict[str, Any]

CLAUDE = "claude-sonnet-4-6"
GPT = "gpt-6.1-terra"
LIMIT = 4096


def to_messages(body: Json) -> Json:
    parse_chat(body)
    translated = chat_to_messages(body, model=CLAUDE, max_tokens_default=LIMIT)
    assert refusal(parse_messages, translated) is None
    return translated


def to_chat(body: Json) -> Json:
    parse_messages(body)
    translated = messages_to_chat(body, model=GPT)
    assert refusal(parse_chat, translated) is None
    return translated


@calm
@given(chat_requests)
def test_a_chat_request_means_the_same_as_messages_and_back(body: Json) -> None:
    kept = copy.deepcopy(body)
    expected = {**meaning.of_chat(body), "limit": body.get("max_completion_tokens", LIMIT)}
    there = to_messages(body)
    back = to_chat(there)
    assert there["model"] == CLAUDE
    assert back["model"] == GPT
    assert without_defaults(meaning.of_messages(there)) == without_defaults(expected)
    assert without_defaults(meaning.of_chat(back)) == without_defaults(expected)
    assert body == kept


@calm
@given(message_requests)
def test_a_messages_request_means_the_same_as_chat_and_back(body: Json) -> None:
    kept = copy.deepcopy(body)
    expected = meaning.of_messages(body)
    there = to_chat(body)
    back = to_messages(there)
    assert without_defaults(meaning.of_chat(there)) == without_defaults(expected)
    assert without_defaults(meaning.of_messages(back)) == without_defaults(expected)
    assert body == kept


def without_defaults(asked: Json) -> Json:
    """Drop ways to ask for the default: a parallel choice of auto, thinking off for a force."""
    forced = asked["choice"] == "required" or isinstance(asked["choice"], tuple)
    return {
        **asked,
        "choice": None if asked["choice"] == "auto" else asked["choice"],
        "effort": None if forced and asked["effort"] == "none" else asked["effort"],
    }


CHAT: Json = {
    "model": "auto",
    "messages": [
        {"role": "system", "content": "s", "name": None},
        {"role": "user", "content": [
            {"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==",
                                                "detail": "low"}}]},
        {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": [
            {"id": "c.1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c.1", "content": [{"type": "text", "text": "1"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "user", "content": "u"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False, "max_completion_tokens": 5, "temperature": 0.5, "top_p": 0.5,
    "stop": ["a"], "user": "u", "reasoning_effort": "low", "n": 1, "stream": True,
    "stream_options": {"include_usage": True}, "metadata": {"user_id": "x"},
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
    "prompt_cache_key": "k", "safety_identifier": "s", "service_tier": "default",
    "logit_bias": {}, "seed": None, "verbosity": "medium", "modalities": ["text"],
}  # fmt: skip

MESSAGES: Json = {
    "model": "auto",
    "max_tokens": 5000,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [
            {"type": "text", "text": "t"},
            {"type": "image", "source": {"type": "url", "url": "https://a"}},
            {"type": "document", "title": "d", "source": {
                "type": "text", "media_type": "text/plain", "data": "x"}}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "h", "signature": "s"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": [
                {"type": "text", "text": "e", "cache_control": {"type": "ephemeral",
                                                                "ttl": "1h"}}]}]},
        {"role": "system", "content": "from now on"},
        {"role": "user", "content": "u"},
    ],
    "tools": [{"name": "f", "input_schema": {"type": "object"}, "input_examples": []}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "temperature": 0.5, "stop_sequences": ["a"], "metadata": {"user_id": "u"}, "stream": True,
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "output_config": {"format": {"type": "json_schema", "schema": {}}},
    "service_tier": "standard_only", "speed": "standard", "cache_control": {"type": "ephemeral"},
}  # fmt: skip

strings = st.sampled_from(
    ["", " ", "x", "auto", "none", "text", "user", "assistant", "custom", "https://a.example",
     "data:image/jpg;base64,AA==", "data:image/bmp;base64,AA==", "json_object", "max", "\x00",
     "\ud7ff\U0010ffff", "{", "[1]", '{"a": NaN}', '{"a": "\\ud800"}', "[" * 5000]
)  # fmt: skip
numbers = st.sampled_from([0, 1, 2, -1, 0.5, 1.5, 1024, 10**30, 1e308])
objects = st.sampled_from([{}, {"type": "text"}, {"type": "auto"}, {"a": 1}])
lists = st.sampled_from([[], [None], [{}], ["a"] * 5, [{"type": "text", "text": ""}]])
junk = st.one_of(st.none(), st.booleans(), strings, numbers, objects, lists).map(copy.deepcopy)


def alike(value: Any) -> st.SearchStrategy[Any]:
    """Generate another value of the same kind: it gets past the schema more often."""
    for kind, others in ((bool, st.booleans()), (str, strings), (dict, objects), (list, lists)):
        if isinstance(value, kind):
            return others.map(copy.deepcopy)
    return numbers


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of a body with every key of it."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in list(items):
        yield value, key
        if isinstance(each, dict | list):
            yield from places(each)


@st.composite
def mutated(draw: st.DrawFn, body: Json) -> Json:
    """Replace, remove or add something at one place or two of a body."""
    changed = copy.deepcopy(body)
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        container, key = draw(st.sampled_from(list(places(changed))))
        how = draw(st.sampled_from(["alike", "alike", "replace", "remove", "add"]))
        if how == "alike":
            container[key] = draw(alike(container[key]))
        elif how == "replace":
            container[key] = draw(junk)
        elif how == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[draw(st.sampled_from(["type", "name", "x", "content", "ttl"]))] = draw(junk)
        else:
            container.append(draw(junk))
    return changed


def test_the_bodies_that_are_mutated_are_translatable() -> None:
    to_messages(CHAT)
    to_chat(MESSAGES)


def refusal(take: Callable[[Json], object], body: Json) -> InvalidRequest | None:
    """Return what a body is refused for; whatever else it raises is a defect."""
    try:
        take(body)
    except InvalidRequest as refused:
        return refused
    return None


@settings(max_examples=1000, deadline=None)
@given(mutated(CHAT))
def test_a_thousand_mutated_chat_bodies_raise_nothing_but_refusals(body: Json) -> None:
    refused = refusal(to_messages, body)
    assert refused is None or refused.message
    assert not isinstance(refused, Untranslatable) or refused.param


@settings(max_examples=1000, deadline=None)
@given(mutated(MESSAGES))
def test_a_thousand_mutated_messages_bodies_raise_nothing_but_refusals(body: Json) -> None:
    refused = refusal(to_chat, body)
    assert refused is None or refused.message
    assert not isinstance(refused, Untranslatable) or refused.param
