"""What the provider had said and counted when it failed decides the answer and the bill."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from shared.adapters.memory import MemoryReply
from shared.domain.errors import UpstreamFailed, UpstreamTimedOut
from shared.domain.sse import named_frame
from tests.functions.conftest import (
    Gateway,
    as_chunks,
    chunk,
    completion,
    make_gateway,
    run,
    stream_frames,
    usage_chunk,
)
from tests.functions.test_messages_door import MESSAGE, ask

NO_COUNTS = {
    "prompt_tokens": "ten", "completion_tokens": 5, "input_tokens": "ten", "output_tokens": 5,
}  # fmt: skip


def event(name: str, **fields: Any) -> bytes:
    return named_frame(name, json.dumps({"type": name, **fields}).encode())


SPEAKING = [
    event(
        "message_start",
        message={**MESSAGE, "content": [], "stop_reason": None,
                 "usage": {"input_tokens": 10, "output_tokens": 1}},
    ),
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello"}),
]  # fmt: skip
FINISH = [
    event("content_block_stop", index=0),
    event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5}),
]
BREAKS = [UpstreamFailed("reset"), UpstreamTimedOut("late")]


async def then(error: Exception, *parts: bytes) -> Any:
    for part in parts:
        await asyncio.sleep(0)
        yield part
    raise error


@pytest.fixture
def claude() -> Gateway:
    return make_gateway("anthropic", "openai")


@pytest.mark.parametrize("error", BREAKS, ids=type)
def test_counts_of_a_message_that_broke_off_are_not_taken_for_all_of_it(
    claude: Gateway, error: Exception
) -> None:
    claude.answer_with(lambda _: MemoryReply(then(error, *SPEAKING)))
    text = ask(claude, model="claude-haiku-5-5", stream=True).text
    assert text.count("event: error") == 1
    [(_, settlement)] = claude.meter.settlements
    assert (settlement.usage_source, settlement.outcome) == ("estimated", "failed")
    assert settlement.tokens.output >= 50


@pytest.mark.parametrize("error", BREAKS, ids=type)
def test_a_failure_after_the_stop_reason_takes_nothing_from_a_message(
    claude: Gateway, error: Exception
) -> None:
    claude.answer_with(lambda _: MemoryReply(then(error, *SPEAKING, *FINISH)))
    text = ask(claude, model="claude-haiku-5-5", stream=True).text
    assert text.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n')
    [(_, settlement)] = claude.meter.settlements
    assert (settlement.usage_source, settlement.tokens.output) == ("provider", 5)
    assert len(claude.store.answers) == 1
    assert "cut_short" in [what for what, _ in claude.meter.troubles]


@pytest.mark.parametrize("ending", [b"data: [DO\n\n", b"data: {\n\n", b""])
def test_a_failure_after_the_counts_takes_nothing_from_a_completion(
    gateway: Gateway, ending: bytes
) -> None:
    whole = [part for part in stream_frames() if b"[DONE]" not in part]
    gateway.answer_with(lambda _: MemoryReply(then(UpstreamFailed("reset"), *whole, ending)))
    assert run(gateway.chat(stream=True)).text.endswith("data: [DONE]\n\n")
    [(_, settlement)] = gateway.meter.settlements
    assert (settlement.usage_source, settlement.cost_nano) == ("provider", 3500)
    assert len(gateway.store.answers) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_silent_provider_is_charged_for_all_it_may_have_generated(
    gateway: Gateway, stream: bool
) -> None:
    gateway.answer_with(lambda _: MemoryReply(then(UpstreamTimedOut("late"))))
    run(gateway.chat(model="gpt-6-luna", stream=stream))
    run(gateway.chat(model="gpt-6-luna", stream=stream, max_tokens=40, n=2))
    unbounded, bounded = (settlement for _, settlement in gateway.meter.settlements)
    assert unbounded.tokens.output == gateway.sent_bodies[0]["max_completion_tokens"] == 32_768
    assert bounded.tokens.output == 2 * 40


def test_a_silent_provider_is_charged_for_no_more_than_it_was_asked_for(claude: Gateway) -> None:
    claude.answer_with(lambda _: MemoryReply(then(UpstreamTimedOut("late"))))
    run(claude.chat(model="claude-haiku-5-5"))
    [(_, settlement)] = claude.meter.settlements
    assert settlement.tokens.output == claude.sent_bodies[0]["max_tokens"]


def test_a_stream_that_ends_before_its_first_byte_is_asked_for_elsewhere(claude: Gateway) -> None:
    def answer(body: dict[str, Any]) -> MemoryReply:
        is_first = body["model"].startswith("claude")
        return MemoryReply(as_chunks(*([] if is_first else stream_frames())))

    claude.answer_with(answer)
    response = run(claude.chat(model="nano", stream=True))
    assert response.headers["x-sluice-model"] == "gpt-6-luna"
    assert response.text.endswith("data: [DONE]\n\n")


def test_a_completion_never_shows_usage_that_no_sdk_could_read(gateway: Gateway) -> None:
    gateway.answer_with(lambda _: MemoryReply(as_chunks(completion(usage=NO_COUNTS))))
    assert run(gateway.chat()).json()["usage"] is None
    parts = [chunk({"content": "x"}), chunk({}, "stop"), usage_chunk(NO_COUNTS)]
    gateway.answer_with(lambda _: MemoryReply(as_chunks(*parts)))
    text = run(gateway.chat(stream=True, stream_options={"include_usage": True})).text
    assert '"ten"' not in text
    assert [s.usage_source for _, s in gateway.meter.settlements] == ["estimated"] * 2


def test_a_message_never_shows_usage_that_no_sdk_could_read(claude: Gateway) -> None:
    raw = json.dumps({**MESSAGE, "usage": NO_COUNTS}).encode()
    claude.answer_with(lambda _: MemoryReply(as_chunks(raw)))
    usage = ask(claude, model="claude-haiku-5-5").json()["usage"]
    assert set(usage.values()) == {0}
    spoilt = [part.replace(b'"input_tokens": 10', b'"input_tokens": "ten"') for part in SPEAKING]
    claude.answer_with(lambda _: MemoryReply(as_chunks(*spoilt, *FINISH)))
    assert '"ten"' not in ask(claude, model="claude-haiku-5-5", stream=True).text
    assert [s.usage_source for _, s in claude.meter.settlements] == ["estimated"] * 2
