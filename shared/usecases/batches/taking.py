"""Takes a batch or refuses it: at once while its caller waits, or later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from shared.clock import Clock
from shared.domain.batches.batch import Batch, Status
from shared.domain.errors import GatewayError, InvalidRequest, StoreUnavailable
from shared.ports.batches import CallerBatches
from shared.usecases.batches.planning import BatchFailed, Planner, failure_of
from shared.usecases.batches.room import BatchRoom
from shared.usecases.batches.unplanned import Unplanned

LEASE_SECONDS: Final = 900.0
"""For so long a batch is one process's: as long as a function may run."""


class BatchChanged(Exception):
    """Another process has gone on with a batch: this one leaves it alone."""


class BatchTaker:
    """Plans batches and holds their money, or says why not. Raises ``StoreUnavailable``."""

    def __init__(
        self,
        batches: CallerBatches,
        planner: Planner,
        room: BatchRoom,
        unplanned: Unplanned,
        clock: Clock,
    ) -> None:
        self._batches = batches
        self._planner = planner
        self._room = room
        self._unplanned = unplanned
        self._clock = clock

    def take_now(self, batch: Batch) -> Batch:
        """Plan a batch that was written, and leased, for a caller who waits.

        Raises ``GatewayError`` where it is refused as a whole, or could not be planned: then
        nothing is held for it and it is forgotten, now or when its lease is over.
        """
        try:
            planned = self._planner.plan(batch, batch.leased_to)
            return self.move(batch, replace(planned, leased_until=0.0))
        except BatchFailed as failed:
            if batch.kind == "openai":
                return self.end_unheld(batch, "failed", errors=failed.errors)
            self._forgotten(batch)
            raise InvalidRequest(str(failed), param="requests") from None
        except BatchChanged:
            return self._batches.get(batch.team, batch.id) or batch
        except GatewayError:
            if self._forgotten(batch):
                raise
            # What was taken for lost had arrived: the batch is taken, and may be under way.
            return self._batches.get(batch.team, batch.id) or batch

    def take(self, batch: Batch) -> Batch:
        """Plan a batch that nobody waits for; one that is refused says so itself.

        What an earlier try held is given back first, and its place is closed: a reservation that
        was given up for lost may still be on its way there.
        """
        self._room.give_up(batch)
        batch = self.move(batch, batch.changed(tries=batch.tries + 1))
        try:
            return self.move(batch, self._planner.plan(batch, batch.leased_to))
        except BatchFailed as failed:
            return self.end_unheld(batch, "failed", errors=failed.errors)
        except StoreUnavailable:
            raise
        except GatewayError as error:
            return self.end_unheld(batch, "failed", errors=failure_of(error))

    def forget(self, batch: Batch) -> None:
        """Let nothing be held for a batch that was never taken, and forget it.

        It is written anew first: a move that is still on its way comes too late then, and one that
        has arrived raises ``BatchChanged``. Its hold would be given back under its lines otherwise.
        """
        batch = self.move(batch, batch.changed())
        self._room.give_up(batch)
        self._batches.delete(batch)

    def _forgotten(self, batch: Batch) -> bool:
        try:
            self.forget(batch)
        except BatchChanged:
            return False
        return True

    def end_unheld(self, batch: Batch, status: Status, **changes: Any) -> Batch:
        """End a batch that has no plan, and let no try of another process hold money for it."""
        self._room.give_up(batch)
        if batch.kind == "anthropic":
            changes |= self._unplanned.results(batch, changes.get("errors", ()))
        after = batch.changed(status=status, ended_at=self._clock(), leased_until=0.0, **changes)
        return self.move(batch, after)

    def move(self, batch: Batch, after: Batch) -> Batch:
        """Write a change; raises ``BatchChanged``."""
        if self._batches.move(batch, after) != after:
            raise BatchChanged
        return after
