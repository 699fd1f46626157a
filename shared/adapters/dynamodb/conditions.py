"""What every write to the ledger is conditional on, one row for each condition.

``tests/simulation`` takes each away in turn and shows that money is lost without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

CONDITIONS: Final[dict[str, str]] = {
    # A reservation: the hold is new, and every budget is as it was seen and has room.
    "reserve.hold": "attribute_not_exists(pk)",
    "reserve.terms": "terms = :terms",
    "reserve.day": "day_label = :day",
    "reserve.month": "month_label = :month",
    "reserve.day_room": "day_avail >= :nano",
    "reserve.month_room": "month_avail >= :nano",
    "reserve.in_flight": "in_flight < :in_flight",
    "reserve.same_minute": "minute_label = :minute",
    "reserve.new_minute": "minute_label < :minute",
    "reserve.requests": "minute_requests < :requests",
    "reserve.tokens": "minute_tokens < :tokens",
    # An ending: the hold and the row are as the ending asks, the counters of the hold's period.
    # The mark that bars a late reservation has neither. A hold of many lines is settled in parts.
    "end.hold": "budget_day = :day AND held_nano = :held",
    "end.row_none": "attribute_not_exists(pk)",
    "end.row_expired": "#status = :expired",
    "end.row_settled": "attribute_exists(pk) AND #status <> :expired",
    "end.day": "day_label = :day",
    "end.month": "month_label = :month",
    # A step of time, and room moved between slices: the budget is as it was seen.
    "open.new": "attribute_not_exists(pk)",
    "step.terms": "terms = :terms",
    "step.day": "day_label = :seen_day",
    "step.caps": "day_cap = :seen_day_cap AND month_cap = :seen_month_cap",
    "move.terms": "terms = :terms",
    "move.day": "day_label = :day",
    "move.month": "month_label = :month",
    "move.day_room": "day_avail >= :nano_day",
    "move.month_room": "month_avail >= :nano_month",
    # All slices cut anew: none has less room than it was to be left with.
    "recut.terms": "terms = :terms",
    "recut.day": "day_label = :day",
    "recut.day_room": "day_avail >= :day_floor",
    "recut.month_room": "month_avail >= :month_floor",
}

_PLACEHOLDER: Final = re.compile(r":\w+")


def all_of(names: Iterable[str]) -> str:
    """Return the conjunction of named conditions."""
    return " AND ".join(f"({CONDITIONS[name]})" for name in names)


def used(values: Mapping[str, Any], *expressions: str) -> dict[str, Any]:
    """Return the values whose placeholders occur: DynamoDB refuses any other."""
    named = {name for expression in expressions for name in _PLACEHOLDER.findall(expression)}
    return {name: value for name, value in values.items() if name in named}
