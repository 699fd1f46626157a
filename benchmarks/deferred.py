"""What deferred calls cost, from acceptance to answer: CPU, memory, calls to AWS and the provider.

::

    python -m benchmarks deferred [--name NAME]     # with a name the run is kept

Each figure has a process of its own. *CPU* is taken on stores in memory, whose blobs lie on disk:
it is the gateway's own work, without AWS's clients. *Memory* is taken on stores on disk, in a
process that has imported what the collector imports; more than a function of the least size has is
an error. *Calls* are taken on moto with the real adapters, where only their number counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.batch_memory import DiskBlobs, check_memory, peak_mib
from benchmarks.machine import load, machine
from benchmarks.results import DEFERRED, Deferred, write_deferred
from shared.catalog.aws_prices import load_own_cost

_JOBS: Final = 2_000
_LINES: Final = 50_000
_COUNTED: Final = 100
_ROUNDS_A_MONTH: Final = 43_800
_READS: Final = frozenset({"Query", "GetItem", "BatchGetItem"})
_IGNORED: Final = frozenset({"CreateTable", "CreateBucket", "CreateQueue"})


def run(say: Callable[[str], None], name: str | None) -> Deferred:
    """Measure everything; keep it under a name, if there is one."""
    here, figures = machine(), dict[str, float]()
    for what in ("speed", "memory", "calls"):
        say(f"deferred calls: {what}")
        figures |= _in_a_process(what)
    here.load_after = load()
    found = Deferred(taken=f"{datetime.now(UTC):%Y-%m-%d}", machine=here, figures=figures)
    if name:
        say(f"wrote {write_deferred(found, name).relative_to(DEFERRED.parents[2])}")
    return found


def _in_a_process(what: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.deferred", what]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, float])


def speed() -> dict[str, float]:
    """Return jobs per CPU second, in each part and through dispatcher and collector together."""
    with _in_memory() as world:
        spent: dict[str, float] = {}
        with _cpu(spent, "accept"):
            jobs = [world.accept(number) for number in range(_JOBS)]
        with _cpu(spent, "dispatch"):
            world.dispatch(jobs)
        with _cpu(spent, "submit"):
            world.submit()
        with _cpu(spent, "collect"):
            world.collect()
        world.check(jobs)
    rates = {f"{name}_jobs_per_cpu_s": _JOBS / seconds for name, seconds in spent.items()}
    through = sum(seconds for name, seconds in spent.items() if name != "accept")
    return rates | {"through_jobs_per_cpu_s": _JOBS / through}


def memory() -> dict[str, float]:
    """Return the memory of 50,000 lines in a process like the collector's, on stores on disk."""
    from benchmarks import deferred_world, on_disk  # noqa: PLC0415

    collector = on_disk.be_a_collector()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, jobs = on_disk.disk_store(folder), on_disk.DiskJobs(folder)
        store.create(deferred_world.KEY)
        stores = deferred_world.Stores(
            store, store.ledger, jobs, jobs, DiskBlobs(folder), on_disk.SilentQueue()
        )
        world = deferred_world.DeferredWorld(stores, deferred_world.DiskProvider(folder))
        first = world.accept(0)
        ends = deque([first], maxlen=100)
        ends.extend(world.copy(first, number) for number in range(1, _LINES))
        before = peak_mib()
        world.submit()
        submitted = peak_mib()
        world.collect()
        world.check([*ends])
    del collector
    check_memory()
    return {
        "memory_lines": _LINES,
        "memory_before_mib": before,
        "memory_submit_mib": submitted,
        "memory_collect_mib": peak_mib(),
    }


def calls() -> dict[str, float]:
    """Return calls for 1,000 jobs, and what an idle round of the collector asks."""
    with _on_moto() as (world, provider, counted):
        found: dict[str, float] = {}
        world.tick()  # the first one opens what later ones find
        counted.clear()
        world.tick()
        found |= _idle(counted)
        counted.clear()
        jobs = [world.accept(number) for number in range(_COUNTED)]
        found |= _of(counted, "accept")
        world.dispatch(jobs)
        found |= _of(counted, "dispatch")
        world.submit()
        found |= _of(counted, "submit")
        world.collect()
        found |= _of(counted, "collect")
        world.check(jobs)
        return found | {"provider_calls": provider.calls, "counted_jobs": _COUNTED}


def _of(counted: Counter[str], part: str) -> dict[str, float]:
    found = {f"{part}_{call}": n * 1_000 / _COUNTED for call, n in counted.items()}
    counted.clear()
    return found


