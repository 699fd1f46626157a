"""A team is told of its batch by the running stack, signed as the stock SDK checks it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.resources import webhooks_secret_name
from tests.system.guarded import GuardedStack, guarded_stack
from tests.system.test_batches import advance, chat, ended, line, made

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(900)]

NAME = "guarded-demo"


def posts(guarded: GuardedStack) -> list[dict[str, Any]]:
    return [post for post in guarded.webhooks() if post["name"] == NAME]


def signing_secret(guarded: GuardedStack) -> str:
    secrets = guarded.stack.world.ground.admin.secretsmanager
    found = secrets.get_secret_value(SecretId=webhooks_secret_name("guarded"))
    return str(json.loads(found["SecretString"])["teams"]["demo"]["signing_secret"])


def test_the_end_of_a_batch_is_told_until_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with guarded_stack(tmp_path, collector_seconds=5) as guarded:
        stack, client = guarded.stack, guarded.stack.client()
        failure = {"name": NAME, "status": 500, "times": 1}
        stack.control.post("/webhooks/fail", json=failure).raise_for_status()
        batch = made(client, line("a", chat("[echo one]")), line("b", chat("[echo two]")))
        ended(stack, lambda: client.batches.retrieve(batch.id), lambda b: b.status == "completed")
        ended(stack, lambda: posts(guarded), lambda found: len(found) == 2)
        advance(stack, 301)
        first, second = posts(guarded)
        assert [first["answered"], second["answered"]] == [500, 200]
        assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
        # The SDK refuses what is older than five minutes, by a clock that is not the stack's.
        at_delivery = SimpleNamespace(time=lambda: second["at"])
        monkeypatch.setattr("openai.lib._webhooks.time", at_delivery)
        event: Any = client.webhooks.unwrap(
            second["body"], second["headers"], secret=signing_secret(guarded)
        )
        assert (event.type, event.data.id) == ("batch.completed", batch.id)
        assert stack.look("/denials") == []
