"""A message on its way to people, and how far it has come.

It is written down before it is sent: the row is the outbox, and afterwards the record of what
people were told. A sender *claims* it for a while. A channel that was tried by a sender that
never said how it went may or may not have delivered, so the message goes out again there and
says so, under the same id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

LEASE_SECONDS: Final = 120
"""Longer than all channels together may take."""
MOST_PAUSE_SECONDS: Final = 3600
GIVE_UP_SECONDS: Final = 24 * 3600
"""After a day a message is no news any more."""


class NotTaken(Exception):
    """A channel did not take a message; the text says why and holds nothing secret.

    ``may_have_arrived`` is false only where it provably has not.
    """

    def __init__(self, reason: str, *, may_have_arrived: bool) -> None:
        super().__init__(reason)
        self.may_have_arrived = may_have_arrived


Status = Literal["pending", "sent", "undelivered"]


@dataclass(frozen=True)
class Progress:
    """How far a message has come. Times are in epoch seconds.

    ``sent`` are the channels that have it; ``open`` those that were tried and never answered for.
    ``holder`` is who moved it last, ``version`` how often that was done.
    """

    status: Status = "pending"
    lease_until: int = 0
    tries: int = 0
    sent: frozenset[str] = frozenset()
    open: frozenset[str] = frozenset()
    holder: str = ""
    version: int = 0


@dataclass(frozen=True)
class Message:
    """What people are told: a subject of one line, a text, and the same as facts for programs.

    ``at`` is what it is filed under, the same whoever writes it down: its time, or that of what
    it is about. ``written_at`` is when it was written down, where that is not the same.
    """

    message_id: str
    at: float
    subject: str
    text: str
    facts: Mapping[str, Any]
    progress: Progress = field(default_factory=Progress)
    written_at: float | None = None

    def claimed(self, now: float, channels: frozenset[str], holder: str) -> Message | None:
        """Return the message under a new lease for the channels that miss it, or None.

        None where another sender has it, or nothing is left to do.
        """
        progress = self.progress
        if progress.status != "pending" or progress.lease_until > now:
            return None
        claimed = replace(
            progress,
            lease_until=int(now) + LEASE_SECONDS,
            tries=progress.tries + 1,
            holder=holder,
            open=progress.open | (channels - progress.sent),
            version=progress.version + 1,
        )
        return replace(self, progress=claimed)

    def delivered(self, channel: str) -> Message:
        """Return the message after a channel has taken it."""
        progress = self.progress
        return self._with(sent=progress.sent | {channel}, open=progress.open - {channel})

    def refused(self, channel: str, *, may_have_arrived: bool) -> Message:
        """Return the message after a channel has not taken it, as far as is known."""
        still_open = self.progress.open if may_have_arrived else self.progress.open - {channel}
        return self._with(open=still_open)

    def ended(self, now: float, channels: frozenset[str]) -> Message:
        """Return the message after a round: sent, given up, or waiting for another try.

        The wait doubles with each try: one that is taken and answered late comes seldom again.
        """
        status: Status = "pending"
        pause = min(2**self.progress.tries * 60, MOST_PAUSE_SECONDS)
        if channels <= self.progress.sent:
            status = "sent"
        elif now >= (self.written_at or self.at) + GIVE_UP_SECONDS:
            status = "undelivered"
        return self._with(status=status, lease_until=int(now) + pause)

    def _with(self, **changes: Any) -> Message:
        version = self.progress.version + 1
        return replace(self, progress=replace(self.progress, version=version, **changes))
