"""How a provider's batch API can fail, by what may have come to be.

BatchFailure
├── BatchRefused      it said no and will say so again; nothing came to be
├── BatchNotTaken     nothing came to be; it may be taken later
└── BatchAnswerLost   anything may have come to be: look before anything is sent again
"""

from __future__ import annotations


class BatchFailure(Exception):
    """A provider's batch API failed; ``reason`` is for operators and holds no content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BatchRefused(BatchFailure):
    """The provider refused the request as it stands (400, 413, 422)."""


class BatchNotTaken(BatchFailure):
    """The provider did not take the request: refused connection, 401, 402, 403, 429."""

    def __init__(self, reason: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class BatchAnswerLost(BatchFailure):
    """The answer was lost or is not to be understood: what it answered may have been done."""
