"""The savings ledger of the running stack, held against the simulated providers' own books."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from cli import connection
from cli.connection import UsageSource, usage_of
from cli.main import commands
from shared.domain.savings import LEVERS
from shared.domain.usage_rows import UsageRow, moment_of
from tests.system.conftest import Stack
from tests.system.doors import PATHS, DoorName, body_of, call
from tests.system.fault_table import MOMENTS

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

CALLS: Final = 100
MODELS: Final = ("auto", "nano", "gpt-6.1-sol", "mid", "claude-opus-5-5", "auto")
DOORS: Final[tuple[DoorName, ...]] = ("chat", "messages")
QUESTIONS: Final = (
    "What is a lock?",
    "Compare two designs of a sluice gate, and prove which one wears longer, step by step.",
    "[long 120] Tell of weirs.",
    "Classify: the water is high.",
    "¿Qué es una esclusa?",
    "水門とは何ですか。",
    "def gate(level):\n    return level > 3\n# explain this",
)
END: Final = MOMENTS["at the end"]
FAULTS: Final[tuple[tuple[bool, dict[str, Any]], ...]] = (
    (False, {"kind": "status", "status": 429}),
    (True, {"kind": "status", "status": 503}),
    (False, {"kind": "status", "status": 529}),
    (True, {"kind": "disconnect", "after_chunks": END}),
    (True, {"kind": "truncate", "after_chunks": END}),
    (True, {"kind": "malformed", "after_chunks": END}),
)
"""Whether a stream suffers it, and the fault: all of them leave no doubt about the bill."""

_PATIENCE: Final = 6
"""Pages of many rows may come from moto, on a busy machine, later than the router waits."""


@pytest.fixture
def team(stack: Stack) -> str:
    return f"s{uuid.uuid4().hex[:12]}"


@pytest.fixture
def key(stack: Stack, team: str) -> str:
    return stack.keys.create(team, "tests").text


@pytest.fixture
def source(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> UsageSource:
    monkeypatch.setattr(connection, "LOCAL_FACTS", stack.world.ground.state.facts)
    return usage_of(None)


def asked(count: int) -> Iterator[tuple[DoorName, dict[str, Any]]]:
    """Yield a mix of doors, models and questions, streams and repeats."""
    salt = uuid.uuid4().hex[:6]
    for number in range(count):
        question = QUESTIONS[number % 60 % len(QUESTIONS)] + f" {salt}{number % 60}"
        model = MODELS[number % 60 % len(MODELS)]
        door = DOORS[number % 60 % 2]
        yield door, body_of(door, model, question, stream=number % 3 == 0)


def post(stack: Stack, key: str, door: DoorName, body: dict[str, Any]) -> int:
    """Return the status, having read the answer to its end."""
    url = stack.base_url + PATHS[door]
    return stack.control.post(url, json=body, headers={"x-api-key": key}).status_code


def rows_of(source: UsageSource, team: str) -> list[UsageRow]:
    now = source.clock()
    days = sorted({moment_of(now - 86_400)[:10], moment_of(now)[:10]})
    return [row for day in days for row in source.ledger.usage_rows(team, f"{day}T00", f"{day}T24")]


def look(stack: Stack, key: str, query: str = "") -> Any:
    url = stack.world.endpoint + "/v1/usage" + query
    for _ in range(_PATIENCE):
        response = stack.control.get(url, headers={"x-api-key": key}, timeout=90)
        if response.status_code != 503:
            break
    return response.raise_for_status().json()


def test_the_providers_books_the_rows_and_the_report_agree_to_the_nano_dollar(
    stack: Stack, source: UsageSource, team: str, key: str
) -> None:
    billed = stack.bill_nano()
    ask_at_once(stack, key, asked(CALLS))
    bodies = [(f"Again? {uuid.uuid4()}", "mid") for _ in range(20)]
    ask_amid_faults(stack, key, bodies)
    check_books(stack, source, team, key, billed, at_least=CALLS + 21)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_books_agree_over_a_thousand_prompts_streams_and_faults(
    stack: Stack, source: UsageSource, team: str, key: str
) -> None:
    """The prompts are those of the file that ``SLUICE_PROMPTS`` names, a JSON object a line."""
    prompts = list(thousand_prompts())
    billed = stack.bill_nano()
    calm = [each for number, each in enumerate(prompts) if number % 10]
    models = cycle(MODELS)
    ask_at_once(
        stack,
        key,
        (
            (door, body_of(door, next(models), prompt, stream=number % 3 == 0))
            for number, (door, prompt) in enumerate(zip(cycle(DOORS), calm, strict=False))
        ),
    )
    models = cycle(("mid", "auto", "nano"))
    ask_amid_faults(stack, key, [(prompt, next(models)) for prompt in prompts[::10]])
    check_books(stack, source, team, key, billed, at_least=len(prompts))


def thousand_prompts() -> Iterator[str]:
    """Yield the prompts of the file that is named, else such of our own making."""
    named = os.environ.get("SLUICE_PROMPTS")
    if named is None:
        yield from (f"{QUESTIONS[n % len(QUESTIONS)]} {uuid.uuid4()}" for n in range(1000))
        return
    for line in Path(named).read_text(encoding="utf-8").rstrip("\n").split("\n"):
        yield json.loads(line)["prompt"]


def ask_at_once(stack: Stack, key: str, bodies: Iterable[tuple[DoorName, dict[str, Any]]]) -> None:
    """Ask from four threads, and read every answer to its end."""
    with ThreadPoolExecutor(4) as pool:
        statuses = set(pool.map(lambda each: post(stack, key, *each), bodies))
    assert statuses == {200}


def ask_amid_faults(stack: Stack, key: str, questions: list[tuple[str, str]]) -> None:
    """Ask questions of tiers, one after another; the provider of each first try misbehaves."""
    heard = []
    for number, (question, model) in enumerate(questions):
        stream, fault = FAULTS[number % len(FAULTS)]
        door = DOORS[number // len(FAULTS) % 2]
        stack.fault(**fault)
        body = body_of(door, model, question, stream=stream)
        heard.append(call(stack, door, body, **{"x-api-key": key}))
        stack.recover()
    assert Counter(each.sees for each in heard) == {"answer": len(questions)}


def check_books(
    stack: Stack, source: UsageSource, team: str, key: str, billed: int, at_least: int
) -> None:
    """Check the providers' books since ``billed`` against rows, levers and the report."""
    rows = rows_of(source, team)
    cost = sum(row.settlement.cost_nano for row in rows)
    assert cost == stack.bill_nano() - billed > 0
    check_levers(rows)
    print(len(rows), "rows cost", cost, "nano-dollars, and so the providers say")  # noqa: T201
    total = look(stack, key)["total"]
    assert Decimal(total["cost_usd"]) * 10**9 == cost
    assert sum(map(Decimal, total["levers"].values())) == Decimal(total["saved_usd"]) > 0
    assert total["requests"] == len(rows) >= at_least


