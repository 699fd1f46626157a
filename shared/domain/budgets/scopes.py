"""Whose money a call spends: its key's, its team's and the environment's, all three at once."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final, Literal

SLICES: Final = 4
"""Into how many slices the environment's cap is cut, each an item of its own.

A transaction that meets another on the same item is turned away and has to come back. All calls
of an environment meet on its budget, so it is spread. A constant: slices are created as they
are used, and a stack whose number changed would hold caps that no longer add up.
"""

Kind = Literal["environment", "team", "key"]


@dataclass(frozen=True)
class Scope:
    """A team's, a key's (``digest`` is the SHA-256 of the key), or one slice of all money."""

    kind: Kind
    team: str = ""
    digest: str = ""
    slice: int = 0

    @property
    def label(self) -> str:
        """The scope for people, but for a key: its id is not part of a scope."""
        return self.kind if self.kind == "environment" else f"{self.kind}:{self.team}"


def team_scope(team: str) -> Scope:
    """Return a team's scope."""
    return Scope("team", team=team)


def key_scope(team: str, digest: str) -> Scope:
    """Return the scope of a gateway key."""
    return Scope("key", team=team, digest=digest)


def slice_scope(number: int) -> Scope:
    """Return one slice of the environment's scope."""
    return Scope("environment", slice=number)


def all_slices() -> tuple[Scope, ...]:
    """Return every slice of the environment's scope."""
    return tuple(slice_scope(number) for number in range(SLICES))


def scopes_of(team: str, digest: str, request_id: str) -> tuple[Scope, Scope, Scope]:
    """Return the scopes that a request spends from; its id chooses the slice."""
    number = zlib.crc32(request_id.encode()) % SLICES
    return slice_scope(number), team_scope(team), key_scope(team, digest)
