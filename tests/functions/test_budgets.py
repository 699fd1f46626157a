"""What callers are told of budgets: ``GET /v1/budget``, and refusals that no SDK tries again."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import httpx2
import jsonschema_rs
import openai
import pytest

from functions.router.openapi import document
from shared.domain.budgets.changes import Change, Freeze, Raise, SetTerms, changed
from shared.domain.budgets.scopes import all_slices, key_scope, team_scope
from shared.domain.budgets.seeds import Seed, Seeds
from tests.functions.conftest import Gateway, make_gateway, run

Json = dict[str, Any]
DOCUMENT: Json = json.loads(document())
MESSAGES = "/v1/messages"
ASKED: Json = {"model": "auto", "messages": [{"role": "user", "content": "What is a sluice?"}]}
STOPPED = Seeds(team=Seed(day_usd="0.00000001"))
"""A team that may spend ten nano-dollars a day, less than any call may come to."""


def capped(**seeds: Seed) -> Gateway:
    return make_gateway("openai", "xai", budgets=Seeds(**seeds))  # type: ignore[arg-type]


def listed(gateway: Gateway, team: str = "search") -> dict[str, Json]:
    """Return what ``GET /v1/budget`` says, by the name of the counter, as documented."""
    response = run(gateway.call("GET", "/v1/budget", headers={"x-api-key": gateway.keys[team]}))
    assert response.status_code == 200, response.text
    said = response.json()
    schema = DOCUMENT["components"]["schemas"]["BudgetList"]
    jsonschema_rs.validate({**schema, "components": DOCUMENT["components"]}, said)
    return {row["budget"]: row for row in said["data"]}


def change(gateway: Gateway, scopes: Any, wanted: Change) -> None:
    """Change a budget as an operator does."""
    pieces = [gateway.ledger.budgets[scope] for scope in scopes]
    for piece in changed(pieces, wanted):
        gateway.ledger.budgets[piece.scope] = piece


def test_a_caller_is_told_of_every_capped_budget_that_it_spends_from() -> None:
    gateway = capped(
        environment=Seed(day_usd="0.000003"), team=Seed(month_usd="2"), key=Seed(day_usd="0.5")
    )
    assert list(listed(gateway)) == ["key:search.1:day", "team:search:month", "environment:day"]
    gateway = capped(environment=Seed(day_usd="0.1"), team=Seed(month_usd="2"))
    run(gateway.chat())
    found = listed(gateway)
    assert found["team:search:month"] == {
        "budget": "team:search:month",
        "cap_usd": "2",
        "spent_usd": "0.0000035",
        "held_usd": "0",
        "doubt_usd": "0",
        "used_percent": 0.0,
        "step": "normal",
        "reset_at": "2026-12-01T00:00:00Z",
    }
    assert found["environment:day"]["cap_usd"] == "0.1"
    assert found["environment:day"]["spent_usd"] == "0.0000035"
    assert found["environment:day"]["reset_at"] == "2026-11-23T00:00:00Z"
    assert listed(gateway, "support")["team:support:month"]["spent_usd"] == "0"


def test_without_caps_there_is_nothing_to_tell(gateway: Gateway) -> None:
    run(gateway.chat())
    assert listed(gateway) == {}


def test_the_step_of_the_ladder_and_a_raise_are_told() -> None:
    gateway = capped(team=Seed(day_usd="0.1"), environment=Seed(day_usd="9"))
    run(gateway.chat())
    team, now = team_scope("search"), int(gateway.time[0])
    change(gateway, [team], SetTerms(day=3_900))
    row = listed(gateway)["team:search:day"]
    assert (row["used_percent"], row["step"]) == (89.7, "cheapest")
    change(gateway, [team], Raise("day", 100_000, now + 60))
    row = listed(gateway)["team:search:day"]
    assert (row["cap_usd"], row["step"]) == ("0.0001039", "normal")
    gateway.time[0] += 61
    assert listed(gateway)["team:search:day"]["cap_usd"] == "0.0000039"
    change(gateway, [team], Freeze("a leak"))
    assert listed(gateway)["team:search:day"]["step"] == "stopped"
    gateway.time[0] += 24 * 3600
    assert listed(gateway)["team:search:day"]["spent_usd"] == "0"


def test_the_slices_of_the_environment_are_told_as_one() -> None:
    gateway = capped(environment=Seed(day_usd="0.4"))
    for number in range(6):
        run(gateway.chat(f"Question {number}?"))
    row = listed(gateway)["environment:day"]
    assert (row["cap_usd"], row["spent_usd"]) == ("0.4", "0.000021")
    spent = [budget.day.spent for s in all_slices() if (budget := gateway.ledger.budgets.get(s))]
    assert len(spent) > 1


def test_looking_costs_one_read_and_writes_nothing(gateway: Gateway) -> None:
    listed(gateway)
    gateway.store.calls.clear()
    listed(gateway)
    assert gateway.store.calls == ["look_up"]
    assert gateway.ledger.budgets == {}


def test_a_stranger_is_told_nothing(gateway: Gateway) -> None:
    response = run(gateway.call("GET", "/v1/budget"))
    assert response.status_code == 401
    assert "sluice" not in response.json()["error"]


FACTS = {
    "budget": "team:search:day",
    "cap_usd": "0.00000001",
    "spent_usd": "0",
    "held_usd": "0",
    "reset_at": "2026-11-23T00:00:00Z",
}


def is_documented(path: str, body: Json) -> bool:
    said = DOCUMENT["paths"][path]["post"]["responses"]["402"]["content"]["application/json"]
    return jsonschema_rs.is_valid({**said["schema"], "components": DOCUMENT["components"]}, body)


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_has_the_shape_of_the_chat_door(stream: bool) -> None:
    gateway = make_gateway("openai", budgets=STOPPED)
    response = run(gateway.chat(stream=stream))
    assert response.status_code == 402
    said = response.json()
    assert is_documented("/v1/chat/completions", said)
    error, request_id = said["error"], response.headers["x-request-id"]
    assert (error["type"], error["param"]) == ("budget_exceeded", None)
    assert error["sluice"].pop("call_usd")
    assert error["sluice"] == FACTS | {"request_id": request_id}
    assert gateway.upstream.sent == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_has_the_shape_of_the_messages_door(stream: bool) -> None:
    gateway = make_gateway("openai", budgets=STOPPED)
    body = json.dumps({**ASKED, "max_tokens": 50, "stream": stream}).encode()
    response = run(gateway.post(body, {"x-api-key": gateway.keys["search"]}, MESSAGES))
    assert response.status_code == 402
    said = response.json()
    assert is_documented(MESSAGES, said)
    assert said["error"]["type"] == "billing_error"
    assert said["error"]["sluice"].pop("call_usd")
    assert said["error"]["sluice"] == FACTS | {"request_id": said["request_id"]}
    assert gateway.upstream.sent == []


@pytest.mark.parametrize("path", ["/v1/chat/completions", MESSAGES])
def test_a_refusal_in_a_stream_that_has_begun_says_the_same(path: str) -> None:
    gateway = make_gateway("openai", budgets=STOPPED, keep_alive_seconds=0.1)
    reserve = gateway.ledger.open_budget

    def slowly(budget: Any) -> Any:
        time.sleep(0.3)  # longer than callers are left without a byte: the stream begins
        return reserve(budget)

    gateway.ledger.open_budget = slowly  # type: ignore[method-assign]
    body = json.dumps({**ASKED, "max_tokens": 50, "stream": True}).encode()
    response = run(gateway.post(body, {"x-api-key": gateway.keys["search"]}, path))
    assert response.status_code == 200
    [data] = [line for line in response.text.splitlines() if line.startswith("data: ")]
    said = json.loads(data.removeprefix("data: "))
    assert is_documented(path, said)
    assert said["error"]["sluice"]["budget"] == "team:search:day"
    assert ("event: error" in response.text) is (path == MESSAGES)


def test_a_call_that_may_cost_more_than_it_is_allowed_says_how_much(gateway: Gateway) -> None:
    response = run(gateway.chat(headers={"x-sluice-max-cost": "0.000000001"}))
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (402, "call_too_dear")
    assert error["sluice"]["max_cost_usd"] == "0.000000001"
    assert is_documented("/v1/chat/completions", response.json())


def test_a_frozen_budget_tells_why() -> None:
    gateway = capped(team=Seed(day_usd="5"))
    run(gateway.chat())
    change(gateway, [team_scope("search")], Freeze("a leaked key"))
    response = run(gateway.chat("Something new?"))
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (402, "budget_frozen")
    assert error["sluice"]["frozen"] == "a leaked key"
    assert is_documented("/v1/chat/completions", response.json())


class Counting(httpx2.ASGITransport):
    """Counts what an SDK sends."""

    sent = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent += 1
        return await super().handle_async_request(request)


Ask = Callable[[httpx2.AsyncClient, str, bool], Awaitable[object]]


async def ask_openai(http: httpx2.AsyncClient, key: str, stream: bool) -> object:
    client = openai.AsyncOpenAI(
        base_url="http://gateway/v1", api_key=key, http_client=http, max_retries=2
    )
    messages: Any = ASKED["messages"]
    return await client.chat.completions.create(model="auto", messages=messages, stream=stream)


async def ask_anthropic(http: httpx2.AsyncClient, key: str, stream: bool) -> object:
    client = anthropic.AsyncAnthropic(
        base_url="http://gateway", api_key=key, http_client=http, max_retries=2
    )
    messages: Any = ASKED["messages"]
    return await client.messages.create(
        model="auto", max_tokens=50, messages=messages, stream=stream
    )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("ask", "refused"),
    [(ask_openai, openai.APIStatusError), (ask_anthropic, anthropic.APIStatusError)],
)
def test_no_sdk_sends_a_refused_call_again_and_both_read_the_facts(
    ask: Ask, refused: Any, stream: bool
) -> None:
    gateway = make_gateway("openai", budgets=STOPPED)
    transport = Counting(app=gateway.app)

    async def judge() -> None:
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as http:
            with pytest.raises(refused) as caught:
                await ask(http, gateway.keys["search"], stream)
        assert caught.value.status_code == 402
        body = caught.value.body
        facts = body.get("sluice") or body["error"]["sluice"]
        assert facts["budget"] == "team:search:day"
        assert facts["request_id"] == caught.value.request_id

    run(judge())
    assert transport.sent == 1


def test_the_key_of_another_environment_reads_no_budget(gateway: Gateway) -> None:
    assert key_scope("search", "d") not in gateway.ledger.budgets
    foreign = gateway.keys["search"].replace("slc_dev", "slc_prod")
    response = run(gateway.call("GET", "/v1/budget", headers={"x-api-key": foreign}))
    assert response.status_code == 401
    assert gateway.store.calls == []
