"""Lines of a caller's batch that start alike: how long Claude is asked to keep their start."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.batches.world import HAIKU, World

LONG = "You are the keeper of a lock on a busy canal. " * 600
OWN = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]
TOOL = {"name": "open", "description": LONG, "input_schema": {"type": "object"}}


def asked(number: int, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": f"Ship {number}?"}]
    return {"model": HAIKU, "max_tokens": 50, "messages": turns, **more}


def markers(world: World) -> list[dict[str, Any] | None]:
    starts = [body.get("system") or body["tools"] for body in world.sent()]
    return [None if isinstance(start, str) else start[-1].get("cache_control") for start in starts]


@pytest.mark.parametrize(
    ("start", "lines", "marker"),
    [
        ({"system": LONG}, 20, {"type": "ephemeral", "ttl": "1h"}),
        ({"tools": [TOOL]}, 20, {"type": "ephemeral", "ttl": "1h"}),
        ({"system": LONG}, 19, {"type": "ephemeral"}),
        ({"system": OWN}, 20, {"type": "ephemeral"}),
        ({"system": "Be brief."}, 20, None),
    ],
)
def test_the_start_of_many_lines_lives_for_an_hour_unless_its_caller_decided(
    start: dict[str, Any], lines: int, marker: dict[str, str] | None
) -> None:
    world = World()
    # Others in between, so that the lines are sorted too.
    few = [(f"few-{n}", asked(n, system=f"{LONG} And of its bridge.")) for n in range(3)]
    many = [(f"many-{n}", asked(n, **start)) for n in range(lines)]
    made = world.create_inline(few[0], *many[:5], *few[1:], *many[5:])
    world.pass_time(1_200)
    assert markers(world) == [{"type": "ephemeral"}] * 3 + [marker] * lines
    assert world.batch(made).counts.succeeded == lines + 3
    assert world.held() == 0
