"""How long an answer may be served again: the TTL tiers of ``shared/catalog/freshness.toml``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.controls import CacheMode

_SEARCHED_CHARACTERS: Final = 4_000
"""Of a long text, the start and the end are searched."""

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
    realtime_ttl: int
    cues: tuple[re.Pattern[str], ...]

    def decide(self, control: CacheMode, question: str, repeats: int = 0) -> Freshness:
        """Choose the tier of an answer from the caller's control, the question and its repeats.

        The caller's own TTL wins over everything; a question about the moment is never stored;
        a question asked often enough is kept longer.
        """
        if control.ttl_seconds is not None:
            return Freshness("caller", control.ttl_seconds)
        if self.is_about_the_moment(question):
            return Freshness("realtime", self.realtime_ttl)
        if repeats >= self.frequent_repeats:
            return Freshness("frequent", self.frequent_ttl)
        return Freshness("default", self.default_ttl)

    def is_about_the_moment(self, question: str) -> bool:
        """Tell whether a question's right answer changes by the hour."""
        if len(question) > 2 * _SEARCHED_CHARACTERS:
            question = f"{question[:_SEARCHED_CHARACTERS]} {question[-_SEARCHED_CHARACTERS:]}"
        folded = unicodedata.normalize("NFC", question).casefold()
        return any(cue.search(folded) for cue in self.cues)
