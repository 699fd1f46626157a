"""Whether an order would have fitted at a moment, by arithmetic of its own.

A refusal is a phantom if its order fitted at every moment of its reservation.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tests.simulation.orders import Bounds, Order
from tests.simulation.view import Count, Purse, View, Whose


def fits(view: View, order: Order, bounds: Bounds, now: float) -> bool:
    """Tell whether every budget of an order had room for it, by the clock of who asks."""
    purses = [view.purses.get(whose) for whose in order.scopes]
    clock_day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    day = max([clock_day, *(purse.counts[0].label for purse in purses if purse)])
    slices = [p for whose, p in view.purses.items() if whose[0] == "environment"]
    if not _environment_fits(slices, order, bounds, day, now):
        return False
    return all(
        _fits(purse, order, bounds, day, now) if purse else _fits_anew(whose, order, bounds)
        for whose, purse in list(zip(order.scopes, purses, strict=True))[1:]
    )


def _fits_anew(whose: Whose, order: Order, bounds: Bounds) -> bool:
    is_hard = whose[0] not in bounds.warned
    return not is_hard or all(_has_room(c, c, order, bounds) for c in bounds.first_caps(whose))


def _fits(purse: Purse, order: Order, bounds: Bounds, day: str, now: float) -> bool:
    if purse.is_frozen:
        return False
    if purse.whose[0] == "key" and _is_limited(purse, bounds, now):
        return False
    rooms = (_room(count, day, now) for count in purse.counts)
    return not purse.is_hard or all(_has_room(*room, order, bounds) for room in rooms)


def _is_limited(purse: Purse, bounds: Bounds, now: float) -> bool:
    number, calls, tokens = purse.minute
    if bounds.in_flight is not None and purse.in_flight >= bounds.in_flight:
        return True
    if number < int(now) // 60:
        return False
    return (bounds.requests is not None and calls >= bounds.requests) or (
        bounds.tokens is not None and tokens >= bounds.tokens
    )


def _environment_fits(
    slices: list[Purse], order: Order, bounds: Bounds, day: str, now: float
) -> bool:
    if any(purse.is_frozen for purse in slices):
        return False
    if any(not purse.is_hard for purse in slices):
        return True
    for index in (0, 1):
        rooms = [_room(purse.counts[index], day, now) for purse in slices]
        known = {int(purse.whose[1]) for purse in slices}
        fresh = [bounds.slice_caps(n)[index] for n in range(4) if n not in known]
        avail = sum(room[0] for room in rooms) + sum(fresh)
        limit = sum(room[1] for room in rooms) + sum(fresh)
        if not _has_room(avail, limit, order, bounds):
            return False
    return True


def _room(count: Count, day: str, now: float) -> tuple[int, int]:
    """Return what is left of a counter and of how much, as of a day and a time."""
    over = count.raised if count.raised and count.raised_until <= now else 0
    limit = count.limit - over
    is_over = count.label < day[: len(count.label)]
    return (limit if is_over else count.avail - over), limit


def _has_room(avail: int, limit: int, order: Order, bounds: Bounds) -> bool:
    return order.nano <= avail and order.nano <= limit * bounds.share_percent // 100