def _idle(counted: Counter[str]) -> dict[str, float]:
    rates = load_own_cost(datetime.now(UTC).date()).rates
    reads = sum(n for call, n in counted.items() if call in _READS)
    writes = counted.total() - reads
    # Items under 4 KB read consistently, under 1 KB written: a unit each.
    pico = reads * rates["read_unit"] + writes * rates["write_unit"]
    month = pico * _ROUNDS_A_MONTH / 10**12
    return {"idle_reads": reads, "idle_writes": writes, "idle_usd_a_month": month}


@contextmanager
def _cpu(spent: dict[str, float], name: str) -> Iterator[None]:
    begun = time.process_time()
    yield
    spent[name] = time.process_time() - begun


@contextmanager
def _in_memory() -> Iterator[Any]:
    from benchmarks import deferred_world  # noqa: PLC0415
    from shared.adapters.memory import MemoryStore  # noqa: PLC0415
    from shared.adapters.memory_jobs import MemoryJobs, MemoryQueue  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        store, jobs = MemoryStore(), MemoryJobs()
        store.create(deferred_world.KEY)
        stores = deferred_world.Stores(
            store, store.ledger, jobs, jobs, DiskBlobs(Path(folder)), MemoryQueue()
        )
        provider = deferred_world.DiskProvider(Path(folder))
        yield deferred_world.DeferredWorld(stores, provider)


@contextmanager
def _on_moto() -> Iterator[tuple[Any, Any, Counter[str]]]:
    import boto3  # noqa: PLC0415
    from moto import mock_aws  # noqa: PLC0415

    from benchmarks import deferred_world  # noqa: PLC0415
    from local.aws.moto_patches import apply_moto_patches  # noqa: PLC0415
    from shared.adapters.blobs import S3Blobs  # noqa: PLC0415
    from shared.adapters.dynamodb.jobs import DynamoJobs  # noqa: PLC0415
    from shared.adapters.dynamodb.ledger import DynamoLedger  # noqa: PLC0415
    from shared.adapters.dynamodb.rows import key_row_item  # noqa: PLC0415
    from shared.adapters.dynamodb.store import DynamoStore  # noqa: PLC0415
    from shared.adapters.job_queue import SqsJobQueue  # noqa: PLC0415
    from shared.resources import CACHE_TABLE, JOBS_TABLE, LEDGER_TABLE  # noqa: PLC0415

    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    apply_moto_patches()
    counted: Counter[str] = Counter()

    def client(service: str) -> Any:
        made: Any = boto3.Session().client(service, region_name="us-east-1")  # type: ignore[call-overload]
        made.meta.events.register("before-call", lambda model, **_: _count(counted, model.name))
        return made

    def quiet(*_: Any, **__: Any) -> None:
        """Report nothing."""

    with mock_aws(), tempfile.TemporaryDirectory() as folder:
        dynamo, s3, sqs = client("dynamodb"), client("s3"), client("sqs")
        for name, shape in (
            ("cache", CACHE_TABLE),
            ("ledger", LEDGER_TABLE),
            ("jobs", JOBS_TABLE),
        ):
            _create_table(dynamo, name, shape)
        s3.create_bucket(Bucket="batches")
        url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
        dynamo.put_item(TableName="ledger", Item=key_row_item(deferred_world.KEY))
        blobs = S3Blobs(s3, "batches", quiet)
        world: deferred_world.DeferredWorld
        jobs = DynamoJobs(dynamo, "jobs", blobs, quiet, lambda: world.now)
        stores = deferred_world.Stores(
            DynamoStore(dynamo, cache_table="cache", ledger_table="ledger", report=quiet),
            DynamoLedger(dynamo, "ledger", quiet),
            jobs,
            jobs,
            blobs,
            SqsJobQueue(sqs, url, quiet),
        )
        provider = deferred_world.DiskProvider(Path(folder))
        world = deferred_world.DeferredWorld(stores, provider)
        yield world, provider, counted


def _count(counted: Counter[str], name: str) -> None:
    if name not in _IGNORED:
        counted[name] += 1


def _create_table(client: Any, name: str, shape: Any) -> None:
    keys = [(shape.partition_key, "HASH"), (shape.sort_key, "RANGE")]
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )


_MEASURES: Final = {"speed": speed, "memory": memory, "calls": calls}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(_MEASURES[sys.argv[1]]()) + "\n")
