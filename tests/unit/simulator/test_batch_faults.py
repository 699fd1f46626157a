"""Each fault strikes requests about files and batches as it says, in both protocols."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import anthropic as anthropic_sdk
import openai as openai_sdk
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.unit.simulator.batch_lines import (
    HOUR,
    batches,
    begin,
    chat_line,
    message_line,
    strike,
    upload,
)
from tests.unit.simulator.conftest import Simulator
from tests.unit.simulator.test_chat import ask


def create(anthropic: Anthropic) -> Any:
    return anthropic.messages.batches.create(requests=[message_line("a"), message_line("b")])


def finished_file(simulator: Simulator, openai: OpenAI, lines: int = 5) -> str:
    batch = begin(openai, [chat_line(str(n)) for n in range(lines)])
    simulator.pass_seconds(HOUR)
    file_id = openai.batches.retrieve(batch.id).output_file_id
    assert file_id is not None
    return file_id


@pytest.mark.parametrize("kind", ["lost_answer", "disconnect"])
def test_a_batch_exists_whose_create_lost_its_answer(
    simulator: Simulator, openai: OpenAI, anthropic: Anthropic, kind: str
) -> None:
    strike(simulator, kind, "batches.create", times=2)
    with pytest.raises(openai_sdk.APIConnectionError):
        begin(openai, [chat_line("a")], metadata={"our": "id"})
    with pytest.raises(anthropic_sdk.APIConnectionError):
        create(anthropic)
    (found,) = openai.batches.list().data
    assert found.metadata == {"our": "id"}
    assert len(anthropic.messages.batches.list().data) == 1
    assert len(batches(simulator)) == 2


def test_an_answer_may_be_lost_behind_an_error(simulator: Simulator, anthropic: Anthropic) -> None:
    strike(simulator, "lost_answer", "batches.create", status=502)
    with pytest.raises(anthropic_sdk.InternalServerError):
        create(anthropic)
    assert len(batches(simulator)) == 1


def test_a_create_may_be_lost_with_its_answer(simulator: Simulator, openai: OpenAI) -> None:
    strike(simulator, "lost_answer", "batches.create", effect=False)
    with pytest.raises(openai_sdk.APIConnectionError):
        begin(openai, [chat_line("a")])
    assert batches(simulator) == []


@pytest.mark.parametrize(
    "operation",
    [
        "files.create",
        "files.list",
        "files.retrieve",
        "files.content",
        "files.delete",
        "batches.create",
        "batches.list",
        "batches.retrieve",
        "batches.cancel",
    ],
)
def test_any_request_to_openai_may_be_refused_with_no_effect(
    simulator: Simulator, openai: OpenAI, operation: str
) -> None:
    file = upload(openai, [chat_line("a")])
    batch = begin(openai, [chat_line("a")])
    calls: dict[str, Callable[[], object]] = {
        "files.create": lambda: upload(openai, []),
        "files.list": openai.files.list,
        "files.retrieve": lambda: openai.files.retrieve(file.id),
        "files.content": lambda: openai.files.content(file.id),
        "files.delete": lambda: openai.files.delete(file.id),
        "batches.create": lambda: begin(openai, [chat_line("a")]),
        "batches.list": openai.batches.list,
        "batches.retrieve": lambda: openai.batches.retrieve(batch.id),
        "batches.cancel": lambda: openai.batches.cancel(batch.id),
    }
    strike(simulator, "status", operation, status=429, retry_after=7)
    strike(simulator, "status", operation, status=500)
    with pytest.raises(openai_sdk.RateLimitError) as refused:
        calls[operation]()
    assert refused.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai_sdk.InternalServerError):
        calls[operation]()
    assert len(batches(simulator)) == 1
    assert openai.files.retrieve(file.id) == file
    calls[operation]()


@pytest.mark.parametrize(
    "operation",
    [
        "batches.create",
        "batches.list",
        "batches.retrieve",
        "batches.cancel",
        "batches.delete",
        "batches.results",
    ],
)
def test_any_request_to_anthropic_may_be_refused_with_no_effect(
    simulator: Simulator, anthropic: Anthropic, operation: str
) -> None:
    batch = create(anthropic)
    if operation in {"batches.delete", "batches.results"}:
        simulator.pass_seconds(HOUR)
    calls: dict[str, Callable[[], object]] = {
        "batches.create": lambda: create(anthropic),
        "batches.list": anthropic.messages.batches.list,
        "batches.retrieve": lambda: anthropic.messages.batches.retrieve(batch.id),
        "batches.cancel": lambda: anthropic.messages.batches.cancel(batch.id),
        "batches.delete": lambda: anthropic.messages.batches.delete(batch.id),
        "batches.results": lambda: list(anthropic.messages.batches.results(batch.id)),
    }
    strike(simulator, "status", operation, status=529)
    with pytest.raises(anthropic_sdk.APIStatusError) as refused:
        calls[operation]()
    assert refused.value.status_code == 529
    assert len(batches(simulator)) == 1
    calls[operation]()


def test_results_may_end_early_in_good_order(simulator: Simulator, openai: OpenAI) -> None:
    file_id = finished_file(simulator, openai)
    strike(simulator, "truncate", "files.content", after_chunks=2)
    assert len(openai.files.content(file_id).text.splitlines()) == 2
    assert len(openai.files.content(file_id).text.splitlines()) == 5


def test_results_may_break_off(simulator: Simulator, openai: OpenAI, anthropic: Anthropic) -> None:
    file_id = finished_file(simulator, openai)
    batch = create(anthropic)
    simulator.pass_seconds(HOUR)
    strike(simulator, "disconnect", "files.content", after_chunks=2)
    strike(simulator, "disconnect", "batches.results", after_chunks=1)
    with pytest.raises(openai_sdk.APIConnectionError):
        openai.files.content(file_id)
    got = []
    with pytest.raises(Exception, match="peer closed"):
        got += list(anthropic.messages.batches.results(batch.id))
    assert len(list(anthropic.messages.batches.results(batch.id))) == 2


def test_one_line_of_the_results_may_be_cut(simulator: Simulator, openai: OpenAI) -> None:
    file_id = finished_file(simulator, openai)
    strike(simulator, "malformed", "files.content", after_chunks=1)
    sound = []
    for line in openai.files.content(file_id).text.splitlines():
        try:
            json.loads(line)
        except json.JSONDecodeError:
            sound.append(False)
        else:
            sound.append(True)
    assert sound == [True, False, True, True, True]


def test_results_may_stall(simulator: Simulator, openai: OpenAI) -> None:
    file_id = finished_file(simulator, openai)
    strike(simulator, "stall", "files.content", after_chunks=2, seconds=0.3)
    started = time.monotonic()
    assert len(openai.files.content(file_id).text.splitlines()) == 5
    assert time.monotonic() - started >= 0.3


def test_faults_of_generation_and_of_errands_do_not_mix(
    simulator: Simulator, openai: OpenAI
) -> None:
    strike(simulator, "status", status=503)
    strike(simulator, "status", "batches.create", status=503)
    upload(openai, [chat_line("a")])
    with pytest.raises(openai_sdk.InternalServerError):
        ask(openai, "x")
    assert ask(openai, "x").choices[0].message.content
    with pytest.raises(openai_sdk.InternalServerError):
        begin(openai, [chat_line("a")])


def test_the_lines_of_a_batch_suffer_no_fault_of_generation(
    simulator: Simulator, openai: OpenAI
) -> None:
    begin(openai, [chat_line("a")])
    strike(simulator, "status", status=503)
    simulator.pass_seconds(HOUR)
    assert len(simulator.books()["lines"]) == 1
    with pytest.raises(openai_sdk.InternalServerError):
        ask(openai, "x")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost_answer"},
        {"kind": "usage", "value": 1, "match": {"operation": "batches.list"}},
        {"kind": "status", "status": 500, "match": {"operation": "batches.burn"}},
        {"kind": "batch_partial", "share": 2},
    ],
)
def test_a_fault_that_means_nothing_is_400(simulator: Simulator, fault: object) -> None:
    assert simulator.control.post("/_control/faults", json=[fault]).status_code == 400
