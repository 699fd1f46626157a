"""Found by Python at its start where this folder is on the path: tells what was imported.

On SIGUSR1 the process writes the names of its modules, one a line, to the file that
``SLUICE_BENCH_MODULES`` names. The processes that are timed run without it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def _write_modules(number: int, frame: FrameType | None) -> None:
    target = Path(os.environ["SLUICE_BENCH_MODULES"])
    unfinished = target.with_suffix(".part")
    unfinished.write_text("\n".join(sorted(sys.modules)), encoding="utf-8")
    unfinished.replace(target)


signal.signal(signal.SIGUSR1, _write_modules)
