"""Anthropic's usage, like OpenAI's, is trusted only where it is well formed and adds up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.prices import TokenCounts
from shared.domain.usage import MalformedUsage, anthropic_usage
from tests.unit.domain.translatable import calm

counts = st.integers(0, 10**8)


@calm
@given(counts, counts, counts, counts, counts)
def test_the_classes_are_disjoint_and_add_up(
    plain: int, read: int, short: int, long: int, output: int
) -> None:
    usage = {
        "input_tokens": plain,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens": output,
    }
    got = anthropic_usage(usage)
    assert got == TokenCounts(
        input=plain, cache_read=read, cache_write=short, cache_write_long=long, output=output
    )
    assert got.prompt == plain + read + short + long
    del usage["cache_creation_input_tokens"]
    assert anthropic_usage(usage) == got


def test_writes_of_unknown_lifetime_are_short() -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 5}
    assert anthropic_usage(usage) == TokenCounts(input=1, cache_write=5, output=2)
    assert anthropic_usage({**usage, "cache_creation": None}).cache_write == 5


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {},
        {"input_tokens": 1},
        {"output_tokens": 1},
        {"input_tokens": "1", "output_tokens": 1},
        {"input_tokens": 1.0, "output_tokens": 1},
        {"input_tokens": True, "output_tokens": 1},
        {"input_tokens": -1, "output_tokens": 1},
        {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": "1"},
        {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": -1},
        {"input_tokens": 1, "output_tokens": 1, "cache_creation": []},
        {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 5,
         "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 1}},
        {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 5,
         "cache_creation": {"ephemeral_1h_input_tokens": 6}},
    ],
)  # fmt: skip
def test_malformed_usage_is_refused(usage: Any) -> None:
    with pytest.raises(MalformedUsage):
        anthropic_usage(usage)
