"""From a caller's 502 to the person who is told: the whole way through a running stack."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import yaml

from tests.system.conftest import DEV, Stack, running_stack, until

pytestmark = pytest.mark.system

ALARM = "sluice-dev-edge-5xx"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run dev with every alarm, the dashboard, a webhook and an address."""
    folder = tmp_path_factory.mktemp("signals")
    config = yaml.safe_load(DEV.read_text())
    config["config"] |= {
        "sluice:alarms": "all",
        "sluice:release_alarms": True,
        "sluice:dashboard": True,
        "sluice:webhooks": True,
        "sluice:alarm_emails": ["on-call@example.com"],
    }
    file = folder / DEV.name
    file.write_text(yaml.safe_dump(config))
    with running_stack(folder / "state", stack_file=file) as stack:
        yield stack


def state(stack: Stack, name: str) -> str:
    [found] = [alarm for alarm in stack.look("/alarms") if alarm["name"] == name]
    return str(found["state"])


def told(stack: Stack, subject: str) -> list[dict[str, Any]]:
    return [post for post in stack.look("/webhooks") if subject in post["json"]["text"]]


def test_every_declared_alarm_has_a_state_and_the_first_check_brings_no_problem(
    watched: Stack,
) -> None:
    declared = watched.world.ground.deployment.all("aws:cloudwatch/metricAlarm:MetricAlarm")
    shown = watched.look("/alarms")
    assert {alarm["name"] for alarm in shown} == {made.outputs["name"] for made in declared}
    untold = {alarm["name"] for alarm in shown if alarm["state"] not in {"OK", "ALARM"}}
    asks_nothing = {
        made.outputs["name"] for made in declared if made.inputs.get("treatMissingData") == "ignore"
    }
    assert untold <= asks_nothing, "these wait for their first datum"
    assert watched.look("/problems") == []


def test_5xx_fire_an_alarm_reach_the_webhook_signed_and_clear(watched: Stack) -> None:
    assert state(watched, ALARM) == "OK"
    watched.fault(kind="status", status=500, times=3)
    for number in range(3):
        with pytest.raises(openai.InternalServerError):
            watched.client().chat.completions.create(
                model="gpt-6-luna", messages=[{"role": "user", "content": f"broken {number}"}]
            )
    watched.advance(60)
    assert state(watched, ALARM) == "ALARM"
    [post] = until(lambda: told(watched, f"Alarm: {ALARM}"))
    secret = watched.world.ground.admin.secretsmanager.get_secret_value(
        SecretId="sluice/dev/webhooks"
    )["SecretString"]
    signed = f"{post['headers']['x-sluice-timestamp']}.{post['body']}".encode()
    key = json.loads(secret)["signing_secret"].encode()
    expected = hmac.new(key, signed, hashlib.sha256).hexdigest()
    assert post["headers"]["x-sluice-signature"] == f"v1={expected}"
    mails = [each for each in watched.look("/mailbox") if each["kind"] == "email"]
    assert [mail["to"] for mail in mails if ALARM in mail["subject"]] == ["on-call@example.com"]

    watched.advance(3600)
    assert state(watched, ALARM) == "OK"
    changes = watched.look(f"/alarms/history?name={ALARM}")
    assert [change["new"] for change in changes] == ["OK", "ALARM", "OK"]
    three_of_a_hundred_at_least = [3.0]
    assert changes[1]["data"]["recentDatapoints"] == three_of_a_hundred_at_least
    assert len(told(watched, f"Alarm: {ALARM}")) == 1
    assert watched.look("/denials") == []


def test_the_inbox_fails_as_it_is_told_and_keeps_what_came(watched: Stack) -> None:
    asked = watched.control.post("/webhooks/fail", json={"name": "trial", "status": 503})
    assert asked.json() == {"name": "trial", "status": 503, "seconds": 0.0, "times": 1}
    url = f"{watched.world.control_url}/inbox/trial"
    answers = [watched.control.post(url, json={"text": text}).status_code for text in "ab"]
    assert answers == [503, 200]
    assert [each["answered"] for each in watched.look("/webhooks?name=trial")] == answers


def test_what_aws_counts_of_itself_is_counted_here(watched: Stack) -> None:
    seen = {
        (metric["namespace"], metric["name"], *sorted(metric["dimensions"])): metric
        for metric in watched.look("/metrics")
    }
    stage = ("ApiName", "Stage")
    requests = seen["AWS/ApiGateway", "Count", *stage]
    assert seen["AWS/ApiGateway", "5XXError", *stage]["sum"] == 3
    assert seen["AWS/ApiGateway", "5XXError", *stage]["count"] == requests["count"]
    assert seen["AWS/ApiGateway", "IntegrationLatency", *stage]["maximum"] > 0
    assert seen["AWS/Lambda", "Invocations"]["sum"] > requests["count"]
    version = ("ExecutedVersion", "FunctionName", "Resource")
    assert seen["AWS/Lambda", "Errors", *version]["sum"] == 0
