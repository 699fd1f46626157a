"""What the dispatcher and the collector import before there is work: no provider's SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.adapters.batches.account import account
from shared.adapters.batches.by_provider import BatchProviders
from shared.domain.errors import StoreUnavailable
from tests.deferral import Stores, catalog, process
from tests.unit.jobs.world import World

SAY = "print(sorted({'openai', 'anthropic'} & set(sys.modules)))"


def said(*program: str) -> list[str]:
    """Return what a process says in which this runs."""
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", "; ".join(["import sys", *program])],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("function", ["dispatcher", "collector"])
def test_a_start_pays_for_no_sdk(function: str) -> None:
    assert said(f"import functions.{function}.handler", SAY) == ["[]"]


def test_a_round_without_batches_pays_for_no_sdk() -> None:
    rounds = "from tests.functions.test_worker_starts import busy, idle"
    with_nothing_to_do, with_a_batch = said(rounds, "idle()", SAY, "busy()", SAY)
    assert with_nothing_to_do == "[]"
    assert "openai" in with_a_batch


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_who_sends_to_one_provider_pays_for_one_sdk(sdk: str) -> None:
    assert said(f"import shared.adapters.batches.{sdk}_batches", SAY) == [f"['{sdk}']"]


def idle() -> None:
    """Run what a tick runs, where nothing is to be done."""
    _with_real_providers(World())


def busy() -> None:
    """Run it where a batch is to be sent, for which there is no key."""
    world = World()
    world.accept()
    world.now += 1_000
    _with_real_providers(world)


class NoKeys:
    """Has no keys, so nothing is sent to anybody."""

    def key_of(self, provider: str) -> str:
        """Return none."""
        raise StoreUnavailable(provider)


def _with_real_providers(world: World) -> None:
    apis = catalog().providers.values()
    accounts = {each.name: account(each, NoKeys()) for each in apis if each.batch is not None}
    stores = Stores(
        store=world.store,
        ledger=world.ledger,
        jobs=world.jobs,
        batches=world.jobs,
        blobs=world.blobs,
        queue=world.queue,
        providers=BatchProviders(accounts),
        upstream=world.upstream,
    )
    process(stores, world.clock, world.names).machinery.tick(world.now + 800)
