"""Schedules on a clock that jumps: what was missed, whose leave is asked, what the target gets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.clock import utc
from tests.system.event_world import EventGround, EventWorld, event_ground, event_world
from tests.system.tiny_functions import until

pytestmark = pytest.mark.system

HOUR, DAY = 3600, 86_400


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventGround]:
    with event_ground(tmp_path_factory.mktemp("schedules")) as made:
        yield made


def hourly(world: EventWorld) -> list[dict[str, Any]]:
    return [event for event in world.diary if event.get("name") == "hourly"]


def test_a_day_passes_at_once_and_every_occurrence_fires_in_order(
    ground: EventGround, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with event_world(ground, tmp_path / "diary", schedules=True) as world:
            # A rate without a start date begins at once.
            await until(lambda: len(hourly(world)) == 1)
            world.advance(DAY)
            await until(lambda: len(hourly(world)) == 25)
            await asyncio.sleep(0.3)
            events = hourly(world)
            assert len(events) == 25
            times = [event["at"] for event in events]
            assert times == sorted(set(times)), "each once, the oldest first"
            assert events[0]["arn"].endswith(":schedule/times/hourly")
            nightly = [event for event in world.diary if event.get("source") == "aws.scheduler"]
            assert len(nightly) == 1
            assert nightly[0]["detail-type"] == "Scheduled Event"
            assert nightly[0]["resources"][0].endswith(":schedule/times/nightly")

    asyncio.run(scenario())


def test_a_role_that_may_not_invoke_is_told_and_its_event_is_a_dead_letter_where_it_may(
    ground: EventGround, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with event_world(ground, tmp_path / "diary", schedules=True) as world:
            await until(lambda: len(world.reports) == 2)
            assert "lambda:InvokeFunction" in world.reports[0]
            assert "sqs:sendmessage" in world.reports[1].lower()
            world.advance(1800)
            [shown] = [each for each in world.live.shown_schedules() if "refused" in str(each)]
            await until(lambda: "lambda:InvokeFunction" in str(refused(world)["failure"]))
            assert shown["schedule"] == "times/refused"

    asyncio.run(scenario())


def refused(world: EventWorld) -> dict[str, object]:
    [shown] = [each for each in world.live.shown_schedules() if "times/refused" in str(each)]
    return shown


def test_the_next_firing_is_shown(ground: EventGround, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with event_world(ground, tmp_path / "diary") as world:
            shown = {str(each["schedule"]): each for each in world.live.shown_schedules()}
            night = str(shown["times/nightly"]["next"])
            assert night[11:] in {"01:00:00+00:00", "02:00:00+00:00"}, "three o'clock in Berlin"
            assert night > utc(ground.clock()).isoformat()
            assert shown["times/nightly"]["time_zone"] == "Europe/Berlin"
            assert shown["times/hourly"]["fired"] == 0

    asyncio.run(scenario())


def test_a_failed_event_goes_where_the_program_says_with_its_story(
    ground: EventGround, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with event_world(ground, tmp_path / "diary") as world:
            arn = next(
                plain.function.arn
                for plain in world.live.functions.plain
                if plain.function.name == "failing"
            )
            event = {"tries": str(tmp_path / "tries")}
            await world.live.functions.invoke(arn, event, asynchronous=True)
            await until((tmp_path / "tries").exists)
            await until(lambda: world.live.functions.events.waiting("failing") == 1)
            await asyncio.sleep(0.5)
            world.advance(61)
            await until(lambda: world.live.functions.events.waiting("failing") == 0)
            assert (tmp_path / "tries").read_text() == "xx", "one more try, as declared"
            letters = await world.taken("letters")
            assert {letter["Body"][:2] for letter in letters} == {'{"'}
            bodies = "".join(letter["Body"] for letter in letters)
            assert '"condition": "RetriesExhausted"' in bodies
            assert '"approximateInvokeCount": 2' in bodies
            assert "no such luck" in bodies
            [dead] = [letter for letter in letters if "MessageAttributes" in letter]
            told = dead["MessageAttributes"]
            assert told["ErrorCode"]["StringValue"] == "200"
            assert "no such luck" in told["ErrorMessage"]["StringValue"]

    asyncio.run(scenario())


def test_a_role_that_may_not_write_to_the_dead_letter_queue_is_told(
    ground: EventGround, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with event_world(ground, tmp_path / "diary") as world:
            arn = next(
                plain.function.arn
                for plain in world.live.functions.plain
                if plain.function.name == "unheard"
            )
            event = {"tries": str(tmp_path / "tries")}
            await world.live.functions.invoke(arn, event, asynchronous=True)
            await until(lambda: any("did not take" in line for line in world.reports))
            assert "sqs:sendmessage" in world.reports[-1].lower()

    asyncio.run(scenario())
