"""The simulator as a real process, and the stock SDK pointed at it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import httpx2
import pytest
from anthropic import Anthropic
from botocore.config import Config
from openai import OpenAI

from local.clock_file import ClockFile
from local.loopback import TRUSTS_NOBODY

REPOSITORY = Path(__file__).parents[3]
KEY = "sk-test-simulator"


@dataclass(frozen=True)
class Simulator:
    """A running simulator; ``control`` speaks to its loopback routes."""

    url: str
    clock_file: ClockFile
    control: httpx2.Client

    def books(self, since: int = 0) -> dict[str, Any]:
        answer: dict[str, Any] = self.control.get("/_control/books", params={"since": since}).json()
        return answer

    def line(self) -> dict[str, Any]:
        """Wait for the single line that a test expects, and return it."""
        give_up = time.monotonic() + 120
        while not (lines := self.books()["lines"]):
            assert time.monotonic() < give_up, "the books stayed empty"
            time.sleep(0.01)
        assert len(lines) == 1
        only: dict[str, Any] = lines[0]
        return only

    def fault(self, **fault: object) -> None:
        assert self.control.post("/_control/faults", json=[fault]).status_code == 200

    def set_time(self, moment: str) -> None:
        offset = datetime.fromisoformat(moment).timestamp() - time.time()
        self.clock_file.set(offset)

    def pass_seconds(self, seconds: float) -> None:
        self.clock_file.set(self.clock_file.offset + seconds)

    def lines(self, number: int) -> list[dict[str, Any]]:
        """Wait for as many lines as a test expects, and return them."""
        give_up = time.monotonic() + 120
        while len(lines := self.books()["lines"]) < number:
            assert time.monotonic() < give_up, f"only {len(lines)} lines"
            time.sleep(0.01)
        assert len(lines) == number
        found: list[dict[str, Any]] = lines
        return found

    def message(self, body: object, path: str = "/anthropic/v1/messages") -> httpx2.Response:
        headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
        return self.control.post(path, json=body, headers=headers)

    def post(self, body: object, path: str = "/v1/chat/completions") -> httpx2.Response:
        headers = {"authorization": f"Bearer {KEY}"}
        return self.control.post(path, json=body, headers=headers)


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    clock_file = ClockFile(tmp_path_factory.mktemp("simulator") / "clock")
    clock_file.reset()
    command = [sys.executable, "-m", "local.simulator", "--clock-file", str(clock_file.path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own module
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        url = f"http://127.0.0.1:{port}"
        with httpx2.Client(
            base_url=url, trust_env=False, verify=TRUSTS_NOBODY, timeout=60
        ) as control:
            yield Simulator(url, clock_file, control)
        process.terminate()
        assert process.wait(timeout=60) == 0


@pytest.fixture
def simulator(simulator_process: Simulator) -> Simulator:
    simulator_process.clock_file.reset()
    simulator_process.control.post("/_control/reset").raise_for_status()
    return simulator_process


@pytest.fixture(scope="session")
def http_client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, verify=TRUSTS_NOBODY, timeout=60) as client:
        yield client


@pytest.fixture
def openai(simulator: Simulator, http_client: httpx2.Client) -> OpenAI:
    return OpenAI(
        base_url=simulator.url + "/v1",
        api_key=KEY,
        max_retries=0,
        http_client=http_client,
        _strict_response_validation=True,
    )


@pytest.fixture
def anthropic(simulator: Simulator, http_client: httpx2.Client) -> Anthropic:
    return Anthropic(
        base_url=simulator.url + "/anthropic",
        api_key=KEY,
        max_retries=0,
        http_client=http_client,
        _strict_response_validation=True,
    )


@pytest.fixture(scope="session")
def bedrock_client(simulator_process: Simulator) -> Any:
    # The stubs in use know no Bedrock.
    make: Any = boto3.session.Session(
        aws_access_key_id="AKIDTEST",
        aws_secret_access_key="secret",  # noqa: S106 - nothing verifies it
        region_name="eu-west-1",
    ).client
    return make(
        "bedrock-runtime",
        endpoint_url=simulator_process.url + "/bedrock",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


@pytest.fixture
def bedrock(simulator: Simulator, bedrock_client: Any) -> Any:
    return bedrock_client
