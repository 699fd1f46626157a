"""Which answers were of use, and what one of them cost.

Each attempt at a model is a success, a failure or unknown, by the first of these that speaks:

1. what the caller said of the answer, however late;
2. that there was none: the attempt failed or was refused. Of a hold that nobody settled nothing
   is known;
3. why the answer ended: cut off by a limit, filtered or refused;
4. whether it fits the JSON schema that was asked for;
5. whether the same caller asked the same again right after it, past the cache;
6. an answer that ended of itself, and that nothing speaks against, is taken for a success.

A repeat that is served from the cache says that a question is popular, not that its answer was
bad, so it is no signal. The second of two calls that ran at once is no retry either, nor is what is
asked soon after a batch took the same question: its answer had not come.

Cost per success is total cost / successes: what failures and unknowns cost is paid for by the
successes. Its interval comes from Wilson's for the success rate among the attempts of which
something is known (E. B. Wilson, JASA 22, 1927), which is honest for few attempts and for rates
near 1.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final, Literal

from shared.domain.entries import REPLAY
from shared.domain.usage_rows import Feedback, UsageRow

Verdict = Literal["success", "failure", "unknown"]
Interval = tuple[int | None, int | None]

RETRY_SECONDS: Final = 60
"""How soon after an answer the same question is taken for a retry."""

_UNFIT_ENDS: Final = frozenset(
    {"length", "content_filter", "max_tokens", "refusal", "model_context_window_exceeded"}
)
_Z: Final = Decimal("1.959963984540054")
"""The 97.5 % quantile of the normal distribution: an interval of 95 %."""
_DIGITS: Final = 40


def verdict(row: UsageRow, feedback: Feedback | None, *, asked_again: bool) -> Verdict:
    """Return what is known of one attempt."""
    settled = row.settlement
    if settled.outcome != "answered":
        return "unknown" if settled.outcome == "expired" else "failure"
    if feedback is not None:
        return feedback.outcome
    is_retried = asked_again and row.entry.variant != "batch"
    if settled.finish_reason in _UNFIT_ENDS or settled.schema == "broken" or is_retried:
        return "failure"
    if settled.schema == "unjudged" or row.entry.route_reason == REPLAY:
        return "unknown"
    return "success"


def cost_per_success(cost_nano: int, successes: int) -> int | None:
    """Return total cost / successes in nano-dollars, rounded; None without a success."""
    return _rounded(Decimal(cost_nano) / successes) if successes else None


def success_rate(successes: int, failures: int) -> tuple[Decimal, Decimal] | None:
    """Return Wilson's 95 % interval of the success rate; None where nothing is known."""
    known = successes + failures
    if not known:
        return None
    with localcontext() as context:
        context.prec = _DIGITS
        rate, square = Decimal(successes) / known, _Z * _Z
        middle = rate + square / (2 * known)
        spread = _Z * (rate * (1 - rate) / known + square / (4 * known * known)).sqrt()
        whole = 1 + square / known
        low, high = (middle - spread) / whole, (middle + spread) / whole
        # Rounding must not make a certain bound uncertain.
        return (low if successes else Decimal(0)), (high if failures else Decimal(1))


def cps_interval(cost_nano: int, successes: int, failures: int) -> Interval | None:
    """Return the 95 % interval of cost per success, in nano-dollars; None where nothing is known.

    An end without a bound is None: with no success at all, one may cost any amount.
    """
    rates = success_rate(successes, failures)
    if rates is None:
        return None
    known = successes + failures
    low, high = (Decimal(cost_nano) / (known * rate) if rate else None for rate in reversed(rates))
    return (None if low is None else _rounded(low)), (None if high is None else _rounded(high))


def _rounded(nano: Decimal) -> int:
    return int(nano.to_integral_value(ROUND_HALF_UP))
