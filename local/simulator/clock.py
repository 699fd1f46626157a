"""Simulated time: the machine's clock plus an offset that other processes may move."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileClock:
    """Reads seconds of offset, as ASCII text such as ``86400.0``, from a file at every call."""

    offset_file: Path

    def now(self) -> float:
        """Return epoch seconds; a missing or garbled file raises, since time would be wrong."""
        return time.time() + float(self.offset_file.read_text(encoding="ascii"))
