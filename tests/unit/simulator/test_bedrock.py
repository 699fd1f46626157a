"""Bedrock's Converse, judged by boto3."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.unit.simulator.conftest import Simulator
from tests.unit.simulator.test_tools_and_schemas import WEATHER

GLOBAL_HAIKU = "global.anthropic.claude-haiku-5-5"
HAIKU = "anthropic.claude-haiku-5-5"
SONNET = "anthropic.claude-sonnet-5-5"
TOOL = {"toolSpec": {"name": "weather", "inputSchema": {"json": WEATHER}}}


def body(text: str, **options: Any) -> dict[str, Any]:
    message = {"role": "user", "content": [{"text": text}]}
    return {"modelId": HAIKU, "messages": [message], **options}


def converse(client: Any, text: str, **options: Any) -> Any:
    return client.converse(**body(text, **options))


def streamed(client: Any, text: str, **options: Any) -> list[dict[str, Any]]:
    return list(client.converse_stream(**body(text, **options))["stream"])


def test_a_question_gets_an_answer_with_usage(bedrock: Any) -> None:
    answer = converse(bedrock, "[echo alpha beta]")
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": "alpha beta"}]}
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"] == {
        "inputTokens": 11,
        "outputTokens": 2,
        "totalTokens": 13,
        "cacheReadInputTokens": 0,
        "cacheWriteInputTokens": 0,
    }


@pytest.mark.parametrize(
    ("model", "nano"),
    [
        (GLOBAL_HAIKU, 11 * 100 + 2 * 500),
        ("global.anthropic.claude-sonnet-5-5", 11 * 2_000 + 2 * 10_000),
        ("global.anthropic.claude-opus-5-5", 11 * 4_000 + 2 * 20_000),
        (HAIKU, 11 * 110 + 2 * 550),
        (SONNET, 11 * 2_200 + 2 * 11_000),
        ("anthropic.claude-opus-5-5", 11 * 4_400 + 2 * 22_000),
    ],
)
def test_a_region_costs_a_tenth_more_than_the_global_profile(
    simulator: Simulator, bedrock: Any, model: str, nano: int
) -> None:
    converse(bedrock, "[echo alpha beta]", modelId=model)
    assert simulator.line()["cost_nano"] == nano
    assert simulator.line()["protocol"] == "bedrock-converse"


def test_a_stream_says_what_the_whole_answer_says(bedrock: Any) -> None:
    whole = converse(bedrock, "What is a river?")
    events = streamed(bedrock, "What is a river?")
    texts = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert "".join(texts) == whole["output"]["message"]["content"][0]["text"]
    assert events[0] == {"messageStart": {"role": "assistant"}}
    assert events[-2] == {"messageStop": {"stopReason": "end_turn"}}
    assert events[-1]["metadata"]["usage"] == whole["usage"]


def test_a_tool_call_streams_as_json_text(bedrock: Any) -> None:
    config = {"tools": [TOOL], "toolChoice": {"any": {}}}
    whole = converse(bedrock, "hello", toolConfig=config)
    call = whole["output"]["message"]["content"][0]["toolUse"]
    jsonschema.validate(call["input"], WEATHER)
    events = streamed(bedrock, "hello", toolConfig=config)
    start = next(e["contentBlockStart"] for e in events if "contentBlockStart" in e)
    deltas = [e["contentBlockDelta"]["delta"] for e in events if "contentBlockDelta" in e]
    assert start["start"]["toolUse"] == {"toolUseId": call["toolUseId"], "name": "weather"}
    assert json.loads("".join(d["toolUse"]["input"] for d in deltas)) == call["input"]
    assert whole["stopReason"] == "tool_use"


def test_images_results_and_reasoning_are_taken(simulator: Simulator, bedrock: Any) -> None:
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}
    call = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Ulm"}}}
    parts = [{"json": {"celsius": 4}}, {"text": "cold"}]
    result = {"toolResult": {"toolUseId": "t1", "content": parts, "status": "success"}}
    history = [
        {"role": "user", "content": [{"text": "[think 3] Look"}, image]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    thinking = {"thinking": {"type": "adaptive"}}
    answer = converse(
        bedrock,
        "",
        messages=history,
        system=[{"text": "Be brief."}],
        toolConfig={"tools": [TOOL]},
        additionalModelRequestFields=thinking,
        inferenceConfig={"maxTokens": 2000, "temperature": 0.5, "stopSequences": ["zzz"]},
    )
    thought, text = answer["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"]["signature"]
    assert text["text"]
    assert simulator.line()["reasoning_tokens"] == 3
    assert answer["usage"]["inputTokens"] > 1_600


def test_cache_points_write_and_read(simulator: Simulator, bedrock: Any) -> None:
    long, short = {"type": "default", "ttl": "1h"}, {"type": "default"}
    system = [{"text": "长" * 5_000}, {"cachePoint": long}, {"text": "短" * 1_000}]
    system += [{"cachePoint": short}]
    first = converse(bedrock, "[echo a]", system=system)["usage"]
    second = converse(bedrock, "[echo a]", system=system)["usage"]
    assert first["cacheWriteInputTokens"] == 6_000
    details = [{"ttl": "1h", "inputTokens": 5_000}, {"ttl": "5m", "inputTokens": 1_000}]
    assert first["cacheDetails"] == details
    assert second["cacheReadInputTokens"] == 6_000
    # "[echo a]" is 4 tokens; 3 frame the message and 3 prime the answer.
    assert second["inputTokens"] == 10
    assert second["totalTokens"] == 6_000 + 10 + 1
    # Haiku in a region, nano-dollars a token: input .110, short write .1375, long .220, read .011.
    bills = [line["cost_pico"] for line in simulator.lines(2)]
    assert bills[0] == 10 * 110_000 + 1_000 * 137_500 + 5_000 * 220_000 + 550_000
    assert bills[1] == 10 * 110_000 + 6_000 * 11_000 + 550_000


def test_a_refusal_is_filtered_content(bedrock: Any) -> None:
    assert converse(bedrock, "[refuse]")["stopReason"] == "content_filtered"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"modelId": "anthropic.claude-none"}, "ValidationException"),
        ({"inferenceConfig": {"temperature": 2}}, "ValidationException"),
        ({"additionalModelRequestFields": {"surprise": 1}}, "ValidationException"),
        ({"system": [{"cachePoint": {"type": "default"}}]}, "ValidationException"),
        ({"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, "ValidationException"),
        ({"guardrailConfig": {"guardrailIdentifier": "g"}}, "ValidationException"),
    ],
)
def test_a_bad_request_is_a_validation_exception(
    bedrock: Any, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        converse(bedrock, "x", **options)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
        (424, "ModelErrorException"),
    ],
)
def test_a_status_fault_is_the_exception_of_that_status(
    simulator: Simulator, bedrock: Any, status: int, code: str
) -> None:
    simulator.fault(kind="status", status=status, match={"protocol": "bedrock-converse"})
    with pytest.raises(ClientError) as refused:
        converse(bedrock, "x")
    assert refused.value.response["Error"]["Code"] == code


def test_an_error_in_mid_stream_is_raised_by_the_sdk(simulator: Simulator, bedrock: Any) -> None:
    simulator.fault(kind="error_event", after_chunks=2, status=429)
    events: list[Any] = []
    with pytest.raises(EventStreamError, match="throttlingException"):
        events.extend(bedrock.converse_stream(**body("[echo a b c]"))["stream"])
    assert simulator.line()["delivered"] == "broken"


def test_an_unsigned_request_is_403(simulator: Simulator) -> None:
    answer = simulator.control.post(f"/model/{HAIKU}/converse", json={})
    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"


def test_credentials_are_shown_nowhere(simulator: Simulator, bedrock: Any) -> None:
    converse(bedrock, "x")
    shown = simulator.control.get("/_control/requests")
    assert "AKIDTEST" not in shown.text + str(simulator.books())
