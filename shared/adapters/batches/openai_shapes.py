"""What is read of OpenAI's answers about files and batches; money and state hang on their types."""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct):
    """Why a batch failed as a whole; ``line`` counts from 1."""

    code: str | None = None
    line: int | None = None


class Problems(msgspec.Struct):
    """The list of them."""

    data: list[Problem] | None = None


class Counts(msgspec.Struct):
    """How many lines ended well, ended badly, and are there at all."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class Batch(msgspec.Struct):
    """A batch."""

    id: str
    status: str
    created_at: int
    input_file_id: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: Problems | None = None
    request_counts: Counts | None = None
    metadata: dict[str, str] | None = None

    @property
    def files(self) -> list[str]:
        """Its results, what went well first."""
        return [file for file in (self.output_file_id, self.error_file_id) if file]


class Page(msgspec.Struct):
    """Some of the account's batches, newest first."""

    data: list[Batch]
    has_more: bool = False


class File(msgspec.Struct):
    """A file; ``bytes`` is its length."""

    id: str
    bytes: int


class Response(msgspec.Struct):
    """What a line was answered."""

    status_code: int
    body: msgspec.Raw


class LineError(msgspec.Struct):
    """Why a line was not."""

    code: str | None = None
    message: str | None = None


class Result(msgspec.Struct):
    """One line of a results file."""

    custom_id: str
    response: Response | None = None
    error: LineError | None = None


class Refusal(msgspec.Struct):
    """The body of a line that was refused."""

    error: LineError
