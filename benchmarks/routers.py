"""``python -m benchmarks.routers FILE.jsonl``: four ways to route the same labelled prompts.

A line has a ``prompt`` and may have a ``task``, and labels of how right each model was, 0 to 1:
``weak`` and ``strong``, or ``scores`` by model. All-frontier, the two routers of the articles and
ours are compared by what they would cost on the catalog's models and by a proxy of their quality.

*Cost*: each prompt on the cheapest enabled model of its tier at today's list price, tokens
estimated, with a fixed length of answer. *Quality*: the tiers are stood in for by labelled
models: for ``weak`` and ``strong``, nano is the weak one, frontier the strong one and mid their
mean; for ``scores``, ``--nano``, ``--mid`` and ``--frontier`` name them, else the models at the
fifth, the half and the end of the order of their mean score; for ``expected_tier``, an answer is
right if its tier is at least that one. *Lift* is
the quality beyond what the same numbers of calls for each tier would reach if they were dealt at
random: 0 is a coin. Labels are of older models, so quality is a proxy.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import article_routers
from shared import catalog
from shared.domain.money import format_usd
from shared.domain.prices import TokenCounts
from shared.domain.replay.estimate import MESSAGE_TOKENS, text_tokens
from shared.domain.routing import TIERS, Asked, Tier

Row = Mapping[str, Any]
Router = Callable[[Row], Tier]

ENABLED: Final = ("openai", "anthropic")
OUTPUT_TOKENS: Final = 300
_EXPECTED: Final[dict[str, Tier]] = {
    "SIMPLE": "nano",
    "MEDIUM": "mid",
    "COMPLEX": "frontier",
    "REASONING": "frontier",
}
_PLACES: Final[dict[Tier, float]] = {"nano": 0.2, "mid": 0.5, "frontier": 1.0}


@dataclass(frozen=True)
class Line:
    """What one way of routing comes to; quality and lift are None without labels."""

    name: str
    tiers: Counter[Tier]
    cost_nano: int
    quality: float | None
    lift: float | None


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the comparison."""
    options = _parser().parse_args(arguments)
    rows = read(options.file)
    named: dict[Tier, str] = {tier: getattr(options, tier) for tier in TIERS}
    stands_in = stand_ins(rows, {tier: name for tier, name in named.items() if name})
    lines = compare(rows, stands_in, options.output_tokens)
    sys.stdout.write(table(lines, len(rows), stands_in))


def read(file: Path) -> list[Row]:
    """Return the lines that hold a prompt."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    return [row for row in rows if isinstance(row.get("prompt"), str)]


def routers() -> dict[str, Router]:
    """Return the four ways by name."""
    policy = catalog.load(ENABLED).routing

    def ours(row: Row) -> Tier:
        asked = Asked(row["prompt"], user_turns=1, has_tools=False, has_schema=False)
        return policy.decide(asked, row.get("task")).tier

    return {
        "all frontier": lambda _: "frontier",
        "article: cues": lambda row: article_routers.by_cues(row["prompt"]),
        "article: task": lambda row: article_routers.by_task(row["prompt"], row.get("task")),
        "sluice": ours,
    }


def stand_ins(rows: Sequence[Row], named: Mapping[Tier, str]) -> dict[Tier, str]:
    """Return which labelled model stands in for each tier; none where there are no scores."""
    scored = [row["scores"] for row in rows if isinstance(row.get("scores"), dict)]
    if not scored:
        return {}
    models = sorted(set.intersection(*(set(each) for each in scored)))
    order = sorted(models, key=lambda model: sum(each[model] for each in scored))
    chosen = {tier: order[round(place * (len(order) - 1))] for tier, place in _PLACES.items()}
    return chosen | dict(named)


def compare(rows: Sequence[Row], stands_in: Mapping[Tier, str], output: int) -> list[Line]:
    """Route every prompt each way."""
    return [_line(name, route, rows, stands_in, output) for name, route in routers().items()]


def quality(row: Row, tier: Tier, stands_in: Mapping[Tier, str]) -> float | None:
    """Return how right the answer of a tier's stand-in was, or None where nobody knows."""
    if "weak" in row and "strong" in row:
        weak, strong = float(row["weak"]), float(row["strong"])
        return {"nano": weak, "mid": (weak + strong) / 2, "frontier": strong}[tier]
    if tier in stands_in and isinstance(row.get("scores"), dict):
        return float(row["scores"][stands_in[tier]])
    if row.get("expected_tier") in _EXPECTED:
        return float(TIERS.index(tier) >= TIERS.index(_EXPECTED[row["expected_tier"]]))
    return None


def table(lines: Sequence[Line], count: int, stands_in: Mapping[Tier, str]) -> str:
    """Return the comparison as Markdown."""
    dearest = max(line.cost_nano for line in lines)
    written = [
        f"{count} prompts. " + ", ".join(f"{t} = {m}" for t, m in stands_in.items()),
        "",
        "| router | nano | mid | frontier | cost $ | saved % | quality | lift over a coin |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        tiers = " | ".join(str(line.tiers[tier]) for tier in TIERS)
        saved = 100 * (dearest - line.cost_nano) / dearest if dearest else 0
        written.append(
            f"| {line.name} | {tiers} | {format_usd(line.cost_nano)} | {saved:.1f} | "
            f"{_shown(line.quality)} | {_shown(line.lift)} |"
        )
    return "\n".join(written) + "\n"


def _line(
    name: str, route: Router, rows: Sequence[Row], stands_in: Mapping[Tier, str], output: int
) -> Line:
    chosen = [(row, route(row)) for row in rows]
    reached = _mean([quality(row, tier, stands_in) for row, tier in chosen])
    return Line(
        name=name,
        tiers=Counter(tier for _, tier in chosen),
        cost_nano=_cost(chosen, output),
        quality=reached,
        lift=_lift(chosen, stands_in, reached),
    )


def _lift(
    chosen: Sequence[tuple[Row, Tier]], stands_in: Mapping[Tier, str], reached: float | None
) -> float | None:
    """Return the quality beyond what the same numbers of calls, dealt at random, would reach."""
    if reached is None:
        return None
    counts = Counter(tier for _, tier in chosen)
    means = {t: _mean([quality(row, t, stands_in) for row, _ in chosen]) for t in TIERS}
    dealt = sum((means[tier] or 0.0) * count for tier, count in counts.items()) / len(chosen)
    return reached - dealt


def _cost(chosen: Sequence[tuple[Row, Tier]], output: int) -> int:
    now = datetime.now(UTC)
    facts = catalog.load(ENABLED)
    prices = {tier: facts.cheapest(tier, now).price(now) for tier in TIERS}
    return sum(
        prices[tier].cost(TokenCounts(text_tokens(row["prompt"]) + MESSAGE_TOKENS, output=output))
        for row, tier in chosen
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}" if value < 0 else f"{value:.3f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare routers on labelled prompts.")
    parser.add_argument("file", type=Path, help="a .jsonl of prompts, best with labels")
    parser.add_argument("--output-tokens", type=int, default=OUTPUT_TOKENS)
    for tier in TIERS:
        parser.add_argument(f"--{tier}", default="", help=f"the labelled model that is {tier}")
    return parser


if __name__ == "__main__":
    main()
