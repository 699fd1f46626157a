"""schemathesis reads the published document and sends what it allows, and what it does not.

Whatever comes, no answer is a 5xx, and every answer has a documented status, type and shape.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from functions.router.app import create_app
from functions.router.openapi import document
from shared.adapters.memory import MemoryMeter, MemoryReply, MemoryStore, MemoryUpstream
from shared.adapters.memory_caller_batches import MemoryCallerBatches
from shared.adapters.memory_files import MemoryFiles
from shared.adapters.memory_jobs import MemoryBlobs, MemoryJobs, MemoryQueue
from shared.catalog import Provider, served_providers
from shared.domain.api_keys import compose_key, key_digest
from shared.domain.entries import Entry, KeyRow
from shared.settings import RouterSettings
from shared.wiring.batches import BatchStores
from shared.wiring.router import build_router
from tests.functions.conftest import Gateway, as_chunks, completion, run, stream_frames
from tests.system.conftest import Stack

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
FEEDBACK = "/v1/feedback"
"""No generated id is one of a request: every case of it is refused."""
LONGEST = re.compile(rb',"maxLength":1000000\b')
"""To break this bound takes a megabyte, which the body's limit refuses, and seconds a case."""
SCHEMA = schemathesis.openapi.from_dict(json.loads(LONGEST.sub(b"", document())))
SERVED = ("auto", "nano", "mid", "frontier", "gpt-6-luna", "claude-haiku-5-5", "grok-4.7")
pytestmark = pytest.mark.timeout(600)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
OF_BATCHES = ("/v1/files", "/v1/uploads", "/v1/batches", "/v1/messages/batches")
"""Their ids are generated, so most cases end in a 404; the stock SDKs go further."""

PLANS = [
    (CHAT, "POST", 120, 60),
    (MESSAGES, "POST", 90, 30),
    ("/v1/models/{model}", "GET", 160, 140),
    ("/v1/models", "GET", 1, 0),
    ("/v1/usage", "GET", 40, 40),
    ("/v1/jobs/{job_id}", "GET", 20, 20),
    (FEEDBACK, "POST", 20, 20),
    ("/v1/messages/count_tokens", "POST", 24, 12),
    ("/v1/budget", "GET", 1, 0),
    ("/health", "GET", 1, 0),
    ("/health/details", "GET", 1, 0),
    ("/openapi.json", "GET", 1, 0),
    *(
        (path, method.upper(), 12, 0 if "multipart" in json.dumps(operation) else 6)
        for path, operations in json.loads(document())["paths"].items()
        if path.startswith(OF_BATCHES)
        for method, operation in operations.items()
    ),
]
"""How many cases of each operation: as documented, and not as documented."""

Send = Callable[..., httpx2.Response]


@dataclass
class Run:
    """What has been sent, and what became of it."""

    send: Send
    key: str
    statuses: Counter[int] = field(default_factory=Counter)

    def hold(self, case: Case[Any]) -> None:
        """Send a case under a valid key; what it generates as a key is another test's affair."""
        sent = case.as_transport_kwargs(base_url="")
        headers = {k: v for k, v in sent["headers"].items() if k.lower() != "authorization"}
        body = json.dumps(answerable(sent["json"])) if "json" in sent else sent.get("data", b"")
        keyed = headers | {"x-api-key": self.key}
        query = {"params": sent["params"]} if sent.get("params") else {}
        response = self.send(case.method, sent["url"], headers=keyed, content=body, **query)
        self.statuses[response.status_code] += 1
        is_judged_unread = response.status_code == 413
        case.validate_response(response, checks=CHECKS[:-1] if is_judged_unread else CHECKS)
        if response.status_code >= 400:
            assert_shape(case.path, response)


