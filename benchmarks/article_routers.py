"""The two routers of the articles that Sluice was measured against, as baselines.

They are kept as they were described, word lists and thresholds included; nothing is deployed.
"""

from __future__ import annotations

import re
from typing import Final

from shared.domain.routing import Tier

HARD: Final = (
    "analyze", "compare", "debug", "refactor", "architect", "design", "optimize", "explain why",
    "trade-off", "reason",
)  # fmt: skip
EASY: Final = (
    "classify", "extract", "format", "convert", "translate", "summarize briefly", "yes or no",
    "list the", "parse",
)  # fmt: skip
_MANY_WORDS: Final = 200
_FEW_WORDS: Final = 50

TASK_SCORES: Final = {
    "qa": 20,
    "translation": 20,
    "summary": 30,
    "code_review": 60,
    "reasoning": 80,
    "architecture": 90,
}
"""Hundredths; a task that is not named here scores 50."""
_UNKNOWN: Final = 50
_LONG_TOKENS: Final = 2_000
_CHARACTERS_PER_TOKEN: Final = 4
_FOR_LENGTH: Final = 20
_FOR_CODE: Final = 10
_NANO_BELOW: Final = 30
_MID_BELOW: Final = 70
_CODE: Final = re.compile(r"```|\bdef |\bclass |\bfunction |\bimport |[{};]\s*$", re.MULTILINE)


def by_cues(prompt: str) -> Tier:
    """Route by keywords and length: the first article's router."""
    text, words = prompt.casefold(), len(prompt.split())
    hard = sum(cue in text for cue in HARD)
    if hard > 1 or (words > _MANY_WORDS and hard):
        return "frontier"
    if words < _FEW_WORDS and any(cue in text for cue in EASY):
        return "nano"
    return "mid"


def by_task(prompt: str, task: str | None = None) -> Tier:
    """Route by a score from task, length and code: the other article's router."""
    score = TASK_SCORES.get(task or "", _UNKNOWN)
    if len(prompt) / _CHARACTERS_PER_TOKEN > _LONG_TOKENS:
        score += _FOR_LENGTH
    if _CODE.search(prompt):
        score += _FOR_CODE
    if score < _NANO_BELOW:
        return "nano"
    return "mid" if score < _MID_BELOW else "frontier"
