"""Lines of callers' batches that are given up: a provider may have billed them, so they are paid.

Each is charged as it was held, in doubt, whoever finds it. Where even that crashed when its
provider's batch ended, it is done when the caller's batch is put together; where it crashes again,
nothing of the hold is given back: it expires, and is charged in full.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.batches.batch import Batch
from shared.domain.batches.records import Fault, Record
from shared.domain.budgets.lines import SettledLine
from shared.domain.entries import Settlement
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.job import JobError
from shared.domain.jobs.lines import Line
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.seen import Seen
from shared.domain.prices import TokenCounts
from shared.ports.calls import Meter
from shared.ports.jobs import Blobs
from shared.usecases.batches.money import BatchMoney
from shared.usecases.batches.splitting import read_line_name
from shared.usecases.crashes import Crashes
from shared.usecases.jobs.answers import NOT_TAKEN
from shared.usecases.jobs.batch_files import BatchFiles


class GivenUp:
    """Finds and charges the lines that were given up and left unsettled."""

    def __init__(self, blobs: Blobs, money: BatchMoney, meter: Meter) -> None:
        self._files = BatchFiles(blobs)
        self._money = money
        self._meter = meter

    def unsettled(self, parts: Sequence[ProviderBatch]) -> list[Line]:
        """Return the lines; raises ``StoreUnavailable``."""
        return [line for part in parts if part.unsettled for line in self._unsettled(part)]

    def _unsettled(self, part: ProviderBatch) -> list[Line]:
        manifest = self._files.manifest(part)
        left = Seen(part.unsettled, len(manifest))
        return [manifest[number] for number in range(len(manifest)) if number in left]

    def are_charged(self, batch: Batch, lines: Sequence[Line]) -> bool:
        """Charge lines; False where that crashes. Raises ``StoreUnavailable``."""
        with Crashes(self._meter).kept(StoreUnavailable, batch=batch.id):
            self._money.settle(batch.hold(), [charged_in_full(line) for line in lines])
            return True
        return False


def charged_in_full(line: Line) -> SettledLine:
    """Return a line as it is charged of which nobody can tell what it cost."""
    charged = Settlement(
        outcome="expired",
        tokens=TokenCounts(),
        usage_source="held",
        cost_nano=line.held.nano,
        baseline_nano=line.held.nano,
    )
    return SettledLine(line.entry, line.held.nano, charged)


def without_answer(line: Line) -> Record:
    """Return what the caller is told of such a line."""
    _, number, custom = read_line_name(line.id)
    paid, fault = line.held.nano, fault_of(NOT_TAKEN)
    request_id = line.entry.request_id
    return Record(number, custom, request_id, "errored", cost=paid, baseline=paid, fault=fault)


def fault_of(error: JobError) -> Fault:
    """Return what a line's record says of an error."""
    return Fault(error.status, error.type, error.code, error.message)
