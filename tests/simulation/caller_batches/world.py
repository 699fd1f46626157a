"""One world of callers' batches: callers, dispatchers and tickers over real adapters.

As with deferred calls, every invocation is a process of its own that may die at any step. Callers
upload, create, try again and cancel; messages come twice; pollers overlap.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from unittest.mock import patch

from shared.adapters.dynamodb.batch_ledger import DynamoBatchLedger
from shared.adapters.dynamodb.caller_batches import DynamoCallerBatches
from shared.adapters.dynamodb.files import DynamoFiles
from shared.domain.batches.requests import BatchRequest
from shared.domain.errors import GatewayError
from shared.domain.files.requests import FileRequest
from shared.domain.jobs.times import JobTimes
from shared.usecases.batches import desk, running
from tests.deferral import key_row, question
from tests.simulation.caller_batches.judge import BatchesJudge
from tests.simulation.caller_batches.plans import BatchOrder, BatchPlan, OrderedLine
from tests.simulation.caller_batches.process import BatchProcess, BatchStores, batch_process
from tests.simulation.deferred.world import World
from tests.simulation.judge import Broken
from tests.simulation.scheduler import Task

_CALLER_SECONDS = 300.0
"""As long as the router lets a request last."""
_TRIES = 3
_NEVER = {"foreign_line", "unsettled"}
"""Troubles that only a mistake of ours can bring about here."""


class BatchWorld(World):
    """Runs one plan to its end; raises what rule was broken, with the seed and the last steps."""

    plan: BatchPlan
    judge: BatchesJudge

    def _new_judge(self) -> BatchesJudge:
        return BatchesJudge(self.books, self.topics)

    def run(self) -> BatchWorld:
        """Run to the end and return this world for inspection."""
        self.judge.blobs = self.blobs
        at_once = 2**20 if self.plan.is_awaited else 0
        with (
            patch.object(desk, "AT_ONCE_BYTES", at_once),
            patch.object(running, "LEASE_SECONDS", self.plan.runner_lease),
        ):
            super().run()
        self.trace.noticed += self.judge.endings
        return self

    def _add_callers(self, skews: Any) -> None:
        for number, orders in enumerate(self.plan.batches):
            self._add(f"caller {number}", skews, partial(self._call_all, orders))

    def _call_all(self, orders: tuple[BatchOrder, ...], task: Task) -> None:
        for order in orders:
            self._pause(self._chance.random() * 600.0)
            made: list[str] = []
            self._call(task, partial(self._upload, order, made))
            if made:
                self._create_and_cancel_batch(task, order, made[0])

    def _create_and_cancel_batch(self, task: Task, order: BatchOrder, file_id: str) -> None:
        made: list[str] = []
        for _ in range(_TRIES if order.again else 1):
            if not made:
                self._call(task, partial(self._create, order, file_id, made))
        if made and order.cancelled is not None:
            self._pause(order.cancelled)
            self._call(task, partial(self._cancel_batch, order, made[0]))

    def _call(self, task: Task, work: Any) -> None:
        """Let a caller ask once; what goes wrong is told to it, or the line is cut."""

        def ask(task: Task, running: Any) -> None:
            self.steps.begin(task, _CALLER_SECONDS)
            try:
                work(running)
            except GatewayError as error:
                self.trace.notice(f"told: {error.code or error.type}")

        self._invoke(task, ask)

    def _upload(self, order: BatchOrder, made: list[str], running: BatchProcess) -> None:
        content = b"\n".join(map(_written, order.lines))
        file = running.files.create(order.team, "a", FileRequest(purpose="batch"), content)
        self.judge.ordered[file.id] = order
        made.append(file.id)

    def _create(
        self, order: BatchOrder, file_id: str, made: list[str], running: BatchProcess
    ) -> None:
        asked = BatchRequest(
            input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        again = f"order {order.number}" if order.again else None
        batch = running.desk.create(key_row(order.team), asked, again)
        self.judge.promised[batch.id] = batch.team
        made.append(batch.id)

    def _cancel_batch(self, order: BatchOrder, batch_id: str, running: BatchProcess) -> None:
        running.desk.cancel(order.team, "openai", batch_id)
        self.trace.notice("cancelled by its caller")

    def _handle(self, task: Task, running: Any) -> None:
        taken = self.queue.receive()
        if not taken:
            return
        self.trace.notice("messages")
        places = list(taken.values())
        failed = running.messages.handle(places)
        self.queue.delete(number for number, place in taken.items() if place not in failed)

    def process(self, task: Task | None) -> Any:
        """Return a new process."""
        clock, client, report = self.clock_of(task), self.client(), self.trace.report
        own = BatchStores(
            files=DynamoFiles(client, "jobs", report),
            batches=DynamoCallerBatches(client, "jobs", report),
            ledger=DynamoBatchLedger(client, "ledger", report),
        )
        return batch_process(
            self.stores(clock),
            own,
            clock,
            self.names,
            self.meter,
            pause=self._pause,
            jitter=self._chance.random,
            times=JobTimes(lane=self.plan.leased),
        )

    def _is_quiet(self) -> bool:
        is_open = any(place == "-/caller-batches" for place, _ in self.service.items())
        return super()._is_quiet() and not is_open

    def _quieten(self) -> None:
        super()._quieten()
        for what, facts in self.meter.troubles:
            if what in _NEVER:
                raise Broken(f"{what}: {facts}")


def _written(line: OrderedLine) -> bytes:
    body = question(line.topic)
    if not line.is_good:
        body["model"] = "gpt-2"
    if not line.is_cached:
        body["sluice"] = {"cache": "bypass"}
    whole = {"custom_id": line.name, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(whole).encode()
