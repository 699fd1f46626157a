from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.replay_log import read_log
from shared.domain.prices import TokenCounts
from shared.domain.replay.reading import BadLine, read_line
from shared.domain.replay.scenarios import Wishes
from tests.unit.replay.logs import DAY, READING, facts, line, read, replayed

REQUEST = {"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 8, "completion_tokens": 2}
MESSAGE = {
    "model": "claude-opus-5-5",
    "max_tokens": 10,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "hi"}],
}
CLAUDES = {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 2}
KNOWN = facts()
AT = "2026-11-22T12:00:00Z"


@pytest.mark.parametrize(
    "row",
    [
        {**REQUEST, "usage": USAGE, "created": 1},
        {**REQUEST, "response": {"usage": USAGE}},
        {"request": REQUEST, "response": {"usage": USAGE}},
        {"body": REQUEST, "usage": USAGE},
        {"custom_id": "1", "body": REQUEST, "response": {"body": {"usage": USAGE}}},
        {"request": {"body": REQUEST}, "response": {"body": {"usage": USAGE}}},
        {"request": json.dumps(REQUEST), "response": json.dumps({"usage": USAGE})},
    ],
)  # fmt: skip
def test_every_wrapping_gives_the_same_request_and_usage(row: dict[str, Any]) -> None:
    record = read_line(1, json.dumps(row))
    assert (record.door, record.body, record.usage) == ("chat", REQUEST, USAGE)


@pytest.mark.parametrize(
    "row",
    [
        {"request": MESSAGE, "response": {"type": "message", "usage": CLAUDES}},
        {**MESSAGE, "usage": CLAUDES},
        {"url": "/v1/messages", "body": {k: v for k, v in MESSAGE.items() if k != "system"}},
    ],
)
def test_anthropic_messages_are_told_from_chat(row: dict[str, Any]) -> None:
    assert read_line(1, json.dumps(row)).door == "messages"


def test_the_usage_of_claude_is_read_by_its_own_names(tmp_path: Path) -> None:
    (call,) = read(tmp_path, {**MESSAGE, "usage": CLAUDES, "timestamp": AT}).calls
    assert call.counted.tokens == TokenCounts(input=5, cache_read=3, output=2)


@pytest.mark.parametrize(
    "time",
    [1_795_348_800, "1795348800", 1_795_348_800_000, AT, "2026-11-22T13:00:00+01:00",
     "2026-11-22T12:00:00"],
)  # fmt: skip
def test_times_are_epoch_seconds_milliseconds_or_iso(time: object) -> None:
    record = read_line(1, json.dumps({**REQUEST, "timestamp": time}))
    assert record.at == datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_bare_prompt_is_one_user_message_and_its_answer_may_be_a_text(tmp_path: Path) -> None:
    row = {"prompt": "What is a weir?", "response": "A low dam.", "timestamp": AT}
    (call,) = read(tmp_path, row).calls
    assert call.model == "gpt-6-astra"
    assert call.body["messages"] == [{"role": "user", "content": "What is a weir?"}]
    assert call.counted.output == "text"
    assert 3 <= call.counted.tokens.output <= 6


BAD = {
    "no json": "not valid JSON",
    "[1]": "not a JSON object",
    "{}": "no messages",
    '{"messages": "hi"}': "no messages",
    '{"a":' * 70 + "1" + "}" * 70: "nested too deep",
    json.dumps({**REQUEST, "timestamp": "noon"}): "timestamp is no time",
    json.dumps({**REQUEST, "created": "0001-01-01T00:00:00+14:00"}): "created is no time",
}


@pytest.mark.parametrize(("text", "why"), BAD.items())
def test_a_bad_line_says_why(text: str, why: str) -> None:
    with pytest.raises(BadLine, match=why):
        read_line(1, text)


def test_bad_lines_are_counted_by_number_and_the_others_replayed(tmp_path: Path) -> None:
    words = {**line(), "usage": {"prompt_tokens": "ten", "completion_tokens": 1}}
    log = read(tmp_path, line(), "", "oops", line(), words)
    assert len(log.calls) == 2
    assert log.bad == [(3, "not valid JSON"), (5, "usage: prompt_tokens is not a count")]


def test_bytes_that_are_no_utf8_spoil_one_line_only(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(b'{"prompt": "\xff\xfe"}\n' + json.dumps(line()).encode() + b"\n")
    log = read_log(file, facts(), READING, Wishes(DAY))
    assert (len(log.calls), [number for number, _ in log.bad]) == (1, [1])


def test_a_call_that_failed_is_not_billed(tmp_path: Path) -> None:
    log = read(
        tmp_path,
        line(usage=None, status=429),
        line(usage=None, response={"error": {"type": "overloaded"}}),
        line(status=200),
    )
    assert (log.failed, len(log.calls)) == (2, 1)


def test_a_model_without_a_price_at_its_time_is_left_out_by_name(tmp_path: Path) -> None:
    old = line(model="gpt-6-luna", timestamp="2026-01-01T00:00:00Z")
    log = read(tmp_path, line(model="gpt-4-turbo"), old)
    assert log.unpriced == {"gpt-4-turbo": 1, "gpt-6-luna": 1}
    assert log.calls == []


def test_an_alias_prices_a_name_that_only_the_log_knows(tmp_path: Path) -> None:
    known = facts(aliases={"gpt-4-turbo": "gpt-5.4"})
    (call,) = read(tmp_path, line(model="gpt-4-turbo"), known=known).calls
    assert call.model == "gpt-5.4"


@pytest.mark.parametrize(
    "name", ["openai/gpt-5", "gpt-5-2025-08-07", "openai/gpt-5-2025-08-07", "gpt-5-latest"]
)
def test_prefixed_and_dated_names_mean_the_model(name: str) -> None:
    assert facts().model(name).id == "gpt-5"


def test_a_dead_model_is_still_priced(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, line(model="deepseek-chat", usage=(1_000_000, 1_000_000)))
    # 0.28 + 0.42
    assert found.as_it_was == 700_000_000


def test_calls_without_a_time_are_spread_over_the_day_in_their_order(tmp_path: Path) -> None:
    rows = [{**REQUEST, "model": "gpt-5.4"}] * 4
    log = read(tmp_path, *rows)
    assert [call.at.hour for call in log.calls] == [0, 6, 12, 18]
    assert log.untimed == 4


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "type", "text", "usage", "choices", "message", "model",
                 "body", "response", "sluice", "cache", "tools", "system", "finish_reason",
                 "prompt_tokens", "completion_tokens", "input_tokens", "image_url", "error"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip
fields = st.sampled_from(
    ["model", "messages", "usage", "response", "request", "body", "timestamp", "created", "user",
     "team", "latency", "status", "prompt", "system", "tools", "sluice", "task", "may_wait"]
)  # fmt: skip


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # the first draw reads hypothesis' tables of characters
@given(rows=st.lists(st.dictionaries(fields, values, max_size=6), max_size=4))
def test_no_line_of_json_breaks_a_replay(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = [{**line(), **row} for row in rows]
    found = replayed(tmp_path_factory.getbasetemp(), *rows, *whole, known=KNOWN)
    assert len(found) <= 2 * len(rows)
