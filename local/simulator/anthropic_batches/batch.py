"""Anthropic's batch object, from ``in_progress`` to ``ended``, and its results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.simulator.batches.run import Run
from local.simulator.batches.schedule import Schedule
from local.simulator.batches.spool import Spool

Json = dict[str, object]

ARCHIVED_SECONDS = 29 * 86_400
"""From the create; then the results are gone (platform.claude.com, batch processing)."""


@dataclass
class MessageBatch:
    """One batch; ``address`` is where it is served. Times are epoch seconds."""

    id: str
    account: str
    address: str
    schedule: Schedule
    run: Run = field(init=False)
    results: Spool = field(default_factory=Spool)

    def ended(self, now: float) -> bool:
        """Tell whether every line has ended and the results are there."""
        return self.run.sealed and now >= self.run.ends

    def archived(self, now: float) -> bool:
        """Tell whether the results are gone."""
        return now >= self.schedule.created + ARCHIVED_SECONDS

    def put_out(self) -> None:
        """Turn the lines' results into one text."""
        self.run.good.take_over(self.run.bad)
        self.results = self.run.good.shuffled()
        self.run.clear_away()

    def shown(self, now: float) -> Json:
        """Return the ``message_batch`` object."""
        ended, archived = self.ended(now), self.archived(now)
        created = self.schedule.created
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": self._status(now),
            "request_counts": self._counts(now),
            "created_at": _moment(created),
            "expires_at": _moment(self.schedule.expires),
            "cancel_initiated_at": _moment(self.run.canceled_at),
            "ended_at": _moment(self.run.ends) if ended else None,
            "archived_at": _moment(created + ARCHIVED_SECONDS) if archived else None,
            "results_url": f"{self.address}/results" if ended and not archived else None,
        }

    def _status(self, now: float) -> str:
        if self.ended(now):
            return "ended"
        return "in_progress" if self.run.canceled_at is None else "canceling"

    def _counts(self, now: float) -> Json:
        if not self.ended(now):
            nothing = dict.fromkeys(("succeeded", "errored", "canceled", "expired"), 0)
            return {"processing": self.schedule.total, **nothing}
        tally = self.run.tally
        return {
            "processing": 0,
            "succeeded": tally.succeeded,
            "errored": tally.errored,
            "canceled": tally.canceled,
            "expired": tally.expired,
        }


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()
