"""Plain functions as real processes: frozen while idle, held to their timeout, tried again."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from local.declared_events import AsyncPolicy
from local.functions import EventTooLarge, NoSuchFunction
from local.instance import state_letter
from local.instance_pool import PoolLimits
from local.runtime_api import ANSWER_LIMIT_BYTES
from tests.system.tiny_functions import TinyFunctions, function, tiny_functions, until

pytestmark = pytest.mark.system


def test_a_handler_gets_its_event_its_environment_and_lambdas_context(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("echo", timeout_seconds=7.0)) as tiny:
            tiny.clock_file.advance(86_400)
            seen = await tiny.returned("echo", {"question": "why"})
            [invoked] = tiny.invoked
        assert seen["event"] == {"question": "why"}
        assert (seen["name"], seen["memory"]) == ("tiny-echo", "256")
        assert seen["arn"].endswith(":function:tiny-echo")
        assert 4000 < seen["left_ms"] <= 7000, "measured by the machine's clock, not the moved one"
        environment = seen["environment"]
        assert (environment["DECLARED"], environment["ADDED"]) == ("yes", "locally")
        assert environment["_HANDLER"] == "tiny.echo"
        assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
        assert "HOME" not in environment
        assert (invoked.function, invoked.failed, invoked.throttled) == ("tiny-echo", False, False)
        assert invoked.at - time.time() > 86_000

    asyncio.run(scenario())


def test_an_idle_process_is_frozen_and_serves_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("later"), function("echo")) as tiny:
            mark = tmp_path / "mark"
            await tiny.returned("later", {"file": str(mark)})
            [instance] = tiny.functions.instances
            await until(lambda: state_letter(instance.pid) == "T")
            await asyncio.sleep(1.0)
            assert not mark.exists(), "work left for later must not run between invocations"
            await tiny.returned("later", {"file": str(tmp_path / "other")})
            assert tiny.functions.instances == [instance]
            assert instance.served == 2

    asyncio.run(scenario())


def test_what_a_handler_raises_is_a_function_error_and_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("raises")) as tiny:
            answer = await tiny.invoke("raises", {"tries": str(tmp_path / "tries")})
            assert (answer.status, answer.error) == (200, "Unhandled")
            told = json.loads(answer.payload)
            assert (told["errorType"], told["errorMessage"]) == ("ValueError", "no such luck")
            assert [each.failed for each in tiny.invoked] == [True]
            assert any("no such luck" in line for _, _, line in tiny.lines)

    asyncio.run(scenario())


def test_a_timeout_kills_the_process_and_the_next_event_gets_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("naps", timeout_seconds=3.0)) as tiny:
            first = await tiny.returned("naps", {"seconds": 0})
            answer = await tiny.invoke("naps", {"seconds": 30})
            told = json.loads(answer.payload)
            assert (answer.error, told["errorType"]) == ("Unhandled", "Sandbox.Timedout")
            assert told["errorMessage"].endswith("Task timed out after 3.00 seconds")
            assert await tiny.returned("naps", {"seconds": 0}) != first
            assert any("timeout of 3 s" in line for line in tiny.reports)

    asyncio.run(scenario())


def test_a_process_that_ends_is_an_error_and_is_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("exits")) as tiny:
            for _ in range(2):
                answer = await tiny.invoke("exits")
                told = json.loads(answer.payload)
                assert (answer.error, told["errorType"]) == ("Unhandled", "Runtime.ExitError")
                assert "exit status 3" in told["errorMessage"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("nowhere.handle", "Runtime.ImportModuleError"),
        ("tiny.absent", "Runtime.HandlerNotFound"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_told_as_lambda_tells_it(
    tmp_path: Path, handler: str, kind: str
) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("echo", handler=handler)) as tiny:
            answer = await tiny.invoke("echo")
            assert (answer.error, json.loads(answer.payload)["errorType"]) == ("Unhandled", kind)

    asyncio.run(scenario())


def test_an_answer_beyond_six_megabytes_is_an_error(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("large")) as tiny:
            fits = await tiny.invoke("large", {"bytes": ANSWER_LIMIT_BYTES - 2})
            assert len(fits.payload) == ANSWER_LIMIT_BYTES
            answer = await tiny.invoke("large", {"bytes": ANSWER_LIMIT_BYTES})
            told = json.loads(answer.payload)
            assert told["errorType"] == "Function.ResponseSizeTooLarge"

    asyncio.run(scenario())


def test_events_at_once_get_instances_of_their_own_up_to_the_limit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("naps")) as tiny:
            naps = (tiny.returned("naps", {"seconds": 0.2}) for _ in range(4))
            assert len(set(await asyncio.gather(*naps))) == 2

    asyncio.run(scenario())


def test_beyond_a_declared_reserve_an_event_is_throttled(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("naps"), limits=PoolLimits(0, 1, 0)) as tiny:
            answers = await asyncio.gather(
                *(tiny.invoke("naps", {"seconds": 0.2}) for _ in range(3))
            )
            assert sorted(answer.status for answer in answers) == [200, 429, 429]
            assert sum(each.throttled for each in tiny.invoked) == 2
            assert not any(each.failed for each in tiny.invoked)

    asyncio.run(scenario())


def test_lines_reach_the_sink_with_their_stream(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("prints")) as tiny:
            await tiny.returned("prints", {"line": '{"a": 1}'})
            wanted = {
                ("tiny-prints", "stdout", '{"a": 1}'),
                ("tiny-prints", "stderr", "to stderr"),
            }
            await until(lambda: wanted <= set(tiny.lines))

    asyncio.run(scenario())


def test_a_failed_asynchronous_event_is_tried_twice_more_on_the_worlds_clock(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("raises")) as tiny:
            tries = tmp_path / "tries"
            await tiny.accept("raises", {"tries": str(tries)})
            await until(lambda: len(tiny.invoked) == 1)
            await asyncio.sleep(0.3)
            assert len(tiny.invoked) == 1, "the second try waits for a minute"
            tiny.clock_file.advance(61)
            await until(lambda: len(tiny.invoked) == 2)
            tiny.clock_file.advance(61)
            await asyncio.sleep(0.3)
            assert len(tiny.invoked) == 2, "the third waits for two"
            tiny.clock_file.advance(61)
            await until(lambda: tiny.waiting("raises") == 0)
            assert len(tries.read_text()) == 3
            assert "failed after 3 tries" in tiny.reports[-1]
            assert [end.condition for end in tiny.functions.events.dropped] == ["RetriesExhausted"]

    asyncio.run(scenario())


def test_the_second_try_may_succeed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("second_time")) as tiny:
            tries = tmp_path / "tries"
            await tiny.accept("second_time", {"tries": str(tries)})
            await until(lambda: len(tiny.invoked) == 1)
            tiny.clock_file.advance(61)
            await until(lambda: tiny.waiting("second_time") == 0)
            assert len(tries.read_text()) == 2
            assert tiny.functions.events.dropped == []

    asyncio.run(scenario())


def test_the_program_says_how_often_an_event_is_tried_and_how_old_it_may_get(
    tmp_path: Path,
) -> None:
    policies = {
        "tiny-raises": AsyncPolicy(retries=0),
        "tiny-exits": AsyncPolicy(max_age_seconds=59),
    }

    async def scenario() -> None:
        declared = function("raises"), function("exits")
        async with tiny_functions(tmp_path, *declared, policies=policies) as tiny:
            await tiny.accept("raises", {"tries": str(tmp_path / "tries")})
            await tiny.accept("exits", None)
            await until(lambda: len(tiny.functions.events.dropped) == 2)
            ends = {end.event.function.function.name: end for end in tiny.functions.events.dropped}
            assert ends["tiny-raises"].condition == "RetriesExhausted"
            assert ends["tiny-exits"].condition == "EventAgeExceeded"
            assert {end.tries for end in ends.values()} == {1}

    asyncio.run(scenario())


def test_a_throttled_asynchronous_event_waits_and_is_not_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("naps"), limits=PoolLimits(0, 1, 0)) as tiny:
            for _ in range(3):
                await tiny.accept("naps", {"seconds": 0.1})
            await until(lambda: sum(each.throttled for each in tiny.invoked) >= 2)
            while tiny.waiting("naps"):
                tiny.clock_file.advance(1)
                await asyncio.sleep(0.1)
            assert sum(not each.throttled for each in tiny.invoked) == 3

    asyncio.run(scenario())


def test_an_unknown_arn_and_a_large_event_are_refused(tmp_path: Path) -> None:
    async def refused(tiny: TinyFunctions) -> None:
        with pytest.raises(NoSuchFunction, match="tiny-nobody"):
            await tiny.invoke("nobody")
        with pytest.raises(EventTooLarge):
            await tiny.invoke("echo", "x" * (6 * 1024 * 1024))
        with pytest.raises(EventTooLarge):
            await tiny.accept("echo", "x" * (1024 * 1024))

    async def scenario() -> None:
        async with tiny_functions(tmp_path, function("echo")) as tiny:
            await refused(tiny)

    asyncio.run(scenario())
