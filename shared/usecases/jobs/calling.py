"""Calls a job's provider at once: its deadline is near, or always was.

A call is an attempt like any other, with a hold of its own. The job says by whom it is being made
and by when that must have ended; where it has not, the process died: what was held is charged in
full, in doubt, and the job is called again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from shared.catalog import Catalog
from shared.clock import Clock, utc
from shared.domain.api_keys import PresentedKey
from shared.domain.controls import Controls
from shared.domain.entries import KeyRow, StoredAnswer
from shared.domain.errors import (
    BudgetExceeded,
    CallTooDear,
    GatewayError,
    InvalidRequest,
    KeyLimited,
    StoreUnavailable,
    Unauthorized,
    UpstreamRateLimited,
    UpstreamTimedOut,
)
from shared.domain.jobs.job import FROM_CACHE, MOST_TRIES, Calling, Job
from shared.domain.jobs.times import JobTimes
from shared.domain.notes import notes
from shared.ports.calls import Meter, Store
from shared.ports.jobs import JobStore
from shared.usecases.attempts import Attempts
from shared.usecases.calls import Call, Plan, WholeReply
from shared.usecases.holding import Holding, expiry_of
from shared.usecases.jobs.answers import told
from shared.usecases.jobs.bodies import BODY, Asked, answer_name, asked_in
from shared.usecases.jobs.rooms import Rooms
from shared.usecases.settling import Keeping, Settler

_CALL_SECONDS: Final = 300.0
"""A call in one piece gets what the router gives one."""
_PAUSE_SECONDS: Final = 20.0
_LATER: Final = (BudgetExceeded, KeyLimited, StoreUnavailable, UpstreamRateLimited)
"""What may be otherwise in a while, and is no try of the provider's."""
_NEVER: Final = (CallTooDear, InvalidRequest, Unauthorized)


