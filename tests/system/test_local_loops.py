"""Telemetry, expiry and the control server, on the local AWS."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from local.admin import Admin
from local.children import base_environment, ready_port
from local.clock_file import ClockFile
from local.control import ROUTES, Control
from local.declared import ExpiringTable
from local.instance import Instance
from local.signal_pages import SignalPages
from local.telemetry import Telemetry
from local.ttl_sweeper import TtlSweeper
from local.webhook_inbox import WebhookInbox
from shared.clock import offset_clock, utc

pytestmark = pytest.mark.system

TABLE = ExpiringTable("answers", "purge_at")
GROUP = "/aws/lambda/tiny"


@pytest.fixture(scope="module")
def admin() -> Iterator[Admin]:
    """Serve a local AWS and hold its clients."""
    command = [sys.executable, "-m", "local.aws", "--port", "0"]
    with subprocess.Popen(  # noqa: S603 our own program
        command, stdout=subprocess.PIPE, text=True, env=base_environment()
    ) as server:
        try:
            assert server.stdout is not None
            port = ready_port(server.stdout.readline())
            yield _with_resources(Admin(f"http://127.0.0.1:{port}", "us-east-1"))
        finally:
            server.kill()


def _with_resources(clients: Admin) -> Admin:
    clients.logs.create_log_group(logGroupName=GROUP)
    clients.dynamodb.create_table(
        TableName=TABLE.name,
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return clients


def telemetry(admin: Admin, directory: Path, reports: list[str]) -> Telemetry:
    return Telemetry(directory, {"tiny": GROUP}, admin.logs, admin.cloudwatch, reports.append)


def emf(namespace: str, value: object) -> str:
    directive = {
        "Namespace": namespace,
        "Dimensions": [["environment"], ["environment", "model"]],
        "Metrics": [{"Name": "Requests", "Unit": "Count"}],
    }
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": aws, "environment": "dev", "model": "m", "Requests": value})


def test_lines_reach_the_file_and_the_log_group_and_emf_the_metrics(
    admin: Admin, tmp_path: Path
) -> None:
    reports: list[str] = []
    delivered = telemetry(admin, tmp_path, reports)
    written = ["plain", emf("Loops", 2), emf("Loops", [3, 4])]
    for line in written:
        delivered.line("tiny", "stdout", line)
    asyncio.run(delivered.flush())

    events = admin.logs.get_log_events(
        logGroupName=GROUP, logStreamName="local", startFromHead=True
    )["events"]
    assert [event["message"] for event in events] == written
    assert (tmp_path / "tiny.log").read_text().splitlines() == written
    application = _control(admin, tmp_path, delivered).application()
    found = asyncio.run(_get(application, "/metrics?namespace=Loops&name=Requests"))
    assert found.status_code == 200
    metrics = sorted(found.json(), key=lambda metric: len(metric["dimensions"]))
    assert [metric["dimensions"] for metric in metrics] == [
        {"environment": "dev"},
        {"environment": "dev", "model": "m"},
    ]
    for metric in metrics:
        assert (metric["name"], metric["unit"]) == ("Requests", "Count")
        assert (metric["sum"], metric["count"], metric["maximum"]) == (9, 3, 4)
    assert asyncio.run(_get(application, "/metrics?namespace=Other")).json() == []
    assert _stored_sum(admin, metrics[1]["dimensions"]) == 9
    assert reports == []


def test_unusable_emf_and_a_missing_log_group_are_reported(admin: Admin, tmp_path: Path) -> None:
    reports: list[str] = []
    broken = telemetry(admin, tmp_path, reports)
    broken.log_groups = {"tiny": "/aws/lambda/nobody-made-it"}
    broken.line("tiny", "stdout", emf("Loops", "many"))
    asyncio.run(broken.flush())
    assert "unusable EMF" in reports[0]
    assert "not delivered" in reports[1]
    assert list(broken.problems) == reports


def test_rows_expire_on_the_worlds_clock_and_only_those_past_their_time(
    admin: Admin, tmp_path: Path
) -> None:
    now = time.time()
    _put(admin, past=int(now - 5), future=int(now + 3600), text="soon", unset=None)
    clock_file = ClockFile(tmp_path / "clock")
    clock_file.reset()
    sweeper = _sweeper(admin, clock_file)
    assert sweeper.sweep() == 1
    assert _left(admin) == {"future", "text", "unset"}

    sweeper.delay_seconds = 600
    clock_file.advance(3700)
    assert sweeper.sweep() == 0
    clock_file.advance(600)
    assert sweeper.sweep() == 1
    assert _left(admin) == {"text", "unset"}


def test_advancing_the_clock_expires_rows_at_once(admin: Admin, tmp_path: Path) -> None:
    _put(admin, tomorrow=int(time.time() + 86_000))
    control = _control(admin, tmp_path)
    moved = asyncio.run(_post(control.application(), "/clock/advance", b'{"seconds": 86400}'))
    assert (moved.status_code, moved.json()["expired_rows"]) == (200, 1)
    assert abs(moved.json()["now"] - time.time() - 86_400) < 5
    assert "tomorrow" not in _left(admin)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"soon", "JSON"),
        (b"[]", '"seconds"'),
        (b'{"seconds": 1, "minutes": 2}', '"seconds"'),
        (b'{"seconds": "1"}', "seconds must be"),
        (b'{"seconds": -1}', "seconds must be"),
        (b'{"seconds": NaN}', "seconds must be"),
        (b'{"seconds": true}', "seconds must be"),
    ],
)
def test_bad_input_is_400_and_names_the_field(
    admin: Admin, tmp_path: Path, body: bytes, named: str
) -> None:
    control = _control(admin, tmp_path)
    refused = asyncio.run(_post(control.application(), "/clock/advance", body))
    assert refused.status_code == 400
    assert named in refused.json()["error"]
    assert control.clock_file.offset == 0


def test_a_restart_names_one_stack_of_this_world(admin: Admin, tmp_path: Path) -> None:
    control = _control(admin, tmp_path)
    application = control.application()

    def status(body: bytes) -> int:
        return asyncio.run(_post(application, "/restart", body)).status_code

    assert [status(body) for body in (b'{"stack": 1}', b'{"stack": "other"}')] == [400, 404]
    assert status(b'{"stack": "tiny"}') == 200
    [stack] = control.stacks
    assert isinstance(stack, Watched)
    assert stack.restarts == 1


def test_what_is_not_there_says_so(admin: Admin, tmp_path: Path) -> None:
    application = _control(admin, tmp_path).application()
    assert asyncio.run(_get(application, "/nowhere")).status_code == 404
    bill = asyncio.run(_get(application, "/bill"))
    assert (bill.status_code, "real providers" in bill.json()["error"]) == (404, True)


def test_the_control_server_lists_exactly_the_routes_it_has(admin: Admin, tmp_path: Path) -> None:
    application = _control(admin, tmp_path).application()
    listed: dict[str, str] = asyncio.run(_get(application, "/")).json()
    assert listed == ROUTES
    served = {f"{min(route.methods - {'HEAD'})} {route.path}" for route in _routes(application)}
    assert served == set(listed)


def test_the_inbox_keeps_what_is_posted_and_fails_as_told(admin: Admin, tmp_path: Path) -> None:
    application = _control(admin, tmp_path).application()

    def post(path: str, body: bytes) -> int:
        return asyncio.run(_post(application, path, body)).status_code

    assert post("/webhooks/fail", b'{"name": "chat", "status": 503, "times": 2}') == 200
    answers = [post("/inbox/chat", b'{"text": "spent"}') for _ in range(3)]
    assert (answers, post("/inbox/other", b"\xff")) == ([503, 503, 200], 200)
    kept = asyncio.run(_get(application, "/webhooks?name=chat")).json()
    assert [(each["answered"], each["json"]) for each in kept] == [
        (status, {"text": "spent"}) for status in answers
    ]
    assert len(asyncio.run(_get(application, "/mailbox")).json()) == 4


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"soon", "Expecting"),
        (b"{}", "name"),
        (b'{"name": "chat", "often": 2}', "name"),
        (b'{"name": "chat", "status": 99}', "status"),
        (b'{"name": "chat", "seconds": -1}', "seconds"),
        (b'{"name": "chat", "times": true}', "times"),
    ],
)
def test_a_failure_that_makes_no_sense_is_refused(
    admin: Admin, tmp_path: Path, body: bytes, named: str
) -> None:
    application = _control(admin, tmp_path).application()
    refused = asyncio.run(_post(application, "/webhooks/fail", body))
    assert refused.status_code == 400
    assert named in refused.json()["error"]


def test_denials_and_differences_are_shown(admin: Admin, tmp_path: Path) -> None:
    application = _control(admin, tmp_path).application()
    assert asyncio.run(_get(application, "/denials")).json() == []
    shown = asyncio.run(_get(application, "/differences")).json()
    assert shown == {"differences": ["one"], "ignored": ["two"]}


def _routes(application: Starlette) -> list[Any]:
    return list(application.routes)


def _stored_sum(admin: Admin, dimensions: dict[str, str]) -> float:
    points = admin.cloudwatch.get_metric_statistics(
        Namespace="Loops",
        MetricName="Requests",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=utc(time.time() - 600),
        EndTime=utc(time.time() + 600),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points)


def _put(admin: Admin, **rows: int | str | None) -> None:
    for name, purge_at in rows.items():
        item: dict[str, Any] = {"pk": {"S": name}, "sk": {"S": "row"}}
        if isinstance(purge_at, int):
            item["purge_at"] = {"N": str(purge_at)}
        elif purge_at is not None:
            item["purge_at"] = {"S": purge_at}
        admin.dynamodb.put_item(TableName=TABLE.name, Item=item)


def _left(admin: Admin) -> set[str]:
    return {item["pk"]["S"] for item in admin.dynamodb.scan(TableName=TABLE.name)["Items"]}


def _sweeper(admin: Admin, clock_file: ClockFile) -> TtlSweeper:
    return TtlSweeper(admin.endpoint_url, (TABLE,), offset_clock(clock_file.path), pytest.fail)


@dataclass
class Watched:
    """A stack as the control server needs it, without routers."""

    telemetry: Telemetry
    sweeper: TtlSweeper
    name: str = "tiny"
    instances: tuple[Instance, ...] = ()
    live: Any = None
    restarts: int = 0

    async def restart(self) -> None:
        self.restarts += 1


def _control(admin: Admin, directory: Path, delivered: Telemetry | None = None) -> Control:
    clock_file = ClockFile(directory / "clock")
    clock_file.reset()
    return Control(
        clock_file=clock_file,
        clock=offset_clock(clock_file.path),
        stacks=[Watched(delivered or telemetry(admin, directory, []), _sweeper(admin, clock_file))],
        differences=["one"],
        ignored=["two"],
        aws_url=admin.endpoint_url,
        simulator_url=None,
        signals=SignalPages({}, WebhookInbox(offset_clock(clock_file.path))),
    )


async def _get(application: Starlette, path: str) -> httpx2.Response:
    async with _client(application) as client:
        return await client.get(path)


async def _post(application: Starlette, path: str, body: bytes) -> httpx2.Response:
    async with _client(application) as client:
        return await client.post(path, content=body)


def _client(application: Starlette) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=application)
    return httpx2.AsyncClient(transport=transport, base_url="http://control")
