"""A caller's batch from its creation to its last line.

::

    VALIDATING ──► IN_PROGRESS ──► FINALIZING ──► COMPLETED
        │ │            │  time is over ────────► EXPIRED
        │ └────────────┴──► CANCELLING ────────► CANCELLED
        └──► FAILED    what is wrong with its lines, or no money for them

VALIDATING: its lines are being read; nothing is held. IN_PROGRESS: the money for all of its lines
is held, and what they ask lies in one file for each model. From those files the providers' batches
are made (``parts``), each of which comes to rest. FINALIZING: all of them have; their results are
being put together. At rest, no money is held for it.

Every change counts ``revision``, and is carried out only from the revision that it was decided on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from shared.domain.budgets import Hold
from shared.domain.budgets.scopes import scopes_of
from shared.domain.entries import Door, Entry
from shared.domain.files import Blob
from shared.domain.jobs.job import Held

Kind = Literal["openai", "anthropic"]
"""In whose words the caller is told of it."""
Status = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]
AT_REST: Final = frozenset({"failed", "completed", "expired", "cancelled"})
WINDOW_SECONDS: Final = 24 * 3600
"""How long a batch may take; both providers take as long."""
GRACE_SECONDS: Final = 26 * 3600
"""How long after that its hold stands: longer than any provider's batch lives."""
MOST_ERRORS: Final = 100
"""How many lines are named that fail a batch."""


@dataclass(frozen=True)
class LineError:
    """What is wrong with a line, or with the batch as a whole where ``line`` is None."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


@dataclass(frozen=True)
class Group:
    """The lines that one model answers, as planned: how many, in which file, of how many bytes."""

    provider: str
    model: str
    lines: int
    blob: Blob


@dataclass(frozen=True)
class Part:
    """One provider's batch: a run of a group's lines, from a number of the group's on.

    ``parent`` names the part whose batch the provider refused and whose lines these are.
    """

    batch: str
    group: int
    first: int
    lines: int
    parent: str | None = None


@dataclass(frozen=True)
class Counts:
    """How many lines have come to which end; the rest is being processed."""

    total: int = 0
    succeeded: int = 0
    errored: int = 0
    expired: int = 0
    canceled: int = 0

    @property
    def processing(self) -> int:
        """How many have no end yet."""
        return self.total - self.succeeded - self.errored - self.expired - self.canceled


@dataclass(frozen=True)
class Money:
    """What the lines cost together and what they would have cost, in nano-dollars."""

    cost: int = 0
    baseline: int = 0


@dataclass(frozen=True)
class Batch:
    """A batch. Times are epoch seconds; what its lines say is kept apart from it.

    ``groups`` are the lines that models are asked, ``records`` those that were answered or refused
    at once, ``twins`` those that ask what another line asks; ``hits`` what is settled for those the
    cache answered, ``schemas`` which JSON was asked for. ``output_seconds`` is how long its results
    are kept. ``is_awaited``: its creator is told at once whether it is taken, so nobody
    else plans it. ``tries`` counts the tries to plan it: each holds money in a place of its own.
    ``leased_until`` keeps two processes from doing the same work.
    """

    id: str
    team: str
    kind: Kind
    door: Door
    key_id: str
    key_digest: str
    created_at: float
    status: Status
    request_id: str
    price_version: str
    input: tuple[Blob, ...] = ()
    input_file: str = ""
    metadata: Mapping[str, str] | None = None
    output_seconds: int = 30 * 24 * 3600
    errors: tuple[LineError, ...] = ()
    held: Held | None = None
    groups: tuple[Group, ...] = ()
    records: Blob | None = None
    twins: Blob | None = None
    hits: Blob | None = None
    schemas: Blob | None = None
    parts: tuple[Part, ...] = ()
    is_split: bool = False
    counts: Counts = field(default_factory=Counts)
    money: Money = field(default_factory=Money)
    in_progress_at: float | None = None
    finalizing_at: float | None = None
    ended_at: float | None = None
    cancelling_at: float | None = None
    results: Blob | None = None
    output_file: str | None = None
    error_file: str | None = None
    is_awaited: bool = False
    tries: int = 1
    leased_to: str = ""
    leased_until: float = 0.0
    revision: int = 1

    @property
    def expires_at(self) -> int:
        """When lines that are not answered by then are given up."""
        return int(self.created_at) + WINDOW_SECONDS

    @property
    def hold_expires_at(self) -> int:
        """When its hold is charged in full; said by its creation, so that it is said once."""
        return self.expires_at + GRACE_SECONDS

    @property
    def purge_at(self) -> int:
        """When it may be forgotten."""
        return self.expires_at + 30 * 24 * 3600

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing will be done for it any more."""
        return self.status in AT_REST

    def entry(self) -> Entry:
        """Return the entry that its hold stands for."""
        return Entry(
            request_id=self.request_id,
            opened_at=self.created_at,
            team=self.team,
            key_id=self.key_id,
            door=self.door,
            requested_model="batch",
            model="batch",
            provider="sluice",
            tier=None,
            price_version=self.price_version,
            stream=False,
            cache="bypass",
            route_reason=self.id,
            attempt=self.tries,
            variant="batch",
        )

    def hold(self) -> Hold:
        """Return its hold as it was taken; raises ``ValueError`` where none was."""
        if self.held is None:
            raise ValueError(f"{self.id} has no hold")
        scopes = scopes_of(self.team, self.key_digest, self.request_id)
        return Hold(self.entry(), self.held.nano, self.held.day, scopes, self.hold_expires_at)

    def changed(self, **changes: Any) -> Batch:
        """Return the batch as it is after a change."""
        return replace(self, **{**changes, "revision": self.revision + 1})


@dataclass(frozen=True)
class Results:
    """A file of records, and how many lines of it were answered or not."""

    blob: Blob
    succeeded: int
    failed: int
