"""The lines of a provider's batch: what is asked, and how each ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.domain.entries import Entry
from shared.domain.jobs.job import Held, Wish

Owner = Literal["job", "batch"]
"""To whom a line belongs: who is asked for it, and told of its end."""


@dataclass(frozen=True)
class Planned:
    """A line as it is planned: enough to ask its owner for it.

    It is asked for in the revision in which it was planned and no later one: what has gone another
    way meanwhile never comes back to this plan. ``room`` and ``go_at`` lead to where it waited.
    ``alike`` counts the lines of the plan whose prompts start the same way, this one among them.
    """

    owner: Owner
    team: str
    id: str
    revision: int
    room: str
    go_at: float
    alike: int = 1


@dataclass(frozen=True)
class Line:
    """A line as it stands in the manifest: all that is needed to settle it, and nothing it says.

    ``held`` is the hold of this line alone. ``deadline`` in epoch seconds.
    """

    owner: Owner
    id: str
    entry: Entry
    key_digest: str
    held: Held
    wish: Wish
    deadline: float

    @property
    def team(self) -> str:
        """Whose it is."""
        return self.entry.team


@dataclass(frozen=True)
class Claimed:
    """A line that is bound to a batch, and its body, JSON in the provider's format."""

    line: Line
    body: bytes


@dataclass(frozen=True)
class AskedLine:
    """A line as a provider is sent it: its name and its body, JSON in the provider's format."""

    custom_id: str
    body: bytes


LineStatus = Literal["succeeded", "errored", "expired", "canceled"]


@dataclass(frozen=True)
class LineResult:
    """What a provider says of a line.

    ``succeeded``: ``body`` is the answer in the provider's format, as JSON. ``errored``: the
    provider did not answer it and does not bill it; ``http_status`` (0 where it gave none) and
    ``message`` say why. ``expired`` and ``canceled``: it was not begun in time, and is not billed.
    """

    custom_id: str
    status: LineStatus
    body: bytes = b""
    http_status: int = 200
    message: str = ""


@dataclass(frozen=True)
class Ended:
    """The end of a line of a batch: what the provider said, or None where it said nothing of it."""

    line: Line
    result: LineResult | None

    @property
    def owner(self) -> Owner:
        """To whom the line belongs."""
        return self.line.owner


@dataclass(frozen=True)
class BatchProgress:
    """How far a provider is with a batch.

    ``is_over``: every line has its end, and the results can be read. ``failed_because``: it was
    taken and then failed as a whole before a line was begun (OpenAI validates after the create);
    nothing is billed. ``is_for_now``: it failed because of the account's limits or its bill, which
    says nothing of any line.
    """

    is_over: bool
    failed_because: str | None = None
    is_for_now: bool = False
    answered: int = 0
    total: int = 0
