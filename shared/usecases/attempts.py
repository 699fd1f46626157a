"""Tries the models of a plan in turn until one answers.

Each attempt opens an entry of its own and is settled whatever comes of it. The next model is
tried while the provider has not sent a byte and the failure speaks against it; what was learnt
of its health is shared with all instances.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.catalog import Catalog, Model
from shared.clock import Clock
from shared.domain.crossing import crossing
from shared.domain.entries import Entry
from shared.domain.errors import GatewayError, InvalidRequest, StoreUnavailable
from shared.domain.formats import Format
from shared.domain.health import is_blamed_on_the_model, rest_after
from shared.domain.notes import notes
from shared.domain.translation.untranslatable import Untranslatable
from shared.ports import Meter, Store
from shared.usecases.calls import Attempt, Plan, WholeReply
from shared.usecases.provider_call import ProviderCaller
from shared.usecases.relay import Relay
from shared.usecases.settling import Settler
from shared.usecases.wire_body import output_bound, wire_body

T = TypeVar("T")


class Attempts:
    """Carries plans out. These run as tasks that no response owns."""

    def __init__(
        self,
        *,
        store: Store,
        caller: ProviderCaller,
        settler: Settler,
        catalog: Catalog,
        formats: dict[str, Format],
        meter: Meter,
        clock: Clock,
    ) -> None:
        self._store = store
        self._caller = caller
        self._settler = settler
        self._catalog = catalog
        self._formats = formats
        self._meter = meter
        self._clock = clock

    async def whole(self, plan: Plan) -> WholeReply:
        """Return a settled answer in one piece."""

        async def run(attempt: Attempt) -> WholeReply:
            received, raw = await self._caller.whole(attempt)
            settled = await self._settler.answered(attempt, received, plan.keeping, plan.claim)
            return WholeReply(raw, notes(attempt.entry, settled))

        return await self._first_to_answer(plan, run)

    async def stream(self, plan: Plan, relay: Relay) -> None:
        """Feed the relay: tokens as they come, the end of the answer once it is settled."""

        async def run(attempt: Attempt) -> None:
            relay.notes = notes(attempt.entry, None)
            pump = await self._caller.stream(attempt, relay)
            settled = await self._settler.answered(
                attempt, pump.received(), plan.keeping, plan.claim
            )
            for frame in pump.ending(notes(attempt.entry, settled)):
                await relay.send(frame)

        async with relay.feeding():
            await self._first_to_answer(plan, run)

    async def _first_to_answer(self, plan: Plan, run: Callable[[Attempt], Awaitable[T]]) -> T:
        entry, left = plan.entry, list(plan.models)
        while True:
            model = left.pop(0)
            try:
                attempt = self._attempt(plan, entry, model, may_fall_back=bool(left))
            except InvalidRequest:
                if not left:
                    await self._release(plan)
                    raise
                entry = _entry_for(entry, left[0], f"{model.id} cannot take it")
                continue
            self._settler.check_prices(entry)
            await asyncio.to_thread(self._store.open_entry, entry)
            try:
                answer = await run(attempt)
            except GatewayError as error:
                await self._failed(attempt, error)
                if not (left and self._may_try_another(attempt, error)):
                    await self._release(plan)
                    error.is_settled = True
                    raise
                entry = _next_entry(entry, left[0], error)
            except BaseException as crash:
                await self._settler.failed(attempt, crash)
                await self._release(plan)
                raise
            else:
                await self._succeeded(plan, model)
                return answer

    def _attempt(self, plan: Plan, entry: Entry, model: Model, *, may_fall_back: bool) -> Attempt:
        provider = self._catalog.providers[model.provider]
        provider_format, request = self._formats[provider.wire_format], plan.call.request
        way = crossing(plan.call.format.name, provider_format.name)
        return Attempt(
            call=plan.call,
            entry=entry,
            provider=provider,
            provider_format=provider_format,
            crossing=way,
            wire_body=wire_body(plan.call.body, model, provider, way, team=entry.team),
            output_bound=output_bound(request.output_limit, model, provider) * request.choices,
            may_fall_back=may_fall_back,
        )

    def _may_try_another(self, attempt: Attempt, error: GatewayError) -> bool:
        is_in_time = self._caller.has_time_for(attempt.call)
        # Only this provider's protocol may be unable to carry the request.
        is_worth_it = is_blamed_on_the_model(error) or isinstance(error, Untranslatable)
        return is_worth_it and not attempt.progress.has_begun and is_in_time

    async def _failed(self, attempt: Attempt, error: GatewayError) -> None:
        entry = attempt.entry
        self._meter.trouble(
            "upstream",
            request_id=entry.request_id,
            provider=entry.provider,
            model=entry.model,
            status=error.status,
            code=error.code,
        )
        await self._settler.failed(attempt, error)
        if is_blamed_on_the_model(error):
            await self._share(self._blame, entry.model, error)

    def _blame(self, model: str, error: GatewayError) -> None:
        failures = self._store.count_failure(model)
        rest = rest_after(error, failures, self._clock())
        if rest is not None:
            self._store.rest(model, rest)

    async def _succeeded(self, plan: Plan, model: Model) -> None:
        if model.id in plan.ailing:
            await self._share(self._store.forget_failures, model.id)

    async def _release(self, plan: Plan) -> None:
        if plan.claim is not None:
            await self._share(self._store.release, plan.claim)

    async def _share(self, work: Callable[..., object], *facts: object) -> None:
        """Tell the other instances; what cannot be shared now must not fail the call."""
        try:
            await asyncio.to_thread(work, *facts)
        except StoreUnavailable:
            self._meter.trouble("unshared", operation=getattr(work, "__name__", ""))


def _next_entry(entry: Entry, model: Model, error: GatewayError) -> Entry:
    numbered = dataclasses.replace(entry, attempt=entry.attempt + 1)
    return _entry_for(numbered, model, f"fallback from {entry.model} ({error.status})")


def _entry_for(entry: Entry, model: Model, why: str) -> Entry:
    return dataclasses.replace(
        entry,
        model=model.id,
        provider=model.provider,
        tier=model.tier,
        route_reason=f"{entry.route_reason}; {why}",
    )
