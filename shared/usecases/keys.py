"""Gateway keys as the operator handles them: create, list, revoke."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.domain.api_keys import TEAM_PATTERN, KeyLimits, compose_key, key_digest
from shared.domain.entries import KeyRow
from shared.ports.operators import KeyAdmin

NO_LIMITS: Final = KeyLimits()
"""The limits of a key whose own row says nothing."""


class UnknownKey(LookupError):
    """No key has this id."""


class BadTeam(ValueError):
    """A team name that cannot stand in a key."""


@dataclass(frozen=True)
class NewKey:
    """A key at the one moment when its text exists."""

    text: str
    row: KeyRow


class Keys:
    """The operator's work on keys. Errors of AWS pass through to the operator."""

    def __init__(
        self,
        admin: KeyAdmin,
        environment: str,
        clock: Clock,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._admin = admin
        self._environment = environment
        self._clock = clock
        self._entropy = entropy

    def create(self, team: str, name: str, limits: KeyLimits = NO_LIMITS) -> NewKey:
        """Make a key for a team; its text is returned once and stored nowhere.

        What ``limits`` leaves out, the environment's settings say.
        """
        if not re.fullmatch(TEAM_PATTERN, team):
            raise BadTeam(
                f"A team name has lower-case letters, digits and hyphens, up to 39: not {team!r}."
            )
        text = compose_key(self._environment, team, self._entropy(24))
        row = KeyRow(
            key_id=f"{team}.{self._entropy(5).hex()}",
            environment=self._environment,
            team=team,
            digest=key_digest(text),
            name=name,
            created_at=int(self._clock()),
            limits=limits,
        )
        self._admin.create(row)
        return NewKey(text, row)

    def list_keys(self, team: str | None = None) -> list[KeyRow]:
        """Return the keys of a team, or of the whole environment, oldest first."""
        return self._admin.list_keys(team)

    def revoke(self, key_id: str) -> KeyRow:
        """Revoke a key: routers refuse it within 60 seconds. Raises :class:`UnknownKey`."""
        row = self._admin.revoke(key_id, int(self._clock()))
        if row is None:
            raise UnknownKey(f"No key has the id {key_id!r}. `sluice keys list` shows them.")
        return row
