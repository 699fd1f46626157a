"""Only usage that is well formed and adds up is trusted with money."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.prices import TokenCounts
from shared.domain.usage import MalformedUsage, openai_usage

counts = st.integers(0, 10**8)


@given(counts, counts, counts, counts)
def test_the_classes_are_disjoint_and_add_up(
    plain: int, cached: int, written: int, output: int
) -> None:
    usage = {
        "prompt_tokens": plain + cached + written,
        "completion_tokens": output,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
    }
    got = openai_usage(usage, reasoning="inside")
    assert got == TokenCounts(plain, cached, written, output)
    assert got.prompt == usage["prompt_tokens"]


def test_reasoning_counts_as_output_where_the_provider_leaves_it_outside() -> None:
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 100},
    }
    assert openai_usage(usage, reasoning="inside").output == 5
    assert openai_usage(usage, reasoning="outside").output == 105


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "usage",
        {},
        {"prompt_tokens": "ten", "completion_tokens": 1},
        {"prompt_tokens": 10.0, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": 10**40, "completion_tokens": 1},
        {"prompt_tokens": 10},
        {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": []},
        {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
        {
            "prompt_tokens": 1,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": "1"},
        },
    ],
)
def test_malformed_usage_is_refused(usage: Any) -> None:
    with pytest.raises(MalformedUsage):
        openai_usage(usage, reasoning="inside")
