"""No failure of a provider reaches a caller as a hang, a wrong shape or a lost bill.

Each row of :data:`tests.system.fault_table.ROWS` is suffered behind both doors by three callers
at once: one who named a model of OpenAI, one of Anthropic, one of Bedrock, and one who asked for a
tier.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from tests.system.canary_search import CANARIES, leaking, leaks, places_of, table_text
from tests.system.conftest import Stack, running_stack
from tests.system.doors import DoorName, Heard, body_of, call
from tests.system.fault_table import INVOCATION_SECONDS, LIMITS, ROWS, Row, Sees, Source

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

BEDROCKS = "global.anthropic.claude-opus-5-5"
SUFFERS = {
    "gpt-6.1-sol": "gpt-6.1-sol",
    "claude-opus-5-5": "claude-opus-5-5",
    BEDROCKS: BEDROCKS,
    "mid": "gpt-6.1-terra",
}
"""What is asked for, and the model that is asked first."""
STACK_FILE = Path(__file__).with_name("Pulumi.faults.yaml")
"""Enables the providers of all of them."""
canaries = cycle(CANARIES)
NEXT = "claude-sonnet-5-5"
"""The next model of the tier ``mid``."""


def impatient_function(kind: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    if kind == "aws:lambda/function:Function":
        return {**inputs, "timeout": INVOCATION_SECONDS}
    return inputs


@pytest.fixture(scope="module")
def impatient_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    state = tmp_path_factory.mktemp("impatient")
    with running_stack(state, impatient_function, STACK_FILE, LIMITS) as stack:
        yield stack
        assert stack.look("/problems") == stack.look("/denials") == []


@pytest.fixture
def impatient(impatient_stack: Stack) -> Stack:
    """The stack with no fault pending and no model at rest, however the test before ended."""
    impatient_stack.forget()
    impatient_stack.recover()
    return impatient_stack


@pytest.mark.parametrize("door", ["chat", "messages"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_fault_is_told_settled_and_never_cached(
    impatient: Stack, row: Row, door: DoorName
) -> None:
    begun = impatient.now()
    words = "of locks " * (10 if row.stream else 200)
    text = f"[echo {next(canaries)} {words}] {uuid.uuid4()}"
    bodies = {asked: body_of(door, asked, text, stream=row.stream) for asked in SUFFERS}
    lines = len(impatient.bill_lines())
    faults = [{**row.fault, "match": {"model": model}} for model in SUFFERS.values()]
    impatient.fault(*faults)
    heard = call_all(impatient, door, bodies)
    assert {asked: each.sees for asked, each in heard.items()} == {
        asked: seen_of(row, asked) for asked in SUFFERS
    }
    assert impatient.fault() == 0
    check_the_ledger(row, heard, attempts(impatient, begun), impatient.bill_lines(lines))
    impatient.recover()
    again = call_all(impatient, door, bodies)
    assert {
        asked: each.headers.get("x-sluice-cache", each.sees) for asked, each in again.items()
    } == {asked: "hit" if may_be_kept(row, asked) else "miss" for asked in SUFFERS}


def test_no_fault_writes_what_was_asked_or_answered_anywhere(impatient: Stack) -> None:
    """Runs after the table of faults, on what they left."""
    assert impatient.usage_rows(), "the faults were suffered before"
    places = places_of(impatient)
    assert leaks(table_text(impatient, "cache_table")[True]), "some answers were kept"
    assert leaking(places) == {}


def call_all(stack: Stack, door: DoorName, bodies: dict[str, dict[str, Any]]) -> dict[str, Heard]:
    with ThreadPoolExecutor(len(bodies)) as pool:
        heard = pool.map(lambda body: call(stack, door, body), bodies.values())
        return dict(zip(bodies, heard, strict=True))


def seen_of(row: Row, asked: str) -> Sees:
    """Return what the caller who asked for this sees."""
    if asked == "mid":
        return row.tier
    return (row.bedrock if asked == BEDROCKS else None) or row.named


def source_of(row: Row, asked: str) -> Source:
    """Return what the settled row of the spoilt attempt rests on."""
    return "estimated" if asked == BEDROCKS and row.bedrock else row.source


def may_be_kept(row: Row, asked: str) -> bool:
    """Tell whether the caller got a whole answer whose usage is known."""
    return source_of(row, asked) == "provider" or (asked == "mid" and row.falls_back)


def attempts(stack: Stack, since: float) -> dict[str, list[dict[str, Any]]]:
    """Return the usage entries opened since then, in order, by the request they belong to."""
    rows = sorted(stack.usage_rows(since=since), key=itemgetter("request_id", "attempt"))
    return {name: list(group) for name, group in groupby(rows, key=itemgetter("request_id"))}


def check_the_ledger(
    row: Row,
    heard: dict[str, Heard],
    rows: dict[str, list[dict[str, Any]]],
    billed: list[dict[str, Any]],
) -> None:
    bill: Counter[str] = Counter()
    for line in billed:
        bill[line["model"]] += line["cost_nano"]
    for asked, each in heard.items():
        spoilt, *others = rows[each.request_id]
        assert spoilt["model"] == SUFFERS[asked]
        source = source_of(row, asked)
        is_answered = seen_of(row, asked) == "answer" and not row.falls_back
        assert spoilt["status"] == ("answered" if is_answered else "failed")
        assert spoilt["usage_source"] == source
        assert (spoilt["cost_nano"] == 0) == (source == "none")
        assert spoilt["cost_nano"] >= bill[spoilt["model"]]
        if source == "provider":
            assert spoilt["cost_nano"] == bill[spoilt["model"]] > 0
        fallback = [(NEXT, "answered", "provider", bill[NEXT])]
        assert [
            (other["model"], other["status"], other["usage_source"], other["cost_nano"])
            for other in others
        ] == (fallback if asked == "mid" and row.falls_back else [])


@pytest.mark.parametrize("door", ["chat", "messages"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_providers_own_pause_is_passed_on_and_kept_to(
    impatient: Stack, door: DoorName, stream: bool
) -> None:
    impatient.fault(kind="status", status=429, retry_after=7)
    body = body_of(door, "claude-opus-5-5", f"Wait. {uuid.uuid4()}", stream=stream)
    assert call(impatient, door, body).headers["retry-after"] == "7"
    resting = call(impatient, door, body)
    assert 1 <= int(resting.headers["retry-after"]) <= 8
    assert impatient.rows_of(resting.request_id) == [], "while it rests nothing is asked of it"
