"""The whole stack, deployed from the Pulumi program, for the tests that drive it over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from cli.connection import local_keys
from local.background import world_in_background
from local.deploy import Deployment, Transform
from local.ground import CHECKOUT, WorldSettings
from local.loopback import TRUSTS_NOBODY
from local.world import World
from shared.adapters.dynamodb.rows import HEALTH_SORT
from shared.clock import utc
from shared.resources import HEALTH_PARTITION, usage_partition
from shared.usecases.keys import Keys

DEV = CHECKOUT / "Pulumi.dev.yaml"
NO_CAPS = {"SLUICE_BUDGETS": "{}"}
"""The tests of a session share a key: what they spend together must stop none of them."""
MORNING = 6 * 3600
RECENT_SECONDS = 600
"""How far back a call is looked for, on the stack's clock."""


@dataclass
class Stack:
    """A running stack, and windows into it that a caller would not have."""

    world: World
    keys: Keys
    control: httpx2.Client
    clients: list[openai.OpenAI | anthropic.Anthropic] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return self.world.endpoint + "/v1"

    def client(self, key: str | None = None, **options: Any) -> openai.OpenAI:
        """Return the stock SDK, told to check every response strictly and never to retry."""
        client = openai.OpenAI(
            base_url=self.base_url,
            api_key=key or self.world.api_key,
            max_retries=0,
            _strict_response_validation=True,
            **options,
        )
        self.clients.append(client)
        return client

    def claude(self, key: str | None = None) -> anthropic.Anthropic:
        """Return Anthropic's stock SDK, as strict and as impatient."""
        client = anthropic.Anthropic(
            base_url=self.world.endpoint,
            api_key=key or self.world.api_key,
            max_retries=0,
            _strict_response_validation=True,
        )
        self.clients.append(client)
        return client

    def close_clients(self) -> None:
        """Close every SDK client that was made, so that no socket is left to the collector."""
        while self.clients:
            self.clients.pop().close()

    def recover(self) -> None:
        """Let every model that was made to fail be as well as it is after its rest."""
        table = self.world.ground.deployment.outputs["cache_table"]
        key = {"pk": {"S": HEALTH_PARTITION}, "sk": {"S": HEALTH_SORT}}
        self.world.ground.admin.dynamodb.delete_item(TableName=table, Key=key)

    def look(self, path: str) -> Any:
        return self.control.get(path).raise_for_status().json()

    def advance(self, seconds: float) -> None:
        self.control.post("/clock/advance", json={"seconds": seconds}).raise_for_status()

    def fault(self, *faults: dict[str, Any], **fault: Any) -> int:
        """Queue faults and return how many no request has suffered yet."""
        body = [*faults, fault] if fault else faults
        answer = self.control.post(f"{self._simulator}/faults", json=body).raise_for_status()
        pending: int = answer.json()["pending"]
        return pending

    def forget(self) -> None:
        """Empty the providers' books and caches, and drop the faults that nobody suffered."""
        self.control.post(f"{self._simulator}/reset").raise_for_status()

    @property
    def _simulator(self) -> str:
        """The simulator's own control: the world's passes on to it, at the price of a client."""
        return f"{self.world.ground.stand_ins.simulator_url}/_control"

    def now(self) -> float:
        """Return the time on the stack's clock, in epoch seconds."""
        return self.world.ground.clock()

    def usage_rows(self, team: str = "demo", since: float = 0) -> list[dict[str, Any]]:
        """Return a team's usage entries of the stack's current day, plain.

        ``since``, an epoch second of that day, leaves out what was opened before: moto copies
        every row that it returns, so a whole day's rows cost a whole day's time.
        """
        day = f"{utc(self.now()):%Y-%m-%d}"
        begun = f"{utc(since):%Y-%m-%d %H:%M:%S.%f}"
        first = begun.removeprefix(f"{day} ") if begun.startswith(day) else "0"
        pages = self.world.ground.admin.dynamodb.get_paginator("query").paginate(
            TableName=self.world.ground.deployment.outputs["ledger_table"],
            KeyConditionExpression="pk = :pk AND sk >= :first",
            ExpressionAttributeValues={
                ":pk": {"S": usage_partition(team, day)},
                ":first": {"S": first},
            },
        )
        return [_plain(item) for page in pages for item in page["Items"]]

    def rows_of(self, request_id: str, team: str = "demo") -> list[dict[str, Any]]:
        """Return the usage entries of a recent call's attempts, in order."""
        rows = self.usage_rows(team, since=self.now() - RECENT_SECONDS)
        mine = [row for row in rows if row["request_id"] == request_id]
        return sorted(mine, key=lambda row: int(row["attempt"]))

    def row_of(self, request_id: str, team: str = "demo") -> dict[str, Any]:
        [row] = self.rows_of(request_id, team)
        return row

    def bill_nano(self) -> int:
        """Return what the simulated providers have billed in all, by their own books."""
        total: int = self.look(f"{self._simulator}/books")["totals"]["cost_nano"]
        return total

    def bill_lines(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the lines of the providers' books that are numbered above ``since``."""
        lines: list[dict[str, Any]] = self.look(f"{self._simulator}/books?since={since}")["lines"]
        return lines


def _plain(item: Any) -> dict[str, Any]:
    def value(typed: dict[str, Any]) -> Any:
        [(kind, raw)] = typed.items()
        return int(raw) if kind == "N" else raw

    return {name: value(typed) for name, typed in item.items()}


def until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Return the condition's first true value; fails the test when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


def _until_morning(now: float) -> float:
    """Return the seconds until the next morning in UTC.

    Every stack's day is young: tests move time by hours, and a midnight begins budgets anew.
    """
    return (MORNING - now) % 86_400


@contextmanager
def running_stack(
    state: Path,
    transform: Transform | None = None,
    stack_file: Path = DEV,
    router_environment: Mapping[str, str] | None = None,
    bundle: Path | None = None,
    collector_seconds: float | None = None,
) -> Iterator[Stack]:
    """Run a stack of its own in a state directory of its own."""

    def keys_of(deployment: Deployment, aws_url: str) -> Keys:
        outputs = deployment.outputs
        return local_keys(aws_url, outputs["region"], dict(outputs), state / "clock")

    settings = WorldSettings(
        state=state,
        create_demo_key=lambda *place: keys_of(*place).create("demo", "tests").text,
        report=print,
        stack_file=stack_file,
        transform=transform,
        router_environment={**NO_CAPS, **(router_environment or {})},
        bundles={} if bundle is None else {"router": bundle},
        ahead_seconds=_until_morning(time.time()),
        collector_seconds=collector_seconds,
    )
    with (
        world_in_background(settings) as world,
        httpx2.Client(
            base_url=world.control_url, trust_env=False, verify=TRUSTS_NOBODY, timeout=120
        ) as control,
    ):
        ground = world.ground
        keys = keys_of(ground.deployment, ground.admin.endpoint_url)
        stack = Stack(world, keys, control)
        yield stack
        stack.close_clients()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def stack(running: Stack) -> Iterator[Stack]:
    """The shared stack; every test leaves it without a denial or an undelivered line."""
    denied = len(running.look("/denials"))
    yield running
    running.close_clients()
    assert running.look("/denials")[denied:] == []
    assert running.look("/problems") == []
