"""What callers write reaches the provider and the cached answer, and nothing else that is kept.

Forty strings that must not leak (keys, addresses, numbers, names) go through every route, into
refusals, faults and alarms. Then everything is searched: log lines, metrics, messages, queues and
tables. Only the stored answer may hold what the model said.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import httpx2
import pytest

from tests.system.guarded import GuardedStack, guarded_stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

CANARIES = [
    *(f"sk-canary{n:02d}-Zq7hTTvB2mXw9pLr4Kd" for n in range(8)),
    *(f"AKIACANARY{n:02d}ZQ7HTTVB" for n in range(4)),
    *(f"slc_guarded_demo_canary{n:02d}Zq7hTTvB2mXw9pLr4Kd" for n in range(4)),
    *(f"canary{n:02d}.person@private.example" for n in range(8)),
    *(f"4111 1111 1111 9{n:03d}" for n in range(4)),
    *(f"+49 170 555 77{n:02d}" for n in range(4)),
    *(f"DE89 3704 0044 0532 01{n:02d}" for n in range(4)),
    *(f"Ottoline Canary-{n:02d}" for n in range(4)),
]
PAGES = ("/metrics", "/mailbox", "/webhooks", "/alarms", "/problems", "/denials", "/queues")
FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429},
    {"kind": "disconnect"},
    {"kind": "malformed"},
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedStack]:
    with guarded_stack(tmp_path_factory.mktemp("canaries")) as found:
        yield found


class Caller:
    """Posts whatever it is given, with the next canary wherever a caller may write."""

    def __init__(self, guarded: GuardedStack) -> None:
        self.stack = guarded.stack
        self.canaries = cycle(CANARIES)
        self.statuses: list[int] = []

    def post(self, path: str, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._send("POST", path, content, headers)

    def get(self, path: str, **headers: str) -> None:
        self._send("GET", path, b"", headers)

    def _send(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> None:
        sent = {"authorization": f"Bearer {self.stack.world.api_key}", **headers}
        with httpx2.Client(trust_env=False, timeout=60) as client:
            url = self.stack.world.endpoint + path
            answer = client.request(method, url, content=content, headers=sent)
        self.statuses.append(answer.status_code)

    def chat(self, text: str, **fields: Any) -> dict[str, Any]:
        said = [{"role": "user", "content": text}]
        return {"model": "gpt-6-luna", "messages": said, "max_completion_tokens": 20, **fields}

    def message(self, text: str, **fields: Any) -> dict[str, Any]:
        said = [{"role": "user", "content": text}]
        return {"model": "claude-haiku-5-5", "messages": said, "max_tokens": 20, **fields}

    def everywhere(self) -> None:
        for text in CANARIES:
            self.post("/v1/chat/completions", self.chat(text))
        for _ in range(2):
            for stream in (False, True):
                self.post("/v1/chat/completions", self.chat(next(self.canaries), stream=stream))
                self.post("/v1/messages", self.message(next(self.canaries), stream=stream))
        self.post("/v1/messages/count_tokens", self.message(next(self.canaries)))
        self.refusals()

    def refusals(self) -> None:
        """Bad input of every kind: the error names the field, the record holds no value."""
        text = next(self.canaries)
        self.post("/v1/chat/completions", self.chat(text, **{next(self.canaries): text}))
        self.post("/v1/chat/completions", {**self.chat(text), "model": next(self.canaries)})
        self.post("/v1/chat/completions", {**self.chat(text), "temperature": next(self.canaries)})
        self.post("/v1/chat/completions", b'{"messages": "' + text.encode())
        self.post("/v1/messages", {**self.message(text), "system": {"x": next(self.canaries)}})
        self.post("/v1/feedback", {"request_id": next(self.canaries), "outcome": "success"})
        self.get(f"/v1/{httpx2.URL('/' + text.replace(' ', '-')).path}")
        self.get(f"/v1/usage?group_by={text.replace(' ', '-')}")
        self.post("/v1/chat/completions", self.chat(text), authorization=f"Bearer {CANARIES[0]}")
        self.post("/v1/chat/completions", self.chat(text), authorization=f"Bearer {CANARIES[12]}")
        self.post("/v1/chat/completions", self.chat(text), **{"idempotency-key": CANARIES[1]})
        self.post("/v1/chat/completions", self.chat(text), **{"x-sluice-task": CANARIES[20]})
        self.post("/v1/chat/completions", self.chat(text), **{"x-other-header": CANARIES[21]})

    def faults(self) -> None:
        for fault in FAULTS:
            for stream in (False, True):
                self.stack.fault(fault)
                self.post("/v1/chat/completions", self.chat(next(self.canaries), stream=stream))
                self.stack.recover()


def table_text(stack: Any, table: str) -> Iterator[str]:
    """Everything in a table but the stored answer; bytes are unpacked where they are packed."""
    pages = stack.world.ground.admin.dynamodb.get_paginator("scan").paginate(TableName=table)
    for page in pages:
        for item in page["Items"]:
            kept = {name: value for name, value in item.items() if name != "body"}
            yield repr({name: _unpacked(value) for name, value in kept.items()})


def _unpacked(value: dict[str, Any]) -> Any:
    packed = value.get("B")
    if packed is None:
        return value
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return packed


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text or canary.replace(" ", "-") in text]


def test_forty_canaries_leak_nowhere(guarded: GuardedStack) -> None:
    assert len(CANARIES) == len(set(CANARIES)) == 40
    caller = Caller(guarded)
    caller.everywhere()
    caller.faults()
    guarded.fill(50)
    assert guarded.wait(), "people are told of it"
    assert {200, 400, 401, 404} <= set(caller.statuses)
    assert 500 not in caller.statuses

    stack = guarded.stack
    outputs = stack.world.ground.deployment.outputs
    places = {
        f"log {file.name}": file.read_text(encoding="utf-8")
        for file in stack.world.ground.state.logs.iterdir()
    }
    assert any("request_id" in text for text in places.values()), "the logs were looked for"
    for page in (
        "/metrics",
        "/mailbox",
        "/webhooks",
        "/alarms",
        "/problems",
        "/denials",
        "/queues",
    ):
        places[page] = json.dumps(stack.look(page), ensure_ascii=False)
    for name, table in outputs.items():
        if name.endswith("_table"):
            places[name] = "\n".join(table_text(stack, table))
    assert "gpt-6-luna" in places["ledger_table"], "the tables were read"
    found = {place: leaks(text) for place, text in places.items()}
    assert {place: what for place, what in found.items() if what} == {}
