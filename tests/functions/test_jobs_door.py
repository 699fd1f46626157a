"""Calls with a deadline at both doors, and ``GET /v1/jobs/{id}``."""

from __future__ import annotations

import json
from typing import Any, Final

import anthropic
import httpx2
import pytest
from openai.types.chat import ChatCompletion

from shared.domain.jobs.job import Job, JobError
from tests.functions.conftest import Gateway, completion, make_gateway, run

DEFERRED: Final = {"x-sluice-deadline": "2h"}
BOTH: Final = ("chat", "messages")
PATHS: Final = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}


@pytest.fixture
def gateway() -> Gateway:
    return make_gateway("openai", "anthropic", "xai")


def ask(
    gateway: Gateway,
    door: str = "chat",
    *,
    model: str = "gpt-6-luna",
    headers: dict[str, str] = DEFERRED,
    content: str = "What is a sluice?",
    team: str = "search",
    **fields: Any,
) -> httpx2.Response:
    body = {
        "model": model,
        "max_tokens": 50,
        "messages": [{"role": "user", "content": content}],
        **fields,
    }
    return run(
        gateway.post(
            json.dumps(body).encode(),
            {"authorization": f"Bearer {gateway.keys[team]}"} | headers,
            PATHS[door],
        )
    )


def look(gateway: Gateway, job: str, query: str = "", team: str = "search") -> httpx2.Response:
    headers = {"authorization": f"Bearer {gateway.keys[team]}"}
    return run(gateway.call("GET", f"/v1/jobs/{job}{query}", headers=headers))


def standing(gateway: Gateway, shown: dict[str, Any]) -> Job:
    return gateway.jobs.jobs["search", shown["id"]]


def finish(gateway: Gateway, shown: dict[str, Any], answer: bytes) -> None:
    """Do what the collector does when an answer has come."""
    job = standing(gateway, shown)
    gateway.jobs.put_content(job.team, job.id, "answer-1", answer)
    notes = {"cost_usd": "0.00001"}
    gateway.jobs.move(job, job.changed(state="done", answer=1, notes=notes))


@pytest.mark.parametrize("door", BOTH)
@pytest.mark.parametrize("in_body", [False, True])
def test_a_call_with_a_deadline_is_accepted_as_a_job(
    gateway: Gateway, door: str, in_body: bool
) -> None:
    fields: dict[str, Any] = {"sluice": {"deadline": "2h"}} if in_body else {}
    answer = ask(gateway, door, headers={} if in_body else DEFERRED, **fields)
    assert answer.status_code == 202, answer.text
    job, now = answer.json(), gateway.time[0]
    assert job == {
        "id": job["id"],
        "object": "sluice.job",
        "status": "queued",
        "created_at": int(now),
        "deadline": int(now) + 7200,
        "url": f"/v1/jobs/{job['id']}",
        "result": None,
        "error": None,
    }
    assert answer.headers["location"] == job["url"]
    assert answer.headers["x-request-id"].removeprefix("req_") == job["id"].removeprefix("job_")
    assert answer.headers["x-sluice-model"] == "gpt-6-luna"
    assert look(gateway, job["id"]).json() == job
    assert gateway.upstream.sent == [], "nobody was asked yet"
    [hold] = gateway.ledger.holds.values()
    assert hold.entry.variant == "batch", "held at the price of a batch"
    assert gateway.queue.sent == [("search", job["id"])]


def test_a_near_deadline_is_held_at_the_full_price(gateway: Gateway) -> None:
    assert ask(gateway, headers={"x-sluice-deadline": "5m"}).status_code == 202
    [hold] = gateway.ledger.holds.values()
    assert hold.entry.variant == "standard"


@pytest.mark.parametrize("door", BOTH)
def test_a_stream_cannot_be_deferred(gateway: Gateway, door: str) -> None:
    refused = ask(gateway, door, stream=True)
    assert refused.status_code == 400
    assert "stream" in refused.text
    assert not gateway.jobs.jobs


def test_a_model_whose_provider_has_no_batches_is_refused_by_name(gateway: Gateway) -> None:
    [model] = [
        each.id for each in gateway.router.catalog.models.values() if each.provider == "xai"
    ][:1]
    refused = ask(gateway, model=model)
    assert refused.status_code == 400
    assert model in refused.text


