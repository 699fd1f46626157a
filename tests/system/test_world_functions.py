"""Plain functions in a whole world: from an unzipped bundle, with their role, log and metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from local.background import world_in_background
from local.ground import CHECKOUT, WorldSettings
from local.loopback import TRUSTS_NOBODY
from tests.system.conftest import DEV, NO_CAPS, until

pytestmark = pytest.mark.system

PROGRAM = f"""
import json, runpy
import pulumi
import pulumi_aws as aws

runpy.run_path("{CHECKOUT}/infra/__main__.py")

role = aws.iam.Role("tiny", name="tiny", assume_role_policy="{{}}")
letters = aws.sqs.Queue("letters", name="letters")
jobs = aws.sqs.Queue("jobs", name="jobs", visibility_timeout_seconds=60,
    redrive_policy=pulumi.Output.json_dumps(
        {{"deadLetterTargetArn": letters.arn, "maxReceiveCount": 2}}))
aws.iam.RolePolicy("tiny", name="tiny", role=role.id, policy=pulumi.Output.json_dumps({{
    "Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Resource": [jobs.arn], "Action": [
        "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]}}]}}))
log = aws.cloudwatch.LogGroup("tiny", name="/aws/lambda/tiny")
tiny = aws.lambda_.Function("tiny", name="tiny", handler="tiny.handle", role=role.arn,
    runtime="python3.13", code=pulumi.FileArchive("../build/tiny.zip"), timeout=10)
aws.lambda_.EventSourceMapping("tiny", event_source_arn=jobs.arn, function_name=tiny.arn)
caller = aws.iam.Role("caller", name="caller", assume_role_policy="{{}}")
aws.iam.RolePolicy("caller", name="caller", role=caller.id, policy=tiny.arn.apply(
    lambda arn: json.dumps({{"Version": "2012-10-17", "Statement": [
        {{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}}]}})))
aws.scheduler.Schedule("daily", name="daily", schedule_expression="cron(0 12 * * ? *)",
    flexible_time_window={{"mode": "OFF"}}, target={{"arn": tiny.arn, "role_arn": caller.arn}})
"""

HANDLER = """
import json, os, sys, time

def handle(event, context):
    if "raise" in json.dumps(event):
        raise ValueError("as asked")
    print(json.dumps({"event": event, "path": sys.path, "cwd": os.getcwd(),
                      "key": os.environ["AWS_ACCESS_KEY_ID"],
                      "token": "AWS_SESSION_TOKEN" in os.environ}))
    directive = {"Namespace": "Tiny", "Dimensions": [["environment"]],
                 "Metrics": [{"Name": "Handled", "Unit": "Count"}]}
    print(json.dumps({"_aws": {"Timestamp": int(time.time() * 1000),
                               "CloudWatchMetrics": [directive]},
                      "environment": "dev", "Handled": 1}))
"""


class Tiny:
    """The running world, with windows into it."""

    def __init__(self, world: Any, control: httpx2.Client, log: Path) -> None:
        self.world, self.control, self.log = world, control, log

    def look(self, path: str) -> Any:
        return self.control.get(path).raise_for_status().json()

    def send(self, body: str) -> None:
        sqs = self.world.ground.admin.sqs
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="jobs")["QueueUrl"], MessageBody=body)

    def queue(self) -> dict[str, Any]:
        [found] = [each for each in self.look("/queues") if each["queue"] == "jobs"]
        return dict(found)

    def advance(self, seconds: float) -> None:
        self.control.post("/clock/advance", json={"seconds": seconds}).raise_for_status()

    def told(self) -> list[dict[str, Any]]:
        """Return what the handler printed of each event."""
        if not self.log.exists():
            return []
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [entry for line in lines if "event" in (entry := json.loads(line))]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    state, folder = tmp_path_factory.mktemp("world"), tmp_path_factory.mktemp("task")
    (folder / "tiny.py").write_text(HANDLER)
    program = state / "program.py"
    program.write_text(PROGRAM)
    settings = WorldSettings(
        state=state,
        create_demo_key=lambda *_: "slc_demo",
        report=print,
        stack_file=DEV,
        program=program,
        router_environment=NO_CAPS,
        bundles={"tiny": folder},
    )
    with (
        world_in_background(settings) as world,
        httpx2.Client(
            base_url=world.control_url, trust_env=False, verify=TRUSTS_NOBODY, timeout=60
        ) as control,
    ):
        yield Tiny(world, control, state / "logs" / "tiny.log")


def test_a_message_is_handled_in_the_bundle_with_the_declared_role(tiny: Tiny) -> None:
    tiny.send("hello")
    until(tiny.told, seconds=60)
    [told] = tiny.told()
    assert told["event"]["Records"][0]["body"] == "hello"
    folder = tiny.world.settings.bundles["tiny"]
    assert told["cwd"] == str(folder)
    assert not any("site-packages" in place or place == str(CHECKOUT) for place in told["path"])
    assert told["token"]
    assert told["key"] != "SLUICELOCALADMIN0000"
    until(lambda: tiny.queue()["mappings"][0]["delivered"] == 1)
    queue = tiny.queue()
    assert (queue["visible"], queue["in_flight"]) == (0, 0)
    [function] = [each for each in tiny.look("/functions") if each["function"] == "tiny"]
    assert [each["served"] for each in function["instances"]] == [1]
    [metric] = tiny.look("/metrics?namespace=Tiny&name=Handled")
    assert (metric["sum"], metric["dimensions"]) == (1, {"environment": "dev"})


def test_what_fails_twice_is_shown_as_a_dead_letter(tiny: Tiny) -> None:
    tiny.send("raise")
    for failed in (1, 2):
        until(lambda: tiny.queue()["mappings"][0]["failed"] == failed, seconds=60)  # noqa: B023 at once
        tiny.advance(61)
    until(lambda: tiny.queue()["dead_letters"] == 1)
    assert tiny.queue()["dead_letter_queue"] == "letters"


def test_a_day_later_the_schedule_has_fired(tiny: Tiny) -> None:
    [before] = [each for each in tiny.look("/schedules") if each["schedule"] == "default/daily"]
    assert before["next"].endswith("T12:00:00+00:00")
    tiny.advance(86_400)
    wanted = before["fired"] + 1
    until(lambda: sum("source" in told["event"] for told in tiny.told()) == wanted, seconds=60)
    [after] = [each for each in tiny.look("/schedules") if each["schedule"] == "default/daily"]
    assert (after["fired"] - before["fired"], after["failure"]) == (1, None)
    assert after["next"] > before["next"]


def test_the_world_leaves_no_denial_and_no_undelivered_line(tiny: Tiny) -> None:
    assert tiny.look("/denials") == []
    assert tiny.look("/problems") == []
