"""The one clock. Everything that asks for the time asks here.

On AWS it is the system clock. The local world writes an offset in seconds into one small file
that every process reads, so that a day can pass in a test within seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

Clock = Callable[[], float]
"""Returns seconds since the epoch, UTC."""


def system_clock() -> float:
    """Return the machine's time in seconds since the epoch."""
    return time.time()


def offset_clock(offset_file: Path) -> Clock:
    """Return a clock that runs ahead of the machine's by the seconds written in a file.

    The file is read at every call. A missing file is an error: a process that silently fell
    back to real time would disagree with its neighbours.
    """

    def now() -> float:
        with offset_file.open("rb", buffering=0) as file:  # asked for a hundred times a second
            return time.time() + float(file.read())

    return now


def utc(now: float) -> datetime:
    """Return epoch seconds as an aware UTC datetime."""
    return datetime.fromtimestamp(now, tz=UTC)