def test_a_count_is_not_deferred(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {gateway.keys['search']}"} | DEFERRED
    body = {"model": "claude-haiku-5-5", "messages": [{"role": "user", "content": "x"}]}
    path = "/v1/messages/count_tokens"
    refused = run(gateway.post(json.dumps(body).encode(), headers, path))
    assert refused.status_code == 400
    assert "deadline" in refused.text


def test_an_answer_comes_in_the_format_of_the_door_and_is_then_delivered(gateway: Gateway) -> None:
    job = ask(gateway).json()
    finish(gateway, job, completion())
    found = look(gateway, job["id"], "?wait=5")
    assert found.json()["status"] == "delivered"
    assert ChatCompletion.model_validate(found.json()["result"], strict=False).choices
    assert found.headers["x-sluice-cost-usd"] == "0.00001"
    assert look(gateway, job["id"]).json() == found.json(), "and can be had again"


@pytest.mark.parametrize("door", BOTH)
def test_a_failure_is_told_as_the_door_would_have(gateway: Gateway, door: str) -> None:
    shown = ask(gateway, door).json()
    job = standing(gateway, shown)
    error = JobError(502, "upstream_error", "upstream_failed", "It failed.")
    gateway.jobs.move(job, job.changed(state="failed", error=error))
    found = look(gateway, shown["id"]).json()
    assert (found["status"], found["result"]) == ("failed", None)
    if door == "messages":
        assert found["error"] == {"type": "api_error", "message": "It failed.", "status": 502}
        anthropic.types.shared.APIErrorObject.model_validate(found["error"])
    else:
        assert found["error"]["code"] == "upstream_failed"
        assert set(found["error"]) == {"message", "type", "param", "code", "status"}


def test_another_team_s_job_is_not_found_and_neither_is_what_is_none(gateway: Gateway) -> None:
    job = ask(gateway).json()["id"]
    stranger, nowhere = look(gateway, job, team="support"), look(gateway, "job_" + "0" * 32)
    assert stranger.status_code == nowhere.status_code == 404
    told = [each.json()["error"] | {"request_id": ""} for each in (stranger, nowhere)]
    assert told[0]["message"].replace(job, "job_" + "0" * 32) == told[1]["message"]
    for odd in ("x", "job_", "job_..%2f", "req_" + "0" * 32, "%00"):
        assert look(gateway, odd).status_code == 404, odd


@pytest.mark.parametrize(
    ("query", "named"),
    [("?wait=61", "wait"), ("?wait=-1", "wait"), ("?wait=soon", "wait"), ("?wait=1e3", "wait"),
     ("?wait=1&wait=2", "wait"), ("?weight=1", "weight"), ("?wait=", "wait")],
)  # fmt: skip
def test_a_senseless_wait_is_refused_by_name(gateway: Gateway, query: str, named: str) -> None:
    job = ask(gateway).json()["id"]
    refused = look(gateway, job, query)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == named


def test_without_a_key_nothing_is_told(gateway: Gateway) -> None:
    job = ask(gateway).json()["id"]
    refused = run(gateway.call("GET", f"/v1/jobs/{job}"))
    assert refused.status_code == 401


def test_what_was_answered_before_is_a_job_that_is_done_at_no_cost(gateway: Gateway) -> None:
    now = ask(gateway, headers={})
    assert now.status_code == 200
    later = ask(gateway)
    assert later.status_code == 202
    assert later.headers["x-sluice-cache"] == "hit"
    assert later.json()["status"] == "done"
    found = look(gateway, later.json()["id"])
    assert found.json()["result"] == now.json()
    assert found.headers["x-sluice-cost-usd"] == "0"
    assert not gateway.ledger.holds


@pytest.mark.parametrize("mode", ["bypass", "refresh"])
def test_the_cache_is_left_aside_where_the_caller_says_so(gateway: Gateway, mode: str) -> None:
    ask(gateway, headers={})
    later = ask(gateway, headers=DEFERRED | {"x-sluice-cache": mode})
    assert later.json()["status"] == "queued"
    keeps = standing(gateway, later.json()).wish.digest is not None
    assert keeps == (mode == "refresh")


def test_a_retry_under_the_same_key_gets_the_same_job(gateway: Gateway) -> None:
    headers = DEFERRED | {"idempotency-key": "order-7"}
    first, again = ask(gateway, headers=headers), ask(gateway, headers=headers)
    assert first.json() == again.json()
    assert len(gateway.jobs.jobs) == 1
    other = ask(gateway, headers=headers, content="Something else")
    assert other.status_code == 422
    at_once = ask(gateway, headers={"idempotency-key": "order-7"})
    assert at_once.status_code == 422, "an answer now is another thing than a job"


def test_a_call_that_may_cost_more_than_allowed_is_refused_at_the_price_of_a_batch(
    gateway: Gateway,
) -> None:
    refused = ask(gateway, headers=DEFERRED | {"x-sluice-max-cost": "0.000000001"})
    assert refused.status_code == 402
    assert not gateway.jobs.jobs
    assert not gateway.ledger.holds
