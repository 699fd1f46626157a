"""The clock's offset, in one small file that every process of the local world reads.

The file holds ASCII seconds (a float); ``shared.clock.offset_clock`` adds them to the machine's
time. It is replaced in one rename, so a reader sees the old offset or the new, never a part.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path


class ClockFile:
    """The offset file: the only writer of it is the world that owns it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def reset(self) -> None:
        """Bring the world back to the machine's time, creating the file where it is missing."""
        self.set(0.0)

    @property
    def offset(self) -> float:
        """Seconds by which the world runs ahead of the machine."""
        return float(self.path.read_text(encoding="ascii"))

    def advance(self, seconds: float) -> float:
        """Move the world forward and return the new offset.

        Raises ValueError for a step that is not a positive finite number of seconds: the
        conditional writes of the ledger assume that time never runs backwards.
        """
        if not (math.isfinite(seconds) and seconds > 0):
            raise ValueError("seconds must be a positive finite number")
        offset = self.offset + seconds
        self.set(offset)
        return offset

    def set(self, offset: float) -> None:
        """Put every reader at an offset, which may be an earlier one.

        A world goes by ``advance``; a simulator alone has no ledger that time must not undo.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(repr(float(offset)))
        Path(draft).replace(self.path)
