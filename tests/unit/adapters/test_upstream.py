"""The egress client: our hosts, our headers, no redirects, bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared import catalog
from shared.adapters.upstream import HttpUpstream, egress_client
from shared.domain.errors import UpstreamFailed, UpstreamTimedOut
from tests.contracts.test_store import ENTRY
from tests.open_holds import open_hold

HOLD = open_hold(ENTRY)
OPENAI = catalog.load(["openai"]).providers["openai"]


class Keys:
    def key_of(self, provider: str) -> str:
        return f"sk-{provider}"


def send(
    handler: Callable[[httpx2.Request], httpx2.Response], *, stand_in: str | None = None
) -> tuple[int, bytes]:
    async def work() -> tuple[int, bytes]:
        transport = httpx2.MockTransport(handler)
        async with httpx2.AsyncClient(transport=transport) as client:
            upstream = HttpUpstream(client, Keys(), stand_in=stand_in)
            path = "/chat/completions"
            async with upstream.post(HOLD, OPENAI, path, b"{}", timeout_seconds=1) as reply:
                return reply.status, b"".join([part async for part in reply.chunks()])

    return asyncio.run(work())


def test_a_call_goes_to_the_catalogs_host_with_our_headers() -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, content=b"ok")

    assert send(handler) == (200, b"ok")
    [request] = seen
    assert str(request.url) == "https://api.openai.com/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-openai"
    assert request.headers["x-client-request-id"] == ENTRY.request_id


def test_a_stand_in_takes_every_providers_place_under_its_name() -> None:
    urls = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        urls.append(str(request.url))
        return httpx2.Response(200)

    send(handler, stand_in="http://127.0.0.1:9000")
    assert urls == ["http://127.0.0.1:9000/openai/v1/chat/completions"]


@pytest.mark.parametrize("url", ["http://evil.example", "https://127.0.0.1", "http://10.0.0.1"])
def test_only_this_machine_may_stand_in(url: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        HttpUpstream(egress_client(), Keys(), stand_in=url)


def test_the_client_is_deaf_to_proxies_and_follows_no_redirect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    client = egress_client()
    assert client.follow_redirects is False
    assert client.trust_env is False


@pytest.mark.parametrize(
    ("error", "expected", "may_bill"),
    [
        (httpx2.ConnectError("x"), UpstreamFailed, False),
        (httpx2.ReadError("x"), UpstreamFailed, True),
        (httpx2.RemoteProtocolError("x"), UpstreamFailed, True),
        (httpx2.ReadTimeout("x"), UpstreamTimedOut, None),
    ],
)
def test_transport_errors_become_refusals(
    error: Exception, expected: type[Exception], may_bill: bool | None
) -> None:
    def handler(_: httpx2.Request) -> httpx2.Response:
        raise error

    with pytest.raises(expected) as refused:
        send(handler)
    assert getattr(refused.value, "may_bill", None) == may_bill


def test_a_provider_that_never_ends_is_timed_out() -> None:
    class Endless(httpx2.AsyncByteStream):
        async def __aiter__(self) -> Any:
            while True:
                await asyncio.sleep(0.05)
                yield b"."

    async def work() -> None:
        transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Endless()))
        async with httpx2.AsyncClient(transport=transport) as client:
            upstream = HttpUpstream(client, Keys())
            async with upstream.post(HOLD, OPENAI, "/x", b"{}", timeout_seconds=0.2) as reply:
                async for _ in reply.chunks():
                    pass

    with pytest.raises(UpstreamTimedOut):
        asyncio.run(work())
