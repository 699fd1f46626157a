"""What must be true of every budget at the moment in which a hold is granted."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulation.orders import Bounds
from tests.simulation.view import Held, Purse, View


def check_grant(before: Purse | None, after: Purse, bounds: Bounds) -> str | None:
    """Return what is wrong with a grant from one budget, or None."""
    if after.is_frozen:
        return f"{after.whose} is frozen"
    if after.is_hard and min(count.avail for count in after.counts) < 0:
        return f"{after.whose} has no room: {after.counts}"
    return _beyond_limits(before, after, bounds) if after.whose[0] == "key" else None


def _beyond_limits(before: Purse | None, after: Purse, bounds: Bounds) -> str | None:
    if bounds.in_flight is not None and after.in_flight > bounds.in_flight:
        return f"{after.in_flight} calls are in flight"
    if bounds.requests is not None and after.minute[1] > bounds.requests:
        return f"{after.minute[1]} calls in a minute"
    is_same = before is not None and before.minute[0] == after.minute[0]
    used = before.minute[2] if before is not None and is_same else 0
    if bounds.tokens is not None and used >= bounds.tokens:
        return f"{used} tokens were used in the minute before it"
    return None


def check_minutes(before: View, after: View, new: Sequence[Held]) -> str | None:
    """Return how the calls and tokens of a key's minute do not follow from one step, or None."""
    settled = [
        row
        for place, row in after.rows.items()
        if row.status == "answered" and before.rows.get(place) != row
    ]
    for whose, purse in after.purses.items():
        old = before.purses.get(whose)
        if whose[0] != "key" or old is None or old.minute == purse.minute:
            continue
        granted = sum(hold.scopes[2] == whose for hold in new)
        tokens = sum(row.tokens for row in settled)
        if old.minute[0] == purse.minute[0]:
            wanted = (old.minute[0], old.minute[1] + granted, old.minute[2] + tokens)
        else:
            wanted = (max(purse.minute[0], old.minute[0] + 1), granted, 0)
        if purse.minute != wanted:
            return f"{whose} went from {old.minute} to {purse.minute}, not {wanted}"
    return None
