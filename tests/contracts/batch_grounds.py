"""Where the contract of batch providers is held: the fake, and the adapters on the simulator."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import httpx2

from shared.adapters.batches.account import account, batch_client
from shared.adapters.batches.anthropic_batches import AnthropicBatches
from shared.adapters.batches.openai_batches import OpenAIBatches
from shared.adapters.memory_batches import MemoryBatchProvider
from shared.catalog.providers import load_providers
from shared.domain.jobs.ids import batch_id, custom_id
from shared.domain.jobs.lines import AskedLine, LineResult
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.provider_errors import BatchAnswerLost
from shared.ports.jobs import BatchProvider
from tests.unit.simulator.conftest import KEY, Simulator

MODELS = {"openai": "gpt-6-luna", "anthropic": "claude-haiku-5-5"}


class Keys:
    def key_of(self, provider: str) -> str:
        return KEY


class Ground(Protocol):
    """A provider and the world around it; ``lose_create`` spoils the answer of the next create."""

    name: str

    @property
    def provider(self) -> BatchProvider: ...

    def now(self) -> float: ...

    def pass_seconds(self, seconds: float) -> None: ...

    def lose_create(self, *, effect: bool) -> None: ...

    def created(self) -> int: ...


class MemoryGround:
    def __init__(self, name: str) -> None:
        self.name = name
        self._now = 1_800_000_000.0
        keeps_ids = name == "openai"
        self.provider = MemoryBatchProvider(self.now, _answer, keeps_ids=keeps_ids)

    def now(self) -> float:
        return self._now

    def pass_seconds(self, seconds: float) -> None:
        self._now += seconds

    def lose_create(self, *, effect: bool) -> None:
        where = self.provider.failing_after if effect else self.provider.failing
        where["create"] = BatchAnswerLost("lost")

    def created(self) -> int:
        return len(self.provider.created)


def _answer(line: AskedLine) -> LineResult:
    said = line.body.decode()
    if "[fail 503]" in said:
        return LineResult(line.custom_id, "errored", b"", 503, "told to")
    if "[expire]" in said:
        return LineResult(line.custom_id, "expired")
    return LineResult(line.custom_id, "succeeded", b'{"answer": true}')


class SimulatorGround:
    """Files and batches over HTTP, through the SDKs."""

    def __init__(
        self, name: str, simulator: Simulator, client: Callable[..., httpx2.Client]
    ) -> None:
        self.name = name
        self.simulator = simulator
        mine = account(load_providers()[name], Keys(), stand_in=simulator.url)
        self.http = client(mine)
        self.provider: BatchProvider = (
            OpenAIBatches(mine, self.http)
            if name == "openai"
            else AnthropicBatches(mine, self.http)
        )

    def now(self) -> float:
        return time.time() + self.simulator.clock_file.offset

    def pass_seconds(self, seconds: float) -> None:
        self.simulator.pass_seconds(seconds)

    def strike(self, kind: str, operation: str | None, **fields: Any) -> None:
        self.simulator.fault(kind=kind, match={"operation": operation}, **fields)

    def lose_create(self, *, effect: bool) -> None:
        self.strike("lost_answer", "batches.create", effect=effect)

    def created(self) -> int:
        answer = self.simulator.control.get("/_control/batches").raise_for_status()
        return len(answer.json()["batches"])


def grounds(which: str, request: Any) -> Iterator[Ground]:
    kind, _, name = which.partition("-")
    if kind == "memory":
        yield MemoryGround(name)
        return
    ground = SimulatorGround(name, request.getfixturevalue("simulator"), batch_client)
    with ground.http:
        yield ground


@dataclass
class Submission:
    """A batch on its way to a provider."""

    ground: Ground
    texts: Sequence[str]
    batch: ProviderBatch = field(init=False)

    def __post_init__(self) -> None:
        now = self.ground.now()
        name = batch_id(now, time.monotonic_ns().to_bytes(12, "big"))
        model = MODELS.get(self.ground.name, "gpt-6-luna")
        self.batch = ProviderBatch(
            id=name,
            provider=self.ground.name,
            model=model,
            state="submitting",
            created_at=now,
            lines=len(self.texts),
            size=0,
            first_deadline=now + 86_400,
            submitting_since=now,
        )

    def lines(self) -> Iterator[AskedLine]:
        for number, text in enumerate(self.texts):
            body = {
                "model": self.batch.model,
                "max_tokens": 50,
                "messages": [{"role": "user", "content": text}],
            }
            yield AskedLine(custom_id(self.batch.id, number), json.dumps(body, indent=1).encode())

    def upload(self) -> None:
        file = self.ground.provider.upload(self.batch, self.lines)
        self.batch = replace(self.batch, input_file=file)

    def create(self) -> None:
        self.adopt(self.ground.provider.create(self.batch, self.lines))

    def submit(self) -> Submission:
        self.upload()
        self.create()
        return self

    def adopt(self, found: str) -> None:
        self.batch = replace(self.batch, provider_batch=found)

    def results(self) -> dict[int, LineResult]:
        """Return the results by line number; each must be there once."""
        rows = list(self.ground.provider.results(self.batch))
        found = {int(row.custom_id.rpartition("-")[2]): row for row in rows}
        assert len(found) == len(rows)
        assert all(row.custom_id.startswith(self.batch.id) for row in rows)
        return found
