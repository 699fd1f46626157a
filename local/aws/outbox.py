"""What topics have handed to subscriptions that somebody else delivers.

moto would run functions through docker, post to any address and forget e-mail. So it leaves all
of that here, and the world outside this process reads it and delivers.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

KEPT = 10_000


@dataclass(frozen=True)
class Notification:
    """One message for one subscription; ``number`` counts them all, from 1."""

    number: int
    topic: str
    subscription: str
    protocol: str
    endpoint: str
    message_id: str
    subject: str | None
    message: str
    attributes: dict[str, Any]


class Outbox:
    """The latest notifications, oldest first. Its callers hold the door's lock."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._kept: deque[Notification] = deque(maxlen=KEPT)

    def put(self, **facts: Any) -> None:
        """Leave one notification: every field of it but the number."""
        self._kept.append(Notification(number=next(self._numbers), **facts))

    def after(self, number: int) -> list[dict[str, Any]]:
        """Return all that came after a number, as plain data."""
        return [asdict(each) for each in self._kept if each.number > number]


OUTBOX = Outbox()
"""The one of this process: moto's backends are global as well."""
