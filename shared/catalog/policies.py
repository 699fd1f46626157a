"""Compiles ``routing.toml`` and ``freshness.toml`` into the domain's policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from shared.catalog import files
from shared.catalog.rows import Row
from shared.domain.freshness import FreshnessPolicy
from shared.domain.routing import LanguageCues, RoutingPolicy, Signals, compile_cue


class _Cues(Row):
    whole_words: bool
    phrases: list[str]


class _Ttl(Row):
    ttl_seconds: int


class _Frequent(Row):
    ttl_seconds: int
    repeats: int
    memory_seconds: int


class _FreshnessTiers(Row):
    default: _Ttl
    frequent: _Frequent
    realtime: _Ttl


class _Freshness(Row):
    tiers: _FreshnessTiers
    cues: dict[str, _Cues]


class _Routing(Row):
    thresholds: dict[Literal["mid", "frontier"], int]
    base: dict[Literal["points"], int]
    tasks: dict[str, int]
    signals: Signals
    words: dict[Literal["characters_per_cjk_word"], int]
    cues: dict[Literal["hard", "easy"], dict[str, _Cues]]


def load_routing() -> RoutingPolicy:
    """Read and compile the routing policy; raises ``CatalogError``."""
    row: _Routing = files.read(files.ROUTING, _Routing)
    return RoutingPolicy(
        mid_from=row.thresholds["mid"],
        frontier_from=row.thresholds["frontier"],
        base=row.base["points"],
        tasks=row.tasks,
        signals=row.signals,
        characters_per_cjk_word=row.words["characters_per_cjk_word"],
        hard_cues=_cues(row.cues["hard"]),
        easy_cues=_cues(row.cues["easy"]),
    )


def load_freshness() -> FreshnessPolicy:
    """Read and compile the freshness policy; raises ``CatalogError``."""
    row: _Freshness = files.read(files.FRESHNESS, _Freshness)
    return FreshnessPolicy(
        default_ttl=row.tiers.default.ttl_seconds,
        frequent_ttl=row.tiers.frequent.ttl_seconds,
        frequent_repeats=row.tiers.frequent.repeats,
        memory_seconds=row.tiers.frequent.memory_seconds,
        realtime_ttl=row.tiers.realtime.ttl_seconds,
        cues=tuple(
            compile_cue("|".join(cues.phrases), whole_words=cues.whole_words)
            for cues in row.cues.values()
        ),
    )


def _cues(languages: Mapping[str, _Cues]) -> tuple[LanguageCues, ...]:
    return tuple(
        tuple(compile_cue(phrase, whole_words=cues.whole_words) for phrase in cues.phrases)
        for cues in languages.values()
    )
