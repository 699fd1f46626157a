"""What is done for a message that names a batch: it is taken as far as it goes, at once."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.errors import StoreUnavailable
from shared.domain.files import BATCH_PREFIX
from shared.domain.files.ids import MESSAGE_BATCH_PREFIX
from shared.ports import Meter
from shared.usecases.batches.running import BatchRunner
from shared.usecases.jobs.dispatching import Place
from shared.usecases.jobs.submitting import Submitter


class BatchMessages:
    """Handles messages about batches. The same one may come again, and at once to two."""

    def __init__(
        self, runner: BatchRunner, submitter: Submitter, providers: Sequence[str], meter: Meter
    ) -> None:
        self._runner = runner
        self._submitter = submitter
        self._providers = providers
        self._meter = meter

    def handle(self, places: Sequence[Place]) -> list[Place]:
        """Run batches and submit what came of them; returns those that are to come again."""
        failed = [place for place in dict.fromkeys(places) if not self._ran(place)]
        for provider in self._providers if places else ():
            try:
                self._submitter.run(provider)
            except StoreUnavailable:
                self._meter.trouble("unsubmitted", provider=provider)
        return failed

    def _ran(self, place: Place) -> bool:
        try:
            self._runner.run(*place)
        except StoreUnavailable:
            return False
        return True


def names_batch(place: Place) -> bool:
    """Tell whether a message names a batch, or else a job."""
    return place[1].startswith((BATCH_PREFIX, MESSAGE_BATCH_PREFIX))
