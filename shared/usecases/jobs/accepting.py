"""Accepts a call that may be answered later, in an order that a crash anywhere leaves clean.

::

    key, limits, exact cache   one read; a hit is a job that is done, at cost 0
    route                      among models that answer in batches, at a known price
    row in a waiting room      from now on the job is looked for
    body                       kept apart from the job
    hold                       at the price of a batch
    job                        from now on a provider may be asked
    message                    so that somebody looks at once

A process that dies between the row and the job leaves a row that leads to the hold: see
:mod:`shared.usecases.jobs.rooms`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

import msgspec

from shared.catalog import Catalog, Model
from shared.clock import Clock, utc
from shared.domain.entries import Claim, Entry, StoredAnswer
from shared.domain.errors import GatewayError, InvalidRequest, StoreUnavailable
from shared.domain.freshness import Freshness
from shared.domain.jobs.ids import job_id
from shared.domain.jobs.job import FROM_CACHE, NOW, Held, Job, Mode, Wish, room_of
from shared.domain.jobs.times import JobTimes
from shared.domain.notes import notes
from shared.domain.prices import TokenCounts, Variant
from shared.ports.calls import Meter, Store
from shared.ports.jobs import JobStore
from shared.usecases.admission import Admission, Admitted, Arrival, Entrance
from shared.usecases.attempts import check_max_cost
from shared.usecases.call_facts import CallFacts
from shared.usecases.calls import Call
from shared.usecases.holding import Holding, Wanted
from shared.usecases.idempotency import Idempotency
from shared.usecases.jobs.bodies import BODY, Wires, answer_name, asked_of, kept, prefix_of
from shared.usecases.jobs.rooms import Rooms
from shared.usecases.route import ModelRouter
from shared.usecases.settling import Settler
from shared.usecases.standing import StandingOf
from shared.usecases.wire_body import WireBody

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Accepted:
    """A job that is written, and what its caller is told of the budgets that pay for it."""

    job: Job
    facts: Mapping[str, str]


@dataclass(frozen=True)
class _Chosen:
    entry: Entry
    wire: WireBody
    most: int


class AcceptCall:
    """The use case behind the doors where a call comes with a deadline.

    Raises ``shared.domain.errors``; the job that it returns is written.
    """

    def __init__(
        self,
        *,
        facts: CallFacts,
        catalog: Catalog,
        store: Store,
        admission: Admission,
        idempotency: Idempotency,
        standing_of: StandingOf,
        router: ModelRouter,
        holding: Holding,
        settler: Settler,
        jobs: JobStore,
        rooms: Rooms,
        meter: Meter,
        times: JobTimes,
        clock: Clock,
    ) -> None:
        self._facts = facts
        self._catalog = catalog
        self._store = store
        self._entrance = Entrance(facts, admission, standing_of, idempotency)
        self._idempotency = idempotency
        self._router = router
        self._holding = holding
        self._settler = settler
        self._jobs = jobs
        self._rooms = rooms
        self._meter = meter
        self._times = times
        self._clock = clock
        self._wires = Wires(catalog)

    async def __call__(self, call: Call) -> Job:
        """Return the job of a call that has ``answer_by``."""
        return (await self.accepted(call)).job

    async def accepted(self, call: Call) -> Accepted:
        """Return the job, and what is to be told beside it."""
        if call.is_stream:
            raise InvalidRequest("A deferred call cannot be streamed.", param="stream")
        arrival = await self._entrance(call)
        if arrival.replay is not None:
            return Accepted(await self._same_again(call, arrival.replay), arrival.standing.facts)
        try:
            job = await self._job(arrival)
        except Exception:
            # Not where it is cancelled: the thread goes on, and may not be started twice.
            await self._idempotency.release(arrival.claim)
            raise
        await self._remember(arrival.claim, job)
        return Accepted(job, arrival.standing.facts)

    async def _job(self, arrival: Arrival) -> Job:
        call, found, standing = arrival.call, arrival.found, arrival.standing
        if stored := self._entrance.cached_answer(arrival):
            return await _in_thread(self._from_cache, call, found, stored)
        standing.check_deferrable()
        route = self._router.deferred(call, standing)
        chosen = self._chosen(call, found, route.models, route.reason)
        return await _in_thread(self._accept, call, found, arrival.digest, chosen)

    def _accept(self, call: Call, found: Admitted, digest: str | None, chosen: _Chosen) -> Job:
        job = self._new_job(call, found, digest, chosen)
        now = self._clock()
        expires_at = int(job.deadline + self._times.grace)
        self._jobs.file(job.row(now, expires_at, nudged_at=now))
        try:
            self._jobs.put_content(job.team, job.id, BODY, kept(call))
            wanted = Wanted(chosen.entry, found.key, chosen.most, expires_at)
            hold = self._holding.reserve(wanted, found.budgets).hold
        except GatewayError:
            # Nothing is held, or it is taken back: what could not be is found by the row.
            self._rooms.leave(job) if not self._may_be_held(job, expires_at) else None
            raise
        held = Held(hold.nano, hold.day, hold.expires_at)
        job = self._jobs.put(replace(job, held=held))
        self._rooms.nudge([job])
        return job

    def _may_be_held(self, job: Job, expires_at: int) -> bool:
        """Whether a hold may stand for a job that is not to be; else none ever will."""
        try:
            entry = job.entry
            hold = self._holding.close_place(
                entry.team, entry.request_id, entry.attempt, expires_at
            )
            if hold is not None:
                self._holding.release(hold)
        except StoreUnavailable:
            return True
        return False

    def _chosen(
        self, call: Call, found: Admitted, models: tuple[Model, ...], reason: str
    ) -> _Chosen:
        """Return the first model that can take the request, and what it costs at most."""
        for number, model in enumerate(models):
            try:
                return self._choice(call, found, model, reason)
            except InvalidRequest:
                if number == len(models) - 1:
                    raise
        raise AssertionError("a route has a model")

    def _choice(self, call: Call, found: Admitted, model: Model, reason: str) -> _Chosen:
        variant: Variant = "batch" if self._mode(call) == "batch" else "standard"
        wire = self._wires.body(asked_of(call), model, call.key.team)
        entry = self._facts.entry(call, found.key, model, "miss", reason, variant)
        self._settler.check_prices(entry)
        times = (utc(call.started_at), utc(_answer_by(call)))
        most = wire.bound.cost(model.price(at, variant) for at in times)
        check_max_cost(call, most)
        return _Chosen(entry, wire, most)

    def _mode(self, call: Call) -> Mode:
        is_for_batch = self._times.is_for_batch(call.started_at, _answer_by(call))
        return "batch" if is_for_batch else "now"

    def _new_job(self, call: Call, found: Admitted, digest: str | None, chosen: _Chosen) -> Job:
        entry, mode = chosen.entry, self._mode(call)
        keeping = self._facts.keeping(call, digest, found.answer)
        is_judged = bool(call.body.get("response_format") or call.body.get("output_config"))
        wish = Wish(
            keeping.digest, keeping.freshness, keeping.repeats, call.request.choices, is_judged
        )
        go_at = self._times.go_at(call.started_at, _answer_by(call))
        return Job(
            id=job_id(call.request_id),
            entry=entry,
            key_digest=call.key.digest,
            state="queued",
            created_at=call.started_at,
            deadline=_answer_by(call),
            wish=wish,
            prefix=prefix_of(entry.team, asked_of(call)),
            size=len(chosen.wire.raw),
            mode=mode,
            room=NOW if mode == "now" else room_of(entry.provider, entry.model),
            go_at=call.started_at if mode == "now" else go_at,
            purge_at=self._purge_at(call),
        )

    def _from_cache(self, call: Call, found: Admitted, stored: StoredAnswer) -> Job:
        model = self._catalog.priced[stored.model]
        entry = self._facts.entry(call, found.key, model, "hit", "exact cache")
        settlement = self._settler.price_hit(entry, stored)
        job = Job(
            id=job_id(call.request_id),
            entry=entry,
            key_digest=call.key.digest,
            state="done",
            created_at=call.started_at,
            deadline=_answer_by(call),
            wish=Wish(None, Freshness("default", 0)),
            prefix="",
            size=0,
            answer=FROM_CACHE,
            notes=notes(entry, settlement),
            finished_at=self._clock(),
            purge_at=self._purge_at(call),
        )
        self._jobs.put_content(job.team, job.id, answer_name(FROM_CACHE), stored.body)
        day = f"{utc(self._clock()):%Y-%m-%d}"
        self._store.record_hit(entry, settlement, None, day)
        self._meter.settled(entry, settlement, self._clock() - entry.opened_at)
        return self._jobs.put(job)

    def _purge_at(self, call: Call) -> int:
        return int(_answer_by(call) + self._times.kept)

    async def _remember(self, claim: Claim | None, job: Job) -> None:
        """Keep the job's id under the Idempotency-Key, in the place of an answer."""
        if claim is None:
            return
        entry, now = job.entry, int(self._clock())
        named = StoredAnswer(
            team=job.team,
            digest="",
            body=msgspec.json.encode(job.id),
            model=entry.model,
            tier=entry.tier,
            tokens=TokenCounts(),
            stored_at=now,
            expires_at=now,
            freshness="default",
        )
        await self._idempotency.fulfil(claim, named)

    async def _same_again(self, call: Call, replay: StoredAnswer) -> Job:
        named = msgspec.json.decode(replay.body, type=str)
        job = await _in_thread(self._jobs.get, call.key.team, named)
        if job is None:
            raise StoreUnavailable("jobs table")
        return job


def _answer_by(call: Call) -> float:
    if call.answer_by is None:
        raise ValueError("a call without a deadline is not deferred")
    return call.answer_by


async def _in_thread(
    work: Callable[Given, Result], *args: Given.args, **named: Given.kwargs
) -> Result:
    return await asyncio.to_thread(work, *args, **named)
