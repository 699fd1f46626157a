"""What a team is told when one of its batches has ended.

Its shape is that of OpenAI's webhooks, so that the stock SDK's ``client.webhooks.unwrap`` checks
and reads it: an id and a name, no content. Source: ``openai`` 3.51 ``types.webhooks``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from shared.domain.batches.batch import Batch

GIVE_UP_SECONDS: Final = 24 * 3600
"""After a day an end is no news any more: whoever waits for it has looked."""
KEPT_SECONDS: Final = 2 * GIVE_UP_SECONDS
_FIRST_PAUSE_SECONDS: Final = 60
_LONGEST_PAUSE_SECONDS: Final = 3600


@dataclass(frozen=True)
class BatchEvent:
    """The end of a batch on its way to its team. Times are epoch seconds.

    ``tries`` counts the tries to tell of it; the next one is not made before ``go_at``.
    """

    team: str
    batch_id: str
    ended_at: float
    tries: int = 0
    go_at: float = 0.0

    @property
    def id(self) -> str:
        """Its id, which is the same however often it arrives: a batch ends once."""
        digest = hashlib.sha256(f"{self.team}/{self.batch_id}".encode()).hexdigest()
        return f"evt_{digest[:32]}"

    def tried(self, now: float) -> BatchEvent:
        """Return the event as it stands while it is being told, and if that fails."""
        pause = min(_FIRST_PAUSE_SECONDS * 2**self.tries, _LONGEST_PAUSE_SECONDS)
        return replace(self, tries=self.tries + 1, go_at=now + pause)

    def is_old(self, now: float) -> bool:
        """Whether it is no news any more."""
        return now >= self.ended_at + GIVE_UP_SECONDS


def event_of(batch: Batch) -> BatchEvent:
    """Return the event of a batch at rest; raises ``ValueError`` for another one."""
    if batch.ended_at is None:
        raise ValueError(f"{batch.id} has not ended")
    return BatchEvent(batch.team, batch.id, batch.ended_at)


def event_body(event: BatchEvent, batch: Batch) -> bytes:
    """Return what is posted: JSON."""
    return msgspec.json.encode(
        {
            "id": event.id,
            "object": "event",
            "type": f"batch.{batch.status}",
            "created_at": int(event.ended_at),
            "data": {"id": batch.id},
        }
    )
