"""Deferred calls through the running stack: batches at half price, near deadlines, and trouble."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Final

import anthropic
import httpx2
import pytest
from openai import APIStatusError
from openai.types.chat import ChatCompletion
from typer.testing import CliRunner

from cli import connection
from cli.main import commands
from shared.domain.money import NANO_PER_USD
from shared.resources import hold_partition, job_partition
from tests.system.conftest import Stack, running_stack, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

GPT: Final = "gpt-6-luna"
CLAUDE: Final = "claude-haiku-5-5"
PATIENCE: Final = 600
"""Seconds for what the machine does in a minute when it is quiet."""
MINUTE: Final = 60
HOUR: Final = 60 * MINUTE


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own: time is moved here, and providers are made to fail."""
    with running_stack(tmp_path_factory.mktemp("deferring"), collector_seconds=2) as stack:
        yield stack


class Caller:
    """A team of its own with the stock SDKs, so that its books hold nothing else."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.team = f"d{uuid.uuid4().hex[:12]}"
        self.key = stack.keys.create(self.team, "test").text
        self.openai = stack.client(self.key)
        self.anthropic = stack.claude(self.key)
        self.billed_before = stack.bill_nano()

    def ask(self, number: int, deadline: str, model: str = GPT) -> dict[str, Any]:
        """Ask through the door of the model's SDK; return the job.

        On a busy machine the store is late at times (503): the SDK asks again, by the same key.
        """
        asked: dict[str, Any] = {
            "model": model,
            "max_tokens": 40,
            "messages": [{"role": "user", "content": f"{self.team} asks of lock {number}."}],
            "extra_headers": {
                "x-sluice-deadline": deadline,
                "Idempotency-Key": f"{self.team}-{number}",
            },
        }
        if model == GPT:
            door: Any = self.openai.with_options(max_retries=5).chat.completions
        else:
            door = self.anthropic.with_options(max_retries=5).messages
        raw = door.with_raw_response.create(**asked)
        assert raw.http_response.status_code == 202
        job: dict[str, Any] = raw.http_response.json()
        return job

    def ask_all(self, count: int, deadline: str, models: tuple[str, ...] = (GPT,)) -> list[str]:
        """Ask many at once; return the ids of the jobs."""
        with ThreadPoolExecutor(6) as pool:
            jobs = pool.map(lambda n: self.ask(n, deadline, models[n % len(models)]), range(count))
            return [job["id"] for job in jobs]

    def job(self, job: str, wait: int = 0) -> dict[str, Any]:
        raw = self.openai.get(f"/jobs/{job}?wait={wait}", cast_to=httpx2.Response)
        found: dict[str, Any] = raw.json()
        return found

    def ended(self, jobs: list[str]) -> list[dict[str, Any]]:
        """Wait for the ends of all jobs."""
        deadline = time.monotonic() + PATIENCE
        found = []
        for job in jobs:
            while (shown := self.job(job, wait=20))["status"] in {"queued", "assigned"}:
                assert time.monotonic() < deadline, f"{shown}"
            found.append(shown)
        return found

    def rows(self) -> list[dict[str, Any]]:
        return self.stack.usage_rows(self.team)

    def billed(self) -> int:
        """Return what the providers have billed since this team came."""
        return self.stack.bill_nano() - self.billed_before

    def holds(self) -> int:
        outputs = self.stack.world.ground.deployment.outputs
        found = self.stack.world.ground.admin.dynamodb.query(
            TableName=outputs["ledger_table"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": hold_partition(self.team)}},
        )
        return sum("held_nano" in item for item in found["Items"])

    def batches(self) -> set[str]:
        """Return the ids of the provider batches that answered."""
        ground = self.stack.world.ground
        pages = ground.admin.dynamodb.get_paginator("query").paginate(
            TableName=ground.deployment.outputs["jobs_table"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": job_partition(self.team)}},
        )
        jobs = [json.loads(item["facts"]["S"]) for page in pages for item in page["Items"]]
        return {job["batch"] for job in jobs if job["batch"]}

    def usage(self) -> dict[str, Any]:
        raw = self.openai.get("/usage?group_by=model", cast_to=httpx2.Response)
        report: dict[str, Any] = raw.json()
        return report


@pytest.fixture
def caller(stack: Stack) -> Caller:
    return Caller(stack)


@pytest.mark.parametrize("count", [24, pytest.param(500, marks=pytest.mark.long)])
def test_many_deferred_calls_are_a_handful_of_batches_at_half_price(
    caller: Caller, count: int
) -> None:
    jobs = caller.ask_all(count, "24h", (GPT, CLAUDE))
    found = caller.ended(jobs)
    assert {each["status"] for each in found} == {"delivered"}
    assert [each["id"] for each in found] == jobs
    for number, each in enumerate(found):
        shape = ChatCompletion if number % 2 == 0 else anthropic.types.Message
        shape.model_validate(each["result"])
    # They wait for company for seconds here, in which a busy machine accepts a few; and for a
    # quarter of an hour on AWS.
    assert 2 <= len(caller.batches()) <= count // 4

    rows = caller.rows()
    assert len(rows) == count, "each is settled once"
    assert {row["status"] for row in rows} == {"answered"}
    assert all(row["cost_nano"] * 2 == row["baseline_nano"] for row in rows)
    assert sum(row["cost_nano"] for row in rows) == caller.billed() > 0
    assert caller.holds() == 0

    total = caller.usage()["total"]
    assert Decimal(total["cost_usd"]) * NANO_PER_USD == caller.billed()
    assert Decimal(total["levers"]["batch"]) == Decimal(total["saved_usd"])
    assert total["effective_discount_percent"] == 50.0


def test_calls_with_a_near_deadline_are_answered_at_once_at_the_full_price(
    stack: Stack, caller: Caller
) -> None:
    found = caller.ended(caller.ask_all(10, "5m"))
    assert {each["status"] for each in found} == {"delivered"}
    assert stack.now() < min(each["deadline"] for each in found)
    assert caller.batches() == set()
    rows = caller.rows()
    assert len(rows) == 10
    assert all(row["cost_nano"] == row["baseline_nano"] for row in rows)
    assert sum(row["cost_nano"] for row in rows) == caller.billed()
    assert caller.holds() == 0


def test_a_batch_that_never_ends_is_left_before_the_deadline(stack: Stack, caller: Caller) -> None:
    stack.fault(kind="batch_partial", share=0, match={"operation": "batches.create"})
    jobs = caller.ask_all(4, "1h")
    until(lambda: {caller.job(job)["status"] for job in jobs} == {"assigned"}, PATIENCE)
    # Their batch is created after that: a fault that it does not suffer is the next test's.
    until(lambda: stack.fault() == 0, PATIENCE)
    stack.advance(HOUR - 18 * MINUTE)
    found = caller.ended(jobs)
    assert {each["status"] for each in found} == {"delivered"}
    assert stack.now() < min(each["deadline"] for each in found)
    until(lambda: caller.holds() == 0, PATIENCE)
    paid = [row for row in caller.rows() if row["cost_nano"]]
    assert len(paid) == 4
    assert sum(row["cost_nano"] for row in paid) == caller.billed()


def test_a_lost_answer_to_a_create_sends_nothing_twice(stack: Stack, caller: Caller) -> None:
    stack.fault(kind="lost_answer", effect=True, match={"operation": "batches.create"})
    found = caller.ended(caller.ask_all(3, "4h"))
    assert {each["status"] for each in found} == {"delivered"}
    assert len(caller.batches()) == 1
    assert sum(row["cost_nano"] for row in caller.rows()) == caller.billed()


Sluice = Callable[..., Any]


@pytest.fixture
def sluice(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Sluice:
    monkeypatch.setattr(connection, "LOCAL_FACTS", stack.world.ground.state.facts)

    def run(*words: str) -> Any:
        result = CliRunner().invoke(commands(), [*words, "--json"])
        assert result.exit_code == 0, result.output
        # The world lives in this process and says what its alarms do, in between.
        begin = re.search(r"^[\[{]", result.stdout, re.MULTILINE)
        assert begin is not None, result.stdout
        return json.JSONDecoder().raw_decode(result.stdout, begin.start())[0]

    return run


def test_poison_ends_among_the_dead_letters_and_raises_an_alarm_that_an_operator_ends(
    stack: Stack, caller: Caller, sluice: Sluice
) -> None:
    ground = stack.world.ground
    outputs, sqs = ground.deployment.outputs, ground.admin.sqs
    sqs.send_message(QueueUrl=outputs["jobs_queue"], MessageBody="no job")

    def dead() -> int:
        stack.advance(3 * MINUTE)  # it is shown again half a minute after its first failure, …
        time.sleep(1)
        return len(sluice("jobs", "list")["dead_letters"])

    until(lambda: dead() == 1, PATIENCE)
    [letter] = sluice("jobs", "list")["dead_letters"]
    assert (letter["team"], letter["job"]) == (None, None)
    job = caller.ask(1, "24h")["id"]
    message = json.dumps({"team": caller.team, "job": job})
    sqs.send_message(QueueUrl=outputs["jobs_dead_letters"], MessageBody=message)

    def alarm() -> str:
        stack.advance(MINUTE)
        found = {each["alarm"]: each["state"] for each in sluice("alarms", "list")}
        return str(found["sluice-dev-dead-letters"])

    until(lambda: alarm() == "ALARM", PATIENCE)
    assert sluice("jobs", "redrive") == {"sent_again": 1, "unreadable": 1, "discarded": 0}
    until(lambda: sluice("jobs", "redrive", "--discard-unreadable")["discarded"] == 1, PATIENCE)
    assert sluice("jobs", "list")["dead_letters"] == []
    until(lambda: alarm() == "OK", PATIENCE)
    assert caller.ended([job])[0]["status"] == "delivered"


def test_a_budget_that_is_nearly_used_up_still_serves_what_may_wait(
    caller: Caller, sluice: Sluice
) -> None:
    asked: dict[str, Any] = {
        "model": GPT,
        "max_tokens": 40,
        "messages": [{"role": "user", "content": f"{caller.team} asks of a weir."}],
    }
    caller.openai.chat.completions.create(**asked)
    # The ladder's third step is at 95 % but where it is set: a call is then far above it.
    sluice("budget", "set", f"team:{caller.team}", "--day", "0.0005", "--ladder", "1,1,1")
    with pytest.raises(APIStatusError) as refused:
        caller.openai.chat.completions.create(**asked, extra_headers={"x-sluice-cache": "bypass"})
    assert refused.value.status_code == 402
    assert "calls with a deadline" in refused.value.message
    [found] = caller.ended([caller.ask(1, "24h")["id"]])
    assert found["status"] == "delivered"
    with pytest.raises(APIStatusError):
        caller.openai.chat.completions.create(**asked, extra_headers={"x-sluice-cache": "bypass"})
    assert caller.holds() == 0


def test_the_command_line_asks_for_later_and_waits(stack: Stack, caller: Caller) -> None:
    asked = ["ask", f"{caller.team} asks of a lock.", "--model", GPT, "--deadline", "24h", "--wait"]
    environment = {"SLUICE_ENDPOINT": stack.world.endpoint, "SLUICE_API_KEY": caller.key}
    result = CliRunner().invoke(commands(), asked, env=environment)
    assert result.exit_code == 0, result.output
    [row] = caller.rows()
    assert row["cost_nano"] * 2 == row["baseline_nano"]
    # The world tells of itself on the same output.
    [job] = re.findall(r"^job_[0-9a-f]{32}$", result.stdout, re.MULTILINE)
    answer = caller.job(job)["result"]["choices"][0]["message"]["content"]
    again = CliRunner().invoke(commands(), ["ask", "--job", job], env=environment)
    assert again.exit_code == 0, again.output
    assert answer in result.stdout
    assert answer in again.stdout
    unknown = CliRunner().invoke(commands(), ["ask", "--job", "job_" + "0" * 32], env=environment)
    assert unknown.exit_code == 1
    assert "404" in unknown.stderr


def test_an_operator_sees_a_job_and_cancels_it(
    stack: Stack, caller: Caller, sluice: Sluice
) -> None:
    job = caller.ask(1, "24h")["id"]
    shown = sluice("jobs", "show", caller.team, job)
    assert shown["job"] == job
    assert caller.team in str(sluice("jobs", "list", "--team", caller.team)["jobs"])
    assert "asks of lock" not in str(shown), "never what was asked"
    after = sluice("jobs", "cancel", caller.team, job)
    assert after["state"] == "failed"
    found = caller.job(job)
    assert found["error"]["code"] == "job_cancelled"
    until(lambda: caller.holds() == 0, PATIENCE)
    assert sum(row["cost_nano"] for row in caller.rows()) == caller.billed()
