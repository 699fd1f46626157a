"""The token rule: a partition of the text, bounded by bytes, realistic on average."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator import tokens
from local.simulator.openai_chat.prompt import read_prompt
from local.simulator.openai_chat.request import read_body
from local.simulator.prose import WORDS, prose


@settings(deadline=None)  # the machine may be busy
@given(st.text())
def test_tokens_join_back_to_the_text_and_never_outnumber_its_bytes(text: str) -> None:
    assert "".join(tokens.split(text)) == text
    assert tokens.count(text) == len(tokens.split(text)) <= len(text.encode())


@settings(deadline=None)  # the machine may be busy
@given(st.text(), st.integers(min_value=0, max_value=20))
def test_the_first_tokens_of_a_text_are_the_tokens_of_their_join(text: str, n: int) -> None:
    first = tokens.split(text)[:n]
    assert tokens.split("".join(first)) == first


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("The quick brown fox jumps over the lazy dog near the river bank.", 3.5, 5.0),
        ("Internationalization requires considerable organizational understanding", 3.5, 6.0),
        ("人工智能正在改变世界各地的生活方式", 0.9, 1.1),
        ("東京は日本の首都です", 0.9, 1.1),
        ("550e8400-e29b-41d4-a716-446655440000", 1.2, 2.5),
    ],
)
def test_characters_per_token_are_realistic(text: str, low: float, high: float) -> None:
    assert low <= len(text) / tokens.count(text) <= high


def test_a_json_value_has_no_more_tokens_than_its_text_has_bytes() -> None:
    value = {"a": [1, True, None, 2.5], "b": {"c": "two words"}}
    assert tokens.count_in(value) == 1 + 4 + 1 + 1 + 2


def test_every_part_of_a_prompt_is_counted_once() -> None:
    body, _plain = read_body(
        b"""{"model": "m", "messages": [
            {"role": "system", "content": "one two"},
            {"role": "user", "name": "bob", "content": [{"type": "text", "text": "one"}]},
            {"role": "assistant", "tool_calls": [{"id": "x", "type": "function",
             "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "x", "content": "done"}],
         "tools": [{"type": "function", "function":
            {"name": "f", "description": "one two", "parameters": {"type": "object"}}}],
         "response_format": {"type": "json_schema", "json_schema":
            {"name": "s", "schema": {"type": "string"}}}}"""
    )
    messages = (3 + 2) + (3 + 1 + 1) + (3 + 1 + 2) + (3 + 1)
    tools = 1 + 2 + 2
    schema = 2
    assert read_prompt(body).tokens == 3 + messages + tools + schema


@pytest.mark.parametrize("wanted", [1, 2, 7, 60, 400])
def test_prose_has_the_wanted_length_or_two_tokens_more(wanted: int) -> None:
    assert 0 <= tokens.count(prose(b"seed", wanted)) - wanted <= 2


def test_a_byte_picks_every_word_equally_often() -> None:
    assert 256 % len(WORDS) == 0
    assert len(set(WORDS)) == len(WORDS)
