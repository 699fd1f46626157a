"""The way to a provider's account: its address, its key, and a client that goes nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import httpx2

from shared.adapters.provider_keys import ProviderKeys
from shared.adapters.upstream import base_url
from shared.catalog import Provider
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.provider_errors import BatchNotTaken
from shared.settings import is_loopback_url

TIMEOUTS: Final = httpx2.Timeout(connect=5.0, read=120.0, write=60.0, pool=5.0)
"""Seconds of silence, not of the whole exchange. A create of 50,000 lines is read, checked and
answered at the provider before its first byte comes back; its lines take a while to be sent."""


class ForeignAddress(Exception):
    """A request was about to leave for a host that is none of the catalog's."""


@dataclass(frozen=True)
class Account:
    """One provider's account, reached at ``address``, the beginning of its API."""

    provider: Provider
    keys: ProviderKeys
    address: str

    def key(self) -> str:
        """Return its API key; raises :class:`BatchNotTaken`, since without one nothing is sent."""
        try:
            return self.keys.key_of(self.provider.name)
        except StoreUnavailable as error:
            raise BatchNotTaken(f"The API key of {self.provider.name} cannot be read.") from error


def account(provider: Provider, keys: ProviderKeys, *, stand_in: str | None = None) -> Account:
    """Return a provider's account; ``stand_in`` is a loopback simulator, as for the router."""
    if stand_in is not None and not is_loopback_url(stand_in):
        raise ValueError("only a loopback address may stand in for the providers")
    return Account(provider, keys, base_url(provider, stand_in))


def batch_client(*accounts: Account) -> httpx2.Client:
    """Return the HTTP client that the SDKs share: no redirects, deaf to the environment.

    It refuses any address outside the accounts' own hosts, whatever an answer may name (Anthropic's
    ``results_url``): the SDK would send the key along.
    """
    hosts = frozenset(_origin(httpx2.URL(each.address)) for each in accounts)

    def stay(request: httpx2.Request) -> None:
        if _origin(request.url) not in hosts:
            raise ForeignAddress(f"{request.url.host} is not a host of the catalog")

    return httpx2.Client(
        follow_redirects=False,
        trust_env=False,
        timeout=TIMEOUTS,
        event_hooks={"request": [stay]},
    )


def id_of(batch: ProviderBatch) -> str:
    """Return the id of a batch at its provider, who is asked about none that has none."""
    if batch.provider_batch is None:
        raise ValueError("the provider's id of this batch is not known")
    return batch.provider_batch


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
