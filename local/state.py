"""The state directory (``.sluice``): what a local world leaves for its clients to read.

``local.json`` (mode 0600: it holds a gateway key), ``clock``, ``logs/``. One world at a time:
the lock is the kernel's, so a world that was killed holds nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path


class StateInUse(RuntimeError):
    """Another local world runs on this state directory."""


@dataclass(frozen=True)
class State:
    """The paths of one state directory."""

    directory: Path

    @property
    def clock(self) -> Path:
        """The clock's offset file."""
        return self.directory / "clock"

    @property
    def logs(self) -> Path:
        """The directory with one log file for each function and stand-in."""
        return self.directory / "logs"

    @property
    def bare_python(self) -> Path:
        """The directory with the ``python3`` that runs an unzipped bundle."""
        return self.directory / "python"

    @property
    def runtime_client(self) -> Path:
        """The directory with Lambda's runtime client, for functions that run from a bundle."""
        return self.directory / "runtime"

    @property
    def facts(self) -> Path:
        """What clients need to reach the world, as JSON."""
        return self.directory / "local.json"

    def take(self) -> TextIOWrapper:
        """Create the directory and return the lock, held until it is closed.

        Raises :class:`StateInUse`.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        lock = (self.directory / "lock").open("w", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StateInUse(f"another local world runs in {self.directory}") from None
        return lock

    def write_facts(self, facts: Mapping[str, object]) -> None:
        """Replace ``local.json`` in one step, readable by this user alone."""
        draft = self.directory / "local.json.draft"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(facts, file, indent=2)
        draft.replace(self.facts)

    def forget_facts(self) -> None:
        """Remove ``local.json``: nothing answers at its addresses any more."""
        self.facts.unlink(missing_ok=True)

    def log_sink(self, name: str) -> Callable[[str], None]:
        """Return a sink that appends lines to ``logs/<name>.log``."""
        path = self.logs / f"{name}.log"

        def sink(line: str) -> None:
            with path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

        return sink
