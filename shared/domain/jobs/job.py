"""One deferred call from its acceptance to its delivery.

::

    QUEUED ──► ASSIGNED ──► DONE ──► DELIVERED
       ▲  │        │ │
       │  └────────┼─┴────► FAILED
       └───────────┘ its line came back without an answer, or it must go now

A job that is QUEUED stands in a waiting room. A job that is ASSIGNED to a provider's batch stands
in the manifest of that batch; one that is being called keeps its place in the room ``now`` until
it is at rest. So whatever is owed (an answer, a hold to end) is found again from one of the two,
wherever a process died. A room's row may be out of date; the job says what is so.

Every change counts ``revision``, and is carried out only from the revision that it was decided on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from shared.domain.budgets import Hold
from shared.domain.budgets.scopes import scopes_of
from shared.domain.entries import Entry
from shared.domain.freshness import Freshness

JobState = Literal["queued", "assigned", "done", "delivered", "failed"]
Mode = Literal["batch", "now"]
"""``now``: its deadline is near, so it is called at once, at the price of that."""
FROM_CACHE: Final = 0
"""Stands for the number of the attempt that answered, where none had to."""
ANY_COMPANY: Final = 1_000_000
"""More lines than any provider takes in one batch."""
MOST_TRIES: Final = 3
"""How often a line is sent in all: once, and at most twice again."""


@dataclass(frozen=True)
class Held:
    """The hold of a job's current attempt: nano-dollars, the day booked into, its expiry."""

    nano: int
    day: str
    expires_at: int


@dataclass(frozen=True)
class Wish:
    """What is to be done with the answer, as decided when the call was accepted.

    ``digest`` names its place in the exact cache; None: it is not stored. ``is_judged`` tells that
    a JSON schema was asked for; ``schema`` names it among those of a batch.
    """

    digest: str | None
    freshness: Freshness
    repeats: int = 0
    choices: int = 1
    is_judged: bool = False
    schema: str = ""


@dataclass(frozen=True)
class JobError:
    """Why there is no answer: the status and the code that the same call would have got."""

    status: int
    type: str
    code: str
    message: str


@dataclass(frozen=True)
class Calling:
    """A call that is being made: by whom, by when it must have ended, when its hold expires."""

    owner: str
    until: float
    expires_at: int


@dataclass(frozen=True)
class Job:
    """A job. Times are epoch seconds; its body and its answers are kept apart from it.

    ``entry`` is the usage entry of the current attempt. ``prefix`` names the start of its prompt,
    ``size`` is that of its line in bytes, ``company`` how many lines its batch may have at most.
    ``room``, ``go_at`` and ``filed`` lead to its row in a waiting room.
    ``answer`` is the number of the attempt that answered, 0 for the cache, and ``notes`` what the
    caller is told of it.
    """

    id: str
    entry: Entry
    key_digest: str
    state: JobState
    created_at: float
    deadline: float
    wish: Wish
    prefix: str
    size: int
    mode: Mode = "batch"
    held: Held | None = None
    room: str = ""
    go_at: float = 0.0
    filed: int = 1
    batch: str | None = None
    calling: Calling | None = None
    tries: int = 0
    company: int = ANY_COMPANY
    answer: int | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    error: JobError | None = None
    finished_at: float | None = None
    purge_at: int = 0
    revision: int = 1

    @property
    def team(self) -> str:
        """Whose it is."""
        return self.entry.team

    @property
    def hold(self) -> Hold | None:
        """The hold of its current attempt, as far as the job knows."""
        return None if self.held is None else hold_of(self.entry, self.key_digest, self.held)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing will be done for it any more."""
        return self.state in {"done", "delivered", "failed"}

    def stands_in(self, row: Waiting) -> bool:
        """Whether a row of a waiting room is this job's own, and not of an earlier time."""
        return self.filed == row.number

    def is_owed_in(self, row: Waiting) -> bool:
        """Whether something is still to be done for it that only this row leads to."""
        if not self.stands_in(row):
            return False
        return self.state == "queued" or self.calling is not None or self.has_hold_left

    @property
    def has_hold_left(self) -> bool:
        """Whether it came to rest while it waited, and its hold is still to be given back.

        A job of a batch has its hold ended with its line.
        """
        return self.is_at_rest and self.held is not None and self.batch is None

    def row(self, since: float, expires_at: int, nudged_at: float = 0.0) -> Waiting:
        """Return the row that leads to it in its room."""
        return Waiting(
            room=self.room,
            go_at=self.go_at,
            team=self.team,
            job=self.id,
            deadline=self.deadline,
            prefix=self.prefix,
            size=self.size,
            company=self.company,
            expires_at=expires_at,
            since=since,
            number=self.filed,
            nudged_at=nudged_at,
        )

    def changed(self, **changes: object) -> Job:
        """Return the job as it is after a change."""
        return replace(self, **{**changes, "revision": self.revision + 1})  # type: ignore[arg-type]


def hold_of(entry: Entry, key_digest: str, held: Held) -> Hold:
    """Return the hold of an attempt."""
    scopes = scopes_of(entry.team, key_digest, entry.request_id)
    return Hold(entry, held.nano, held.day, scopes, held.expires_at)


NOW: Final = "now"
"""The room of the jobs that are called at once."""


@dataclass(frozen=True)
class Waiting:
    """A job's row in a waiting room, put there before the job itself and taken away last.

    ``expires_at`` is that of the hold of its first attempt: where no job came to be, it leads to
    the hold. ``number`` is the revision of the job that stands here, ``since`` is when the row was
    written, ``nudged_at`` when a message was sent last.
    """

    room: str
    go_at: float
    team: str
    job: str
    deadline: float
    prefix: str
    size: int
    company: int
    expires_at: int
    since: float
    number: int = 1
    nudged_at: float = 0.0


def room_of(provider: str, model: str) -> str:
    """Return the room in which jobs for a model wait for company."""
    return f"{provider}/{model}"
