"""Three environments in one local world, on one AWS: callers, money and metrics stay apart."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli.connection import local_keys
from local.background import world_in_background
from local.deploy import Deployment
from local.ground import CHECKOUT, Place, WorldSettings
from local.live_stack import LiveStack
from local.world import World

pytestmark = pytest.mark.system

ENVIRONMENTS = ("dev", "staging", "prod")


def stack_file(environment: str) -> Path:
    return CHECKOUT / f"Pulumi.{environment}.yaml"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("environments")

    def demo_key(deployment: Deployment, aws_url: str) -> str:
        outputs = dict(deployment.outputs)
        keys = local_keys(aws_url, outputs["region"], outputs, state / "clock")
        return keys.create("demo", "tests").text

    settings = WorldSettings(
        state=state,
        create_demo_key=demo_key,
        report=print,
        stack_file=stack_file("dev"),
        also=(Place(stack_file("staging")), Place(stack_file("prod"))),
    )
    with world_in_background(settings) as started:
        yield started


@pytest.fixture(scope="module")
def stacks(world: World) -> dict[str, LiveStack]:
    return {stack.name: stack for stack in world.stacks}


def look(world: World, path: str, body: Any = None) -> Any:
    method = "GET" if body is None else "POST"
    url = world.control_url + path
    answer = httpx2.request(method, url, json=body, trust_env=False, timeout=120)
    return answer.raise_for_status().json()


def ask(
    stack: LiveStack, text: str, key: str | None = None, model: str = "nano"
) -> httpx2.Response:
    return httpx2.post(
        f"{stack.endpoint}/v1/chat/completions",
        json={"model": model, "messages": [{"role": "user", "content": text}]},
        headers={"authorization": f"Bearer {key or stack.api_key}"},
        trust_env=False,
        timeout=120,
    )


def rows(stack: LiveStack, table: str) -> list[dict[str, Any]]:
    name = stack.deployed.deployment.outputs[table]
    return stack.deployed.admin.dynamodb.scan(TableName=name)["Items"]


def metrics(world: World, environment: str) -> list[dict[str, Any]]:
    every: list[dict[str, Any]] = look(world, "/metrics?namespace=Sluice")
    assert all("environment" in each["dimensions"] for each in every)
    return [each for each in every if each["dimensions"]["environment"] == environment]


def test_the_facts_name_every_stack_and_the_first_as_a_single_one(
    world: World, stacks: dict[str, LiveStack]
) -> None:
    facts = json.loads((world.settings.state / "local.json").read_text())
    assert list(facts["stacks"]) == list(stacks) == list(ENVIRONMENTS)
    dev = facts["stacks"]["dev"]
    assert {name: facts[name] for name in dev} == dev
    assert facts.keys() - dev.keys() == {"aws_endpoint_url", "control_url", "stacks"}
    endpoints = {each["endpoint"] for each in facts["stacks"].values()}
    keys = {each["api_key"] for each in facts["stacks"].values()}
    assert (len(endpoints), len(keys)) == (3, 3)


def test_every_environment_answers_with_its_own_key(stacks: dict[str, LiveStack]) -> None:
    for name, stack in stacks.items():
        assert stack.api_key.startswith(f"slc_{name}_")
        assert ask(stack, f"[echo hello {name}]").status_code == 200


@pytest.mark.parametrize(("home", "abroad"), list(permutations(ENVIRONMENTS, 2)))
def test_a_key_is_nobody_in_another_environment(
    world: World, stacks: dict[str, LiveStack], home: str, abroad: str
) -> None:
    asked = len(look(world, "/requests"))
    refused = ask(stacks[abroad], f"{uuid.uuid4()}", stacks[home].api_key)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "invalid_api_key"
    assert len(look(world, "/requests")) == asked


def test_an_answer_cached_in_one_is_a_miss_in_the_others(stacks: dict[str, LiveStack]) -> None:
    question = f"[echo apart {uuid.uuid4()}]"
    told = {
        name: [ask(stack, question).headers["x-sluice-cache"] for _ in range(2)]
        for name, stack in stacks.items()
    }
    assert told == {name: ["miss", "hit"] for name in ENVIRONMENTS}


def test_what_one_spends_stands_in_its_ledger_and_metrics_alone(
    world: World, stacks: dict[str, LiveStack]
) -> None:
    others = [name for name in ENVIRONMENTS if name != "staging"]
    before = {name: (rows(stacks[name], "ledger_table"), metrics(world, name)) for name in others}
    answer = ask(stacks["staging"], f"a canary {uuid.uuid4()}", model="mid")
    request_id = answer.headers["x-request-id"]
    assert request_id in str(rows(stacks["staging"], "ledger_table"))
    assert {"environment": "staging", "tier": "mid"} in [
        each["dimensions"] for each in metrics(world, "staging")
    ]
    after = {name: (rows(stacks[name], "ledger_table"), metrics(world, name)) for name in others}
    assert after == before
    logs = {
        name: (world.ground.state.logs / f"sluice-{name}-router.log").read_text() for name in stacks
    }
    assert [name for name in stacks if request_id in logs[name]] == ["staging"]


def test_the_ledgers_together_are_the_one_simulators_bill(
    world: World, stacks: dict[str, LiveStack]
) -> None:
    for name, stack in stacks.items():
        assert ask(stack, f"[long 30] {name} {uuid.uuid4()}").status_code == 200
    costs = [
        int(row["cost_nano"]["N"])
        for stack in stacks.values()
        for row in rows(stack, "ledger_table")
        if "cost_nano" in row
    ]
    assert sum(costs) == look(world, "/bill")["totals"]["cost_nano"] > 0


def test_a_restart_of_one_touches_nothing_of_the_others(
    world: World, stacks: dict[str, LiveStack]
) -> None:
    questions = {name: f"[echo kept {name} {uuid.uuid4()}]" for name in stacks}
    for name, stack in stacks.items():
        assert ask(stack, questions[name]).headers["x-sluice-cache"] == "miss"
    before = pids(world)
    told = look(world, "/restart", {"stack": "staging"})
    after = pids(world)
    assert (after["dev"], after["prod"]) == (before["dev"], before["prod"])
    assert after["staging"] & before["staging"] == set()
    assert after["staging"] == set(told["pids"])
    for name, stack in stacks.items():
        assert ask(stack, questions[name]).headers["x-sluice-cache"] == "hit", name


def pids(world: World) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {name: set() for name in ENVIRONMENTS}
    for router in look(world, "/routers"):
        found[router["function"].split("-")[1]].add(router["pid"])
    return found


def test_nothing_was_denied_to_a_router_and_no_line_lost(world: World) -> None:
    assert look(world, "/denials") == []
    assert look(world, "/problems") == []
