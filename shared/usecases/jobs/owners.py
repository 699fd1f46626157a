"""Whose lines a provider's batch carries: what the machinery asks of them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from shared.domain.jobs.lines import Claimed, Ended, Line, Owner, Planned
from shared.domain.jobs.provider_batch import ProviderBatch

Owned = TypeVar("Owned", Planned, Line, Ended)
SETTLED_TOGETHER = 90
"""How many ends an owner is told of at once: their rows fit into one transaction of 100."""


class LineOwner(Protocol):
    """Owns lines. Every method may be called again with the same, and by two at once.

    Raises ``StoreUnavailable``; then some of it may have been done.
    """

    def claim(self, batch: ProviderBatch, planned: Sequence[Planned]) -> list[Claimed]:
        """Bind lines to a batch; returns those that are bound to it, now or before.

        A line that was planned in another revision than it is in is not bound, now or later. Each
        line that is bound has money held for it.
        """

    def let_go(self, batch: ProviderBatch, planned: Sequence[Planned]) -> None:
        """Let lines go on that are bound to a batch, or may have been, and that it will not send.

        It has been claiming them for too long; its deadline keeps it from being submitted.
        """

    def give_back(self, batch: ProviderBatch, lines: Sequence[Line], company: int) -> None:
        """Take lines back from a batch that never was at the provider.

        They go again in batches of at most ``company`` lines.
        """

    def settle(self, batch: ProviderBatch, ended: Sequence[Ended]) -> None:
        """Take the ends of at most ``SETTLED_TOGETHER`` lines: settle, keep, tell."""

    def set_aside(self, batch: ProviderBatch, line: Line) -> None:
        """Give up a line whose end crashes whoever takes it: charge it in full, in doubt."""

    def promote(self, batch: ProviderBatch, lines: Sequence[Line]) -> None:
        """Have lines answered without their batch, which goes on: its deadline is too near."""


def by_owner(lines: Iterable[Owned]) -> list[tuple[Owner, list[Owned]]]:
    """Return lines by their owners."""
    found: dict[Owner, list[Owned]] = {}
    for line in lines:
        found.setdefault(line.owner, []).append(line)
    return list(found.items())
