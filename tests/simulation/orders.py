"""What callers ask for: one order is one attempt of a call, with what its provider will charge."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from tests.simulation.view import Call, Whose

SLICES = 4


@dataclass(frozen=True)
class Order:
    """A call as it will go. Money in nano-dollars; ``cost`` is never above ``nano``."""

    call: Call
    team: str
    digest: str
    nano: int
    cost: int
    tokens: int
    lasts: float
    """For how many seconds after its reservation the hold stands."""

    @property
    def scopes(self) -> tuple[Whose, Whose, Whose]:
        """The slice, the team and the key that pay for it."""
        number = zlib.crc32(self.call[0].encode()) % SLICES
        return ("environment", str(number)), ("team", self.team), ("key", self.team, self.digest)

    @property
    def groups(self) -> tuple[Whose, Whose, Whose]:
        """The same with all slices as one."""
        return (("environment",), *self.scopes[1:])


@dataclass(frozen=True)
class Bounds:
    """What a deployment says: the caps (day, month) that budgets begin with, and what bounds a key.

    ``warned`` names the kinds of budgets that never refuse.
    """

    environment: tuple[int, int]
    team: tuple[int, int]
    key: tuple[int, int]
    warned: frozenset[str]
    share_percent: int
    in_flight: int | None = None
    requests: int | None = None
    tokens: int | None = None

    def first_caps(self, whose: Whose, *, whole: bool = False) -> tuple[int, int]:
        """Return the caps that a budget begins with; of the environment a slice's, or all."""
        if whose[0] == "environment":
            return self.environment if whole else self.slice_caps(int(whose[1]))
        return self.team if whose[0] == "team" else self.key

    def slice_caps(self, number: int) -> tuple[int, int]:
        """Return the caps that a slice begins with."""
        day, month = (cap // SLICES + (cap % SLICES if number == 0 else 0)
                      for cap in self.environment)  # fmt: skip
        return day, month
