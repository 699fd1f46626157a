"""What the stock Anthropic SDK makes of the gateway's refusals and of failing providers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.system.conftest import Stack
from tests.system.test_anthropic_sdk import CLAUDE, GPT, either_family, fresh

REFUSED: list[tuple[dict[str, Any], type[anthropic.APIStatusError], int, str, str]] = [
    ({"extra_body": {"api_base": "http://evil.example"}},
     anthropic.BadRequestError, 400, "invalid_request_error", "api_base"),
    ({"extra_body": {"temperature": "hot"}},
     anthropic.BadRequestError, 400, "invalid_request_error", "temperature"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]},
     anthropic.BadRequestError, 400, "invalid_request_error", "messages[0].content[0].text"),
    ({"extra_body": {"max_tokens": None}},
     anthropic.BadRequestError, 400, "invalid_request_error", "max_tokens"),
    ({"extra_headers": {"x-sluice-deadline": "8d"}},
     anthropic.BadRequestError, 400, "invalid_request_error", "x-sluice-deadline"),
    ({"model": "claude-1"},
     anthropic.BadRequestError, 400, "invalid_request_error", "claude-1"),
    ({"model": GPT, "extra_body": {"top_k": 5}},
     anthropic.BadRequestError, 400, "invalid_request_error", "top_k"),
    ({"system": "x" * 1_100_000},
     anthropic.ContentTooLargeError, 413, "request_too_large", "limit of 1048576 bytes"),
]  # fmt: skip


def check(
    error: anthropic.APIStatusError, kind: type[Exception], status: int, name: str, said: str
) -> None:
    """Check what an SDK's exception tells its reader."""
    assert type(error) is kind
    body: Any = error.body
    assert body.keys() == {"type", "error", "request_id"}
    assert (error.status_code, body["type"], body["error"]["type"]) == (status, "error", name)
    assert said in body["error"]["message"]
    assert error.request_id == body["request_id"] == error.response.headers["x-request-id"]


@pytest.mark.parametrize(("fields", "kind", "status", "name", "said"), REFUSED)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_is_refused_names_what_is_wrong_and_costs_nothing(
    stack: Stack,
    fields: dict[str, Any],
    kind: type[anthropic.APIStatusError],
    status: int,
    name: str,
    said: str,
    stream: bool,
) -> None:
    billed = stack.bill_nano()
    asked: Any = {"model": "auto", "max_tokens": 50, "messages": fresh("x"), **fields}
    with pytest.raises(anthropic.APIStatusError) as refused:
        stack.claude().messages.create(**asked, stream=stream)
    check(refused.value, kind, status, name, said)
    assert stack.bill_nano() == billed


def test_a_wrong_key_a_wrong_method_and_a_wrong_path_are_refused_in_shape(stack: Stack) -> None:
    with pytest.raises(anthropic.APIStatusError) as refused:
        stack.claude("slc_dev_demo_nonsense").messages.create(
            model="auto", max_tokens=5, messages=fresh("x")
        )
    check(refused.value, anthropic.AuthenticationError, 401, "authentication_error", "key")
    for path, status, name in (
        ("/v1/messages", 405, "invalid_request_error"),
        ("/v1/messages/nothing", 404, "not_found_error"),
    ):
        with pytest.raises(anthropic.APIStatusError) as refused:
            stack.claude().get(path, cast_to=object)
        check(refused.value, type(refused.value), status, name, path)
    with pytest.raises(anthropic.NotFoundError):
        stack.claude().messages.batches.retrieve("msgbatch_0123456789abcdef")


@pytest.fixture
def failing(stack: Stack) -> Iterator[Stack]:
    """The stack, whose models are left to recover when the test is over."""
    yield stack
    stack.recover()


@either_family
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("status", "kind", "told", "name"),
    [
        (429, anthropic.RateLimitError, 429, "rate_limit_error"),
        (529, anthropic.InternalServerError, 502, "api_error"),
    ],
)
def test_a_provider_that_takes_no_call_is_a_clear_error_and_no_bill(
    failing: Stack, model: str, stream: bool, status: int, kind: type[Exception], told: int,
    name: str,
) -> None:  # fmt: skip
    billed = failing.bill_nano()
    failing.fault(kind="status", status=status, retry_after=3, match={"model": model})
    with pytest.raises(anthropic.APIStatusError) as failed:
        failing.claude().messages.create(
            model=model, max_tokens=50, messages=fresh("x"), stream=stream
        )
    check(failed.value, kind, told, name, "")
    assert failing.bill_nano() == billed
    row = failing.row_of(failed.value.request_id or "")
    assert (row["status"], row["cost_nano"]) == ("failed", 0)


@pytest.mark.parametrize("model", [CLAUDE, GPT])
@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed", "error_event"])
def test_a_stream_that_breaks_raises_and_is_charged_no_less_than_billed(
    failing: Stack, model: str, kind: str
) -> None:
    billed = failing.bill_nano()
    failing.fault(kind=kind, after_chunks=8, match={"model": model})
    with failing.claude().messages.stream(
        model=model, max_tokens=200, messages=fresh("[long 50] x")
    ) as events:
        request_id = events.response.headers["request-id"]
        with pytest.raises(anthropic.APIStatusError) as failed:
            events.until_done()
    body: Any = failed.value.body
    assert (body["error"]["type"], body["request_id"]) == ("api_error", request_id)
    row = failing.row_of(request_id)
    assert row["status"] == "failed"
    assert row["cost_nano"] >= failing.bill_nano() - billed
