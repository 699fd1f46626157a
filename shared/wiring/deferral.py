"""Joins what the router needs of deferred calls: imported when the first one comes."""

from __future__ import annotations

from dataclasses import dataclass

from shared.adapters import job_queue
from shared.adapters.dynamodb import wire
from shared.adapters.dynamodb.jobs import DynamoJobs
from shared.adapters.job_queue import SqsJobQueue
from shared.clock import Clock
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter
from shared.ports.jobs import JobQueue, JobStore
from shared.settings import CallSettings, RouterSettings
from shared.usecases.admission import Admission
from shared.usecases.call_facts import CallFacts, Policy
from shared.usecases.idempotency import Idempotency
from shared.usecases.jobs.accepting import AcceptCall
from shared.usecases.jobs.reading import JobReader
from shared.usecases.jobs.rooms import Rooms
from shared.usecases.route import ModelRouter
from shared.usecases.standing import StandingOf
from shared.wiring.calls import TIMEOUTS, Calls, blobs_of, reporter


@dataclass(frozen=True)
class Deferral:
    """What the doors need: to accept a call for later, and to read what became of it."""

    accept: AcceptCall
    read: JobReader


def build_deferral(
    settings: RouterSettings,
    calls: Calls,
    admission: Admission,
    stores: tuple[JobStore, JobQueue] | None = None,
) -> Deferral:
    """Build it on what the router calls providers with."""
    clock, meter, times = calls.clock, calls.meter, times_of(settings)
    jobs, queue = stores or (job_store(settings, meter, clock), queue_of(settings, meter))
    accept = AcceptCall(
        facts=CallFacts(
            Policy(settings.environment, settings.policy_version), calls.catalog, clock
        ),
        catalog=calls.catalog,
        store=calls.store,
        admission=admission,
        idempotency=Idempotency(calls.store, meter, clock),
        standing_of=StandingOf(calls.holding),
        router=ModelRouter(calls.catalog, clock),
        holding=calls.holding,
        settler=calls.settler,
        jobs=jobs,
        rooms=Rooms(jobs, queue, calls.holding, meter, times, clock),
        meter=meter,
        times=times,
        clock=clock,
    )
    return Deferral(accept, JobReader(jobs, clock))


def times_of(settings: CallSettings) -> JobTimes:
    """Return how long deferred calls wait for what."""
    return JobTimes().hurried(settings.batch_speedup)


def job_store(settings: CallSettings, meter: Meter, clock: Clock) -> DynamoJobs:
    """Return the jobs' table, with the bucket for what is too large for it."""
    blobs, report = blobs_of(settings, meter), reporter(meter)
    return DynamoJobs(wire.connect(TIMEOUTS), settings.jobs_table, blobs, report, clock)


def queue_of(settings: CallSettings, meter: Meter) -> SqsJobQueue:
    """Return the queue that wakes the dispatcher."""
    return SqsJobQueue(job_queue.connect(TIMEOUTS), settings.jobs_queue, reporter(meter))
