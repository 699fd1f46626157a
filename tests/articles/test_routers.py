"""The articles' two routers, as baselines, and the comparison they stand in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import routers
from benchmarks.article_routers import by_cues, by_task

LONG = "word " * 201


@pytest.mark.parametrize(
    ("prompt", "tier"),
    [
        ("Analyze and compare these two.", "frontier"),  # two high cues
        (f"{LONG} debug", "frontier"),  # over 200 words and one
        ("Debug this.", "mid"),  # one high cue, short
        ("Extract the dates.", "nano"),  # a low cue, under 50 words
        (f"{'word ' * 50} extract", "mid"),  # a low cue, but 51 words
        ("What is the capital of France?", "mid"),  # no cue at all
    ],
)
def test_the_first_router_counts_cues_and_words(prompt: str, tier: str) -> None:
    assert by_cues(prompt) == tier


@pytest.mark.parametrize(
    ("prompt", "task", "tier"),
    [
        ("Hi", "qa", "nano"),  # .2
        ("Hi", "summary", "mid"),  # .3 is not under .3
        ("Hi", None, "mid"),  # .5
        ("Hi", "code_review", "mid"),  # .6
        ("```x```", "code_review", "frontier"),  # .6 + .1 is not under .7
        ("x" * 8_001, "qa", "mid"),  # .2 + .2: over 2,000 tokens at four characters each
        ("x" * 8_000, "qa", "nano"),  # exactly 2,000 is not over
        ("x" * 8_001, None, "frontier"),  # .5 + .2
        ("Hi", "architecture", "frontier"),  # .9
    ],
)
def test_the_other_router_scores_the_task(prompt: str, task: str | None, tier: str) -> None:
    assert by_task(prompt, task) == tier


def test_the_comparison_prices_and_judges_all_four(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"prompt": "What is the capital of France?", "weak": 1, "strong": 1},
        {"prompt": "Analyze and compare, design and prove.", "weak": 0, "strong": 1},
    ]
    file = tmp_path / "labelled.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    routers.main([str(file)])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    found = {
        cells[1].strip(): [c.strip() for c in cells[2:-1]]
        for cells in (x.split("|") for x in lines)
    }
    # tiers, then cost, saved, quality, lift: each right here for ours, with one frontier call
    assert found["all frontier"][:3] == ["0", "0", "2"]
    assert found["article: task"][:3] == ["0", "2", "0"]
    assert found["sluice"][:3] == ["1", "0", "1"]
    assert found["sluice"][5] == "1.000"
    assert float(found["sluice"][6]) > 0
    assert float(found["article: task"][5]) == 0.75


def test_without_labels_only_the_cost_is_compared(tmp_path: Path) -> None:
    rows = [{"prompt": "What is a weir?"}]
    (frontier, *others) = routers.compare(rows, {}, 300)
    assert frontier.quality is None
    assert all(other.cost_nano < frontier.cost_nano for other in others)


def test_scored_models_stand_in_for_the_tiers_by_their_mean(tmp_path: Path) -> None:
    scores = {f"m{n}": n / 10 for n in range(11)}
    rows = [{"prompt": "x", "scores": scores}]
    assert routers.stand_ins(rows, {}) == {"nano": "m2", "mid": "m5", "frontier": "m10"}
    assert routers.stand_ins(rows, {"mid": "m7"})["mid"] == "m7"
