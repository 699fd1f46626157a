"""How long an answer may be served again: the TTL tiers of ``shared/catalog/freshness.toml``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.domain.controls import CacheMode

TierName = Literal["default", "frequent", "realtime", "caller"]


@dataclass(frozen=True)
class Freshness:
    """The TTL of one answer, in seconds, and why. Zero means: neither read nor stored."""

    tier: TierName
    ttl_seconds: int


@dataclass(frozen=True)
class FreshnessPolicy:
    """The tiers as data, compiled once."""

    default_ttl: int
    frequent_ttl: int
    frequent_repeats: int
    memory_seconds: int
    cues: tuple[re.Pattern[str], ...]

    def decide(self, control: CacheMode, question: str, repeats: int = 0) -> Freshness:
        """Choose the tier of an answer from the caller's control, the question and its repeats.

        The caller's own TTL wins over everything; a question about the moment is never stored;
        a question asked often enough is kept longer.
        """
        if control.ttl_seconds is not None:
            return Freshness("caller", control.ttl_seconds)
        if self.is_about_the_moment(question):
            return Freshness("realtime", 0)
        if repeats >= self.frequent_repeats:
            return Freshness("frequent", self.frequent_ttl)
        return Freshness("default", self.default_ttl)

    def is_about_the_moment(self, question: str) -> bool:
        """Tell whether a question's right answer changes by the hour."""
        folded = question.casefold()
        return any(cue.search(folded) for cue in self.cues)


def compile_cues(phrases: Sequence[str], *, whole_words: bool) -> re.Pattern[str]:
    """Return one pattern for a language's cues."""
    choices = "|".join(re.escape(phrase.casefold()) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{choices})(?!\w)" if whole_words else f"(?:{choices})")
