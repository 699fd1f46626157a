"""Messages on their way: claimed, sent to each channel that misses them, and put on record.

A message was written down together with what it says people know, so it can be late but not
lost. A sender that dies between a channel's answer and the record of it leaves the channel
*open*: the next sender sends there again, under the same id, and says that it may be a repeat.
There is no way round it where the channel itself cannot tell one id from another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.domain.notices import Message
from shared.domain.notices.message import NotTaken
from shared.ports.notices import Channel, GuardMeter, Notices

WORRYING_TRIES: Final = 3
"""How many tries may fail before somebody is told that messages do not arrive."""


@dataclass(frozen=True)
class Delivered:
    """How many messages are with everybody now, and how many still miss somebody."""

    sent: int
    left: int


class Delivery:
    """Delivers what is pending. Raises ``StoreUnavailable``."""

    def __init__(
        self,
        *,
        notices: Notices,
        channels: Callable[[], Sequence[Channel]],
        meter: GuardMeter,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._notices = notices
        self._channels = channels
        self._meter = meter
        self._clock = clock
        self._new_id = new_id

    def __call__(self) -> Delivered:
        """Try pending messages once, the newest first, on each channel that misses them.

        A channel that does not take one is left alone for the rest: each would wait as long.
        """
        pending = self._notices.pending()[::-1]
        channels = self._channels() if pending else []
        failing: set[str] = set()
        moved = [self._deliver(message, channels, failing) for message in pending]
        # One that rests until its next try, or is with another sender, is still undelivered.
        after = [now or before for now, before in zip(moved, pending, strict=True)]
        left = [each.progress for each in after if each.progress.status != "sent"]
        worrying = [each for each in left if each.tries >= WORRYING_TRIES]
        self._meter.undelivered(len(worrying))
        return Delivered(len(after) - len(left), len(left))

    def _deliver(
        self, message: Message, channels: Sequence[Channel], failing: set[str]
    ) -> Message | None:
        """Return the message after this round, or None where another sender has it."""
        names = frozenset(channel.name for channel in channels)
        claimed = message.claimed(self._clock(), names, self._new_id())
        if claimed is None or not self._notices.save(claimed):
            return None
        for channel in channels:
            if channel.name in claimed.progress.sent:
                continue
            is_repeat = channel.name in message.progress.open
            if channel.name in failing:
                claimed = claimed.refused(channel.name, may_have_arrived=is_repeat)
            else:
                claimed = self._sent(claimed, channel, is_repeat=is_repeat)
            if channel.name not in claimed.progress.sent:
                failing.add(channel.name)
            if not self._notices.save(claimed):
                return None
        ended = claimed.ended(self._clock(), names)
        return ended if self._notices.save(ended) else None

    def _sent(self, message: Message, channel: Channel, *, is_repeat: bool) -> Message:
        try:
            channel.send(message, is_repeat=is_repeat)
        except NotTaken as error:
            self._meter.trouble(
                "undelivered",
                message_id=message.message_id,
                channel=channel.name,
                reason=str(error),
            )
            return message.refused(channel.name, may_have_arrived=error.may_have_arrived)
        return message.delivered(channel.name)
