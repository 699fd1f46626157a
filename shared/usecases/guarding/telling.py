"""What telling people takes, whatever it is about: facts about money, and a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.domain.notices import Message
from shared.domain.notices.spending import HOUR, Rows
from shared.domain.notices.wording import Place, Worded, told_together
from shared.ports.notices import GuardMeter, Notices, Spenders

TRIES: Final = 5
"""How often is decided anew what others were telling at the same time."""


@dataclass(frozen=True)
class Telling:
    """Writes messages for one stack, and reads who spent it."""

    environment: str
    place: Place
    notices: Notices
    spenders: Spenders
    meter: GuardMeter
    clock: Clock
    new_id: Callable[[], str]

    def spent(self, teams: Callable[[], Sequence[str]]) -> Rows | None:
        """Return what teams spent in two hours; None where that cannot be read in time.

        A message without who spent it is worth more than none.
        """
        now = self.clock()
        try:
            return self.spenders.spent(teams(), now - 2 * HOUR, now)
        except Exception as error:  # noqa: BLE001 -- whatever it is, people are told without it
            self.meter.trouble("spenders_unread", error=type(error).__name__)
            return None

    def message(self, worded: Sequence[Worded]) -> Message:
        """Return one message of all that is found together."""
        subject, text, facts = told_together(worded, self.environment)
        return Message(self.new_id(), self.clock(), subject, text, facts)
