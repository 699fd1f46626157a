"""``GET /v1/usage`` and ``POST /v1/feedback`` through the app, on fakes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest

from functions.router.openapi import document
from shared.adapters.memory import MemoryReply
from shared.domain.rollups import DIMENSIONS
from shared.domain.savings import LEVERS
from tests.functions.conftest import Gateway, as_chunks, completion, run

Json = dict[str, Any]

DOCUMENT: Json = json.loads(document())
DAY = "2026-11-22"


def look(gateway: Gateway, query: str = "", team: str = "search") -> Json:
    response = run(
        gateway.call("GET", f"/v1/usage{query}", headers={"x-api-key": gateway.keys[team]})
    )
    assert response.status_code == 200, response.text
    schema = {"$ref": "#/components/schemas/UsageReport", "components": DOCUMENT["components"]}
    told: Json = response.json()
    jsonschema_rs.validate(schema, told)
    return told


def refusal(gateway: Gateway, query: str) -> Json:
    headers = {"x-api-key": gateway.keys["search"]}
    response = run(gateway.call("GET", f"/v1/usage{query}", headers=headers))
    assert response.status_code == 400
    error: Json = response.json()["error"]
    return error


def say(gateway: Gateway, team: str = "search", **said: Any) -> Any:
    headers = {"x-api-key": gateway.keys[team]}
    return run(gateway.post(json.dumps(said).encode(), headers, "/v1/feedback"))


def ask(gateway: Gateway, text: str = "What is a sluice?", **request: Any) -> str:
    response = run(gateway.chat(text, **request))
    assert response.status_code == 200, response.text
    gateway.time[0] += 1
    return str(response.headers["x-request-id"])


def test_the_report_adds_up_to_what_every_answer_told(gateway: Gateway) -> None:
    told: dict[str, Decimal] = {"cost_usd": Decimal(), "saved_usd": Decimal()}
    for text, model in (("One?", "auto"), ("One?", "auto"), ("Two?", "gpt-6.1-sol")):
        headers = run(gateway.chat(text, model=model)).headers
        gateway.time[0] += 1
        for name in told:
            told[name] += Decimal(headers["x-sluice-" + name.replace("_", "-")])
    total = look(gateway)["total"]
    assert {name: Decimal(total[name]) for name in told} == told
    assert sum(map(Decimal, total["levers"].values())) == told["saved_usd"] > 0
    assert Decimal(total["levers"]["exact_cache"]) > 0
    assert Decimal(total["levers"]["routing"]) > 0
    assert total["levers"].keys() == set(LEVERS)
    assert (total["requests"], total["successes"]) == (3, 3)


def test_a_stream_tells_the_same_levers_as_a_whole_answer(gateway: Gateway) -> None:
    ask(gateway)
    whole = look(gateway)["total"]["levers"]
    ask(gateway, stream=True, headers={"x-sluice-cache": "bypass"})
    both = look(gateway)["total"]["levers"]
    assert {name: Decimal(usd) for name, usd in both.items()} == {
        name: 2 * Decimal(usd) for name, usd in whole.items()
    }


def test_groups_name_their_dimensions_and_add_up_to_the_total(gateway: Gateway) -> None:
    ask(gateway, headers={"x-sluice-feature": "docs", "x-sluice-task": "qa"})
    ask(gateway, "Prove it.", model="frontier")
    told = look(gateway, "?group_by=feature,tier")
    assert [each["group"] for each in told["data"]] == [
        {"feature": None, "tier": "frontier"},
        {"feature": "docs", "tier": "nano"},
    ]
    every = look(gateway, f"?group_by={','.join(DIMENSIONS)}")
    assert every["data"][1]["group"] == {
        "environment": "dev", "team": "search", "key": "search.1", "feature": "docs",
        "model": "gpt-6-luna", "tier": "nano", "task": "qa",
    }  # fmt: skip
    for report in (told, every):
        costs = [Decimal(each["cost_usd"]) for each in report["data"]]
        assert sum(costs) == Decimal(report["total"]["cost_usd"])


def test_a_team_sees_nothing_of_another(gateway: Gateway) -> None:
    ask(gateway)
    assert look(gateway, team="support") == {
        "object": "list", "data": [], "total": look(gateway, "?to=2026-01-01")["total"],
    }  # fmt: skip
    assert look(gateway, team="support")["total"]["requests"] == 0


def test_dates_bound_what_is_counted(gateway: Gateway) -> None:
    ask(gateway)
    for query, requests in {
        f"?from={DAY}&to=2026-11-23": 1,
        f"?from=2026-11-20&to={DAY}": 0,
        f"?from={DAY}T00:00:00Z&to={DAY}T06:46:40Z": 0,
        f"?from={DAY}T06:46:40Z": 1,
        f"?from={DAY}T07:46:40%2B01:00&to={DAY}T06:46:41": 1,
        f"?to={DAY}T06:46:40.5": 1,
        "": 1,
    }.items():
        assert look(gateway, query)["total"]["requests"] == requests, query


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("?from=yesterday", "from"),
        ("?from=2026-13-01", "from"),
        ("?to=2026-11-22T25:00", "to"),
        (f"?from={DAY}&to={DAY}", "from"),
        ("?from=2026-01-01&to=2026-11-01", "from"),
        ("?group_by=colour", "group_by"),
        ("?group_by=", "group_by"),
        ("?since=7d", "since"),
        ("?to=2026-11-22&to=2026-11-23", "to"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(gateway: Gateway, query: str, param: str) -> None:
    assert refusal(gateway, query)["param"] == param


def test_a_fallback_is_a_failure_of_one_model_and_a_success_of_the_next(gateway: Gateway) -> None:
    def answer(body: Json) -> MemoryReply:
        if body["model"] == "gpt-6.1-terra":
            return MemoryReply(as_chunks(b"{}"), status=503)
        return MemoryReply(as_chunks(completion()))

    gateway.answer_with(answer)
    ask(gateway, model="mid")
    told = {each["group"]["model"]: each for each in look(gateway)["data"]}
    failed = told.pop("gpt-6.1-terra")
    [answered] = told.values()
    assert (failed["failures"], failed["saved_usd"]) == (1, "0")
    assert failed["cost_per_success_usd"] is None
    assert answered["successes"] == 1
    assert Decimal(answered["levers"]["fallback"]) == Decimal(answered["saved_usd"]) < 0


@pytest.mark.parametrize(
    ("reason", "text", "failures", "unknown"),
    [("length", "Hel", 1, 0), ("stop", "no json", 1, 0), ("stop", "{}", 0, 0)],
)
def test_finish_reason_and_schema_judge_an_answer(
    gateway: Gateway, reason: str, text: str, failures: int, unknown: int
) -> None:
    raw = completion(text, reason=reason)
    gateway.answer_with(lambda _: MemoryReply(as_chunks(raw)))
    ask(gateway, response_format={"type": "json_object"})
    total = look(gateway)["total"]
    assert (total["failures"], total["unknown"]) == (failures, unknown)


def test_asking_again_past_the_cache_makes_the_first_answer_a_failure(gateway: Gateway) -> None:
    past: Json = {"headers": {"x-sluice-cache": "bypass"}}
    ask(gateway, **past)
    assert look(gateway)["total"]["failures"] == 0
    ask(gateway, "Another?", **past)
    ask(gateway)
    ask(gateway)
    assert look(gateway)["total"]["failures"] == 1


def test_feedback_counts_and_the_last_word_wins(gateway: Gateway) -> None:
    named = ask(gateway)
    kept = say(gateway, request_id=named, outcome="failure", score=0.25)
    assert kept.json() == {
        "object": "sluice.feedback", "request_id": named, "outcome": "failure", "score": 0.25,
        "corrected": False,
    }  # fmt: skip
    assert look(gateway)["total"]["failures"] == 1
    gateway.time[0] += 400_000
    assert say(gateway, request_id=named, outcome="success").status_code == 200
    late = look(gateway, f"?from={DAY}&to=2026-11-23")["total"]
    assert (late["successes"], late["failures"]) == (1, 0)
    assert late["cost_per_success_usd"] == late["cost_usd"]


def test_a_corrected_answer_is_a_failure_and_its_text_is_kept_nowhere(gateway: Gateway) -> None:
    named = ask(gateway)
    kept = say(gateway, request_id=named, corrected="It is a gate, canary-4711.").json()
    assert (kept["outcome"], kept["corrected"]) == ("failure", True)
    assert "canary-4711" not in repr(vars(gateway.ledger)) + repr(vars(gateway.store))
    assert look(gateway)["total"]["failures"] == 1


def test_feedback_on_another_team_s_answer_is_refused_as_on_none(gateway: Gateway) -> None:
    named = ask(gateway)
    other = say(gateway, team="support", request_id=named, outcome="failure")
    none = say(gateway, request_id="req_" + "0" * 32, outcome="failure")
    for refused in (other, none):
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "request_not_found"
    assert look(gateway)["total"]["failures"] == 0


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"outcome": "failure"}, "request_id"),
        ({"request_id": "req_1", "outcome": "failure"}, "request_id"),
        ({"request_id": "req_" + "a" * 32}, "outcome"),
        ({"request_id": "req_" + "a" * 32, "outcome": "meh"}, "outcome"),
        ({"request_id": "req_" + "a" * 32, "outcome": "success", "score": 2}, "score"),
        ({"request_id": "req_" + "a" * 32, "outcome": "success", "corrected": "x"}, "outcome"),
        ({"request_id": "req_" + "a" * 32, "outcome": "success", "why": "x"}, "why"),
    ],
)
def test_feedback_that_makes_no_sense_names_the_field(
    gateway: Gateway, said: Json, param: str
) -> None:
    refused = say(gateway, **said)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("down", ["usage_rows", "days", "give_feedback"])
def test_a_ledger_that_is_down_is_a_503(gateway: Gateway, down: str) -> None:
    named = ask(gateway)
    gateway.ledger.down.add(down)
    headers = {"x-api-key": gateway.keys["search"]}
    answers = [
        run(gateway.call("GET", "/v1/usage", headers=headers)).status_code,
        say(gateway, request_id=named, outcome="failure").status_code,
    ]
    assert 503 in answers


def test_both_ask_for_a_key(gateway: Gateway) -> None:
    assert run(gateway.call("GET", "/v1/usage")).status_code == 401
    assert run(gateway.post(b"{}", {}, "/v1/feedback")).status_code == 401
