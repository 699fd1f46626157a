"""Instructions in square brackets that a prompt may carry to steer the simulated model.

``[echo TEXT]``  answer with TEXT, up to the next ``]``, and nothing else
``[long N]``     answer with about N tokens, at most 99,999
``[slow MS]``    pause MS milliseconds before each token
``[call NAME]``  call the tool NAME, if it was offered; several make parallel calls
``[think N]``    reason for exactly N tokens, where the model reasons in this call at all
``[refuse]``     decline, in the way of the protocol
``[fail STATUS]``  answer with that error, 400 to 599; nothing is billed
``[expire]``     in a line of a batch: have no turn before the batch expires
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ECHO = re.compile(r"\[echo ([^\]]*)\]")
_LONG = re.compile(r"\[long (\d{1,5})\]")
_SLOW = re.compile(r"\[slow (\d{1,6})\]")
_CALL = re.compile(r"\[call ([\w-]{1,64})\]")
_THINK = re.compile(r"\[think (\d{1,5})\]")
_FAIL = re.compile(r"\[fail ([45]\d\d)\]")
REFUSE = "[refuse]"


@dataclass(frozen=True)
class Directives:
    """What a prompt asked of the simulated model; ``pause`` is in seconds."""

    echo: str | None
    tokens: int | None
    pause: float
    calls: tuple[str, ...]
    thoughts: int | None
    refuse: bool
    failure: int | None


def read_directives(text: str) -> Directives:
    """Return the directives of one user text; the first of a kind counts, but all calls do."""
    echo, tokens, pause = _ECHO.search(text), _LONG.search(text), _SLOW.search(text)
    thoughts, failure = _THINK.search(text), _FAIL.search(text)
    return Directives(
        echo=echo[1] if echo else None,
        tokens=int(tokens[1]) if tokens else None,
        pause=int(pause[1]) / 1000 if pause else 0.0,
        calls=tuple(_CALL.findall(text)),
        thoughts=int(thoughts[1]) if thoughts else None,
        refuse=REFUSE in text,
        failure=int(failure[1]) if failure else None,
    )
