"""The dispatcher's invocations: what they share, and what one bad message may do to others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from functions.dispatcher import handler
from shared.adapters.upstream import HttpUpstream, egress_client
from shared.domain.jobs.job import Job
from shared.domain.jobs.messages import message_of
from tests.deferral import completion
from tests.unit.jobs.world import World

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 600_000)


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: ClassVar[set[Any]] = set()

    def do_POST(self) -> None:
        self.connections.add(self.client_address)
        self.rfile.read(int(self.headers["content-length"]))
        body = completion()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Keys:
    def key_of(self, provider: str) -> str:
        return f"sk-{provider}"


@dataclass
class Queue:
    shown: list[tuple[str, int]] = field(default_factory=list)

    def show_again(self, receipts: list[str], seconds: int) -> None:
        self.shown += [(each, seconds) for each in receipts]


@dataclass
class Deployed:
    """The handler over a world of memory."""

    world: World = field(default_factory=World)
    queue: Queue = field(default_factory=Queue)
    batches: Any = field(default_factory=lambda: SimpleNamespace(handle=lambda *_: []))

    def worker(self) -> Any:
        return SimpleNamespace(
            machinery=self.world.process.machinery,
            batches=self.batches,
            queue=self.queue,
            clock=self.world.clock,
            meter=self.world.meter,
        )

    def job(self) -> Job:
        return self.world.accept(hours=0.1)

    def invoke(self, *bodies: str) -> set[str]:
        """Invoke it with messages; returns the bodies of those that failed."""
        attributes = {"ApproximateReceiveCount": "2"}
        records = [
            {"messageId": str(n), "receiptHandle": f"r{n}", "body": body, "attributes": attributes}
            for n, body in enumerate(bodies)
        ]
        answer = handler.handle({"Records": records}, CONTEXT)
        return {bodies[int(each["itemIdentifier"])] for each in answer["batchItemFailures"]}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    deployed = Deployed()
    monkeypatch.setattr(handler, "_built", deployed.worker)
    return deployed


@pytest.fixture
def provider_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def named(job: Job) -> str:
    return message_of(job.team, job.id)


def test_a_warm_invocation_uses_the_connections_of_the_one_before(
    deployed: Deployed, provider_url: str
) -> None:
    world, client = deployed.world, egress_client()
    world.upstream = HttpUpstream(client, Keys(), stand_in=provider_url)  # type: ignore[assignment]
    world.process = world.another()
    Answering.connections.clear()
    for _ in range(3):
        job = deployed.job()
        assert deployed.invoke(named(job)) == set()
        assert world.job(job).state == "done"
    assert len(Answering.connections) == 1
    handler._runner().run(client.aclose())


def test_one_message_that_fails_unexpectedly_comes_again_and_no_other_one(
    deployed: Deployed,
) -> None:
    world, jobs = deployed.world, [deployed.job() for _ in range(3)]
    content = world.jobs.content

    def poisoned(team: str, job: str, name: str) -> Any:
        if job == jobs[1].id:
            raise RuntimeError("what a caller said")
        return content(team, job, name)

    world.jobs.content = poisoned  # type: ignore[method-assign]
    assert deployed.invoke(*map(named, jobs)) == {named(jobs[1])}
    assert [world.job(job).state for job in jobs] == ["done", "assigned", "done"]
    [(_, facts)] = [each for each in world.meter.troubles if each[0] == "crash"]
    assert (facts["error"], facts["job"]) == ("RuntimeError", jobs[1].id)
    assert "what a caller said" not in json.dumps(facts)
    assert deployed.queue.shown == [("r1", 60)]


def test_a_message_that_names_nothing_fails_alone(deployed: Deployed) -> None:
    job = deployed.job()
    assert deployed.invoke("{}", named(job)) == {"{}"}
    assert deployed.world.job(job).state == "done"
    assert deployed.invoke("no JSON") == {"no JSON"}, "all of them failed, and nothing is raised"
