"""What the use cases need of the world, with what each promises when the world is down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

from shared.catalog import Provider
from shared.domain.budgets import Budget, Hold, OpenHold, Position, Scope, Step
from shared.domain.budgets.movements import Ending
from shared.domain.budgets.refusals import HoldLimits
from shared.domain.entries import Claim, Entry, Found, KeyRow, Repeat, Settlement, StoredAnswer
from shared.domain.health import Rest

if TYPE_CHECKING:  # what only operators need stays out of the router
    from shared.domain.batches.batch import Batch, Results
    from shared.domain.budgets.booked import Booked
    from shared.domain.budgets.changes import AuditRow
    from shared.domain.budgets.lines import LinesFound, SettledLine, Source
    from shared.domain.files import Listing, Part, StoredFile, Upload
    from shared.domain.jobs.job import Job, Waiting
    from shared.domain.jobs.lines import AskedLine, BatchProgress, LineResult
    from shared.domain.jobs.provider_batch import Lane, ProviderBatch
    from shared.domain.notices import AlarmChange, AlarmTold, BudgetTold, Message
    from shared.domain.notices.spending import Spent
    from shared.domain.rollups import Cells, Rollup
    from shared.domain.usage_rows import Feedback, UsageRow


class Store(Protocol):
    """The cache and ledger tables as the router uses them.

    Every method raises :class:`~shared.domain.errors.StoreUnavailable` when its table cannot be
    reached or refuses: the caller fails closed. A method that AWS's client re-sends after a
    lost answer has the same effect as one send.
    """

    def look_up(
        self,
        team: str,
        key_digest: str | None,
        answer_digest: str | None,
        scopes: Iterable[Scope] = (),
    ) -> Found:
        """Read the models' health and, where they are named, a key row, an answer and budgets.

        One round trip. The answer may have expired; the caller checks. Strongly consistent for
        the key and the budgets; a scope without a budget is not among those found.
        """

    def stored_answers(self, team: str, digests: Sequence[str]) -> dict[str, StoredAnswer]:
        """Read up to 25 answers by their digest; what cannot be read is left out.

        They may have expired; the caller checks.
        """

    def record_hit(
        self, entry: Entry, settlement: Settlement, repeat: Repeat | None, day: str
    ) -> None:
        """Write the usage row of a hit and, where given, count the repeat, in one write."""

    def claim(self, claim: Claim, now: float) -> Claim | None:
        """Claim an Idempotency-Key; returns the claim that stands in the way, if one does.

        A claim whose answer is missing and whose lease has run out stands in nobody's way.
        """

    def fulfil(self, claim: Claim) -> None:
        """Store the answer under the claim, if the claim is still this call's own."""

    def release(self, claim: Claim) -> None:
        """Forget this call's own claim: it brought no answer, so it may be tried again."""

    def count_failure(self, model: str) -> int:
        """Count a failure of a model; returns how many there have been since a success."""

    def rest(self, model: str, rest: Rest) -> None:
        """Tell all instances to leave a model alone for a while."""

    def forget_failures(self, model: str) -> None:
        """Tell all instances that a model answers again."""

    def put_answer(self, answer: StoredAnswer, purge_at: int) -> None:
        """Store an answer, replacing an older one; the row may vanish after ``purge_at``.

        An answer too large for a row is not stored, which is no error.
        """


class UsageLedger(Protocol):
    """Usage rows, what callers said of them, and what they were added up to.

    Every method raises :class:`~shared.domain.errors.StoreUnavailable` when the ledger cannot be
    reached, and has one effect however often AWS's client sends it. Reads are consistent.
    """

    def usage_rows(self, team: str, since: str, until: str) -> list[UsageRow]:
        """Return a team's rows of one day, by moments of it: from ``since``, before ``until``."""

    def feedback(self, team: str, day: str) -> dict[str, Feedback]:
        """Return what was said of a day's requests, by request id."""

    def give_feedback(self, team: str, day: str, feedback: Feedback) -> None:
        """Write down what was said of a request of a day; what was said last is kept."""

    def hours(self, team: str, day: str) -> dict[str, Rollup]:
        """Return what is stored of a day's hours, by hour."""

    def days(self, team: str, first: str, last: str) -> dict[str, Rollup]:
        """Return what is stored of days, by day, from the first to the last."""

    def close(self, team: str, period: str, cells: Cells, revision: int) -> None:
        """Store the cells of an hour or a day, unless it was opened again since ``revision``.

        Cells too many for one item are not stored, which is no error: their rows are read.
        """

    def reopen(self, team: str, hours: Iterable[str], until: int) -> None:
        """Have the rows of some hours, and of their days, read until an epoch second.

        Done before a row or a feedback is written late; all of them, or none.
        """

    def teams(self) -> list[str]:
        """Return every team that was ever given a key."""


