"""What reached the simulated providers, so that a test can see exactly what was forwarded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from local.simulator.books import fingerprint

KEPT_REQUESTS = 100
"""Bodies may be a megabyte each; a test looks at the latest few."""

SECRET_HEADERS = frozenset({"authorization", "x-api-key", "x-amz-security-token"})


class Arrival(msgspec.Struct, frozen=True):
    """One request as it arrived; keys are fingerprints, ``body`` is JSON or else raw text."""

    seq: int
    at: float
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: object


class Arrivals:
    """The latest requests, refused ones included."""

    def __init__(self) -> None:
        self._kept: deque[Arrival] = deque(maxlen=KEPT_REQUESTS)
        self._seen = 0

    def note(
        self, at: float, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> None:
        """Remember a request without its keys."""
        self._seen += 1
        shown = [(name, _without_key(name, value)) for name, value in headers]
        self._kept.append(Arrival(self._seen, at, method, path, shown, _readable(body)))

    def latest(self, number: int) -> list[Arrival]:
        """Return up to ``number`` requests, oldest first."""
        return list(self._kept)[-number:] if number > 0 else []

    def reset(self) -> None:
        """Forget every request."""
        self._kept.clear()
        self._seen = 0


def _without_key(name: str, value: str) -> str:
    if name.lower() not in SECRET_HEADERS:
        return value
    return f"fingerprint:{fingerprint(value.removeprefix('Bearer '))}"


def _readable(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode(errors="replace")
