"""The router's choice and the reason it gives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared import catalog
from shared.domain.chat import ChatRequest, parse_chat
from shared.domain.errors import UnknownModel
from shared.domain.routing import Verdict

FACTS = catalog.load(["openai"])
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TOOL = {"type": "function", "function": {"name": "f"}}


def asked(text: str, **fields: Any) -> ChatRequest:
    return parse_chat({"model": "auto", "messages": [{"role": "user", "content": text}], **fields})


def verdict(text: str, task: str | None = None, **fields: Any) -> Verdict:
    return FACTS.routing.decide(asked(text, **fields).asked(), task)


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France?",
        "Translate to German: good morning",
        "¿Qué es la fotosíntesis?",
        "法国的首都是什么？",
        "Was ist die Hauptstadt von Spanien?",
    ],
)
def test_a_simple_question_goes_to_nano(text: str) -> None:
    assert verdict(text).tier == "nano"


@pytest.mark.parametrize(
    "text",
    [
        "Design a fault-tolerant distributed queue and compare the trade-offs step by step.",
        "Diseña una arquitectura distribuida y evalúa las ventajas y desventajas paso a paso.",
        "请设计一个分布式架构，并分析各种方案的利弊，逐步推导复杂度。",
    ],
)
def test_a_hard_question_goes_to_frontier(text: str) -> None:
    assert verdict(text).tier == "frontier"


def test_the_task_header_outweighs_a_plain_text() -> None:
    text = (
        "Look at this and tell me what you think of it, please, in a few paragraphs of text. " * 2
    )
    assert verdict(text).tier == "mid"
    assert verdict(text, task="classification").tier == "nano"
    assert verdict(text, task="architecture").tier == "frontier"
    assert verdict(text, task="never-heard-of").points == verdict(text).points


def test_code_tools_schema_length_and_turns_add_points() -> None:
    plain = verdict("Please help me with this thing that I have here.").points + 10  # not short
    text = "Please help me with this thing that I have here. " * 5
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}
    assert verdict(text).points == plain
    assert verdict(text + "\n```x```").points == plain + 10
    assert verdict(text, tools=[TOOL]).points == plain + 10
    assert verdict(text, response_format=schema).points == plain + 5
    assert verdict(text * 5).points == plain + 10
    assert verdict(text * 40).points == plain + 20


def test_many_turns_add_points() -> None:
    turn = {"role": "user", "content": "and then what happened after that, tell me more " * 4}
    few = parse_chat({"model": "auto", "messages": [turn] * 2})
    many = parse_chat({"model": "auto", "messages": [turn] * 6})
    decide = FACTS.routing.decide
    assert decide(many.asked(), None).points == decide(few.asked(), None).points + 5


def test_a_cue_counts_once_per_language_and_only_as_a_whole_word() -> None:
    assert "1 hard cues" in verdict("compare compare comparing").reason
    assert "hard" not in verdict("comparability of recommended designated things").reason


def test_the_reason_is_a_printable_header_and_names_what_counted() -> None:
    reason = verdict("请分析并设计一个系统", task=None, tools=[TOOL]).reason
    assert reason.isascii()
    assert "2 hard cues +30" in reason
    assert "tools +10" in reason


def test_the_cheapest_model_of_the_tier_is_chosen() -> None:
    assert FACTS.cheapest("nano", NOW).id == "gpt-6-luna"
    assert FACTS.cheapest("mid", NOW).id == "gpt-6.1-terra"
    assert FACTS.cheapest("frontier", NOW).id == "gpt-6-astra"


def test_a_tier_without_an_enabled_model_is_an_error() -> None:
    with pytest.raises(UnknownModel):
        catalog.load(["xai"]).cheapest("nano", NOW)


def test_a_provider_that_the_catalog_does_not_know_is_an_error() -> None:
    with pytest.raises(catalog.CatalogError, match="nobody"):
        catalog.load(["nobody"])
