"""Tries the models of a plan in turn until one answers.

Each attempt holds the money for itself and is settled whatever comes of it. The next model is
tried while the provider has not sent a byte and the failure speaks against it; what was learnt
of its health is shared with all instances.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from shared.catalog import Catalog, Model
from shared.clock import Clock, utc
from shared.domain.budgets import OpenHold
from shared.domain.crossing import crossing
from shared.domain.entries import Entry, Settlement
from shared.domain.errors import CallTooDear, GatewayError, InvalidRequest, StoreUnavailable
from shared.domain.formats import Format
from shared.domain.health import is_blamed_on_the_model, rest_after
from shared.domain.money import format_usd
from shared.domain.notes import notes
from shared.domain.translation.untranslatable import Untranslatable
from shared.usecases.calls import Attempt, Call, Plan, WholeReply
from shared.usecases.holding import Holding, Wanted, expiry_of
from shared.usecases.provider_call import ProviderCaller
from shared.usecases.relay import Relay
from shared.usecases.settling import Settler
from shared.usecases.wire_body import WireBody, wire_body

if TYPE_CHECKING:
    from shared.ports.calls import Meter, Store

T = TypeVar("T")


class Attempts:
    """Carries plans out. These run as tasks that no response owns."""

    def __init__(
        self,
        *,
        store: Store,
        holding: Holding,
        caller: ProviderCaller,
        settler: Settler,
        catalog: Catalog,
        formats: dict[str, Format],
        meter: Meter,
        clock: Clock,
    ) -> None:
        self._store = store
        self._holding = holding
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
            return WholeReply(raw, self._told(plan, attempt, settled))

        return await self._first_to_answer(plan, run)

    async def stream(self, plan: Plan, relay: Relay) -> None:
        """Feed the relay: tokens as they come, the end of the answer once it is settled."""

        async def run(attempt: Attempt) -> None:
            relay.notes = self._told(plan, attempt, None)
            pump = await self._caller.stream(attempt, relay)
            settled = await self._settler.answered(
                attempt, pump.received(), plan.keeping, plan.claim
            )
            for frame in pump.ending(self._told(plan, attempt, settled)):
                await relay.send(frame)

        async with relay.feeding():
            await self._first_to_answer(plan, run)

    def _told(self, plan: Plan, attempt: Attempt, settled: Settlement | None) -> dict[str, str]:
        """Return what the caller is told: of the call, and of the budgets after it."""
        facts = notes(attempt.entry, settled) | dict(plan.facts)
        remaining = attempt.hold.remaining_nano
        if remaining is not None:
            returned = attempt.hold.hold.nano - settled.cost_nano if settled else 0
            facts["budget_remaining_usd"] = format_usd(max(0, remaining + returned))
        return facts

    async def _first_to_answer(self, plan: Plan, run: Callable[[Attempt], Awaitable[T]]) -> T:
        entry, left, failure, spent = plan.entry, list(plan.models), None, 0
        while True:
            try:
                attempt = await self._next_attempt(plan, entry, left, spent)
            except GatewayError as refused:
                await self._release(plan)
                raise failure or refused from None
            try:
                answer = await run(attempt)
            except GatewayError as error:
                spent += (await self._failed(attempt, error)).cost_nano
                error.is_settled = True
                if not (left and self._may_try_another(attempt, error)):
                    await self._release(plan)
                    raise
                entry, failure = _next_entry(attempt.entry, left[0], error), error
            except BaseException as crash:
                await self._settler.failed(attempt, crash)
                await self._release(plan)
                raise
            else:
                await self._succeeded(plan, attempt.entry.model)
                return answer

    async def _next_attempt(
        self, plan: Plan, entry: Entry, left: list[Model], spent: int
    ) -> Attempt:
        """Return an attempt at the first model left that can take the request.

        ``spent`` nano-dollars went into earlier attempts of the call.
        """
        while True:
            model = left.pop(0)
            try:
                return await self._attempt(plan, entry, model, spent, may_fall_back=bool(left))
            except InvalidRequest:
                if not left:
                    raise
                entry = _entry_for(entry, left[0], f"{model.id} cannot take it")

    async def _attempt(
        self, plan: Plan, entry: Entry, model: Model, spent: int, *, may_fall_back: bool
    ) -> Attempt:
        """Prepare an attempt and hold the money for it; raises what speaks against it."""
        provider = self._catalog.providers[model.provider]
        provider_format, request = self._formats[provider.wire_format], plan.call.request
        way = crossing(plan.call.format.name, provider_format.name)
        wire = wire_body(
            plan.call.body,
            model,
            provider,
            way,
            team=entry.team,
            output_limit=request.output_limit,
            choices=request.choices,
        )
        self._settler.check_prices(entry)
        return Attempt(
            call=plan.call,
            hold=await self._hold(plan, entry, model, wire, spent),
            provider=provider,
            provider_format=provider_format,
            crossing=way,
            wire=wire,
            may_fall_back=may_fall_back,
        )

    async def _hold(
        self, plan: Plan, entry: Entry, model: Model, wire: WireBody, spent: int
    ) -> OpenHold:
        """Hold the most that the attempt can cost, at the dearest price until it must end."""
        call = plan.call
        if plan.held is not None and plan.held.entry == entry:
            return self._holding.taken_up(plan.held)
        times = (utc(call.started_at), utc(call.deadline))
        most = wire.bound.cost(model.price(at) for at in times)
        check_max_cost(call, spent + most)
        wanted = Wanted(entry, plan.key, most, expires_at=expiry_of(call.deadline))
        # What was read with the key is old by the time of a second attempt.
        seen = plan.budgets if entry.attempt == 1 else None
        return await asyncio.to_thread(self._holding.reserve, wanted, seen)

    def _may_try_another(self, attempt: Attempt, error: GatewayError) -> bool:
        is_in_time = self._caller.has_time_for(attempt.call)
        # Only this provider's protocol may be unable to carry the request.
        is_worth_it = is_blamed_on_the_model(error) or isinstance(error, Untranslatable)
        return is_worth_it and not attempt.progress.has_begun and is_in_time

    async def _failed(self, attempt: Attempt, error: GatewayError) -> Settlement:
        entry = attempt.entry
        self._meter.trouble(
            "upstream",
            request_id=entry.request_id,
            provider=entry.provider,
            model=entry.model,
            status=error.status,
            code=error.code,
        )
        settlement = await self._settler.failed(attempt, error)
        if is_blamed_on_the_model(error):
            await self._share(self._blame, entry.model, error)
        return settlement

    def _blame(self, model: str, error: GatewayError) -> None:
        failures = self._store.count_failure(model)
        rest = rest_after(error, failures, self._clock())
        if rest is not None:
            self._store.rest(model, rest)

    async def _succeeded(self, plan: Plan, model: str) -> None:
        if model in plan.ailing:
            await self._share(self._store.forget_failures, model)

    async def _release(self, plan: Plan) -> None:
        if plan.claim is not None:
            await self._share(self._store.release, plan.claim)

    async def _share(self, work: Callable[..., object], *facts: object) -> None:
        """Tell the other instances; what cannot be shared now must not fail the call."""
        try:
            await asyncio.to_thread(work, *facts)
        except StoreUnavailable:
            self._meter.trouble("unshared", operation=getattr(work, "__name__", ""))


def check_max_cost(call: Call, most: int) -> None:
    """Refuse a call that may cost more than its caller lets it."""
    limit = call.controls.max_cost_nano
    if limit is not None and most > limit:
        raise CallTooDear(
            f"This call may cost up to ${format_usd(most)}, more than the ${format_usd(limit)} "
            "that max_cost_usd allows. Set a lower limit of output tokens, send less, or choose "
            "a cheaper model.",
            {"call_usd": format_usd(most), "max_cost_usd": format_usd(limit)},
        )


def _next_entry(entry: Entry, model: Model, error: GatewayError) -> Entry:
    numbered = dataclasses.replace(entry, attempt=entry.attempt + 1)
    return _entry_for(numbered, model, f"fallback from {entry.model} ({error.status})")


def _entry_for(entry: Entry, model: Model, why: str) -> Entry:
    return dataclasses.replace(
        entry,
        routed_model=entry.routed_model or entry.model,
        model=model.id,
        provider=model.provider,
        tier=model.tier,
        route_reason=f"{entry.route_reason}; {why}",
    )
