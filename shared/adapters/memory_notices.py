"""What people have been told, and messages, in memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from shared.clock import utc
from shared.domain.notices import BudgetTold, Message, Told


class MemoryNotices:
    """Implements :class:`shared.ports.notices.Notices`."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, ...], Told] = {}
        self._messages: dict[str, Message] = {}

    def told(self) -> list[Told]:
        """Return all of it."""
        return list(self._told.values())

    def write(self, message: Message | None, told: Sequence[Told]) -> bool:
        """Write all of it if each is the next version of what stands there."""
        if message is not None and message.message_id in self._messages:
            return True
        standing = [self._told.get(_key(each)) for each in told]
        if any(
            (known.version if known else 0) != each.version - 1
            for known, each in zip(standing, told, strict=True)
        ):
            return False
        self._told |= {_key(each): each for each in told}
        if message is not None:
            self._messages[message.message_id] = message
        return True

    def pending(self) -> list[Message]:
        """Return those that nobody has ended."""
        return [each for each in self._all() if each.progress.status == "pending"]

    def save(self, message: Message) -> bool:
        """Replace it if it is the next version of what stands there."""
        standing = self._messages[message.message_id].progress
        if standing.version != message.progress.version - 1:
            return standing == message.progress
        self._messages[message.message_id] = message
        return True

    def messages(self, month: str) -> list[Message]:
        """Return the month's."""
        return [each for each in self._all() if f"{utc(each.at):%Y-%m}" == month]

    def _all(self) -> list[Message]:
        return sorted(self._messages.values(), key=lambda each: (each.at, each.message_id))


def _key(told: Told) -> tuple[str, ...]:
    if isinstance(told, BudgetTold):
        return ("budget", told.budget, told.period)
    return (type(told).__name__, told.name)
