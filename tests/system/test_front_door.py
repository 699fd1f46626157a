"""The front door and the router's processes behave as API Gateway and Lambda do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from local.instance import state_letter
from local.instance_pool import PoolLimits
from tests.system.tiny_router import Shape, Tiny, function, gateway, tiny, until

pytestmark = pytest.mark.system


def test_a_stream_passes_piece_by_piece_as_it_is_written(tmp_path: Path) -> None:
    async def run() -> None:
        async with tiny(tmp_path) as world, world.client.stream("GET", "/stream") as answer:
            arrivals = [(time.monotonic(), piece) async for piece in answer.aiter_raw()]
        moments = [moment for moment, _ in arrivals]
        assert b"".join(piece for _, piece in arrivals) == b"piece 0\npiece 1\npiece 2\npiece 3\n"
        assert arrivals[0][1] == b"piece 0\n"
        assert moments[-1] - moments[0] > 0.3
        assert "content-length" not in answer.headers

    asyncio.run(run())


def test_an_idle_process_is_stopped_and_leaves_deferred_work_undone(tmp_path: Path) -> None:
    async def run() -> None:
        mark = tmp_path / "later"
        async with tiny(tmp_path) as world:
            pid = world.pool.instances[0].pid
            assert state_letter(pid) == "T"
            await world.client.post("/later", content=str(mark))
            await until(lambda: state_letter(pid) == "T")
            await asyncio.sleep(0.3)
            assert not mark.exists()
            await world.client.post("/nap", content=b"1.0")
            assert mark.exists()
            assert world.pool.instances[0].pid == pid

    asyncio.run(run())


@pytest.mark.parametrize("heard", [0, 1, 3], ids=["before-headers", "first-piece", "last-piece"])
def test_a_hang_up_never_stops_the_router_before_its_end(tmp_path: Path, heard: int) -> None:
    async def run() -> None:
        mark = tmp_path / "mark"
        async with tiny(tmp_path) as world:
            await _hang_up_after(world, heard, str(mark))
            assert not mark.exists()
            assert state_letter(world.pool.instances[0].pid) != "T"
            mark.with_suffix(".go").touch()
            await until(mark.exists)
            await until(lambda: state_letter(world.pool.instances[0].pid) == "T")
            assert world.reports == []

    asyncio.run(run())


async def _hang_up_after(world: Tiny, pieces: int, mark: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    head = f"POST /marked HTTP/1.1\r\nHost: x\r\nContent-Length: {len(mark)}\r\n\r\n"
    writer.write((head + mark).encode())
    await writer.drain()
    if pieces:
        await reader.readuntil(b"piece %d\n" % (pieces - 1))
    else:
        await asyncio.sleep(0.05)
    writer.transport.abort()


def test_a_process_has_one_request_at_a_time_and_the_pool_grows_to_its_limits(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with tiny(tmp_path, Shape(PoolLimits(1, 2, 2))) as world:
            naps = [world.client.post("/nap", content=b"1.0") for _ in range(5)]
            answers = await asyncio.gather(*naps)
            served = [a.text.split() for a in answers if a.status_code == 200]
            refused = [a for a in answers if a.status_code == 429]
            assert {crowd for crowd, _ in served} == {"1"}
            assert len({pid for _, pid in served}) == 2
            # Two at work and two who wait.
            assert (len(served), len(refused)) == (4, 1)
            assert len(world.pool.instances) == 2

    asyncio.run(run())


def test_a_refusal_has_the_declared_shape_and_its_request_id_everywhere(tmp_path: Path) -> None:
    async def run() -> None:
        async with tiny(tmp_path, Shape(gateway=gateway(rate=0.001, burst=1))) as world:
            assert (await world.client.get("/health")).status_code == 200
            refused = await world.client.get("/health")
        request_id = refused.headers["x-amzn-requestid"]
        assert refused.status_code == 429
        assert refused.json()["error"]["message"] == f"slow down (request id: {request_id})"
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["x-request-id"] == request_id
        assert refused.headers["x-amzn-errortype"] == "TooManyRequestsException"

    asyncio.run(run())


def test_bodies_beyond_the_lambda_event_and_heads_beyond_10240_bytes_are_refused(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with tiny(tmp_path) as world:
            sizes = {4_700_000: 201, 4_730_000: 413, 10_600_000: 413}
            for size, status in sizes.items():
                answer = await world.client.post("/echo", content=b"x" * size)
                assert answer.status_code == status, size
            assert answer.json() == {"message": "Request Too Long"}
            long = await world.client.get("/echo", headers={"x-long": "y" * 10_240})
            assert long.status_code == 431
            assert world.pool.instances[0].served == 1

    asyncio.run(run())


def test_a_request_past_its_timeout_is_killed_and_its_process_replaced(tmp_path: Path) -> None:
    async def run() -> None:
        shape = Shape(PoolLimits(1, 1, 10), function(timeout_seconds=3.0))
        async with tiny(tmp_path, shape) as world:
            first = world.pool.instances[0].pid
            answer = await world.client.get("/silent")
            assert (answer.status_code, answer.json()) == (
                504,
                {"message": "Endpoint request timed out"},
            )
            with pytest.raises(httpx2.RemoteProtocolError):
                await world.client.get("/stalls")
            assert (await world.client.get("/health")).status_code == 200
            assert world.pool.instances[0].pid != first
            with pytest.raises(ProcessLookupError):
                os.kill(first, 0)
            assert any("timeout of 3 s" in report for report in world.reports)

    asyncio.run(run())


def test_a_process_that_dies_gives_502_and_is_replaced(tmp_path: Path) -> None:
    async def run() -> None:
        async with tiny(tmp_path) as world:
            answer = await world.client.get("/dies")
            assert answer.status_code == 502
            assert answer.headers["x-amzn-errortype"] == "InternalServerErrorException"
            await until(lambda: len(world.pool.instances) == 1)
            idle = world.pool.instances[0].pid
            os.kill(idle, signal.SIGKILL)
            await until(lambda: [i.pid for i in world.pool.instances] not in ([idle], []))
            assert (await world.client.get("/health")).status_code == 200

    asyncio.run(run())


def test_a_renewal_replaces_every_process_and_lets_a_busy_one_finish(tmp_path: Path) -> None:
    async def run() -> None:
        async with tiny(tmp_path, Shape(PoolLimits(2, 2, 10))) as world:
            busy = asyncio.create_task(world.client.post("/nap", content=b"1.0"))
            await until(lambda: any(not each.stopped for each in world.pool.instances))
            old = {each.pid for each in world.pool.instances}
            await world.pool.renew()
            answer = await busy
            assert answer.status_code == 200
            assert int(answer.text.split()[1]) in old
            await until(lambda: not old & {each.pid for each in world.pool.instances})
            assert len(world.pool.instances) == 2
            assert (await world.client.get("/health")).status_code == 200
            for pid in old:
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)
            assert world.reports == []

    asyncio.run(run())


def test_a_silent_stream_is_cut_for_the_caller_while_the_router_goes_on(tmp_path: Path) -> None:
    async def run() -> None:
        async with tiny(tmp_path, Shape(idle_seconds=0.3)) as world:
            with pytest.raises(httpx2.RemoteProtocolError):
                await world.client.get("/stalls")
            assert state_letter(world.pool.instances[0].pid) != "T"

    asyncio.run(run())


def test_headers_are_set_overwritten_and_renamed_as_the_gateway_and_the_adapter_do(
    tmp_path: Path,
) -> None:
    forged = {
        "x-amzn-request-context": "{}",
        "x-amzn-lambda-context": "{}",
        "x-forwarded-proto": "gopher",
        "x-forwarded-for": "203.0.113.9",
        "te": "trailers",
        "authorization": "Bearer key",
    }

    async def run() -> tuple[httpx2.Response, dict[str, Any]]:
        async with tiny(tmp_path) as world:
            answer = await world.client.get("/echo?a=%20b", headers=forged)
            return answer, answer.json()

    answer, seen = asyncio.run(run())
    headers = dict(seen["headers"])
    assert len(seen["headers"]) == len(headers)
    request_context = json.loads(headers["x-amzn-request-context"])
    lambda_context = json.loads(headers["x-amzn-lambda-context"])
    assert request_context["identity"]["sourceIp"] == "127.0.0.1"
    assert request_context["requestId"] == answer.headers["x-amzn-requestid"]
    assert lambda_context["deadline"] == lambda_context["deadline_ms"]
    assert 15_000 < lambda_context["deadline_ms"] - time.time() * 1000 <= 20_000
    assert lambda_context["env_config"]["memory"] == 512
    assert headers["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["authorization"] == "Bearer key"
    assert "te" not in headers
    assert seen["query"] == "a=%20b"
    assert answer.headers["x-amzn-remapped-www-authenticate"] == "Bearer"
    assert "x-amzn-remapped-date" in answer.headers
    assert not {"www-authenticate", "server", "content-length"} & set(answer.headers)
    assert answer.headers["x-mixed-case"] == "kept"


def test_a_process_has_the_declared_environment_and_nothing_of_this_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")

    async def run() -> dict[str, str]:
        shape = Shape(credentials=lambda: {"AWS_SESSION_TOKEN": "of-the-role"})
        async with tiny(tmp_path, shape) as world:
            answer: dict[str, dict[str, str]] = (await world.client.get("/echo")).json()
            return answer["environment"]

    environment = asyncio.run(run())
    assert environment["DECLARED"] == "yes"
    assert environment["ADDED"] == "locally"
    assert environment["AWS_SESSION_TOKEN"] == "of-the-role"  # noqa: S105 no secret
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert not {"OPENAI_API_KEY", "HTTPS_PROXY", "HOME"} & set(environment)


def test_every_line_a_process_prints_is_delivered(tmp_path: Path) -> None:
    async def run() -> None:
        async with tiny(tmp_path) as world:
            await world.client.post("/prints", content="x" * 300_000)
            await until(lambda: len(world.lines) == 3)
            assert (
                sum(len(text) for _, stream, text in world.lines if stream == "stdout") == 300_000
            )
            assert ("tiny", "stderr", "to stderr") in world.lines

    asyncio.run(run())
