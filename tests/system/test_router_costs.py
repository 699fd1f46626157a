"""What the router's process costs in things that can be counted on any machine.

The process is the one that is deployed, between the benchmarks' canned AWS and provider.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import contenders, measures
from benchmarks.caller import ask_in_turn
from benchmarks.contenders import Contender
from benchmarks.processes import Started, running
from benchmarks.report import START_MODULES
from benchmarks.scenarios import SCENARIOS
from benchmarks.world import ROOT, running_world
from local.web_instance import free_port

pytestmark = pytest.mark.system

REPEATS = 5


@pytest.fixture(scope="module")
def router() -> Iterator[Contender]:
    with running_world(ROOT) as world:
        yield contenders.router("router", "the router", ROOT, world)


@pytest.fixture(scope="module")
def process(router: Contender) -> Iterator[Started]:
    """One process that has answered before: its key is known, its provider's key is read."""
    port = free_port()
    with running(router.command(port), port) as started:
        ask_in_turn(port, router.requests["miss"], 1, 200)
        yield started


CALLS = {
    "hit": {"BatchGetItem": 1, "TransactWriteItems": 1},
    "popular": {"BatchGetItem": 1, "PutItem": 1},
    "hit-stream": {"BatchGetItem": 1, "TransactWriteItems": 1},
    "miss": {"BatchGetItem": 1, "TransactWriteItems": 2, "PutItem": 1, "provider": 1},
    "miss-stream": {"BatchGetItem": 1, "TransactWriteItems": 2, "PutItem": 1, "provider": 1},
    "refused": {},
    "keyless": {},
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_request_makes_exactly_these_calls(
    router: Contender, process: Started, name: str
) -> None:
    router.world.counts()
    ask_in_turn(process.port, router.requests[name], REPEATS, SCENARIOS[name].status)
    expected = {operation: REPEATS * count for operation, count in CALLS[name].items()}
    assert router.world.counts() == expected


def test_a_cold_process_reads_its_providers_key_once(router: Contender) -> None:
    router.world.counts()
    port = free_port()
    with running(router.command(port), port):
        assert router.world.counts() == {}
        ask_in_turn(port, router.requests["miss"], 2, 200)
    assert router.world.counts()["GetSecretValue"] == 1


def test_a_start_imports_few_modules_and_traffic_imports_no_providers_sdk(
    router: Contender, tmp_path: Path
) -> None:
    at_start, after = measures.modules(router, tmp_path)
    assert {"shared.wiring.router", "functions.router.app", "uvicorn"} <= at_start
    assert len(at_start) <= START_MODULES
    locked = (ROOT / "requirements" / "functions.txt").read_text(encoding="utf-8")
    assert not any(f"{name.replace('_', '-')}==" in locked for name in measures.PICKED_UP)
    assert after & measures.PROVIDER_SDKS == set()
    assert not {"boto3", "websockets", "shared.adapters.providers.bedrock"} & after


def test_an_upgrade_to_a_websocket_is_answered_as_a_plain_request(process: Started) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
    connection.request("GET", "/health", headers={"upgrade": "websocket", "connection": "upgrade"})
    assert connection.getresponse().status == 200
    connection.close()