class Ledger(UsageLedger, Protocol):
    """Budgets, holds and usage rows: all that money depends on.

    Every method raises :class:`~shared.domain.errors.StoreUnavailable` when the ledger cannot be
    reached: then nothing may be spent. Whatever a method does it does once, however often AWS's
    client sends it.
    """

    def read_budgets(self, scopes: Iterable[Scope]) -> dict[Scope, Budget]:
        """Read budgets, consistently; a scope without one is left out."""

    def open_budget(self, budget: Budget) -> Budget:
        """Write a scope's first budget; returns the one that stands there, this or an earlier."""

    def take_step(self, budget: Budget, step: Step) -> Budget:
        """Write down what time has done to a budget, if it still is as seen.

        Returns the budget as it is now, whoever took the step.
        """

    def move_room(self, into: Budget, donors: Sequence[tuple[Budget, int, int]]) -> bool:
        """Move room between slices of one scope: nano-dollars of the day and of the month.

        Caps move with it, so that they still add up. False where one of them has changed.
        """

    def recut(self, seen: Sequence[Budget], after: Sequence[Budget]) -> bool:
        """Write all slices of one scope as they shall be, all at once, if they are as seen.

        False where one of them has changed so that it would be left with less room.
        """

    def reserve(
        self, hold: Hold, budgets: Sequence[Budget], limits: HoldLimits, now: float
    ) -> Hold | Mapping[Scope, Budget]:
        """Set money aside in all budgets at once, or in none.

        The hold as it stands, which an earlier try may have booked into an earlier day; else the
        budgets that were not as seen, as they are now. An empty mapping says that another call
        was in the way: try again.
        """

    def end(
        self, hold: Hold, settlement: Settlement | None, ending: Ending, position: Position
    ) -> Position | None:
        """End a hold from a position; None where it is done, else the position as it was found.

        ``settlement`` is what the usage row says, for endings that write one.
        """

    def bar(self, hold: Hold) -> None:
        """Keep a reservation from being booked that may still be on its way."""

    def close_place(self, team: str, request_id: str, attempt: int, expires_at: int) -> Hold | None:
        """Return the hold of an attempt, or keep one from ever being booked; either for good."""

    def expired_holds(self, team: str, now: float) -> list[Hold]:
        """Return the holds of a team whose time is over, oldest first."""


class BatchLedger(Ledger, Protocol):
    """A ledger whose holds may be for many lines; see :mod:`shared.domain.budgets.lines`."""

    def settle_lines(
        self,
        hold: Hold,
        lines: Sequence[SettledLine],
        source: Source,
        budgets: Mapping[Scope, Budget],
    ) -> LinesFound | None:
        """Write the rows of up to 90 lines and move their money, all of it or nothing.

        ``budgets`` are those of the hold's scopes that were seen since they moved on. None where
        it is done; else what was found in the way.
        """

    def standing_hold(self, hold: Hold) -> Hold | None:
        """Return a hold with what is still held; None where it is no more. Consistent."""


class KeyAdmin(Protocol):
    """Keys as the operator handles them, under the operator's own credentials."""

    def create(self, row: KeyRow) -> None:
        """Store a new key row; never overwrites one."""

    def list_keys(self, team: str | None) -> list[KeyRow]:
        """Return a team's keys, or all keys of the environment, oldest first."""

    def revoke(self, key_id: str, at: int) -> KeyRow | None:
        """Mark a key revoked; returns its row, or None for an unknown id. Idempotent."""


class UpstreamReply(Protocol):
    """A provider's answer as it arrives."""

    status: int
    headers: dict[str, str]

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""