def check_levers(rows: list[UsageRow]) -> None:
    """Check that each row balances, and that all levers that are built had a part."""
    for row in rows:
        settled = row.settlement
        assert settled.levers.total == settled.baseline_nano - settled.cost_nano
        assert settled.outcome == "answered" or settled.levers.total == 0
        assert settled.aws_nano > 0
        assert row.entry.request_digest
    moved = {name for row in rows for name, nano in row.settlement.levers.items() if nano}
    assert {"routing", "fallback", "exact_cache"} <= moved <= set(LEVERS)


def test_the_prompt_caches_part_is_net_of_what_writing_it_cost(
    stack: Stack, source: UsageSource, team: str, key: str
) -> None:
    rules = "You keep the locks of a canal, and answer in one sentence. " * 400
    for question in ("Who opens them?", "Who shuts them?"):
        body = body_of("messages", "claude-opus-5-5", question, system=rules)
        assert call(stack, "messages", body, **{"x-api-key": key}).sees == "answer"
    first, second = (row.settlement for row in rows_of(source, team))
    assert first.tokens.cache_write > 0 > first.levers.prompt_cache == first.levers.total
    assert second.tokens.cache_read > 0 < second.levers.prompt_cache == second.levers.total


def test_a_closed_day_is_reported_as_it_was_and_changes_with_late_feedback(
    stack: Stack, team: str, key: str
) -> None:
    body = body_of("chat", "auto", f"Late? {uuid.uuid4()}")
    named = call(stack, "chat", body, **{"x-api-key": key}).request_id
    day = moment_of(stack.now())[:10]
    fresh = look(stack, key)["total"]
    stack.advance(86_400 + 20_000)
    query = f"?from={day}&group_by=team,task"
    for _ in range(2):
        assert look(stack, key, query)["total"] == fresh
    said = stack.control.post(
        stack.base_url + "/feedback",
        json={"request_id": named, "outcome": "failure"},
        headers={"x-api-key": key},
    )
    assert said.status_code == 200
    for seconds in (1, 20_000):
        stack.advance(seconds)
        [group] = look(stack, key, query)["data"]
        assert (group["successes"], group["failures"]) == (0, 1)
        assert group["cost_usd"] == fresh["cost_usd"]


def test_the_command_tells_the_same_as_the_route(
    stack: Stack, source: UsageSource, team: str, key: str, tmp_path: Path
) -> None:
    for _ in range(2):
        call(stack, "chat", body_of("chat", "auto", f"Told? {team}"), **{"x-api-key": key})
    told = json.loads(run("usage", "--team", team, "--json"))
    assert Decimal(told["total"].pop("aws_usd")) > 0
    assert told["total"] == look(stack, key)["total"]
    table = run("usage", "--team", team, "--by", "team,model", "--since", "2h")
    assert team in table
    assert "exact_cache" in table
    page = tmp_path / "usage.html"
    assert str(page) in run("usage", "--team", team, "--html", str(page)).replace("\n", "")
    assert told["total"]["cost_usd"] in page.read_text(encoding="utf-8")
    every = json.loads(run("usage", "--by", "team", "--json"))
    assert team in {each["group"]["team"] for each in every["data"]}


@pytest.mark.parametrize("words", [("--by", "colour"), ("--since", "soon"), ("--local", "nowhere")])
def test_the_command_names_what_is_wrong(source: UsageSource, words: tuple[str, str]) -> None:
    assert words[1] in run("usage", *words, status=2)


def run(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(commands(), words, env={"COLUMNS": "200"})
    assert result.exit_code == status, result.output
    return result.output
