"""What callers say of their answers, found by the request id and counted however late it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.clock import Clock
from shared.domain.errors import UnknownRequest
from shared.domain.request_ids import minted_at
from shared.domain.rollups import SETTLING_SECONDS
from shared.domain.usage_rows import (
    Feedback,
    UsageRow,
    day_after,
    epoch,
    hour_end,
    moment_of,
    start_of,
)
from shared.ports.ledger import UsageLedger

_OPENING_SECONDS: Final = 60
"""How long after its id was made a request may have been opened: its body is read in between."""


_DAY_SECONDS: Final = 86_400


class GiveFeedback:
    """Writes feedback down; synchronous, so run it in a thread."""

    def __init__(self, ledger: UsageLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def __call__(self, team: str, feedback: Feedback) -> None:
        """Keep what was said last of a team's own answered request.

        Raises :class:`UnknownRequest` for any other, ``StoreUnavailable`` where nothing was kept.
        """
        row = self._answered(team, feedback.request_id)
        now = self._clock()
        if now >= epoch(hour_end(row.hour)):
            self._ledger.reopen(team, [row.hour], int(now) + SETTLING_SECONDS)
        self._ledger.give_feedback(team, row.day, feedback)

    def _answered(self, team: str, request_id: str) -> UsageRow:
        for since, until in _places(minted_at(request_id)):
            for row in self._ledger.usage_rows(team, since, until):
                is_answer = row.settlement.outcome == "answered"
                if row.entry.request_id == request_id and is_answer:
                    return row
        raise UnknownRequest(request_id)


def _places(minted: float) -> Iterator[tuple[str, str]]:
    """Yield where the row may stand: in its day, or booked into the next one."""
    first, last = moment_of(minted), moment_of(minted + _OPENING_SECONDS)
    day = first[:10]
    midnight, next_midnight = start_of(day_after(day)), start_of(day_after(day_after(day)))
    yield first, min(last, midnight)
    if last > midnight:
        yield midnight, last
    # Times of day stay as they were: a row booked into the next day stands a day later.
    late = moment_of(minted + _DAY_SECONDS), moment_of(minted + _DAY_SECONDS + _OPENING_SECONDS)
    yield late[0], min(late[1], next_midnight)
