"""Queues and the functions they feed: batches, what fails and comes back, dead letters, grants."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.system.event_world import EventGround, EventWorld, event_ground, event_world
from tests.system.tiny_functions import until

pytestmark = pytest.mark.system

VISIBILITY = 61
"""The queues' visibility timeout and a second."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventGround]:
    with event_ground(tmp_path_factory.mktemp("events")) as made:
        yield made


def run(
    ground: EventGround, diary: Path, queue: str, scenario: Callable[[EventWorld], Awaitable[None]]
) -> None:
    async def running() -> None:
        async with event_world(ground, diary, queues=(queue,)) as world:
            await scenario(world)

    asyncio.run(running())


def test_a_record_has_what_lambda_tells_of_a_message(ground: EventGround, tmp_path: Path) -> None:
    attributes = {
        "text": {"DataType": "String", "StringValue": "a"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }

    async def scenario(world: EventWorld) -> None:
        await world.send("whole", "hello", MessageGroupId="team", MessageAttributes=attributes)
        await until(lambda: len(world.diary) == 1)
        [record] = world.diary[0]["records"]
        assert record["body"] == "hello"
        assert record["eventSource"] == "aws:sqs"
        assert record["eventSourceARN"].endswith(":whole")
        assert record["awsRegion"] == "us-east-1"
        assert record["attributes"]["ApproximateReceiveCount"] == "1"
        assert record["attributes"]["MessageGroupId"] == "team"
        assert int(record["attributes"]["SentTimestamp"]) / 1000 <= ground.clock()
        assert record["messageAttributes"]["text"]["stringValue"] == "a"
        told = record["messageAttributes"]["bytes"]
        assert base64.b64decode(told["binaryValue"]) == b"\x00\xff"
        assert told["dataType"] == "Binary"
        await empty(world, "whole")

    run(ground, tmp_path / "diary", "whole", scenario)


def test_only_the_failed_messages_of_a_batch_come_back_and_end_as_dead_letters(
    ground: EventGround, tmp_path: Path
) -> None:
    async def scenario(world: EventWorld) -> None:
        await world.send("partial", "good", "fail 1", "fine")
        await until(lambda: sum(map(len, world.batches)) == 3)
        await until(lambda: world.poller("partial").delivered == 2)
        before = len(world.batches)
        await asyncio.sleep(0.6)
        assert len(world.batches) == before, "invisible until the world's clock says otherwise"
        for again in (1, 2):
            world.advance(VISIBILITY)
            await until(lambda: len(world.batches) == before + again)  # noqa: B023 at once
            assert world.batches[-1] == ["fail 1"]
        world.advance(VISIBILITY)
        await visible(world, "partial-dead", 1)
        assert len(world.batches) == before + 2, "received three times, as declared"
        [letter] = await world.taken("partial-dead")
        assert letter["Body"] == "fail 1"
        await empty(world, "partial")

    run(ground, tmp_path / "diary", "partial", scenario)


def test_what_a_function_raises_brings_the_whole_batch_back(
    ground: EventGround, tmp_path: Path
) -> None:
    async def scenario(world: EventWorld) -> None:
        await world.send("whole", "raise")
        await until(lambda: world.batches == [["raise"]])
        await until(lambda: world.poller("whole").failed == 1)
        assert await world.waiting("whole") == {"visible": 0, "in_flight": 1}
        world.advance(VISIBILITY)
        await until(lambda: world.batches == [["raise"], ["raise"]])
        await dead(world, "whole")

    run(ground, tmp_path / "diary", "whole", scenario)


def test_a_timeout_brings_the_whole_batch_back(ground: EventGround, tmp_path: Path) -> None:
    async def scenario(world: EventWorld) -> None:
        await world.send("slow", "hang")
        await until(lambda: world.poller("slow").failed == 1)
        assert any("timeout of 1 s" in line for line in world.reports)
        assert await world.waiting("slow") == {"visible": 0, "in_flight": 1}
        world.advance(VISIBILITY)
        await until(lambda: world.poller("slow").failed == 2)
        await dead(world, "slow")

    run(ground, tmp_path / "diary", "slow", scenario)


def test_a_batch_waits_for_its_window_on_the_worlds_clock(
    ground: EventGround, tmp_path: Path
) -> None:
    async def scenario(world: EventWorld) -> None:
        await world.send("window", "one", "two")
        await until_in_flight(world, "window", 2)
        await asyncio.sleep(0.5)
        assert world.batches == []
        await world.send("window", "three")
        await until_in_flight(world, "window", 3)
        world.advance(59.9)
        await until(lambda: len(world.batches) == 1)
        assert sorted(world.batches[0]) == ["one", "three", "two"]
        await empty(world, "window")

    run(ground, tmp_path / "diary", "window", scenario)


def test_a_full_batch_does_not_wait_for_its_window(ground: EventGround, tmp_path: Path) -> None:
    async def scenario(world: EventWorld) -> None:
        await world.send("window", *(str(number) for number in range(21)))
        await until(lambda: len(world.batches) == 1)
        assert len(world.batches[0]) == 20
        world.advance(60)
        await until(lambda: len(world.batches) == 2)
        await empty(world, "window")

    run(ground, tmp_path / "diary", "window", scenario)


def test_a_batch_ends_before_its_event_outgrows_six_megabytes(
    ground: EventGround, tmp_path: Path
) -> None:
    async def scenario(world: EventWorld) -> None:
        # Nothing polls yet, so that all of them are there at the first look.
        await world.send("large", *(letter * 1_000_000 for letter in "abcdefgh"))
        polling = asyncio.create_task(world.poller("large").run())
        await until(lambda: sum(map(len, world.batches)) == 8)
        polling.cancel()
        assert max(map(len, world.batches)) == 6
        assert sorted(body[0] for batch in world.batches for body in batch) == list("abcdefgh")

    async def running() -> None:
        async with event_world(ground, tmp_path / "diary") as world:
            await scenario(world)

    asyncio.run(running())


def test_a_mapping_that_is_switched_off_polls_nothing(ground: EventGround, tmp_path: Path) -> None:
    async def scenario(world: EventWorld) -> None:
        await world.send("off", "left alone")
        await asyncio.sleep(0.6)
        assert await world.waiting("off") == {"visible": 1, "in_flight": 0}
        assert world.poller("off").shown()["state"] == "Disabled"

    run(ground, tmp_path / "diary", "off", scenario)


@pytest.mark.parametrize(
    ("queue", "action"),
    [("unread", "sqs:ReceiveMessage"), ("unknown", "sqs:GetQueueAttributes")],
)
def test_a_role_that_may_not_read_its_queue_gets_nothing_and_it_is_told(
    ground: EventGround, tmp_path: Path, queue: str, action: str
) -> None:
    async def scenario(world: EventWorld) -> None:
        await world.send(queue, "unheard")
        await until(lambda: bool(world.reports))
        assert action in world.reports[0]
        assert "is not authorized" in json.dumps(world.poller(queue).shown()["failures"])
        await asyncio.sleep(1.5)
        assert len(world.reports) == 1, "told once"
        assert world.batches == []

    run(ground, tmp_path / "diary", queue, scenario)


def test_a_role_that_may_not_delete_gets_its_messages_again(
    ground: EventGround, tmp_path: Path
) -> None:
    async def scenario(world: EventWorld) -> None:
        await world.send("undeleted", "again")
        await until(lambda: len(world.batches) == 1)
        await until(lambda: any("sqs:DeleteMessage" in line for line in world.reports))
        world.advance(VISIBILITY)
        await until(lambda: len(world.batches) == 2)
        await dead(world, "undeleted")

    run(ground, tmp_path / "diary", "undeleted", scenario)


async def empty(world: EventWorld, queue: str) -> None:
    await until_state(world, queue, {"visible": 0, "in_flight": 0})


async def dead(world: EventWorld, queue: str) -> None:
    """Let time pass until nothing of a queue is left for the tests that follow."""
    while await world.waiting(queue) != {"visible": 0, "in_flight": 0}:
        world.advance(VISIBILITY)
        await asyncio.sleep(0.3)


async def visible(world: EventWorld, queue: str, count: int) -> None:
    await until_state(world, queue, {"visible": count, "in_flight": 0})


async def until_in_flight(world: EventWorld, queue: str, count: int) -> None:
    await until_state(world, queue, {"visible": 0, "in_flight": count})


async def until_state(world: EventWorld, queue: str, wanted: dict[str, int]) -> None:
    async with asyncio.timeout(30):
        while await world.waiting(queue) != wanted:  # noqa: ASYNC110 asked over HTTP
            await asyncio.sleep(0.05)
