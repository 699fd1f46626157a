"""A provider's batch API in memory, for tests: slow, billing, and deaf where it is told to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from shared.clock import Clock
from shared.domain.jobs.lines import AskedLine, BatchProgress, LineResult
from shared.domain.jobs.provider_batch import ProviderBatch

Answering = Callable[[AskedLine], LineResult]


@dataclass
class Created:
    """One batch as the provider knows it. Times are epoch seconds."""

    id: str
    ours: str
    """The id in its ``metadata``, which a provider without that does not show."""
    created_at: float
    lines: list[AskedLine]
    ends_at: float
    cancelled: bool = False
    results: list[LineResult] = field(default_factory=list)


class MemoryBatchProvider:
    """Implements ``BatchProvider``.

    ``answering`` is asked for the end of each line when the batch ends. A batch takes ``lasts``
    seconds, and ends ``cancelling`` seconds after it was cancelled, whatever was not begun by then
    ``canceled``. ``keeps_ids`` tells whether a batch can be found by our id. ``failing`` holds an
    exception for each method that is to fail once, before anything is done or, where ``after`` is
    named too, when all is done.
    """

    def __init__(
        self,
        clock: Clock,
        answering: Answering,
        *,
        lasts: float = 600.0,
        cancelling: float = 60.0,
        keeps_ids: bool = True,
    ) -> None:
        self.created: dict[str, Created] = {}
        self.discarded: list[str] = []
        self.failing: dict[str, Exception] = {}
        self.failing_after: dict[str, Exception] = {}
        self.lasts = lasts
        self.order: Callable[[list[LineResult]], list[LineResult]] = list
        self.begun_when_cancelled = 0
        self._clock = clock
        self._answering = answering
        self.cancelling = cancelling
        self.keeps_ids = keeps_ids
        self._numbers = 0

    def upload(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str | None:
        """Take the lines with the create, in one step."""
        self._fail("upload", self.failing)
        return None

    def create(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str:
        """Begin a batch."""
        self._fail("create", self.failing)
        self._numbers += 1
        now = self._clock()
        created = Created(f"pb_{self._numbers}", batch.id, now, list(lines()), now + self.lasts)
        self.created[created.id] = created
        self._fail("create", self.failing_after)
        return created.id

    def find(self, batch: ProviderBatch) -> list[str]:
        """Find by our id, or by time and number of lines, looking no line in the face."""
        self._fail("find", self.failing)
        return [
            each.id
            for each in self.created.values()
            if (
                each.ours == batch.id
                if self.keeps_ids
                else each.created_at >= batch.submitting_since - 60
                and len(each.lines) == batch.lines
            )
        ]

    def progress(self, batch: ProviderBatch) -> BatchProgress:
        """Say whether its time has come."""
        self._fail("progress", self.failing)
        created = self._of(batch)
        return BatchProgress(self._clock() >= created.ends_at, total=len(created.lines))

    def cancel(self, batch: ProviderBatch, provider_batch: str | None = None) -> None:
        """End it soon."""
        self._fail("cancel", self.failing)
        created = self.created[provider_batch] if provider_batch else self._of(batch)
        if not created.cancelled and self._clock() < created.ends_at:
            created.cancelled = True
            created.ends_at = min(created.ends_at, self._clock() + self.cancelling)
        self._fail("cancel", self.failing_after)

    def results(self, batch: ProviderBatch) -> Iterator[LineResult]:
        """Yield the results, the same ones each time."""
        self._fail("results", self.failing)
        created = self._of(batch)
        if not created.results:
            created.results = [self._end(created, n) for n in range(len(created.lines))]
        yield from self.order(created.results)

    def discard(self, batch: ProviderBatch) -> None:
        """Keep nothing but the books."""
        self._fail("discard", self.failing)
        self.discarded.append(batch.provider_batch or "")

    def _end(self, created: Created, number: int) -> LineResult:
        line = created.lines[number]
        if created.cancelled and number >= self.begun_when_cancelled:
            return LineResult(line.custom_id, "canceled")
        return replace(self._answering(line), custom_id=line.custom_id)

    def _of(self, batch: ProviderBatch) -> Created:
        return self.created[batch.provider_batch or ""]

    def _fail(self, name: str, among: dict[str, Exception]) -> None:
        if name in among:
            raise among.pop(name)
