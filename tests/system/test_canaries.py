"""What callers write reaches the provider and what is kept for them, and nothing else.

Forty strings that must not leak (keys, addresses, numbers, names) go through every route: calls
now and deferred, files, uploads, batches of both doors and such that fail, feedback, reports,
refusals, faults and alarms. Then everything is searched: log lines, metrics, messages to people,
bodies of queues, tables and files. Only what is kept to be asked or answered may hold them, and
that is named here by table and attribute, or by where it lies in the bucket.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest

from local.queue_batches import Message
from local.queue_poller import QueuePoller
from shared.resources import TEAM_FOLDERS
from tests.system.canary_caller import CANARIES, Caller
from tests.system.conftest import until
from tests.system.guarded import GuardedStack, guarded_stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PAGES = (
    "/metrics",
    "/mailbox",
    "/webhooks",
    "/alarms",
    "/alarms/history",
    "/problems",
    "/denials",
    "/queues",
    "/functions",
    "/schedules",
    "/routers",
)
"""All of the world's own pages; the others show the providers' side."""
KEPT = {
    ("cache_table", "body"),
    ("jobs_table", "content"),
    ("jobs_table", "filename"),
}
"""What a call asked, was answered, and what its caller calls a file."""
KEPT_FILES = (*TEAM_FOLDERS, "-/batches/*/input")
"""A team's own files and answers; what a provider's batch is asked."""
COLLECTOR_SECONDS = 300
STEP_SECONDS = 1200
MOST_STEPS = 30


@pytest.fixture(scope="module")
def queued() -> Iterator[list[str]]:
    """The bodies of all messages that are taken from a queue."""
    bodies: list[str] = []
    receive = QueuePoller._receive

    async def reading(poller: QueuePoller, wanted: int) -> list[Message]:
        messages = await receive(poller, wanted)
        bodies.extend(json.dumps(message, default=str) for message in messages)
        return messages

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QueuePoller, "_receive", reading)
        yield bodies


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, queued: list[str]) -> Iterator[GuardedStack]:
    with guarded_stack(tmp_path_factory.mktemp("canaries"), COLLECTOR_SECONDS) as found:
        yield found


def table_text(stack: Any, output: str) -> dict[bool, str]:
    """All of a table: what is kept for callers, and the rest; bytes are unpacked where packed."""
    table = stack.world.ground.deployment.outputs[output]
    pages = stack.world.ground.admin.dynamodb.get_paginator("scan").paginate(TableName=table)
    found: dict[bool, list[str]] = {True: [], False: []}
    for page in pages:
        for item in page["Items"]:
            for name, value in item.items():
                found[(output, name) in KEPT].append(f"{name}: {_unpacked(value)!r}")
    return {is_kept: "\n".join(texts) for is_kept, texts in found.items()}


def _unpacked(value: dict[str, Any]) -> Any:
    packed = value.get("B")
    if packed is None:
        return value
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return packed


def files_text(stack: Any) -> Iterator[tuple[str, str]]:
    """The bucket's files by their keys, but what is kept for callers."""
    ground = stack.world.ground
    bucket = ground.deployment.outputs["batches_bucket"]
    s3 = ground.admin.s3
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", []):
            if any(fnmatch(each["Key"], kept) for kept in KEPT_FILES):
                yield each["Key"], each["Key"]
                continue
            body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            yield each["Key"], each["Key"] + body.decode(errors="replace")


def places_of(stack: Any) -> dict[str, str]:
    """Everything that is kept anywhere, as text."""
    ground = stack.world.ground
    logs = ground.state.logs.iterdir()
    found = {f"log {file.name}": file.read_text(encoding="utf-8") for file in logs}
    found |= {page: json.dumps(stack.look(page), ensure_ascii=False) for page in PAGES}
    tables = [name for name in ground.deployment.outputs if name.endswith("_table")]
    found |= {name: table_text(stack, name)[False] for name in tables}
    found |= {f"file {key}": text for key, text in files_text(stack)}
    return found


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text or canary.replace(" ", "-") in text]


def leaking(places: dict[str, str]) -> dict[str, list[str]]:
    return {place: what for place, text in places.items() if (what := leaks(text))}


def test_forty_canaries_leak_nowhere(guarded: GuardedStack, queued: list[str]) -> None:
    assert len(CANARIES) == len(set(CANARIES)) == 40
    caller, stack = Caller(guarded), guarded.stack
    stack.fault({"kind": "batch_bad_lines", "share": 0.5}, {"kind": "batch_invalid"})
    jobs = caller.deferred()
    caller.files()
    caller.message_batches()
    caller.everywhere()
    caller.opinions()
    until(lambda: any("/input" in key for key, _ in files_text(stack)), 60)
    before = places_of(stack)
    assert leaking(before) == {}, "while batches are under way"
    for table in {table for table, _ in KEPT}:
        assert leaks(table_text(stack, table)[True]), f"nothing went through {table}"
    for _ in range(MOST_STEPS):
        guarded.wait(STEP_SECONDS)
        if not (left := caller.under_way(jobs)):
            break
    assert left == []
    caller.results()
    caller.faults()
    guarded.fill(50, size=10_000)
    guarded.wait()
    assert guarded.mails(), "people are told of it"
    assert {200, 202, 400, 401, 404} <= set(caller.statuses)
    assert 500 not in caller.statuses

    places = places_of(stack)
    assert any("request_id" in text for text in places.values()), "the logs were looked for"
    assert "gpt-6-luna" in places["ledger_table"], "the tables were read"
    assert any(job in text for job in jobs for text in queued), "the queues were read"
    assert any("/records/" in place for place in places), "the bucket was read"
    places["queue bodies"] = "\n".join(queued)
    assert leaking(places) == {}
