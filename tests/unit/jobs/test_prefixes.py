"""What lines of a batch that start alike are sent, and what all lines cost at AWS."""

from __future__ import annotations

import json

import pytest

from tests.deferral import UNCACHED
from tests.unit.jobs.world import World

CLAUDE = "claude-haiku-5-5"
LONG = "You are the keeper of a lock on a busy canal. " * 600


@pytest.mark.parametrize(("lines", "lifetime"), [(20, "1h"), (3, None)])
def test_the_start_of_many_lines_lives_for_an_hour(lines: int, lifetime: str | None) -> None:
    world = World(providers=("openai", "anthropic"))
    for number in range(lines):
        messages = [
            {"role": "system", "content": LONG},
            {"role": "user", "content": f"Ship {number}?"},
        ]
        body = {"model": CLAUDE, "messages": messages, "max_completion_tokens": 50}
        world.accept(body=body, cache=UNCACHED)
    world.pass_time(1_000)
    [created] = world.provider.created.values()
    sent = [json.loads(line.body)["system"][-1]["cache_control"] for line in created.lines]
    assert [marker.get("ttl") for marker in sent] == [lifetime] * lines