class Upstream(Protocol):
    """The one client that talks to providers.

    It sends to hosts of the catalog only and never without an open hold. Raises
    ``UpstreamFailed`` or ``UpstreamTimedOut``; never retries and never follows a redirect.
    """

    def post(
        self, hold: OpenHold, provider: Provider, path: str, body: bytes, *, timeout_seconds: float
    ) -> AbstractAsyncContextManager[UpstreamReply]:
        """Send a JSON body and hand over the reply while it arrives."""


class Meter(Protocol):
    """Where each request's log line and metrics go. Never raises for want of a listener."""

    def settled(
        self,
        entry: Entry,
        settlement: Settlement,
        seconds: float,
        held_nano: int | None = None,
    ) -> None:
        """Record one request that reached an answer, from the cache or a provider.

        ``held_nano`` is what was held for it.
        """

    def refused(self, request_id: str, door: str, status: int, code: str | None) -> None:
        """Record one request that was refused before it reached an answer."""

    def trouble(self, what: str, **facts: Any) -> None:
        """Record something an operator must know about; facts are identifiers, never content."""


class BudgetAdmin(Protocol):
    """Budgets as operators and audits handle them; errors of AWS pass through.

    Reads are strongly consistent.
    """

    def teams(self) -> list[str]:
        """Return every team that ever had a key."""

    def budgets_of(self, team: str) -> list[Budget]:
        """Return the budgets in use of a team and of its keys."""

    def change(self, seen: Sequence[Budget], after: Sequence[Budget], row: AuditRow) -> bool:
        """Write all pieces of a changed budget and the audit row, or nothing.

        False where a piece is not as seen any more, or another call was in the way: decide anew.
        What was spent and held meanwhile stays counted. Done once, however often it is sent.
        """

    def audit_rows(self, month: str) -> list[AuditRow]:
        """Return what was changed in a month (``2026-11``), oldest first."""

    def booked(self, team: str, day: str) -> Iterator[Booked]:
        """Yield what was booked into a day (``2026-11-22``) for a team."""


class Notices(Protocol):
    """What people have been told, and the messages on their way to them.

    Every method raises :class:`~shared.domain.errors.StoreUnavailable` when the ledger cannot be
    reached, and has one effect however often AWS's client sends it. Reads are consistent.
    """

    def told(self) -> list[BudgetTold | AlarmTold]:
        """Return what people know of every budget and alarm that they were ever told of."""

    def write(self, message: Message | None, told: Sequence[BudgetTold | AlarmTold]) -> bool:
        """Write a message down together with what people know once they have it, or nothing.

        False where somebody has been told meanwhile: decide anew.
        """

    def pending(self) -> list[Message]:
        """Return the messages that are still to be delivered, oldest first."""

    def save(self, message: Message) -> bool:
        """Write down how far a message has come; False where another sender has moved it on."""

    def messages(self, month: str) -> list[Message]:
        """Return what people were told in a month (``2026-11``), oldest first."""


class Spenders(Protocol):
    """What calls have cost lately, read from usage rows; raises ``StoreUnavailable``."""

    def spent(self, team: str, since: float, until: float) -> list[Spent]:
        """Return what a team's calls cost that were opened in a time, in epoch seconds."""


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """What it is remembered as having a message."""

    def send(self, message: Message, *, is_repeat: bool) -> None:
        """Deliver a message; ``is_repeat`` where an earlier try may have arrived.

        Raises :class:`~shared.domain.notices.message.NotTaken`.
        """


class Alarms(Protocol):
    """The stack's alarms as they stand. Errors of AWS pass through."""

    def standing(self) -> list[AlarmChange]:
        """Return the last change of each alarm that the guard is to tell of."""


class MetricTotals(Protocol):
    """What metrics add up to, for the audit. Errors of AWS pass through."""

    def cost_nano(self, since: float, until: float) -> int:
        """Return what calls cost by the metrics of a time, in nano-dollars."""


class GuardMeter(Protocol):
    """Where the budget guard's own metrics and troubles go."""

    def budget(self, budget: Budget) -> None:
        """Tell how much of the environment's budget is used, and what its caps are."""

    def charged(self, nano: int) -> None:
        """Tell what was charged for holds that nobody settled."""

    def audited(self, findings: int, gap_permille: int, price_age_days: int) -> None:
        """Tell what a day's audit found."""

    def audit_overdue(self, hours: int) -> None:
        """Tell for how many hours an audit has been overdue."""

    def undelivered(self, messages: int) -> None:
        """Tell how many messages could not be delivered yet, after several tries."""

    def trouble(self, what: str, **facts: Any) -> None:
        """Record something an operator must know about; facts are identifiers, never content."""


