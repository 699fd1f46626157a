"""Hard budgets on the running stack: a storm, a raise, and midnight."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from cli.budget_stack import BudgetStack
from cli.connection import local_stack
from shared.clock import utc
from shared.domain.budgets.changes import Raise, SetTerms
from tests.system.conftest import Stack, running_stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

CALLS, THREADS = 1000, 64
TRAFFIC = {"model": "gpt-6-luna", "max_tokens": 16}


@pytest.fixture(scope="module")
def capped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("capped")) as stack:
        yield stack
        assert stack.look("/problems") == stack.look("/denials") == []


@pytest.fixture(scope="module")
def operator(capped: Stack) -> BudgetStack:
    ground = capped.world.ground
    outputs = dict(ground.deployment.outputs)
    url = ground.admin.endpoint_url
    return BudgetStack(local_stack(url, outputs["region"], outputs, ground.state.clock))


def body(number: int) -> dict[str, Any]:
    """Requests that differ and cost the same: as many tokens, and an answer cut at its limit."""
    content = f"[long 50] Storm {number:06d}."
    return {**TRAFFIC, "messages": [{"role": "user", "content": content}]}


def post(stack: Stack, key: str, number: int) -> httpx2.Response:
    return stack.control.post(
        f"{stack.base_url}/chat/completions",
        json=body(number),
        headers={"authorization": f"Bearer {key}", "x-sluice-cache": "bypass"},
    )


def set_cap(operator: BudgetStack, name: str, nano: int) -> None:
    operator.budgets.change(name, SetTerms(day=nano, on_limit="stop"), "a test")


def price_of_one(stack: Stack, team: str, key: str) -> tuple[int, int]:
    """Return what is held for one such call, and what it costs."""
    row = stack.row_of(post(stack, key, 999_999).headers["x-request-id"], team)
    return row["held_nano"], row["cost_nano"]


def test_a_storm_spends_its_budget_to_the_last_call_and_not_a_nano_dollar_more(
    capped: Stack, operator: BudgetStack
) -> None:
    key = capped.keys.create("storm", "").text
    held, cost = price_of_one(capped, "storm", key)
    assert 0 < cost < held
    fitting = 120
    cap = cost + held + (fitting - 1) * cost + cost // 2
    set_cap(operator, "team:storm", cap)
    billed_before = capped.bill_nano()
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda number: post(capped, key, number), range(CALLS)))
    statuses = Counter(answer.status_code for answer in answers)
    billed = capped.bill_nano() - billed_before
    assert statuses == {200: fitting, 402: CALLS - fitting}
    assert billed == fitting * cost
    [budget] = operator.budgets.show("team:storm")
    assert budget.day.spent == cost + billed <= cap
    assert cap - budget.day.spent < held, "another call would have fitted"
    assert (budget.day.held, budget.day.doubt, budget.in_flight) == (0, 0, 0)
    assert operator.audit(f"{utc(capped.now()):%Y-%m-%d}").findings == ()
    refused = next(answer for answer in answers if answer.status_code == 402).json()["error"]
    assert refused["sluice"]["budget"] == "team:storm:day"


def test_a_stop_is_not_retried_a_raise_serves_and_midnight_begins_anew(
    capped: Stack, operator: BudgetStack
) -> None:
    key = capped.keys.create("nightly", "").text
    held, cost = price_of_one(capped, "nightly", key)
    set_cap(operator, "team:nightly", 2 * held)
    spend_all(capped, key)
    told = sdk_refusals(capped, key)
    assert told == ["team:nightly:day"] * 2
    raised = Raise("day", by=held, until=int(capped.now()) + 4 * 3600)
    operator.budgets.change("team:nightly", raised, "a launch")
    assert post(capped, key, 1).status_code == 200
    capped.advance(4 * 3600 + 1)
    assert post(capped, key, 2).status_code == 402, "a raise ends by itself"
    capped.advance(24 * 3600 - capped.now() % (24 * 3600) + 1)
    after = post(capped, key, 3)
    assert after.status_code == 200
    assert after.headers["x-sluice-budget-remaining-usd"]
    [budget] = operator.budgets.show("team:nightly")
    assert (budget.day.label, budget.day.spent) == (f"{utc(capped.now()):%Y-%m-%d}", cost)


def spend_all(stack: Stack, key: str) -> None:
    """Call until the budget stops it."""
    numbers = iter(range(100, 200))
    while post(stack, key, next(numbers)).status_code == 200:
        pass


def sdk_refusals(stack: Stack, key: str) -> list[str]:
    """Ask once with each stock SDK as it comes, retries and all; return the budgets named."""
    with (
        openai.OpenAI(base_url=stack.base_url, api_key=key) as one,
        anthropic.Anthropic(base_url=stack.world.endpoint, api_key=key) as other,
    ):
        with pytest.raises(openai.APIStatusError) as first:
            one.chat.completions.create(**body(7))
        with pytest.raises(anthropic.APIStatusError) as second:
            other.messages.create(**body(8))
    assert first.value.status_code == second.value.status_code == 402
    return [json.loads(e.value.response.text)["error"]["sluice"]["budget"] for e in (first, second)]
