"""What callers write reaches the provider and what is kept for them, and nothing else.

Forty strings that must not leak (keys, addresses, numbers, names) go through every route: calls
now and deferred, files, uploads, batches of both doors and such that fail, feedback, reports,
refusals, faults and alarms. Then everything is searched: log lines, metrics, messages to people,
bodies of queues, tables and files. Only what is kept to be asked or answered may hold them, and
that is named here by table and attribute, or by where it lies in the bucket.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest

from local.queue_batches import Message
from local.queue_poller import QueuePoller
from tests.system.canary_caller import Caller
from tests.system.canary_search import (
    CANARIES,
    KEPT,
    files_text,
    leaking,
    leaks,
    places_of,
    table_text,
)
from tests.system.conftest import until
from tests.system.guarded import GuardedStack, guarded_stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

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


@pytest.mark.parametrize(
    "write",
    [
        str,
        lambda text: f"…{text[:13]}…" if "slc_" not in text else text,
        lambda text: f"…{text[-12:]}",
        lambda text: f"…{text[-15:-1]}…",
        lambda text: base64.b64encode(b"a" + text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(b"ab" + text.encode() + b"c").decode(),
        lambda text: text.encode().hex(),
        quote,
        quote_plus,
    ],
    ids=["bare", "head", "tail", "middle", "base64", "in a token", "hex", "in a URL", "in a form"],
)
def test_a_canary_is_found_however_it_is_written(write: Callable[[str], str]) -> None:
    for canary in CANARIES:
        assert canary in leaks(f'{{"told": "{write(canary)}"}}'), canary
    assert leaks(write("nothing that must not leak")) == []


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
