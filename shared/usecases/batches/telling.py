"""Tells teams of the ends of their batches: at least once, under an id that stays the same.

That a batch has ended is written down together with its end, so a team is told late but told. A
teller that dies between an answer and the record of it tells again. A try that failed is the
trouble ``not_told``, and ``untold``, which an alarm watches, where it was not one of the first or
is the last.
"""

from __future__ import annotations

from typing import Final

from shared.clock import Clock
from shared.domain.batches.events import BatchEvent, event_body
from shared.domain.errors import StoreUnavailable
from shared.domain.notices.message import NotTaken
from shared.meters import Trouble
from shared.ports.batches import BatchEvents, CallerBatches, TeamHooks
from shared.ports.calls import Meter
from shared.usecases.crashes import Crashes

_HICCUP_TRIES: Final = 4
"""So many tries, the first seven minutes, may be a receiver's restart and none of an operator's."""


class BatchTeller:
    """Tells what is pending. Synchronous; raises ``StoreUnavailable``."""

    def __init__(
        self,
        *,
        events: BatchEvents,
        batches: CallerBatches,
        hooks: TeamHooks,
        meter: Meter,
        clock: Clock,
    ) -> None:
        self._events = events
        self._batches = batches
        self._hooks = hooks
        self._meter = meter
        self._clock = clock

    def run(self, until: float) -> None:
        """Try what is due once; no try is begun after an epoch second.

        A team whose webhook does not answer is left alone for the rest of the round: each of its
        events would wait as long. Raises ``Crashed`` once all had their turn, where one failed
        unexpectedly.
        """
        crashes = Crashes(self._meter)
        failing: set[str] = set()
        for event in self._events.pending():
            now = self._clock()
            if now >= until:
                break
            if event.go_at > now or event.team in failing:
                continue
            with crashes.kept(event=event.id):
                if not self._tried(event, now):
                    failing.add(event.team)
        crashes.raise_any()

    def _tried(self, event: BatchEvent, now: float) -> bool:
        try:
            return self._told(event, now)
        except StoreUnavailable:
            self._trouble("event_stuck", event, "the store is unavailable")
            return True

    def _told(self, event: BatchEvent, now: float) -> bool:
        """Tell of an event, unless another teller does; False where it was not taken."""
        batch = self._batches.get(event.team, event.batch_id)
        if batch is None or not self._hooks.is_told(event.team):
            self._events.drop(event)
            return True
        if event.is_old(now):
            self._trouble("untold", event, "given up")
            self._events.drop(event)
            return True
        if not self._events.claim(event, event.tried(now)):
            return True
        try:
            self._hooks.send(event.team, event.id, event_body(event, batch))
        except NotTaken as error:
            is_hiccup = event.tries < _HICCUP_TRIES
            self._trouble("not_told" if is_hiccup else "untold", event, str(error))
            return False
        self._events.drop(event)
        return True

    def _trouble(self, what: Trouble, event: BatchEvent, reason: str) -> None:
        place = {"team": event.team, "batch": event.batch_id, "event": event.id}
        self._meter.trouble(what, **place, reason=reason)
