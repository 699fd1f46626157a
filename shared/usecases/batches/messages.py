"""What is done for a message that names a batch: it is taken as far as it goes, at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from shared.domain.errors import StoreUnavailable
from shared.domain.files import BATCH_PREFIX
from shared.domain.files.ids import MESSAGE_BATCH_PREFIX
from shared.ports.calls import Meter
from shared.usecases.batches.running import BatchRunner
from shared.usecases.crashes import Crashes
from shared.usecases.jobs.dispatching import SUBMIT_SECONDS, Place
from shared.usecases.jobs.submitting import Submitter

_SOON_BYTES: Final = 32 * 1024 * 1024
"""A larger batch is left to the collector, which may run for longer and comes by each minute."""


class BatchMessages:
    """Handles messages about batches. The same one may come again, and at once to two."""

    def __init__(
        self, runner: BatchRunner, submitter: Submitter, providers: Sequence[str], meter: Meter
    ) -> None:
        self._runner = runner
        self._submitter = submitter
        self._providers = providers
        self._meter = meter

    def handle(self, places: Sequence[Place], until: float = math.inf) -> list[Place]:
        """Run batches and submit what came of them; returns those that are to come again.

        Nothing is begun that might not have ended by ``until``, in epoch seconds: the collector
        finds it. What fails unexpectedly is told and comes again; all others are done.
        """
        begun_by = until - SUBMIT_SECONDS
        failed = [place for place in dict.fromkeys(places) if not self._ran(place, begun_by)]
        for provider in self._providers if places else ():
            with Crashes(self._meter).kept(provider=provider):
                try:
                    self._submitter.run(provider, begun_by)
                except StoreUnavailable:
                    self._meter.trouble("unsubmitted", provider=provider)
        return failed

    def _ran(self, place: Place, until: float) -> bool:
        with Crashes(self._meter).kept(batch=place[1]), suppress(StoreUnavailable):
            self._runner.run(*place, until, most_bytes=_SOON_BYTES)
            return True
        return False


def names_batch(place: Place) -> bool:
    """Tell whether a message names a batch, or else a job."""
    return place[1].startswith((BATCH_PREFIX, MESSAGE_BATCH_PREFIX))