class FileStore(Protocol):
    """What is known of teams' files; their bytes are :class:`Blobs`.

    Raises :class:`~shared.domain.errors.StoreUnavailable`. Reads are strongly consistent and may
    return what has expired; the caller checks. A write that is sent twice has the effect of one.
    A row is found under its own team and no other.
    """

    def put_file(self, file: StoredFile) -> None:
        """Write a file, replacing one of the same id."""

    def file(self, team: str, file_id: str) -> StoredFile | None:
        """Return a file."""

    def files(self, team: str, listing: Listing) -> list[StoredFile]:
        """Return up to ``listing.limit`` files of whatever purpose, in order."""

    def delete_file(self, team: str, file_id: str) -> None:
        """Delete a file's row; it may be gone already."""

    def put_upload(self, upload: Upload) -> None:
        """Write a new upload."""

    def upload(self, team: str, upload_id: str) -> Upload | None:
        """Return an upload."""

    def put_part(self, team: str, part: Part) -> None:
        """Write a part of an upload."""

    def parts(self, team: str, upload_id: str) -> list[Part]:
        """Return the parts of an upload, in the order of their ids."""

    def end_upload(self, upload: Upload, file: StoredFile | None) -> Upload:
        """Write an upload's end, with the file that it becomes, if it is pending; all or nothing.

        Returns the upload as it stands: this end, or the one that came first.
        """


class CallerBatches(Protocol):
    """Callers' batches, and the files of records that they gather.

    Raises :class:`~shared.domain.errors.StoreUnavailable`. Reads are strongly consistent. A write
    that is sent twice has the effect of one. A row is found under its own team and no other.
    """

    def put(self, batch: Batch) -> None:
        """Write a new batch, open from now on; the same one may be written again."""

    def get(self, team: str, batch_id: str) -> Batch | None:
        """Return a batch."""

    def move(self, seen: Batch, after: Batch) -> Batch:
        """Write a changed batch if it is as seen; returns it as it stands, ``after`` if so.

        A batch that is at rest is open no more. Returns ``seen`` for one that was deleted.
        """

    def list_batches(self, team: str, prefix: str, listing: Listing) -> list[Batch]:
        """Return up to ``listing.limit`` batches whose ids have a prefix, in order."""

    def open_batches(self) -> list[tuple[str, str]]:
        """Return the team and the id of every batch that is not at rest; perhaps of others."""

    def delete(self, batch: Batch) -> None:
        """Delete a batch; it may be gone already."""

    def add_results(self, team: str, batch_id: str, results: Results, purge_at: int) -> None:
        """Take a file of records down."""

    def results(self, team: str, batch_id: str) -> list[Results]:
        """Return the files of records, in no order that says anything."""


class JobStore(Protocol):
    """Jobs, waiting rooms and contents.

    Raises :class:`~shared.domain.errors.StoreUnavailable` when the table cannot be reached. Reads
    are strongly consistent. A write that AWS's client sends twice has the effect of one.
    """

    def put(self, job: Job) -> Job:
        """Write a new job; returns the one that stands under its id, this or an earlier one.

        Raises ``StoreUnavailable`` also where the id was barred.
        """

    def bar(self, team: str, job: str, purge_at: int) -> Job | None:
        """Return a job, or keep one from ever being written under its id; either for good."""

    def get(self, team: str, job: str) -> Job | None:
        """Return a job; None where this team has none of this id."""

    def get_many(self, jobs: Sequence[tuple[str, str]]) -> list[Job]:
        """Return those of some jobs, by team and id, that there are, in no order."""

    def move(self, seen: Job, after: Job) -> Job:
        """Write a changed job if it still is as seen; returns it as it stands, ``after`` if so."""

    def list_jobs(self, team: str, *, newest: int) -> list[Job]:
        """Return a team's newest jobs, newest first."""

    def file(self, row: Waiting) -> None:
        """Write a row of a waiting room; the same row may be written again."""

    def unfile(self, row: Waiting) -> None:
        """Take a row out of its room; it may be gone already."""

    def waiting(self, room: str, *, most: int) -> list[Waiting]:
        """Return the rows of a room, those that must go first first."""

    def put_content(self, team: str, job: str, name: str, content: bytes) -> None:
        """Keep a body or an answer; the same name is written with the same content only."""

    def content(self, team: str, job: str, name: str) -> bytes | None:
        """Return what was kept."""


