"""The pages that the local AWS has beside AWS's own APIs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx2

from local.loopback import TRUSTS_NOBODY

PEER_SECONDS = 60.0


def _client() -> httpx2.AsyncClient:
    # No connection is kept, so it may be used from one event loop after another, and need not be
    # closed.
    limits = httpx2.Limits(max_keepalive_connections=0)
    return httpx2.AsyncClient(
        trust_env=False, verify=TRUSTS_NOBODY, timeout=PEER_SECONDS, limits=limits
    )


@dataclass(frozen=True)
class AwsPages:
    """Asks the local AWS at its endpoint's URL."""

    url: str
    _client: httpx2.AsyncClient = field(default_factory=_client)

    async def ask(self, path: str, **query: int) -> Any:
        """Return one page, which is JSON; raises ``httpx2.HTTPError``."""
        answer = await self._client.get(f"{self.url}{path}", params=query)
        return answer.raise_for_status().json()
