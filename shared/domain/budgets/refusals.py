"""Why a budget or a key's limit refuses a call: the text and the facts of each refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from shared.domain.api_keys import KeyLimits
from shared.domain.budgets.budget import Budget, Counter, Period
from shared.domain.budgets.ladder import Rung, rungs
from shared.domain.errors import (
    BudgetExceeded,
    BudgetFrozen,
    CallTooDear,
    GatewayError,
    KeyLimited,
)
from shared.domain.money import format_usd

MINUTE: Final = 60
_IN_FLIGHT_PAUSE: Final = 1


@dataclass(frozen=True)
class HoldLimits:
    """What bounds one hold: its share of a cap in percent, and what its key may do."""

    max_share_percent: int
    key: KeyLimits = field(default_factory=KeyLimits)


def refusal(
    budgets: Iterable[Budget], nano: int, limits: HoldLimits, now: float
) -> GatewayError | None:
    """Return why so many nano-dollars may not be held, or None.

    The ledger checks the same in its own conditions: this only finds the words. A budget that
    only warns of its caps is frozen all the same, and a key's limits are no caps.
    """
    budgets = list(budgets)
    hard = [budget for budget in budgets if budget.may_refuse]
    for budget in budgets:
        if budget.scope.kind == "key" and (error := key_refusal(budget, limits.key, now)):
            return error
    return (
        _first(_frozen(budget) for budget in budgets)
        or _first(_too_dear(rung, nano, limits.max_share_percent) for rung in rungs(hard))
        or _first(_no_room(rung, nano) for rung in rungs(hard))
    )


def key_refusal(budget: Budget, limits: KeyLimits, now: float) -> KeyLimited | None:
    """Return why a key may not make another call at this moment, or None."""
    wait = MINUTE - int(now) % MINUTE
    if limits.in_flight is not None and budget.in_flight >= limits.in_flight:
        return KeyLimited(
            f"This key has {budget.in_flight} calls going on, as many as it may have at once.",
            _IN_FLIGHT_PAUSE,
        )
    if budget.minute < int(now) // MINUTE:
        return None
    for used, most, what in (
        (budget.minute_requests, limits.requests_per_minute, "calls"),
        (budget.minute_tokens, limits.tokens_per_minute, "tokens"),
    ):
        if most is not None and used >= most:
            return KeyLimited(f"This key may use {most} {what} a minute and has.", wait)
    return None


def ladder_refusal(rung: Rung, message: str) -> BudgetExceeded:
    """Return the refusal of a budget that has come to a step of its ladder."""
    return BudgetExceeded(f"{_headline(rung)} {message} {_advice(rung)}", facts_of(rung))


def facts_of(rung: Rung) -> dict[str, object]:
    """Return what a program may want to know of a counter, money as decimal USD."""
    counter = rung.counter
    return {
        "budget": rung.name,
        "cap_usd": format_usd(counter.limit),
        "spent_usd": format_usd(counter.spent),
        "held_usd": format_usd(counter.held),
        "reset_at": reset_at(rung.period, counter),
    }


def reset_at(period: Period, counter: Counter) -> str:
    """Return when the counter's period ends, as ISO 8601 in UTC."""
    if period == "day":
        following = date.fromisoformat(counter.label) + timedelta(days=1)
    else:
        middle = date.fromisoformat(counter.label + "-15") + timedelta(days=31)
        following = middle.replace(day=1)
    return f"{following.isoformat()}T00:00:00Z"


def together(slices: Sequence[Budget]) -> Budget:
    """Return the slices of one scope as one budget, for people."""
    first = slices[0]
    return replace(
        first,
        day=_sum([budget.day for budget in slices]),
        month=_sum([budget.month for budget in slices]),
    )


def _sum(counters: Sequence[Counter]) -> Counter:
    last = max(counter.label for counter in counters)
    current = [counter if counter.label == last else counter.begun(last) for counter in counters]
    return Counter(
        label=last,
        cap=sum(counter.cap for counter in current),
        avail=sum(counter.avail for counter in current),
        spent=sum(counter.spent for counter in current),
        held=sum(counter.held for counter in current),
        doubt=sum(counter.doubt for counter in current),
        raised=sum(counter.raised for counter in current),
        raised_until=max(counter.raised_until for counter in current),
    )


def _first(errors: Iterable[GatewayError | None]) -> GatewayError | None:
    return next((error for error in errors if error is not None), None)


def _frozen(budget: Budget) -> GatewayError | None:
    if budget.frozen_because is None:
        return None
    facts: Mapping[str, object] = {"budget": budget.name, "frozen": budget.frozen_because}
    return BudgetFrozen(
        f"The budget {budget.name} is frozen: {budget.frozen_because}. "
        f"`sluice budget unfreeze {budget.name}` lifts it.",
        facts,
    )


def _too_dear(rung: Rung, nano: int, percent: int) -> GatewayError | None:
    share = rung.counter.limit * percent // 100
    if nano <= share:
        return None
    return CallTooDear(
        f"This call may cost up to ${format_usd(nano)}, and one call may take no more than "
        f"{percent} % of the budget {rung.name} (${format_usd(share)}). Set a lower limit of "
        "output tokens, send less, or choose a cheaper model.",
        {**facts_of(rung), "call_usd": format_usd(nano)},
    )


def _no_room(rung: Rung, nano: int) -> GatewayError | None:
    counter = rung.counter
    if nano <= counter.avail:
        return None
    return BudgetExceeded(
        f"{_headline(rung)} This call may cost up to ${format_usd(nano)} and "
        f"${format_usd(max(0, counter.avail))} is left. {_advice(rung)}",
        {**facts_of(rung), "call_usd": format_usd(nano)},
    )


def _headline(rung: Rung) -> str:
    counter = rung.counter
    return (
        f"The budget {rung.name} has spent ${format_usd(counter.spent)} and holds "
        f"${format_usd(counter.held)} of ${format_usd(counter.limit)}."
    )


def _advice(rung: Rung) -> str:
    return (
        f"It begins anew at {reset_at(rung.period, rung.counter)}; an operator lifts it with "
        f"`sluice budget raise {rung.name} …`."
    )