class BatchStore(Protocol):
    """The provider batches of an environment, and the lanes in which they are submitted.

    Raises :class:`~shared.domain.errors.StoreUnavailable`. Reads are strongly consistent. A write
    that AWS's client sends twice has the effect of one.
    """

    def put_batch(self, batch: ProviderBatch) -> None:
        """Write a new batch; its id is of its writer's making."""

    def batch(self, batch: str) -> ProviderBatch | None:
        """Return a batch, open or at rest."""

    def open_batches(self) -> list[ProviderBatch]:
        """Return all batches that are not at rest, oldest first."""

    def past_batches(self, since: float) -> list[ProviderBatch]:
        """Return the batches at rest that were planned since an epoch second, oldest first."""

    def move_batch(self, seen: ProviderBatch, after: ProviderBatch) -> ProviderBatch:
        """Write a changed batch if it is as seen; returns it as it stands, ``after`` if so."""

    def lane(self, provider: str) -> Lane:
        """Return a provider's lane; one that nobody has had is free."""

    def move_lane(self, seen: Lane, after: Lane) -> Lane:
        """Write a changed lane if it is as seen; returns it as it stands, ``after`` if so."""


class Blobs(Protocol):
    """Files too large for a table. Raises ``StoreUnavailable``; a file is whole or not there."""

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        """Write a file, replacing one of the same key; holds little of it in memory."""

    def read(self, key: str) -> Iterator[bytes]:
        """Yield a file piece by piece; raises ``KeyError`` where there is none."""

    def delete(self, key: str) -> None:
        """Delete a file; it may be gone already."""


class JobQueue(Protocol):
    """Messages that make the dispatcher look at jobs at once. Losing one loses only time."""

    def send(self, jobs: Sequence[tuple[str, str]]) -> None:
        """Send a message for each job, by team and id: never content.

        Raises ``StoreUnavailable``.
        """


class BatchProvider(Protocol):
    """The batch API of one provider's account.

    No method sends anything twice. What each may raise, from
    :mod:`shared.domain.jobs.provider_errors`: ``BatchRefused`` (the provider said no, and will
    again: nothing came to be), ``BatchNotTaken`` (nothing came to be; later it may be taken: a
    refused connection, 429, a key that is refused), ``BatchAnswerLost`` (anything may have
    come to be: time-outs, broken connections, any 5xx).

    ``keeps_ids`` tells whether :meth:`find` goes by our own id and so finds no other's batch.
    """

    keeps_ids: bool

    def upload(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str | None:
        """Upload the input where that is a step of its own; returns the file's id, else None.

        Nothing is billed for a file; one whose answer was lost may be left lying.
        """

    def create(self, batch: ProviderBatch, lines: Callable[[], Iterator[AskedLine]]) -> str:
        """Create the batch from ``batch.input_file`` or from the lines; returns its id there."""

    def find(self, batch: ProviderBatch) -> list[str]:
        """Return the ids of the batches at the provider that can only be this one, oldest first.

        By our id where the provider keeps one (``metadata``); else by what else is known of it:
        the time since ``batch.submitting_since``, the number of lines, and the lines' names
        where they can be read. Those of our other batches are told apart by the caller, and the
        lane sees to it that no two are looked for at once.
        """

    def progress(self, batch: ProviderBatch) -> BatchProgress:
        """Say how far the provider is."""

    def cancel(self, batch: ProviderBatch, provider_batch: str | None = None) -> None:
        """Ask the provider to stop; what is answered already is billed. May be asked again.

        ``provider_batch``: another batch at the provider that turned out to be the same one.
        """

    def results(self, batch: ProviderBatch) -> Iterator[LineResult]:
        """Yield what the provider says of the lines, in any order, of some perhaps nothing.

        Only of a batch that is over. Holds one line in memory. Raises ``BatchAnswerLost`` where
        the results broke off: they are read again from the start later.
        """

    def discard(self, batch: ProviderBatch) -> None:
        """Delete the files of a batch that was collected; they may be gone already."""
