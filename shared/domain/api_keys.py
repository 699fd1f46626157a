"""Gateway keys: ``slc_<environment>_<team>_<32 random><6 checksum>``.

The team stands in the text, so the router can name the cache row before it has read the key
row; the row must confirm the team. The checksum refuses typing errors and made-up keys without
a read. Only the SHA-256 of the *whole* key is stored (CVE-2026-35030 was a truncated key).
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import Final

TEAM_PATTERN: Final = r"[a-z][a-z0-9-]{0,38}"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY: Final = re.compile(
    rf"slc_(?P<environment>[a-z][a-z0-9-]{{0,30}})_(?P<team>{TEAM_PATTERN})"
    r"_(?P<random>[0-9A-Za-z]{32})(?P<checksum>[0-9A-Za-z]{6})"
)
_RANDOM_BYTES: Final = 24
_RANDOM_LENGTH: Final = 32
_CHECKSUM_LENGTH: Final = 6


class MalformedKey(ValueError):
    """Text that is not a gateway key. Never repeats the text."""


@dataclass(frozen=True)
class PresentedKey:
    """What can be told from a key's text alone; nothing here is confirmed yet."""

    environment: str
    team: str
    digest: str
    """SHA-256 of the whole key, hex."""


@dataclass(frozen=True)
class KeyLimits:
    """What one key may do: calls and tokens a minute, and calls at once. None is no limit.

    Answers from the cache are not counted: they cost nothing.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    in_flight: int | None = None


def compose_key(environment: str, team: str, entropy: bytes) -> str:
    """Return a key for a team from 24 random bytes."""
    if len(entropy) != _RANDOM_BYTES:
        raise ValueError(f"a key needs {_RANDOM_BYTES} random bytes")
    if not re.fullmatch(TEAM_PATTERN, team):
        raise ValueError(f"a team is named by {TEAM_PATTERN}, not {team!r}")
    random = _base62(int.from_bytes(entropy), _RANDOM_LENGTH)[-_RANDOM_LENGTH:]
    body = f"slc_{environment}_{team}_{random}"
    return body + _checksum(body)


def read_key(text: str) -> PresentedKey:
    """Take a presented key apart; raises :class:`MalformedKey` before anything is looked up."""
    match = _KEY.fullmatch(text)
    if match is None or _checksum(text[:-_CHECKSUM_LENGTH]) != match["checksum"]:
        raise MalformedKey("not a Sluice key")
    return PresentedKey(match["environment"], match["team"], key_digest(text))


def key_digest(text: str) -> str:
    """Return the SHA-256 of a whole key as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return digits.rjust(width, "0")
