"""What the router scores a request by, whichever door the request came through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Asked:
    """The question behind a request: what was said last, and the shape of the rest.

    ``user_turns`` counts the messages in which the user says something; a turn that only
    carries tool results is not one.
    """

    last_user_text: str
    user_turns: int
    has_tools: bool
    has_schema: bool


class Asking(Protocol):
    """A checked request of either door."""

    def asked(self) -> Asked:
        """Return what the router scores this request by."""
        ...
