"""``sluice smoke`` on the running stack, and on gateways that are each spoilt in one way."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from cli import connection
from cli.connection import Gateway
from cli.main import commands
from cli.smoke import Report, examine
from local.aws import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY
from tests.system.conftest import Stack
from tests.system.spoilt_gateway import Asked, Spoiler, Told, spoilt

pytestmark = pytest.mark.system

ALL = {
    "health", "no key", "unknown key", "models", "chat", "cache hit", "streaming", "messages",
    "errors", "controls",
}  # fmt: skip


def failed(report: Report) -> set[str]:
    assert report.passed is all(row.passed for row in report.rows)
    return {row.check for row in report.rows if not row.passed}


def seen(report: Report, check: str) -> str:
    [row] = [row for row in report.rows if row.check == check]
    return row.seen


def visit(stack: Stack, spoiler: Spoiler) -> Report:
    with spoilt(stack.world.endpoint, spoiler) as url:
        return examine(Gateway(url, stack.world.api_key), "nano")


def test_a_sound_gateway_passes_every_check_and_the_cost_is_the_bill(stack: Stack) -> None:
    billed = stack.bill_nano()
    report = examine(Gateway(stack.world.endpoint, stack.world.api_key), "nano")
    assert failed(report) == set(), report.rows
    assert {row.check for row in report.rows} - {"budget"} == ALL
    assert Decimal(report.cost_usd) * 10**9 == stack.bill_nano() - billed > 0
    assert stack.world.api_key not in str(report)


def test_a_sound_gateway_passes_through_a_door_that_spoils_nothing(stack: Stack) -> None:
    assert failed(visit(stack, Spoiler())) == set()


def hold_back(_: Asked, told: Told) -> None:
    told.body = iter([b"".join(told.body)])


def new_question_each_time(asked: Asked) -> None:
    asked.body = asked.body.replace(b"(Reference", f"({uuid.uuid4()}, reference".encode())


def without(*names: str) -> Callable[[Asked], None]:
    def drop(asked: Asked) -> None:
        for name in names:
            asked.headers.pop(name, None)

    return drop


def drop_unknown_fields(asked: Asked) -> None:
    if b"no_such_field" in asked.body:
        asked.body = asked.body.replace(b'"no_such_field":1', b'"n":1')


def hang_up_early(asked: Asked, told: Told) -> None:
    if b'"stream":true' in asked.body:
        body = b"".join(told.body)
        told.body = iter([body.removesuffix(b"data: [DONE]\n\n")])


def cost_a_hit(_: Asked, told: Told) -> None:
    if told.headers.get("x-sluice-cache") == "hit":
        told.headers["x-sluice-cost-usd"] = "0.000000001"


def talk_html(asked: Asked, told: Told) -> None:
    if asked.path == "/v1/models" and told.status == 200:
        told.body = iter([b"<html>It works!</html>"])


SPOILT: Mapping[str, tuple[Spoiler, set[str]]] = {
    "a proxy that buffers": (Spoiler(answer=hold_back), {"streaming"}),
    "a stream cut short": (Spoiler(answer=hang_up_early), {"streaming"}),
    "a cache that never hits": (Spoiler(request=new_question_each_time), {"cache hit"}),
    "a hit that costs": (Spoiler(answer=cost_a_hit), {"cache hit"}),
    "a lost key header": (
        Spoiler(request=without("authorization")),
        {"models", "chat", "cache hit", "streaming", "errors", "controls"},
    ),
    "a lost Anthropic key header": (Spoiler(request=without("x-api-key")), {"messages"}),
    "controls ignored": (Spoiler(request=without("x-sluice-cache")), {"controls"}),
    "unknown controls ignored": (Spoiler(request=without("x-sluice-nonsense")), {"controls"}),
    "fields not named": (Spoiler(request=drop_unknown_fields), {"errors"}),
    "a missing door": (Spoiler(refused=frozenset({"/v1/messages"})), {"messages", "errors"}),
    "no health page": (Spoiler(refused=frozenset({"/health"})), {"health"}),
    "a page of another server": (Spoiler(answer=talk_html), {"models"}),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_spoilt_gateway_fails_in_the_row_of_its_fault(stack: Stack, fault: str) -> None:
    spoiler, rows = SPOILT[fault]
    report = visit(stack, spoiler)
    assert failed(report) == rows, report.rows


def test_a_door_without_locks_fails(stack: Stack) -> None:
    def open_door(asked: Asked) -> None:
        asked.headers["authorization"] = f"Bearer {stack.world.api_key}"

    assert failed(visit(stack, Spoiler(request=open_door))) == {"no key", "unknown key"}


def test_a_held_back_stream_is_told_with_its_times(stack: Stack) -> None:
    told = seen(visit(stack, Spoiler(answer=hold_back)), "streaming")
    assert told.startswith("held back and sent at once: first word after ")
    assert ", 1 burst" in told


@pytest.mark.parametrize(("left", "passes"), [("4.2", True), ("0", True), ("-0.1", False)])
def test_a_budget_is_a_row_where_the_gateway_tells_one(
    stack: Stack, left: str, passes: bool
) -> None:
    def tell(_: Asked, told: Told) -> None:
        told.headers["x-sluice-budget-remaining-usd"] = left

    report = visit(stack, Spoiler(answer=tell))
    assert failed(report) == (set() if passes else {"budget"})
    assert left in seen(report, "budget")


def test_nobody_at_the_endpoint_fails_every_row(stack: Stack) -> None:
    with spoilt(stack.world.endpoint, Spoiler()) as url:
        pass
    report = examine(Gateway(url, stack.world.api_key), "nano")
    assert failed(report) == ALL
    assert report.cost_usd == "0"
    assert "ConnectError" in seen(report, "health")


@pytest.fixture
def sluice(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(connection, "LOCAL_FACTS", stack.world.ground.state.facts)
    for name in (connection.ENDPOINT_VARIABLE, connection.KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: CliRunner().invoke(commands(), words)


def test_without_options_it_visits_the_local_world(sluice: Callable[..., Result]) -> None:
    told = sluice("smoke")
    assert told.exit_code == 0, told.output
    assert " checks, all passed" in told.stdout
    report = json.loads(sluice("smoke", "--json", "--local", "dev").stdout)
    assert report["passed"] is True
    assert {row["check"] for row in report["rows"]} - {"budget"} == ALL


def test_a_failed_check_is_exit_status_1_and_named(
    sluice: Callable[..., Result], stack: Stack
) -> None:
    with spoilt(stack.world.endpoint, Spoiler(answer=hold_back)) as url:
        told = sluice("smoke", "--endpoint", url + "/v1/", "--key", stack.world.api_key)
    assert told.exit_code == 1
    [row] = [line for line in told.stdout.splitlines() if "FAILED" in line]
    assert "streaming" in row
    assert "1 failed" in told.stdout


def test_a_text_that_is_no_key_is_said_to_be_none(
    sluice: Callable[..., Result], stack: Stack
) -> None:
    told = sluice("smoke", "--endpoint", stack.world.endpoint, "--key", "sk-other", "--json")
    rows = {row["check"]: row["seen"] for row in json.loads(told.stdout)["rows"]}
    assert rows["unknown key"] == "the key that was given is no Sluice key"
    assert rows["models"].startswith("401")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--stack", "dev", "--local", "dev"), "one of --stack, --local"),
        (("--local", "prod"), "no stack prod runs here, only dev"),
        (("--stack", "dev"), "no key"),
    ],
)
def test_what_cannot_be_visited_is_said(
    sluice: Callable[..., Result], words: tuple[str, ...], complaint: str
) -> None:
    told = sluice("smoke", *words)
    assert told.exit_code == 2
    assert complaint in " ".join(told.stderr.split())


@pytest.fixture
def account(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stack's AWS stand for the real one, as the operator's credentials reach it."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in {
        "AWS_ENDPOINT_URL": stack.world.ground.admin.endpoint_url,
        "AWS_ACCESS_KEY_ID": ADMIN_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET_KEY,
        "AWS_CONFIG_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Path]:
    """Put a ``pulumi`` first on PATH that tells given outputs and notes what it was asked."""

    def install(outputs: Any) -> Path:
        program = tmp_path / "pulumi"
        notes = tmp_path / "asked"
        program.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, sys\n"
            f"pathlib.Path({str(notes)!r}).write_text(' '.join(sys.argv[1:]))\n"
            f"outputs = {json.dumps(outputs)!r}\n"
            "print(outputs) if outputs != 'null' else sys.exit('error: no stack named that')\n"
        )
        program.chmod(0o755)
        return notes

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return install


@pytest.mark.usefixtures("account")
def test_a_deployed_stack_gets_a_key_and_a_visit_by_its_name(
    sluice: Callable[..., Result], stack: Stack, pulumi: Callable[[Any], Path]
) -> None:
    asked = pulumi({"endpoint": stack.world.endpoint, "environment": "dev"})
    made = json.loads(sluice("keys", "create", "smoke", "--stack", "dev", "--json").stdout)
    told = sluice("smoke", "--stack", "dev", "--key", made["key"], "--json")
    assert told.exit_code == 0, told.output
    assert asked.read_text() == "stack output --json --stack dev --non-interactive"
    rows = stack.usage_rows("smoke")
    assert {row["team"] for row in rows} == {"smoke"}
    listed = json.loads(sluice("keys", "list", "--env", "dev", "--team", "smoke", "--json").stdout)
    assert [row["key_id"] for row in listed] == [made["key_id"]]


@pytest.mark.parametrize(
    ("outputs", "complaint"), [(None, "no stack named that"), ({}, "is it deployed?")]
)
def test_pulumis_refusal_reaches_the_person(
    sluice: Callable[..., Result],
    stack: Stack,
    pulumi: Callable[[Any], Path],
    outputs: Any,
    complaint: str,
) -> None:
    pulumi(outputs)
    told = sluice("smoke", "--stack", "dev", "--key", stack.world.api_key)
    assert told.exit_code == 2
    assert complaint in " ".join(told.stderr.split())
