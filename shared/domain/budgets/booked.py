"""What a usage row says to an audit."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.entries import Outcome


@dataclass(frozen=True)
class Booked:
    """The cost of one ended attempt in nano-dollars, and the key that it is booked on."""

    key_id: str
    outcome: Outcome
    cost_nano: int
    is_late: bool = False
    """Whether what it cost was moved later than its call, at a time that the row does not tell."""