def answerable(body: Any) -> Any:
    """Name a served model in place of most made-up ones, so that such a case goes further."""
    name = body.get("model") if isinstance(body, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= 256:
        return body
    choice = sum(map(ord, name)) % (len(SERVED) + 1)
    return body if choice == len(SERVED) else body | {"model": SERVED[choice]}


def assert_shape(path: str, response: httpx2.Response) -> None:
    told = response.json()
    assert told["error"]["message"]
    if path.startswith(MESSAGES):
        assert told.keys() == {"type", "error", "request_id"}
    else:
        assert told.keys() == {"error"}


def send_cases(one: Run, path: str, method: str, right: int, wrong: int) -> None:
    """Send so many cases as documented and so many that are not."""
    for mode, count in zip(GenerationMode, (right, wrong), strict=True):
        if not count:
            continue
        cases = SCHEMA[path][method].as_strategy(generation_mode=mode)

        @settings(
            max_examples=count,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(cases)
        def each(case: Case[Any]) -> None:
            one.hold(case)

        each()


def answering(entry: Entry, provider: Provider, path: str, body: bytes) -> MemoryReply:
    asked = json.loads(body)
    is_stream = bool(asked.get("stream"))
    if path == "/chat/completions":
        return MemoryReply(as_chunks(*chat_parts(asked.get("n") or 1, stream=is_stream)))
    if path == "/messages/count_tokens":
        return MemoryReply(as_chunks(b'{"input_tokens": 7}'))
    return MemoryReply(as_chunks(*message_parts(stream=is_stream)))


def chat_parts(choices: int, *, stream: bool) -> list[bytes]:
    if stream:
        frame = stream_frames()
        again = [f.replace(b'"index": 0', b'"index": %d' % i)
                 for i in range(choices) for f in frame[:-2]]  # fmt: skip
        return [*again, *frame[-2:]]
    whole = json.loads(completion())
    [choice] = whole["choices"]
    whole["choices"] = [{**choice, "index": index} for index in range(choices)]
    return [json.dumps(whole).encode()]


def message_parts(*, stream: bool) -> list[bytes]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    text = {"type": "text", "text": "Hello you"}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    if not stream:
        return [json.dumps({**head, "content": [text], **end, "usage": usage}).encode()]
    begun: dict[str, Any] = {**head, "content": [], "stop_reason": None, "usage": usage}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0,
         "delta": {"type": "text_delta", "text": "Hello you"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": usage},
        {"type": "message_stop"},
    ]  # fmt: skip
    return [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events]


@pytest.fixture
def gateway() -> Gateway:
    """The app on fakes, with every provider that it can speak to."""
    settings = RouterSettings(
        environment="dev",
        cache_table="cache",
        ledger_table="ledger",
        jobs_table="jobs",
        batches_bucket="batches",
        jobs_queue="jobs",
        providers=tuple(sorted(served_providers())),
        provider_secrets={name: f"arn:{name}" for name in served_providers() if name != "bedrock"},
        policy_version="p1",
        baseline_model="gpt-6-astra",
    )
    store, meter, time = MemoryStore(), MemoryMeter(), [1_795_330_000.0]
    upstream = MemoryUpstream(answering)
    files, blobs = MemoryFiles(), MemoryBlobs()
    jobs, batches, queue = MemoryJobs(), MemoryCallerBatches(), MemoryQueue()
    router = build_router(
        settings,
        clock=lambda: time[0],
        stores=(store, store.ledger),
        upstream=upstream,
        meter=meter,
        batch_stores=BatchStores(files, blobs, batches, queue),
        job_stores=(jobs, queue),
    )
    key = compose_key("dev", "search", b"k" * 24)
    store.create(KeyRow("search.1", "dev", "search", key_digest(key), "test", 1))
    return Gateway(
        app=create_app(router),
        router=router,
        store=store,
        ledger=store.ledger,
        upstream=upstream,
        meter=meter,
        time=time,
        files=files,
        blobs=blobs,
        jobs=jobs,
        queue=queue,
        batches=batches,
        keys={"search": key},
    )


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan[1]} {plan[0]}")
def test_every_generated_case_gets_a_documented_answer(
    gateway: Gateway, plan: tuple[str, str, int, int]
) -> None:
    one = Run(lambda *call, **rest: run(gateway.call(*call, **rest)), gateway.keys["search"])
    send_cases(one, *plan)
    assert one.statuses.total() >= plan[2] + plan[3]
    assert gateway.meter.troubles == []
    if plan[0].startswith((*OF_BATCHES, "/v1/jobs")):
        assert max(one.statuses) < 500
    elif plan[0] == FEEDBACK:
        assert one.statuses.keys() == {400}
    elif plan[1] == "POST":
        assert one.statuses[200] >= plan[2] // 5
        assert one.statuses[400] >= plan[3] // 4
        assert gateway.upstream.sent


def test_the_generated_cases_are_a_thousand_and_of_every_operation() -> None:
    assert sum(right + wrong for _, _, right, wrong in PLANS) >= 1_000
    assert {path for path, *_ in PLANS} == json.loads(document())["paths"].keys()


def test_no_generated_key_lets_a_case_in(gateway: Gateway) -> None:
    cases = SCHEMA[CHAT]["POST"].as_strategy()

    @settings(max_examples=50, deadline=None, derandomize=True, database=None)
    @given(cases)
    def each(case: Case[Any]) -> None:
        sent = case.as_transport_kwargs(base_url="")
        body = json.dumps(sent["json"]).encode()
        response = run(gateway.post(body, dict(sent["headers"])))
        assert response.status_code == 401
        assert_shape(CHAT, response)

    each()
    assert gateway.store.calls == []


def test_a_hundred_cases_through_the_whole_stack_get_a_documented_answer(stack: Stack) -> None:
    with httpx2.Client(base_url=stack.world.endpoint, trust_env=False, timeout=120) as client:
        one = Run(client.request, stack.world.api_key)
        for path in (CHAT, MESSAGES):
            send_cases(one, path, "POST", 40, 12)
    assert one.statuses.total() >= 100
    assert one.statuses[200] > 0
