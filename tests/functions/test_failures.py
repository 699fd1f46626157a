"""When the provider or a store fails: the right error, nothing hung, all of it settled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.adapters.memory import MemoryReply
from shared.domain.errors import UpstreamFailed, UpstreamTimedOut
from tests.functions.conftest import Gateway, as_chunks, chunk, completion, run, stream_frames

ERROR = {"error": {"message": "too long", "type": "invalid_request_error", "param": "messages"}}


def replying(status: int, body: Any = None, **headers: str) -> Any:
    raw = json.dumps(body or {}).encode()
    return lambda _: MemoryReply(as_chunks(raw), status, headers)


def last_event(text: str) -> dict[str, Any]:
    frames = [frame for frame in text.split("\n\n") if frame.startswith("data: ")]
    event: dict[str, Any] = json.loads(frames[-1].removeprefix("data: "))
    return event


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (replying(400, ERROR), 400, "invalid_request"),
        (replying(401, {}), 502, "upstream_failed"),
        (replying(403, {}), 502, "upstream_failed"),
        (replying(404, {}), 502, "upstream_failed"),
        (replying(429, {}, **{"retry-after": "7"}), 429, "upstream_rate_limited"),
        (replying(503, "busy"), 502, "upstream_failed"),
        (replying(302, {}), 502, "upstream_failed"),
    ],
)
def test_an_error_before_the_first_byte_keeps_its_status_and_costs_nothing(
    gateway: Gateway, answer: Any, status: int, code: str, stream: bool
) -> None:
    gateway.answer_with(answer)
    response = run(gateway.chat(stream=stream))
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    [(_, settlement)] = gateway.meter.settlements
    assert (settlement.cost_nano, settlement.usage_source) == (0, "none")
    assert len(gateway.ledger.rows) == 1
    assert gateway.store.answers == {}
    assert gateway.meter.refusals == [], "one request is counted once"
    assert "crash" not in [what for what, _ in gateway.meter.troubles]


def test_the_providers_words_reach_the_caller_only_for_the_callers_own_fault(
    gateway: Gateway,
) -> None:
    gateway.answer_with(replying(400, ERROR))
    refused = run(gateway.chat()).json()["error"]
    assert refused["message"] == "openai refused the request: too long"
    assert refused["param"] == "messages"
    gateway.answer_with(replying(401, {"error": {"message": "Incorrect key sk-live-123"}}))
    told = run(gateway.chat()).json()["error"]["message"]
    assert told == "openai refused the gateway's API key."


def test_the_providers_retry_after_is_passed_on(gateway: Gateway) -> None:
    gateway.answer_with(replying(429, {}, **{"retry-after": "7"}))
    assert run(gateway.chat()).headers["retry-after"] == "7"


def failing(error: Exception, *before: bytes) -> Any:
    async def body() -> Any:
        for part in before:
            yield part
        raise error

    return lambda _: MemoryReply(body())


@pytest.mark.parametrize(
    ("error", "status", "is_charged"),
    [
        (UpstreamFailed("refused", may_bill=False), 502, False),
        (UpstreamFailed("reset"), 502, True),
        (UpstreamTimedOut("late"), 504, True),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_lost_connection_is_charged_high_unless_it_never_was(
    gateway: Gateway, error: Exception, status: int, is_charged: bool, stream: bool
) -> None:
    gateway.answer_with(failing(error))
    response = run(gateway.chat(stream=stream, max_tokens=100))
    assert response.status_code == status
    [(_, settlement)] = gateway.meter.settlements
    assert (settlement.cost_nano > 0) == is_charged
    assert settlement.usage_source == ("estimated" if is_charged else "none")
    assert settlement.saved_nano == 0


FIRST = chunk({"role": "assistant", "content": "Hel"})


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ([], "in the middle of the answer"),
        ([b"data: [DONE]\n\n"], "in the middle of the answer"),
        ([b"data: {nonsense\n\n"], "not valid JSON"),
        ([b"data: []\n\n"], "not a JSON object"),
        ([b'data: {"choices": 7}\n\n'], "a chunk without choices"),
        ([b'data: {"error": {"type": "server_error", "message": "x"}}\n\n'], "server_error"),
    ],
)
def test_a_stream_that_breaks_ends_with_an_error_event(
    gateway: Gateway, rest: list[bytes], said: str
) -> None:
    gateway.answer_with(lambda _: MemoryReply(as_chunks(FIRST, *rest)))
    response = run(gateway.chat(stream=True, max_tokens=50))
    assert response.status_code == 200
    error = last_event(response.text)["error"]
    assert said in error["message"]
    assert error["request_id"] == response.headers["x-request-id"]
    assert "[DONE]" not in response.text
    [(_, settlement)] = gateway.meter.settlements
    assert (settlement.outcome, settlement.usage_source) == ("failed", "estimated")
    assert settlement.tokens.output >= 50
    assert gateway.store.answers == {}


@pytest.mark.parametrize("output", [0, 5])
def test_a_prompt_of_no_tokens_is_not_believed_and_is_charged_high(
    gateway: Gateway, output: int
) -> None:
    usage = {"prompt_tokens": 0, "completion_tokens": output, "total_tokens": output}
    gateway.answer_with(lambda _: MemoryReply(as_chunks(completion(usage=usage))))
    response = run(gateway.chat(model="gpt-6-luna"))
    assert response.status_code == 200
    [(_, settlement)] = gateway.meter.settlements
    assert (settlement.outcome, settlement.usage_source) == ("answered", "estimated")
    assert settlement.cost_nano > 0
    assert gateway.store.answers == {}


def test_a_stream_without_usage_is_delivered_and_charged_high(gateway: Gateway) -> None:
    frames = [frame for frame in stream_frames() if b'"usage"' not in frame]
    gateway.answer_with(lambda _: MemoryReply(as_chunks(*frames)))
    response = run(gateway.chat(stream=True))
    assert "[DONE]" in response.text
    [(_, settlement)] = gateway.meter.settlements
    assert (settlement.outcome, settlement.usage_source) == ("answered", "estimated")
    assert gateway.store.answers == {}


@pytest.mark.parametrize(
    "raw",
    [b"", b"<html>", b"[]", b"{}", b'{"choices": []}', completion(reason="")[:-2]],
)
def test_an_answer_that_is_none_is_a_502(gateway: Gateway, raw: bytes) -> None:
    gateway.answer_with(lambda _: MemoryReply(as_chunks(raw)))
    response = run(gateway.chat())
    assert response.status_code == 502
    assert response.json()["error"]["type"] == "upstream_error"
    assert gateway.store.answers == {}


def test_without_its_tables_the_gateway_refuses_and_calls_no_provider(gateway: Gateway) -> None:
    gateway.store.down = {"look_up"}
    response = run(gateway.chat())
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "store_unavailable"
    assert gateway.upstream.sent == []


@pytest.mark.parametrize("down", ["open_budget", "reserve"])
def test_without_a_hold_no_provider_is_called(gateway: Gateway, down: str) -> None:
    gateway.ledger.down = {down}
    assert run(gateway.chat()).status_code == 503
    assert gateway.upstream.sent == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("down", "trouble"), [("end", "unsettled"), ("put_answer", "uncached")])
def test_a_paid_answer_is_delivered_even_if_it_cannot_be_written_down(
    gateway: Gateway, down: str, trouble: str, stream: bool
) -> None:
    gateway.store.down = gateway.ledger.down = {down}
    response = run(gateway.chat(stream=stream))
    assert response.status_code == 200
    assert "stop" in response.text
    assert trouble in [what for what, _ in gateway.meter.troubles]
    [(_, settlement)] = gateway.meter.settlements
    assert settlement.cost_nano == 3500


def test_a_hit_is_served_even_if_it_cannot_be_recorded(gateway: Gateway) -> None:
    run(gateway.chat())
    gateway.store.down = {"record_hit"}
    assert run(gateway.chat()).headers["x-sluice-cache"] == "hit"


@pytest.mark.parametrize("stream", [False, True])
def test_a_defect_of_ours_is_a_shaped_500_that_shows_nothing(
    gateway: Gateway, stream: bool
) -> None:
    gateway.answer_with(failing(ZeroDivisionError("the caller's secret text")))
    response = run(gateway.chat(stream=stream))
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert "secret" not in response.text
    assert "secret" not in str(gateway.meter.troubles)
    assert "crash" in [what for what, _ in gateway.meter.troubles]


def test_a_revoked_key_stops_within_sixty_seconds(gateway: Gateway) -> None:
    assert run(gateway.chat()).status_code == 200
    gateway.store.revoke("search.1", at=1)
    gateway.time[0] += 59
    assert run(gateway.chat()).status_code == 200
    gateway.time[0] += 1
    assert run(gateway.chat()).status_code == 401


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_error_may_have_been_billed_and_is_charged_high(
    gateway: Gateway, stream: bool
) -> None:
    gateway.answer_with(replying(500, {}))
    assert run(gateway.chat(stream=stream)).status_code == 502
    [(_, settlement)] = gateway.meter.settlements
    assert settlement.usage_source == "estimated"
    assert settlement.cost_nano > 0


@pytest.mark.parametrize("value", ["soon", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "\u0661"])
def test_a_retry_after_that_is_no_number_of_seconds_is_not_passed_on(
    gateway: Gateway, value: str
) -> None:
    gateway.answer_with(replying(429, {}, **{"retry-after": value}))
    response = run(gateway.chat(model="gpt-6-luna"))
    assert (response.status_code, "retry-after" in response.headers) == (429, False)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_broke_off_is_charged_for_what_had_arrived(
    gateway: Gateway, stream: bool
) -> None:
    half = chunk({"content": "x" * 5000}) if stream else b'{"choices": "' + b"x" * 5000
    gateway.answer_with(failing(UpstreamFailed("reset"), half))
    run(gateway.chat(stream=stream))
    [(_, settlement)] = gateway.meter.settlements
    assert settlement.tokens.output >= 5000


@pytest.mark.parametrize(
    "bad",
    [
        chunk({}, reason=5),  # type: ignore[arg-type]
        chunk({"tool_calls": ["x", {"index": 0}]}),
        chunk({"tool_calls": "x"}),
    ],
)
def test_chunks_of_wrong_types_end_the_stream_settled(gateway: Gateway, bad: bytes) -> None:
    gateway.answer_with(lambda _: MemoryReply(as_chunks(FIRST, bad, *stream_frames())))
    response = run(gateway.chat(stream=True))
    assert "error" in last_event(response.text)
    assert len(gateway.ledger.rows) == 1


def test_a_crash_while_an_answer_is_read_leaves_no_entry_open(gateway: Gateway) -> None:
    gateway.answer_with(failing(ZeroDivisionError("x")))
    run(gateway.chat())
    [settlement] = gateway.ledger.rows.values()
    assert (settlement.outcome, settlement.usage_source) == ("failed", "estimated")
    assert [what for what, _ in gateway.meter.troubles].count("crash") == 1


def test_a_stored_answer_that_cannot_be_replayed_ends_with_an_error(gateway: Gateway) -> None:
    import dataclasses

    run(gateway.chat())
    for place, stored in gateway.store.answers.items():
        gateway.store.answers[place] = dataclasses.replace(stored, body=b'{"choices": []}')
    assert "error" in run(gateway.chat(stream=True)).text


def test_an_error_after_the_finish_takes_nothing_from_a_whole_answer(gateway: Gateway) -> None:
    parts = [FIRST, chunk({}, "stop"), b'data: {"error": {"type": "x"}}\n\n']
    gateway.answer_with(lambda _: MemoryReply(as_chunks(*parts)))
    response = run(gateway.chat(stream=True))
    assert "[DONE]" in response.text
    [(_, settlement)] = gateway.meter.settlements
    assert settlement.outcome == "answered"


@pytest.mark.parametrize("stream", [False, True])
def test_an_endless_answer_is_cut_off(gateway: Gateway, stream: bool) -> None:
    part = chunk({"content": "x" * 1_000_000}) if stream else b"x" * 1_000_000

    async def endless() -> Any:
        for _ in range(40):
            yield part

    gateway.answer_with(lambda _: MemoryReply(endless()))
    response = run(gateway.chat(stream=stream))
    assert "larger than 16 MB" in response.text


def test_a_null_error_is_none(gateway: Gateway) -> None:
    parts = [part.replace(b'{"id"', b'{"error": null, "id"') for part in stream_frames()]
    gateway.answer_with(lambda _: MemoryReply(as_chunks(*parts)))
    assert "[DONE]" in run(gateway.chat(stream=True)).text


@pytest.mark.timeout(30)
def test_a_connection_held_open_after_done_holds_up_nobody(gateway: Gateway) -> None:
    import asyncio

    async def held() -> Any:
        for part in stream_frames():
            yield part
        await asyncio.sleep(60)

    gateway.answer_with(lambda _: MemoryReply(held()))
    assert "[DONE]" in run(gateway.chat(stream=True)).text


def test_models_are_listed_for_who_has_a_key(gateway: Gateway) -> None:
    key = {"authorization": f"Bearer {gateway.keys['search']}"}
    listed = [
        each["id"] for each in run(gateway.call("GET", "/v1/models", headers=key)).json()["data"]
    ]
    assert listed[:4] == ["auto", "nano", "mid", "frontier"]
    assert {"gpt-6-luna", "grok-4.7"} <= set(listed)
    assert run(gateway.call("GET", "/v1/models")).status_code == 401
    one = run(gateway.call("GET", "/v1/models/mid", headers=key)).json()
    assert (one["id"], one["object"], one["owned_by"]) == ("mid", "model", "sluice")
    assert run(gateway.call("GET", "/v1/models/gpt-2", headers=key)).status_code == 400


def test_what_is_charged_in_full_reaches_the_metrics(gateway: Gateway) -> None:
    gateway.ledger.down = {"end"}
    run(gateway.chat())
    gateway.ledger.down = set()
    gateway.time[0] += 3600
    [hold] = gateway.router.holding.expired("search")
    assert gateway.router.holding.expire(hold)
    assert gateway.meter.charges == [hold.nano]
