"""The prompt caches of a replay against those of the simulator, which knows nothing of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from local.simulator.anthropic_messages import prompt as messages_prompt
from local.simulator.anthropic_messages.request import read_messages
from local.simulator.openai_chat import prompt as chat_prompt
from local.simulator.openai_chat.request import read_body
from local.simulator.prompt import Prompt
from local.simulator.prompt_cache.rules import AnthropicCache, CacheRule, OpenAICache
from local.simulator.prompt_cache.shelf import Shelf as JudgesShelf
from shared.domain.prices import TokenCounts
from shared.domain.replay.prefixes import places
from shared.domain.replay.reading import Body
from shared.domain.replay.shelf import Shelf
from tests.unit.replay.logs import facts, line, read

SENTENCES = (
    "Answer from the handbook and name the section.",
    "Never promise a refund before the invoice was found.",
    "Write in the language of the question, briefly.",
)
CALLS = 60
RULES: dict[str, CacheRule] = {
    "claude-opus-5-5": AnthropicCache(minimum=512),
    "gpt-6-astra": OpenAICache(minimum=1_024),
}
TOLERANCE = 0.08
"""Of the prompt: the two count tokens each in their own way."""


def traffic(model: str, seed: int) -> list[dict[str, Any]]:
    """Return single questions under three sets of instructions, and growing conversations."""
    dice = random.Random(seed)  # noqa: S311
    systems = [" ".join(f"{n}. {s}" for n in range(k) for s in SENTENCES) for k in (2, 100, 200)]
    talk: list[dict[str, str]] = []
    rows, after = [], 0
    for number in range(CALLS):
        after += dice.choice([5, 60, 290, 310, 1_000, 1_900])
        row = line(f"Question {number}?", model=model, after=after, max_tokens=100)
        row["messages"].insert(0, {"role": "system", "content": dice.choice(systems)})
        if dice.random() < 0.4:
            talk += [{"role": "user", "content": f"Step {number}. " + SENTENCES[number % 3] * 40}]
            row["messages"] = [{"role": "system", "content": systems[2]}, *talk]
            talk += [{"role": "assistant", "content": SENTENCES[number % 2] * 30}]
        rows.append(row)
    return rows


def judged(model: str, body: Body) -> Prompt:
    raw = msgspec.json.encode(body)
    if model.startswith("claude"):
        return messages_prompt.read_prompt(read_messages(raw))
    return chat_prompt.read_prompt(read_body(raw)[0], RULES[model])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("model", RULES)
def test_the_replay_reads_and_writes_what_the_simulated_provider_bills(
    model: str, seed: int, tmp_path: Path
) -> None:
    known, ours, theirs = facts(), Shelf(), JudgesShelf()
    rule = known.model(model).cache
    reads = 0
    for call in read(tmp_path, *traffic(model, seed), known=known).calls:
        at, body = call.at.timestamp(), known.sent(call, known.model(model))
        prompt = judged(model, body)
        visit = theirs.visit((model,), RULES[model], prompt, at)
        visit.keep(at)
        found = places(body, rule.style, rule.min_tokens, prompt.tokens)
        tokens = ours.visit((model, ""), found, TokenCounts(input=prompt.tokens), at, at)
        margin = TOLERANCE * prompt.tokens
        assert tokens.prompt == prompt.tokens
        assert tokens.cache_read == pytest.approx(visit.cached, abs=margin)
        assert tokens.cache_write == pytest.approx(visit.written, abs=margin)
        assert (tokens.cache_read > 0, tokens.cache_write > 0) == (
            visit.cached > 0,
            visit.written > 0,
        )
        reads += visit.cached > 0
    assert CALLS / 10 < reads < CALLS
