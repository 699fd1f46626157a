"""Records the environment of a run."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.results import Machine

_LIBRARIES: Final = (
    "boto3", "botocore", "urllib3", "httpx2", "msgspec", "starlette", "uvicorn", "h11",
    "aws-lambda-powertools",
)  # fmt: skip


def machine() -> Machine:
    """Return what this machine is and how busy it was."""
    return Machine(
        cpu=_first("/proc/cpuinfo", "model name"),
        cores=len(os.sched_getaffinity(0)),
        memory_mib=int(_first("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        kernel=platform.release(),
        python=platform.python_version(),
        versions={name: version(name) for name in _LIBRARIES},
        load_before=load(),
    )


def load() -> float:
    """Return the one-minute load average."""
    return os.getloadavg()[0]


def _first(path: str, field: str) -> str:
    """Return the value of a field in a file of ``name : value`` lines."""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return "unknown"
