"""The way out: each call goes through the adapter that speaks its provider's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from shared.catalog import Provider
from shared.domain.budgets import OpenHold
from shared.ports import Upstream, UpstreamReply


class Egress:
    """Implements :class:`shared.ports.Upstream` over one upstream for each protocol."""

    def __init__(self, by_protocol: Mapping[str, Upstream]) -> None:
        self._by_protocol = by_protocol

    def post(
        self, hold: OpenHold, provider: Provider, path: str, body: bytes, *, timeout_seconds: float
    ) -> AbstractAsyncContextManager[UpstreamReply]:
        """Send a body through the provider's own upstream."""
        upstream = self._by_protocol[provider.protocol]
        return upstream.post(hold, provider, path, body, timeout_seconds=timeout_seconds)
