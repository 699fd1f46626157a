"""What is read of Anthropic's answers about batches; money and state hang on their types."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Counts(msgspec.Struct):
    """How many lines stand where; all together they are the batch's lines."""

    processing: int
    succeeded: int
    errored: int
    canceled: int
    expired: int

    @property
    def ended(self) -> int:
        """Lines that have an end: 0 until all of them have one."""
        return self.succeeded + self.errored + self.canceled + self.expired

    @property
    def total(self) -> int:
        """All lines."""
        return self.processing + self.ended


class Batch(msgspec.Struct):
    """A batch."""

    id: str
    processing_status: Literal["in_progress", "canceling", "ended"]
    request_counts: Counts
    created_at: datetime
    results_url: str | None = None


class Page(msgspec.Struct):
    """Some of the workspace's batches, newest first."""

    data: list[Batch]
    has_more: bool = False


class InnerError(msgspec.Struct):
    """What an error says."""

    type: str = ""
    message: str = ""


class Error(msgspec.Struct):
    """The body of a refusal."""

    error: InnerError


class Outcome(msgspec.Struct):
    """The end of a line."""

    type: Literal["succeeded", "errored", "canceled", "expired"]
    message: msgspec.Raw = msgspec.Raw(b"")
    error: Error | None = None


class Result(msgspec.Struct):
    """One line of the results."""

    custom_id: str
    result: Outcome
