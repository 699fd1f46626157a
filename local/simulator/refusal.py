"""What every protocol's errors have in common: a status, a text, and a response of its shape."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from starlette.responses import Response

    from local.simulator.books import Protocol


class Refusal(Exception, ABC):
    """A request that is refused; ``status`` is HTTP's."""

    protocol: ClassVar[Protocol]

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @abstractmethod
    def response(self) -> Response:
        """Return the error as the provider would send it; ``retry-after`` is in seconds."""

    @abstractmethod
    def event(self) -> bytes:
        """Return the error as it would stand in the middle of a stream."""

    @classmethod
    def scripted(cls, status: int, retry_after: int | None = None) -> Self:
        """Return the error that a fault asks for."""
        text = f"The simulator was told to answer {status}."
        return cls(status, text, retry_after=retry_after)
