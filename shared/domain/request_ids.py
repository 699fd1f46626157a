"""Request ids: ``req_``, the second in which they were made, and 96 random bits, all in hex.

The second leads from an id to its usage row, which lies under its day and time, without an index
that would cost another write per request.
"""

from __future__ import annotations

import re
from typing import Final

PATTERN: Final = r"^req_[0-9a-f]{32}$"
RANDOM_BYTES: Final = 12

_PREFIX: Final = "req_"
_SECOND_DIGITS: Final = 8


def request_id(at: float, random: bytes) -> str:
    """Return the id of a request that arrives at an epoch second."""
    return f"{_PREFIX}{int(at):0{_SECOND_DIGITS}x}{random.hex()}"


def minted_at(text: str) -> float:
    """Return the epoch second of an id; raises ``ValueError`` for what is none."""
    if not re.fullmatch(PATTERN, text):
        raise ValueError("not a request id")
    return float(int(text[len(_PREFIX) : len(_PREFIX) + _SECOND_DIGITS], 16))
