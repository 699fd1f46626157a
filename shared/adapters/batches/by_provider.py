"""The batch provider of each provider that has a batch API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

import httpx2

from shared.adapters.batches.account import Account, account, batch_client
from shared.adapters.batches.anthropic_batches import AnthropicBatches
from shared.adapters.batches.openai_batches import OpenAIBatches
from shared.adapters.provider_keys import ProviderKeys
from shared.catalog import Provider
from shared.ports.jobs import BatchProvider


class _Adapter(Protocol):
    def __call__(self, account: Account, http: httpx2.Client) -> BatchProvider: ...


ADAPTERS: Final[dict[str, _Adapter]] = {
    "openai": OpenAIBatches,
    "anthropic": AnthropicBatches,
}
"""By provider: to speak OpenAI's chat protocol is not to have its batches."""


def batch_providers(
    providers: Iterable[Provider], keys: ProviderKeys, *, stand_in: str | None = None
) -> dict[str, BatchProvider]:
    """Return the batch providers among some providers, over one HTTP client.

    Raises ``KeyError`` for a provider whose batch API the catalog has and nobody here speaks.
    """
    accounts = [account(row, keys, stand_in=stand_in) for row in providers if row.batch is not None]
    http = batch_client(*accounts)
    return {each.provider.name: ADAPTERS[each.provider.name](each, http) for each in accounts}
