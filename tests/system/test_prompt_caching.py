"""Prompt-cache markers pay on the running stack, and both books say how much."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest

from tests.system.conftest import Stack

RULES = "Rule {}: be kind to the customer, quote the order, and never promise a date. "


@pytest.mark.parametrize("model", ["gpt-6.1-terra", "claude-sonnet-5-5"])
def test_the_second_question_under_the_same_instructions_reads_them_from_the_cache(
    stack: Stack, model: str
) -> None:
    instructions = f"{uuid.uuid4()} " + "".join(RULES.format(n) for n in range(200))
    billed, told, rows = stack.bill_nano(), [], []
    for question in ("Where is my order?", "May I return it?"):
        messages: Any = [
            {"role": "system", "content": instructions},
            {"role": "user", "content": question},
        ]
        raw = stack.client().chat.completions.with_raw_response.create(
            model=model, messages=messages
        )
        told.append(raw.headers)
        rows.append(stack.row_of(raw.headers["x-request-id"]))
    first, second = rows
    assert first["tokens_cache_write"] > 1000
    assert first["tokens_cache_read"] == 0
    assert second["tokens_cache_read"] == first["tokens_cache_write"]
    assert second["tokens_cache_write"] == 0
    assert Decimal(told[0]["x-sluice-saved-usd"]) < 0 < Decimal(told[1]["x-sluice-saved-usd"])
    assert sum(Decimal(each["x-sluice-saved-usd"]) for each in told) > 0
    assert sum(row["cost_nano"] for row in rows) == stack.bill_nano() - billed
