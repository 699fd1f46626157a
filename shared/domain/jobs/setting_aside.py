"""When lines whose ends crash are given up: not while the fault may be a release's.

A line that is poison crashes beside others that do not. Where most lines crash, the code is at
fault, and whoever mends it finds the answers where they were: at the provider, paid for.
"""

from __future__ import annotations

from typing import Final

from shared.domain.jobs.provider_batch import ProviderBatch

MOST_CRASHES: Final = 3
"""So many rounds in a row brought nothing but crashes before a line is given up."""
FEW: Final = 20
"""One line in so many is poison; of more, nobody can tell."""
_DAY: Final = 86_400.0
ALONE_SECONDS: Final = 3 * _DAY
"""A batch of one line has no others to be told by: it waits for a weekend's release."""
DOUBTED_SECONDS: Final = 28 * _DAY
"""Both providers keep results for 29 days and longer (Anthropic by itself, OpenAI as it is asked):
what nobody mended by then is lost soon."""


def may_set_aside(batch: ProviderBatch, crashed: int, now: float) -> bool:
    """Whether the lines that crashed in this round, by their number, are to be given up.

    ``batch`` counts this round, and in ``beside`` the lines that were settled beside them.
    """
    if batch.crashes < MOST_CRASHES:
        return False
    is_one = crashed == 1 <= batch.beside
    if is_one or crashed * FEW <= crashed + batch.beside:
        return True
    waits = ALONE_SECONDS if batch.lines == 1 else DOUBTED_SECONDS
    return now >= batch.submitted_at + waits
