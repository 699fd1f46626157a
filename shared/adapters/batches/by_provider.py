"""The batch provider of each provider that has a batch API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from threading import Lock
from typing import Final

import httpx2

from shared.adapters.batches.account import Account, batch_client
from shared.catalog import Provider
from shared.ports.jobs import BatchProvider

Make = Callable[[Account, httpx2.Client], BatchProvider]
_BY_API: Final[Mapping[str, tuple[str, str]]] = {
    "openai": ("openai_batches", "OpenAIBatches"),
    "anthropic": ("anthropic_batches", "AnthropicBatches"),
}


class BatchProviders(Mapping[str, BatchProvider]):
    """The providers with a batch API by name; each one's SDK is imported when it is first asked.

    An SDK takes one to three seconds of CPU. Most rounds of the collector find nothing to do, and
    a job that is called at once goes without any.
    """

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts
        self._http = batch_client(*accounts.values())
        self._made: dict[str, BatchProvider] = {}
        self._making = Lock()

    def __getitem__(self, name: str) -> BatchProvider:
        """Return a provider; raises ``KeyError`` for one that answers in no batches."""
        account = self._accounts[name]
        with self._making:
            if name not in self._made:
                self._made[name] = _adapter(account.provider)(account, self._http)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._accounts)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._accounts)


def _adapter(provider: Provider) -> Make:
    if provider.batch is None:
        raise KeyError(provider.name)
    module, name = _BY_API[provider.batch.api]
    make: Make = getattr(import_module(f"shared.adapters.batches.{module}"), name)
    return make
