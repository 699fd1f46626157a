"""What one run found: the numbers of every round, so that ratios can be taken within a round."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).with_name("results")
DEFERRED: Final = FOLDER / "deferred"


class Machine(msgspec.Struct, kw_only=True):
    """Where and with what a run was made."""

    cpu: str
    cores: int
    memory_mib: int
    kernel: str
    python: str
    versions: dict[str, str]
    load_before: float
    """The one-minute load average."""
    load_after: float = 0.0


class Alone(msgspec.Struct):
    """One scenario, one request at a time: a number per round, a median within it."""

    cpu_ms: list[float] = []
    """CPU milliseconds per request, user and system, all threads of the server's process."""
    whole_ms: list[float] = []
    first_byte_ms: list[float] = []
    asked: dict[str, int] = {}
    """Calls to AWS and the provider by operation, over all rounds."""
    requests: int = 0


class Together(msgspec.Struct):
    """One scenario with several callers at once: a number per round."""

    median_ms: list[float] = []
    p95_ms: list[float] = []
    per_second: list[float] = []


class Starts(msgspec.Struct):
    """Starts of a contender's process: a number per round; modules are names or counts."""

    cpu_seconds: list[float] = []
    ready_seconds: list[float] = []
    resident_mib: list[float] = []
    modules: int = 0
    modules_after_traffic: int = 0
    provider_sdks: list[str] = []


class Measured(msgspec.Struct):
    """All that was found of one contender."""

    about: str
    processes: int
    alone: dict[str, Alone] = {}
    together: dict[str, Together] = {}
    """By scenario and number of callers, as ``hit@8``."""
    starts: Starts = msgspec.field(default_factory=Starts)


class Result(msgspec.Struct, kw_only=True):
    """One run."""

    title: str
    taken: str
    rounds: int
    machine: Machine
    contenders: dict[str, Measured]


class Deferred(msgspec.Struct, kw_only=True):
    """One run of deferred calls; the figures are named by what was measured."""

    taken: str
    machine: Machine
    figures: dict[str, float]


def write_deferred(found: Deferred, name: str) -> Path:
    """Write a run of deferred calls under a name."""
    path = DEFERRED / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(_text(found))
    return path


def read_deferred(folder: Path = DEFERRED) -> dict[str, Deferred]:
    """Return every run of deferred calls that is kept, by name."""
    return {
        path.stem: msgspec.json.decode(path.read_bytes(), type=Deferred)
        for path in sorted(folder.glob("*.json"))
    }


def write(result: Result, name: str) -> Path:
    """Write a run under a name; figures are rounded to what they are worth."""
    path = FOLDER / f"{name}.json"
    path.write_bytes(_text(result))
    return path


def read_all(folder: Path = FOLDER) -> dict[str, Result]:
    """Return every run that is kept, by name."""
    return {
        path.stem: msgspec.json.decode(path.read_bytes(), type=Result)
        for path in sorted(folder.glob("*.json"))
    }


def _text(found: object) -> bytes:
    rounded = _rounded(msgspec.to_builtins(found))
    return msgspec.json.format(msgspec.json.encode(rounded), indent=1) + b"\n"


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value
