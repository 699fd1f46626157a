"""What Lambda counts of an invocation: the source of the series that it publishes of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Invoked:
    """One invocation that ended, or was refused (``throttled``, which counts as neither).

    ``at`` is the world's time of its start in epoch seconds, ``seconds`` how long it took by the
    machine. ``failed`` is whether AWS/Lambda counts it under ``Errors``: the handler raised, the
    process ended, or the time ran out.
    """

    function: str
    at: float
    seconds: float
    failed: bool = False
    throttled: bool = False


Observer = Callable[[Invoked], None]
"""Takes every invocation on the event loop of the world."""


def nobody(_: Invoked) -> None:
    """Count nothing."""
