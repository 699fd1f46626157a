"""OpenAI's batches, through the stock SDK."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import BadRequestError, ConflictError, NotFoundError, OpenAI
from openai.types import Batch
from openai.types.chat import ChatCompletion

from local.simulator.app import build_app
from local.simulator.batches.creates import Creates
from local.simulator.batches.spool import Spool
from local.simulator.books import fingerprint
from local.simulator.clock import FileClock
from local.simulator.openai_batches import validation
from local.simulator.openai_batches.validation import validate
from local.simulator.prices import load_prices
from tests.unit.simulator.batch_lines import (
    COMPLETION,
    ECHO,
    HOUR,
    PROMPT,
    begin,
    chat_line,
    jsonl,
    output,
    strike,
    upload,
)
from tests.unit.simulator.conftest import KEY, Simulator
from tests.unit.simulator.test_chat import ask

DAY = 24 * HOUR


def after(simulator: Simulator, openai: OpenAI, batch: Batch, seconds: float) -> Batch:
    simulator.pass_seconds(seconds)
    return openai.batches.retrieve(batch.id)


def test_a_batch_goes_from_validating_to_completed(simulator: Simulator, openai: OpenAI) -> None:
    batch = begin(openai, [chat_line(f"line-{n}") for n in range(20)], metadata={"our": "id"})
    assert (batch.status, batch.metadata) == ("validating", {"our": "id"})
    assert batch.expires_at == batch.created_at + DAY
    working = after(simulator, openai, batch, 612)
    assert (working.status, working.output_file_id) == ("in_progress", None)
    counts = working.request_counts
    assert counts is not None
    assert 0 < counts.completed < counts.total == 20
    assert after(simulator, openai, batch, 10).status == "finalizing"
    done = after(simulator, openai, batch, 20)
    assert (done.status, done.error_file_id, done.errors) == ("completed", None, None)
    assert done.request_counts is not None
    assert done.request_counts.completed == 20
    assert done.usage is not None
    assert done.usage.total_tokens == 20 * (PROMPT + COMPLETION)
    moments = (done.created_at, done.in_progress_at, done.finalizing_at, done.completed_at)
    assert list(moments) == sorted(moments, key=lambda at: at or 0)
    rows = output(openai, done.output_file_id)
    assert set(rows) == {f"line-{n}" for n in range(20)}
    assert list(rows) != sorted(rows, key=lambda name: int(name[5:]))


def test_a_line_is_answered_as_a_call_is_and_costs_half(
    simulator: Simulator, openai: OpenAI
) -> None:
    called = ask(openai, "Why is the sky blue?")
    batch = begin(openai, [chat_line("a", "Why is the sky blue?")])
    done = after(simulator, openai, batch, HOUR)
    response = output(openai, done.output_file_id)["a"]["response"]
    answered = ChatCompletion.model_validate(response["body"])
    assert response["status_code"] == 200
    assert answered.choices[0].message.content == called.choices[0].message.content
    assert answered.usage == called.usage
    one, half = simulator.lines(2)
    assert (half["batch"], half["stream"], one["batch"]) == (batch.id, False, None)
    assert half["cost_pico"] * 2 == one["cost_pico"]
    assert half["cost_nano"] == -(-half["cost_pico"] // 1_000)


def test_cache_and_batch_discounts_multiply(simulator: Simulator, openai: OpenAI) -> None:
    text = "word " * 1_500
    marked = {"type": "text", "text": text, "prompt_cache_breakpoint": {"mode": "explicit"}}
    content = [marked, {"type": "text", "text": ECHO}]
    messages = [{"role": "user", "content": content}]
    options = {"mode": "explicit", "ttl": "30m"}
    lines = [chat_line(n, messages=messages, prompt_cache_options=options) for n in "ab"]
    begin(openai, lines)
    simulator.pass_seconds(HOUR)
    first, second = simulator.lines(2)
    written = first["cache_write_tokens"]
    assert written > 1_024
    assert second["cached_tokens"] == written
    fresh = second["prompt_tokens"] - written
    halves = (fresh * 100_000 + written * 10_000 + second["completion_tokens"] * 500_000) // 2
    assert second["cost_pico"] == halves


def test_a_refused_line_stands_in_the_error_file_alone_and_is_free(
    simulator: Simulator, openai: OpenAI
) -> None:
    lines = [chat_line("good"), chat_line("bad", temperature=9), chat_line("ill", "[fail 503]")]
    done = after(simulator, openai, begin(openai, lines), HOUR)
    assert done.status == "completed"
    assert set(output(openai, done.output_file_id)) == {"good"}
    errors = output(openai, done.error_file_id)
    statuses = {name: row["response"]["status_code"] for name, row in errors.items()}
    assert statuses == {"bad": 400, "ill": 503}
    assert errors["bad"]["response"]["body"]["error"]["param"] == "temperature"
    assert done.request_counts is not None
    assert (done.request_counts.completed, done.request_counts.failed) == (1, 2)
    assert len(simulator.books()["lines"]) == 1


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (chat_line("a"), "duplicate_custom_id"),
        ({**chat_line("b"), "url": "/v1/embeddings"}, "url_mismatch"),
        ({**chat_line("b"), "method": "GET"}, "invalid_method"),
        (chat_line("b", model="gpt-6-astra"), "model_mismatch"),
        (chat_line("b", model="nobody"), "model_not_found"),
        ({"custom_id": "b", "method": "POST", "url": "/v1/chat/completions"}, "invalid_request"),
        ("no object", "invalid_request"),
    ],
)
def test_one_bad_line_fails_the_batch_and_is_named(
    simulator: Simulator, openai: OpenAI, second: Any, code: str
) -> None:
    batch = begin(openai, [chat_line("a"), second, chat_line("c")])
    assert (batch.status, batch.errors) == ("validating", None)
    failed = after(simulator, openai, batch, HOUR)
    assert failed.status == "failed"
    assert failed.errors is not None
    assert [(e.line, e.code) for e in failed.errors.data or []] == [(2, code)]
    assert failed.failed_at is not None
    assert simulator.books()["lines"] == []


@pytest.mark.parametrize(
    ("text", "code"), [(b"", "empty_file"), (b"{not json}\n", "invalid_json_line")]
)
def test_a_file_that_is_no_list_of_lines_fails_the_batch(
    simulator: Simulator, openai: OpenAI, text: bytes, code: str
) -> None:
    file = openai.files.create(file=("in.jsonl", text), purpose="batch")
    batch = openai.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    failed = after(simulator, openai, batch, HOUR)
    assert [e.code for e in (failed.errors.data if failed.errors else None) or []] == [code]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input_file_id": "file-none"}, "input_file_id"),
        ({"endpoint": "/v1/responses"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"metadata": {"long": "x" * 513}}, "metadata"),
        ({"extra_body": {"colour": "red"}}, "colour"),
    ],
)
def test_a_wrong_field_of_a_create_is_named(
    openai: OpenAI, fields: dict[str, Any], param: str
) -> None:
    given: dict[str, Any] = {
        "input_file_id": upload(openai, [chat_line("a")]).id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        **fields,
    }
    with pytest.raises(BadRequestError) as refused:
        openai.batches.create(**given)
    assert str(refused.value.param).startswith(param)


def test_a_cancelled_batch_keeps_and_bills_what_was_done(
    simulator: Simulator, openai: OpenAI
) -> None:
    batch = begin(openai, [chat_line(str(n)) for n in range(20)])
    after(simulator, openai, batch, 612)
    assert openai.batches.cancel(batch.id).status == "cancelling"
    done = after(simulator, openai, batch, 60)
    assert done.status == "cancelled"
    assert done.cancelled_at is not None
    good, bad = output(openai, done.output_file_id), output(openai, done.error_file_id)
    assert good
    assert bad
    assert len(good) + len(bad) == 20
    assert {row["error"]["code"] for row in bad.values()} == {"batch_cancelled"}
    assert len(simulator.books()["lines"]) == len(good)
    with pytest.raises(ConflictError):
        openai.batches.cancel(batch.id)


def test_a_partly_expired_batch_bills_what_was_done(simulator: Simulator, openai: OpenAI) -> None:
    strike(simulator, "batch_partial", share=0.25)
    batch = begin(openai, [chat_line(str(n)) for n in range(8)])
    assert after(simulator, openai, batch, DAY - 60).status == "in_progress"
    done = after(simulator, openai, batch, 120)
    assert (done.status, done.expired_at) == ("expired", batch.expires_at)
    bad = output(openai, done.error_file_id)
    assert len(output(openai, done.output_file_id)) == 2
    assert {row["error"]["code"] for row in bad.values()} == {"batch_expired"}
    assert (len(bad), len(simulator.books()["lines"])) == (6, 2)


def test_a_line_may_ask_to_expire(simulator: Simulator, openai: OpenAI) -> None:
    batch = begin(openai, [chat_line("late", "[expire]"), chat_line("good")])
    done = after(simulator, openai, batch, DAY + HOUR)
    assert set(output(openai, done.output_file_id)) == {"good"}
    assert set(output(openai, done.error_file_id)) == {"late"}


def test_a_batch_may_never_get_anywhere(simulator: Simulator, openai: OpenAI) -> None:
    strike(simulator, "batch_partial")
    batch = begin(openai, [chat_line("a")])
    assert after(simulator, openai, batch, 23 * HOUR).status == "in_progress"
    done = after(simulator, openai, batch, 2 * HOUR)
    assert (done.status, done.output_file_id) == ("expired", None)
    assert simulator.books()["lines"] == []


def test_a_batch_may_be_told_to_fail_or_a_share_of_its_lines(
    simulator: Simulator, openai: OpenAI
) -> None:
    strike(simulator, "batch_invalid")
    failed = begin(openai, [chat_line("a")])
    strike(simulator, "batch_bad_lines", share=0.3, status=429)
    batch = begin(openai, [chat_line(str(n)) for n in range(10)])
    simulator.pass_seconds(HOUR)
    assert openai.batches.retrieve(failed.id).status == "failed"
    bad = output(openai, openai.batches.retrieve(batch.id).error_file_id)
    assert [row["response"]["status_code"] for row in bad.values()] == [429] * 3


def test_output_files_vanish_after_the_time_asked_for(simulator: Simulator, openai: OpenAI) -> None:
    wanted: Any = {"anchor": "created_at", "seconds": HOUR}
    batch = begin(openai, [chat_line("a")], output_expires_after=wanted)
    done = after(simulator, openai, batch, HOUR)
    assert done.output_file_id is not None
    assert openai.files.retrieve(done.output_file_id).purpose == "batch_output"
    simulator.pass_seconds(HOUR)
    with pytest.raises(NotFoundError):
        openai.files.content(done.output_file_id)


def test_a_batch_outlives_its_input_file(simulator: Simulator, openai: OpenAI) -> None:
    batch = begin(openai, [chat_line("a")])
    openai.files.delete(batch.input_file_id)
    assert after(simulator, openai, batch, HOUR).status == "completed"


def test_batches_are_listed_newest_first_and_paged(openai: OpenAI) -> None:
    made = [begin(openai, [chat_line("a")]).id for _ in range(5)]
    assert [batch.id for batch in openai.batches.list(limit=2)] == made[::-1]
    page = openai.batches.list(limit=2, after=made[2])
    assert ([b.id for b in page.data], page.has_more) == ([made[1], made[0]], False)
    with pytest.raises(BadRequestError):
        openai.batches.list(limit=101)


def test_a_batch_of_another_key_does_not_exist(openai: OpenAI) -> None:
    batch = begin(openai, [chat_line("a")])
    other = openai.with_options(api_key=KEY + "-other")
    for asked in (other.batches.retrieve, other.batches.cancel):
        with pytest.raises(NotFoundError):
            asked(batch.id)
    with pytest.raises(BadRequestError):
        other.batches.create(
            input_file_id=batch.input_file_id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
        )
    assert list(other.batches.list()) == []


def test_creates_are_limited_within_an_hour() -> None:
    creates = Creates(an_hour=2)
    for at in (0, 10):
        assert creates.wait("me", at) == 0
        creates.count("me", at)
    assert creates.wait("me", 20) == HOUR - 20
    assert creates.wait("you", 20) == 0
    assert creates.wait("me", HOUR) == 0


def test_the_2001st_create_of_an_hour_is_429(tmp_path: Path) -> None:
    clock_file = tmp_path / "clock"
    clock_file.write_text("0.0", encoding="ascii")
    app = build_app(FileClock(clock_file), load_prices())
    for _ in range(2_000):
        app.state.desk.creates.count(fingerprint(KEY), time.time())
    body = {
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }

    async def create() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://simulator") as client:
            headers = {"authorization": f"Bearer {KEY}"}
            return await client.post("/v1/batches", json=body, headers=headers)

    answer = asyncio.run(create())
    assert answer.status_code == 429
    assert 3_500 < int(answer.headers["retry-after"]) <= HOUR


def test_a_file_may_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    text = Spool(jsonl(chat_line(str(number)) for number in range(3)))
    prices = load_prices()
    assert validate(text, prices).problems == []
    monkeypatch.setattr(validation, "MOST_LINES", 2)
    assert [each.code for each in validate(text, prices).problems] == ["too_many_tasks"]
    monkeypatch.setattr(validation, "MOST_BYTES", text.size - 1)
    assert [each.code for each in validate(text, prices).problems] == ["file_too_large"]


def test_lines_are_read_whole_wherever_the_chunks_end() -> None:
    lines = [b"a" * 65_535, b"", b"b" * 200_000, b"c"]
    assert list(Spool(b"\n".join(lines)).lines()) == lines
    assert list(Spool(b"\n".join(lines) + b"\n").lines()) == lines


def test_the_books_are_complete_whenever_they_are_shown(
    simulator: Simulator, openai: OpenAI
) -> None:
    begin(openai, [chat_line(str(n)) for n in range(300)])
    simulator.pass_seconds(HOUR)
    assert simulator.books()["totals"]["requests"] == 300


def test_a_batch_goes_on_while_nobody_looks(simulator: Simulator, openai: OpenAI) -> None:
    batch = begin(openai, [chat_line("a")])
    for unseen_seconds in (0.3, 1.0, 3.0, 9.0):  # a busy machine may need longer
        simulator.pass_seconds(HOUR)
        time.sleep(unseen_seconds)
        simulator.pass_seconds(-HOUR)
        if simulator.books()["lines"]:
            break
    assert len(simulator.books()["lines"]) == 1
    assert openai.batches.retrieve(batch.id).status == "validating"
