"""Names of jobs, of provider batches and of their lines: each leads back to what it belongs to.

A job's id is its request's with another prefix, so either leads to the hold. A line's id holds its
batch's and its number: a result is never taken for another batch's, and it fits the pattern
``^[a-zA-Z0-9_-]{1,64}$`` that Anthropic asks of every ``custom_id``
(https://platform.claude.com/docs/en/build-with-claude/batch-processing).
"""

from __future__ import annotations

import re
from typing import Final

JOB_PATTERN: Final = r"^job_[0-9a-f]{32}$"
_BATCH_PATTERN: Final = r"bat_[0-9a-f]{32}"
_CUSTOM: Final = re.compile(rf"({_BATCH_PATTERN})-(0|[1-9][0-9]{{0,6}})")
BATCH_RANDOM_BYTES: Final = 12


def job_id(request_id: str) -> str:
    """Return the id of the job that answers a request."""
    return "job_" + request_id.removeprefix("req_")


def request_of(job: str) -> str:
    """Return the id of the request that a job answers; raises ``ValueError`` for what is none."""
    if not re.fullmatch(JOB_PATTERN, job):
        raise ValueError("not a job's id")
    return "req_" + job.removeprefix("job_")


def batch_id(at: float, random: bytes) -> str:
    """Return the id of a batch that is planned at an epoch second."""
    return f"bat_{int(at):08x}{random.hex()}"


def first_id(at: float) -> str:
    """Return what comes before the ids of all batches planned from an epoch second on."""
    return f"bat_{int(at):08x}"


def custom_id(batch: str, number: int) -> str:
    """Return what a provider is told as the name of a line, counted from 0."""
    return f"{batch}-{number}"


def line_number(custom: str, batch: str) -> int | None:
    """Return the number of a line of this batch, or None for what is none of its lines."""
    found = _CUSTOM.fullmatch(custom)
    return int(found[2]) if found and found[1] == batch else None
