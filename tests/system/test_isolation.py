"""Tenants, keys, secrets and permissions on the running stack."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.system.conftest import Stack, running_stack

USER = {"role": "user", "content": "hi"}


def post(stack: Stack, key: str, body: Any, **headers: str) -> httpx2.Response:
    return httpx2.post(
        stack.base_url + "/chat/completions",
        content=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {key}", **headers},
        trust_env=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def two_teams(running: Stack) -> tuple[str, str]:
    return running.keys.create("left", "").text, running.keys.create("right", "").text


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
bodies = st.fixed_dictionaries(
    {"messages": st.lists(texts.map(lambda t: {**USER, "content": t}), min_size=1, max_size=3)},
    optional={
        "temperature": st.floats(0, 2, allow_nan=False),
        "seed": st.integers(0, 2**31),
        "max_tokens": st.integers(1, 40),
        "stop": texts,
        "user": texts,
    },
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(bodies)
def test_two_tenants_never_share_an_answer(
    stack: Stack, two_teams: tuple[str, str], body: dict[str, Any]
) -> None:
    body, begun = {"model": "mid", **body}, stack.now()
    first = post(stack, two_teams[0], body)
    other = post(stack, two_teams[1], body)
    assert first.status_code == other.status_code == 200, first.text
    # The one team may have asked the same before; the other's answers are never its own.
    ids = {
        row["request_id"]: row["team"]
        for team in ("left", "right")
        for row in stack.usage_rows(team, since=begun - 1)
    }
    assert ids[first.headers["x-request-id"]] == "left"
    assert ids[other.headers["x-request-id"]] == "right"
    hits = (first.headers["x-sluice-cache"] == "hit", other.headers["x-sluice-cache"] == "hit")
    assert hits[0] == hits[1], "one team's cache knows what only the other has asked"


def test_every_row_of_the_cache_lies_under_its_tenant(
    stack: Stack, two_teams: tuple[str, str]
) -> None:
    post(stack, two_teams[0], {"model": "mid", "messages": [USER]})
    table = stack.world.ground.deployment.outputs["cache_table"]
    items = stack.world.ground.admin.dynamodb.scan(TableName=table)["Items"]
    assert items
    for item in items:
        place, kind = item["pk"]["S"], item["sk"]["S"]
        if kind == "answer":
            assert place == f"{item['team']['S']}/{item['digest']['S']}"
        elif kind == "claim":
            assert place == f"{item['team']['S']}/idempotency/{item['key_digest']['S']}"
        else:
            assert (place, kind) == ("health", "models"), "no tenant's data"


def test_a_revoked_key_stops_within_sixty_seconds_on_every_router(stack: Stack) -> None:
    made = stack.keys.create("revoked", "")
    for _ in range(4):
        assert post(stack, made.text, {"model": "mid", "messages": [USER]}).status_code == 200
    stack.keys.revoke(made.row.key_id)
    stack.advance(60)
    for _ in range(4):
        refused = post(stack, made.text, {"model": "mid", "messages": [USER]})
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "invalid_api_key"


def test_no_secret_stands_in_an_environment_a_log_or_the_ledger(stack: Stack) -> None:
    prompt = f"canary-{uuid.uuid4()}"
    assert post(stack, stack.world.api_key, {
        "model": "mid", "messages": [{**USER, "content": prompt}]}).status_code == 200  # fmt: skip
    post(stack, stack.world.api_key, {"model": "mid", "messages": [USER], prompt: 1})
    ground = stack.world.ground
    secrets = [
        ground.admin.secretsmanager.get_secret_value(SecretId=arn)["SecretString"]
        for arn in ground.deployment.outputs["provider_secrets"].values()
    ]
    assert secrets
    hidden = [*secrets, stack.world.api_key, prompt]
    environments = [
        Path(f"/proc/{instance.pid}/environ").read_text() for instance in stack.world.pool.instances
    ]
    logs = [file.read_text() for file in ground.state.logs.iterdir()]
    ledger = str(ground.admin.dynamodb.scan(TableName=ground.deployment.outputs["ledger_table"]))
    declared = str([resource.inputs for resource in ground.deployment.resources])
    for place in (*environments, *logs, ledger, declared):
        assert [secret for secret in hidden if secret in place] == []
    assert any('"message":"request"' in log for log in logs)


def test_the_metrics_alarms_will_watch_have_the_environment_alone(stack: Stack) -> None:
    post(stack, stack.world.api_key, {"model": "mid", "messages": [USER]})
    sets = [
        {**each["dimensions"]} for each in stack.look("/metrics?namespace=Sluice&name=CostNanoUsd")
    ]
    assert {"environment": "dev"} in sets
    counted = [each["dimensions"] for each in stack.look("/metrics?namespace=Sluice&name=Requests")]
    assert {"environment": "dev", "tier": "mid"} in counted
    assert all(set(each) <= {"environment", "tier"} for each in (*sets, *counted))


def test_without_put_item_nothing_is_asked_of_a_provider(tmp_path: Path) -> None:
    def without_put_item(kind: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if (kind, name) == ("aws:iam/rolePolicy:RolePolicy", "router-policy"):
            policy = inputs["policy"].replace('"dynamodb:PutItem", ', "")
            assert policy != inputs["policy"]
            return {**inputs, "policy": policy}
        return inputs

    with running_stack(tmp_path, without_put_item) as stack:
        with pytest.raises(openai.InternalServerError) as refused:
            stack.client().chat.completions.create(
                model="auto", messages=[{"role": "user", "content": "hi"}]
            )
        assert refused.value.status_code == 503
        assert refused.value.code == "store_unavailable"
        assert stack.bill_nano() == 0
        [denial] = stack.look("/denials")
        assert denial["action"] == "dynamodb:PutItem"
        assert denial["resource"].endswith("table/sluice-dev-ledger")
        assert '"code":"AccessDeniedException"' in (tmp_path / "logs").joinpath(
            "sluice-dev-router.log").read_text()  # fmt: skip
