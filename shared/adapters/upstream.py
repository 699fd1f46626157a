"""The way out: the one client that talks to providers (httpx2, the library of their SDKs).

It sends only to hosts of the catalog, or to the loopback simulator that stands in for all of
them, and never without an open hold. No redirects, no proxy from the environment, no
header of the caller: what leaves here is written here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx2

from shared.adapters.provider_keys import ProviderKeys
from shared.catalog import Provider
from shared.domain.budgets import OpenHold
from shared.domain.errors import UpstreamFailed, UpstreamTimedOut
from shared.settings import is_loopback_url

if TYPE_CHECKING:
    from shared.ports.calls import Upstream, UpstreamReply

_CONNECT_SECONDS: Final = 5.0


class HttpReply:
    """A provider's reply while it arrives."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body, decompressed, as it comes."""
        return self._response.aiter_bytes()


class HttpUpstream:
    """Implements :class:`shared.ports.calls.Upstream`.

    ``stand_in`` is the base URL of a loopback simulator: provider ``p`` at ``https://h/path``
    is then reached at ``<stand_in>/p/path``.
    """

    def __init__(
        self, client: httpx2.AsyncClient, keys: ProviderKeys, *, stand_in: str | None = None
    ) -> None:
        if stand_in is not None and not is_loopback_url(stand_in):
            raise ValueError("only a loopback address may stand in for the providers")
        self._client = client
        self._keys = keys
        self._stand_in = stand_in

    @asynccontextmanager
    async def post(
        self, hold: OpenHold, provider: Provider, path: str, body: bytes, *, timeout_seconds: float
    ) -> AsyncIterator[HttpReply]:
        """Send a body and hand over the reply. ``timeout_seconds`` bounds the whole exchange."""
        key = await asyncio.to_thread(self._keys.key_of, provider.name)
        headers = {
            **_authorization(provider, key),
            **provider.headers,
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "x-client-request-id": hold.entry.request_id,
        }
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._client.stream(
                    "POST", self._url(provider, path), content=body, headers=headers
                ) as response,
            ):
                yield HttpReply(response)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise UpstreamFailed(f"{provider.name} cannot be reached.", may_bill=False) from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise UpstreamTimedOut(
                f"{provider.name} gave no complete answer within {timeout_seconds:.0f} s. "
                "Stream the call, ask for less output, or defer it."
            ) from error
        except httpx2.HTTPError as error:
            raise UpstreamFailed(
                f"The connection to {provider.name} failed: {type(error).__name__}."
            ) from error

    def _url(self, provider: Provider, path: str) -> str:
        return base_url(provider, self._stand_in) + path


def base_url(provider: Provider, stand_in: str | None) -> str:
    """Return where a provider's API begins: at its own host, or under the stand-in's."""
    if stand_in is None:
        return provider.base_url
    own_path = urlsplit(provider.base_url).path.rstrip("/")
    return f"{stand_in.rstrip('/')}/{provider.name}{own_path}"


def _authorization(provider: Provider, key: str) -> dict[str, str]:
    if provider.auth == "x-api-key":
        return {"x-api-key": key}
    return {"authorization": f"Bearer {key}"}


def egress_client() -> httpx2.AsyncClient:
    """Return the HTTP client of the router: pooled, no redirects, deaf to the environment."""
    return httpx2.AsyncClient(
        follow_redirects=False,
        trust_env=False,
        timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS),
        headers={"user-agent": "sluice"},
    )


class Egress:
    """Implements :class:`shared.ports.calls.Upstream` over one upstream for each protocol."""

    def __init__(self, by_protocol: Mapping[str, Upstream]) -> None:
        self._by_protocol = by_protocol

    def post(
        self, hold: OpenHold, provider: Provider, path: str, body: bytes, *, timeout_seconds: float
    ) -> AbstractAsyncContextManager[UpstreamReply]:
        """Send a body through the provider's own upstream."""
        upstream = self._by_protocol[provider.protocol]
        return upstream.post(hold, provider, path, body, timeout_seconds=timeout_seconds)
