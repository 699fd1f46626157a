"""One batch at a provider, from its plan to its last line.

::

    CLAIMING ──► INTENT ──► SUBMITTING ──► SUBMITTED ──► COLLECTED
        │           │  ◄───────┘ ▲ │            (polled, perhaps cancelled; back to INTENT
        │           │            │ │             where the account is turned away)
        └───────────┴───► ABORTED└─┘ an answer was lost: looked for, never sent again blindly

CLAIMING: its plan is written down; jobs are being bound to it. INTENT: its manifest and its input
stand; nobody was told of it. SUBMITTING: the provider may have been told. SUBMITTED: the provider
has it under ``provider_batch``. COLLECTED: the end of every line was dealt with. ABORTED: it never
was at the provider, and its lines were given back.

Every change counts ``revision``, and is carried out only from the revision that it was decided on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

BatchState = Literal[
    "claiming", "intent", "submitting", "submitted", "collected", "aborting", "aborted"
]
"""``aborting``: the provider refused it; its lines are being given back."""


@dataclass(frozen=True)
class ProviderBatch:
    """A batch as the machinery knows it. Times are epoch seconds, sizes bytes.

    ``files`` names the manifest and the input that are its own. ``submitting_since`` is when the
    provider was told last, or was about to be; before ``go_at`` it is not told again, and
    ``pauses`` counts how often the account itself was turned away. ``first_deadline`` is the
    nearest of all its lines, ``next_deadline`` of those that still count on it, where others were
    promoted; ``early`` is how many seconds before others they are called, for their number.
    ``crashes`` counts the rounds that brought nothing but crashes, the one before them with it;
    ``beside`` how many lines were settled in rounds in which others crashed. ``set_aside`` counts
    the lines that were given up. ``seen`` has a bit for each line whose end was dealt with, lowest
    first, ``unsettled`` for each of which not even that could be done.
    """

    id: str
    provider: str
    model: str
    state: BatchState
    created_at: float
    lines: int
    size: int
    first_deadline: float
    revision: int = 1
    files: str = ""
    submits: int = 0
    submitting_since: float = 0.0
    go_at: float = 0.0
    pauses: int = 0
    input_file: str | None = None
    provider_batch: str | None = None
    submitted_at: float = 0.0
    poll_at: float = 0.0
    poll_pause: float = 0.0
    cancelled_at: float = 0.0
    next_deadline: float | None = None
    early: float = 0.0
    seen: bytes = b""
    crashes: int = 0
    beside: int = 0
    set_aside: int = 0
    unsettled: bytes = b""
    leased_to: str = ""
    leased_until: float = 0.0
    reason: str = ""
    finished_at: float = 0.0
    purge_at: int = 0

    @property
    def promoted_by(self) -> float:
        """The deadline of the lines that are the next to be promoted."""
        return self.first_deadline if self.next_deadline is None else self.next_deadline

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing will be done for it any more."""
        return self.state in {"collected", "aborted"}

    def changed(self, **changes: object) -> ProviderBatch:
        """Return the batch as it is after a change."""
        return replace(self, **{**changes, "revision": self.revision + 1})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Lane:
    """The right to plan and submit at one provider's account; ``revision`` fences the last owner.

    ``creates`` counts the batches that were created in ``hour``, epoch hours: a provider limits
    them.
    """

    provider: str
    owner: str = ""
    until: float = 0.0
    hour: int = 0
    creates: int = 0
    revision: int = 0

    def changed(self, **changes: object) -> Lane:
        """Return the lane as it is after a change."""
        return replace(self, **{**changes, "revision": self.revision + 1})  # type: ignore[arg-type]


def batch_prefix(batch: ProviderBatch) -> str:
    """Return where a batch's plan is kept; the environment's own, for all teams' lines."""
    return f"-/batches/{batch.id}"


def manifest_key(batch: ProviderBatch) -> str:
    """Return where a batch's manifest is kept."""
    return f"{batch_prefix(batch)}/{batch.files}/manifest"


def input_key(batch: ProviderBatch) -> str:
    """Return where a batch's input is kept."""
    return f"{batch_prefix(batch)}/{batch.files}/input"


def plan_key(batch: ProviderBatch) -> str:
    """Return where a batch's plan is kept."""
    return f"{batch_prefix(batch)}/plan"
