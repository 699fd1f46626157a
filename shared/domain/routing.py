"""The first router: a deterministic score with reasons, from ``shared/catalog/routing.toml``.

A request gathers points from its task, its cues, its length and its shape. Two thresholds turn
the points into a tier. The reason names every row that counted, so a caller can see why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

Tier = Literal["nano", "mid", "frontier"]
TIERS: tuple[Tier, ...] = ("nano", "mid", "frontier")

AUTO: Final = "auto"
"""What a caller asks for who leaves the choice to the router."""

SCORED_CHARACTERS: Final = 8_000
"""Cues and code are looked for in the start of a question: a megabyte would cost seconds."""

_CODE = re.compile(
    r"```|^[ \t]*(?:def|class|import|from|function|const|let|public|private|#include|SELECT|func)\b"
    r"|[{};][ \t]{0,8}$|\bTraceback\b",
    re.MULTILINE,
)
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


LanguageCues = tuple[re.Pattern[str], ...]
"""The cues of one language."""


@dataclass(frozen=True)
class Asked:
    """The question behind a request: what was said last, and the shape of the rest.

    ``user_turns`` counts the messages in which the user says something; a turn that only
    carries tool results is not one.
    """

    last_user_text: str
    user_turns: int
    has_tools: bool
    has_schema: bool


class Asking(Protocol):
    """A checked request of either door."""

    def asked(self) -> Asked:
        """Return what the router scores this request by."""
        ...


@dataclass(frozen=True)
class Signals:
    """Points for each signal; see the comments in ``routing.toml``."""

    hard_cue: int
    hard_cue_limit: int
    easy_cue: int
    easy_cue_limit: int
    short: int
    short_words: int
    long: int
    long_words: int
    very_long: int
    very_long_words: int
    code: int
    turns: int
    many_turns: int
    tools: int
    json_schema: int


@dataclass(frozen=True)
class Verdict:
    """The tier of a request, its points and the rows that counted, as printable ASCII."""

    tier: Tier
    points: int
    reason: str


@dataclass(frozen=True)
class RoutingPolicy:
    """The router's data, compiled once."""

    mid_from: int
    frontier_from: int
    base: int
    tasks: dict[str, int]
    signals: Signals
    characters_per_cjk_word: int
    hard_cues: tuple[LanguageCues, ...]
    easy_cues: tuple[LanguageCues, ...]

    def decide(self, asked: Asked, task: str | None) -> Verdict:
        """Score a request and choose its tier."""
        rows = list(self._rows(asked, task))
        points = max(0, min(100, sum(points for _, points in rows)))
        named = ", ".join(f"{name} {points:+d}" for name, points in rows)
        tier = self._tier(points)
        return Verdict(tier, points, f"score {points} -> {tier} ({named})")

    def _tier(self, points: int) -> Tier:
        if points < self.mid_from:
            return "nano"
        return "mid" if points < self.frontier_from else "frontier"

    def _rows(self, asked: Asked, task: str | None) -> Iterator[tuple[str, int]]:
        question = asked.last_user_text
        start = question[:SCORED_CHARACTERS]
        folded = start.casefold()
        hard = _count(self.hard_cues, folded)
        code = _CODE.search(start) is not None
        words = self.count_words(question)
        yield self._start(task)
        yield from self._cue_rows(hard, _count(self.easy_cues, folded))
        is_short = words < self.signals.short_words and not (hard or code or asked.user_turns > 1)
        yield from self._length_rows(words, is_short=is_short)
        yield from self._shape_rows(asked, code=code)

    def _start(self, task: str | None) -> tuple[str, int]:
        if task is not None and task in self.tasks:
            return f"task {task}", self.tasks[task]
        return "base", self.base

    def _cue_rows(self, hard: int, easy: int) -> Iterator[tuple[str, int]]:
        signals = self.signals
        if hard:
            yield f"{hard} hard cues", min(hard * signals.hard_cue, signals.hard_cue_limit)
        if easy:
            yield f"{easy} easy cues", max(easy * signals.easy_cue, signals.easy_cue_limit)

    def _length_rows(self, words: int, *, is_short: bool) -> Iterator[tuple[str, int]]:
        signals = self.signals
        if is_short:
            yield "short", signals.short
        elif words > signals.very_long_words:
            yield "very long", signals.very_long
        elif words > signals.long_words:
            yield "long", signals.long

    def _shape_rows(self, asked: Asked, *, code: bool) -> Iterator[tuple[str, int]]:
        if code:
            yield "code", self.signals.code
        if asked.user_turns > self.signals.many_turns:
            yield "many turns", self.signals.turns
        if asked.has_tools:
            yield "tools", self.signals.tools
        if asked.has_schema:
            yield "json schema", self.signals.json_schema

    def count_words(self, text: str) -> int:
        """Count words; text without spaces counts a word for every few characters."""
        cjk = len(_CJK.findall(text))
        return len(text.split()) + cjk // self.characters_per_cjk_word


def compile_cue(alternatives: str, *, whole_words: bool) -> re.Pattern[str]:
    """Return the pattern of one cue, whose alternatives are separated by ``|``."""
    choices = "|".join(re.escape(each) for each in alternatives.casefold().split("|"))
    return re.compile(rf"(?<!\w)(?:{choices})(?!\w)" if whole_words else f"(?:{choices})")


def _count(languages: Sequence[LanguageCues], folded: str) -> int:
    """Count the distinct cues of the language that has most: "compare" is a word of three."""
    return max(sum(cue.search(folded) is not None for cue in cues) for cues in languages)