class CallNow:
    """Answers jobs from the cache or by a call. Raises ``StoreUnavailable``."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        rooms: Rooms,
        store: Store,
        holding: Holding,
        attempts: Attempts,
        settler: Settler,
        catalog: Catalog,
        meter: Meter,
        times: JobTimes,
        clock: Clock,
        name: Callable[[], str],
    ) -> None:
        self._jobs = jobs
        self._rooms = rooms
        self._store = store
        self._holding = holding
        self._attempts = attempts
        self._settler = settler
        self._catalog = catalog
        self._meter = meter
        self._times = times
        self._clock = clock
        self._name = name

    def from_cache(self, job: Job) -> bool:
        """Answer a waiting job from the exact cache, if it has been answered there meanwhile."""
        wish = job.wish
        if job.state != "queued" or wish.digest is None:
            return False
        stored = self._store.look_up(job.team, None, wish.digest).answer
        if stored is None or not stored.is_fresh(self._clock()):
            return False
        self._jobs.put_content(job.team, job.id, answer_name(FROM_CACHE), stored.body)
        self._serve(job, stored)
        return True

    async def __call__(self, job: Job) -> None:
        """Call a waiting job, unless somebody else does."""
        if job.state != "queued" or job.mode != "now" or job.go_at > self._clock():
            return
        if self._clock() >= job.deadline:
            await asyncio.to_thread(self.too_late, job)
            return
        if await asyncio.to_thread(self.from_cache, job):
            return
        taken = await asyncio.to_thread(self._taken, job)
        if taken is None or taken.calling is None:
            return
        try:
            reply = await self._attempts.whole(await self._plan(taken))
        except GatewayError as error:
            await asyncio.to_thread(self._failed, taken, taken.calling, error)
        else:
            await asyncio.to_thread(self._answered, taken, taken.calling, reply)

    def too_late(self, job: Job) -> None:
        """Fail a job that waited past its deadline."""
        late = UpstreamTimedOut("The deadline passed before the call could be answered.")
        self._rooms.give_hold_back(self._rooms.fail(job, told(late)))

    def resolve(self, job: Job) -> None:
        """End a call whose process must have died; what it may have cost is charged in full."""
        calling = job.calling
        if calling is None or self._clock() < calling.until:
            return
        entry = job.entry
        hold = self._holding.close_place(
            entry.team, entry.request_id, entry.attempt, calling.expires_at
        )
        if hold is not None:
            self._holding.expire(hold)
        self._meter.trouble("call_lost", job=job.id)
        lost = UpstreamTimedOut("The gateway lost the call while it was being made.")
        self._again(job, calling, lost, tries=job.tries + 1)

    def _serve(self, job: Job, stored: StoredAnswer) -> None:
        model = self._catalog.priced[stored.model]
        entry = replace(
            job.entry, cache="hit", model=model.id, provider=model.provider, tier=model.tier,
            variant="standard",
        )  # fmt: skip
        settlement = self._settler.price_hit(entry, stored)
        settlement = replace(settlement, aws_nano=self._settler.line_nano("job"))
        facts = dict(notes(entry, settlement))
        after = job.changed(state="done", answer=FROM_CACHE, notes=facts, finished_at=self._clock())
        if self._jobs.move(job, after) != after:
            return
        self._rooms.give_hold_back(after)
        self._store.record_hit(entry, settlement, None, f"{utc(self._clock()):%Y-%m-%d}")
        self._meter.settled(entry, settlement, self._clock() - entry.opened_at)

    def _taken(self, job: Job) -> Job | None:
        """Take a job for a call by this process; None where somebody else has it."""
        now, entry, held = self._clock(), job.entry, job.held
        if held is not None and entry.variant == "batch" and job.hold is not None:
            self._holding.release(job.hold)
            entry = replace(entry, attempt=entry.attempt + 1, variant="standard")
            held = None
        expires_at = held.expires_at if held else expiry_of(now + _CALL_SECONDS)
        calling = Calling(self._name(), now + self._times.calling, expires_at)
        after = job.changed(state="assigned", entry=entry, held=held, calling=calling)
        return after if self._jobs.move(job, after) == after else None

    async def _plan(self, job: Job) -> Plan:
        """Return the plan of a call; raises what speaks against it."""
        key = await asyncio.to_thread(self._key, job)
        content = await asyncio.to_thread(self._jobs.content, job.team, job.id, BODY)
        if content is None:
            raise InvalidRequest("What was asked is not kept any more.")
        asked, wish = asked_in(content), job.wish
        model = self._catalog.model(job.entry.model, utc(self._clock()))
        return Plan(
            call=self._call(job, asked),
            key=key,
            entry=job.entry,
            models=(model,),
            ailing=frozenset(),
            keeping=Keeping(wish.digest, wish.freshness, wish.repeats),
            budgets={},
            facts={},
            held=job.hold,
        )

    def _key(self, job: Job) -> KeyRow:
        key = self._store.look_up(job.team, job.key_digest, None).key
        if key is None or key.revoked_at is not None:
            raise Unauthorized("The key that sent this call was revoked.")
        return key

    def _call(self, job: Job, asked: Asked) -> Call:
        until = 0.0 if job.calling is None else job.calling.until
        started = until - self._times.calling
        body = {k: v for k, v in asked.body.items() if k not in {"stream", "stream_options"}}
        return Call(
            request_id=job.entry.request_id,
            started_at=started,
            deadline=started + _CALL_SECONDS,
            door=asked.door,
            format=asked.format,
            key=PresentedKey("", job.team, job.key_digest),
            body=body,
            request=asked.request,
            controls=Controls(task=job.entry.task, feature=job.entry.feature,
                              max_cost_nano=asked.max_cost_nano),
            render_error=lambda error: msgspec.json.encode(error.message),
            answer_by=job.deadline,
        )  # fmt: skip

    def _answered(self, job: Job, calling: Calling, reply: WholeReply) -> None:
        attempt = job.entry.attempt
        self._jobs.put_content(job.team, job.id, answer_name(attempt), reply.body)
        ended = self._rooms.end(
            job, state="done", answer=attempt, notes=reply.notes, calling=None, held=None
        )
        self._rooms.stop_calling(ended, calling)
        self._rooms.leave(job)

    def _failed(self, job: Job, calling: Calling, error: GatewayError) -> None:
        """Go on after an attempt that was settled, or never held any money."""
        if job.hold is not None and not error.is_settled:
            self._holding.release(job.hold)
        if isinstance(error, _LATER) and not isinstance(error, _NEVER):
            self._again(job, calling, error, tries=job.tries)
        elif isinstance(error, _NEVER):
            self._end(job, calling, error)
        else:
            self._again(job, calling, error, tries=job.tries + 1)

    def _again(self, job: Job, calling: Calling, error: GatewayError, *, tries: int) -> None:
        has_time = self._clock() + _PAUSE_SECONDS < job.deadline
        if job.is_at_rest or tries >= MOST_TRIES or not has_time:
            self._end(job, calling, error)
            return
        stands = self._rooms.call_now(job, tries=tries, pause=_PAUSE_SECONDS)
        self._rooms.stop_calling(stands, calling)
        self._rooms.leave(job)

    def _end(self, job: Job, calling: Calling, error: GatewayError) -> None:
        ended = self._rooms.end(job, state="failed", error=told(error), calling=None, held=None)
        self._rooms.stop_calling(ended, calling)
        self._rooms.leave(job)
