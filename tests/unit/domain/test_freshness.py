"""How long answers last."""

from __future__ import annotations

import pytest

from shared import catalog
from shared.domain.controls import CacheMode
from shared.domain.freshness import Freshness

POLICY = catalog.load([]).freshness
AUTO = CacheMode()


@pytest.mark.parametrize(
    "question",
    [
        "What is the weather today?",
        "who won, as of now",
        "LATEST news on rust",
        "¿Qué hora es?",
        "precio actual del oro",
        "今天天气怎么样",
        "最新的消息",
        "現在幾點",
    ],
)
def test_a_question_about_the_moment_is_never_kept(question: str) -> None:
    assert POLICY.decide(AUTO, question) == Freshness("realtime", 0)


@pytest.mark.parametrize(
    "question", ["What is a sluice?", "Explain todayness in Husserl", "hoyo de golf", "", "天王星"]
)
def test_other_questions_last_an_hour(question: str) -> None:
    assert POLICY.decide(AUTO, question) == Freshness("default", 3600)


def test_observed_repeats_earn_a_day() -> None:
    assert POLICY.decide(AUTO, "x", repeats=2).tier == "default"
    assert POLICY.decide(AUTO, "x", repeats=3) == Freshness("frequent", 86400)


def test_repeats_do_not_make_the_moment_last() -> None:
    assert POLICY.decide(AUTO, "weather today", repeats=99).ttl_seconds == 0


def test_the_caller_has_the_last_word() -> None:
    control = CacheMode("ttl", 60)
    assert POLICY.decide(control, "weather today", repeats=99) == Freshness("caller", 60)
