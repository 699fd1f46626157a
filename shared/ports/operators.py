"""What operators change: keys and budgets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from shared.domain.budgets import Budget
from shared.domain.entries import KeyRow

if TYPE_CHECKING:  # what only operators need stays out of the router
    from shared.domain.budgets.booked import Booked
    from shared.domain.budgets.changes import AuditRow


class KeyAdmin(Protocol):
    """Keys as the operator handles them, under the operator's own credentials."""

    def create(self, row: KeyRow) -> None:
        """Store a new key row; never overwrites one."""

    def list_keys(self, team: str | None) -> list[KeyRow]:
        """Return a team's keys, or all keys of the environment, oldest first."""

    def revoke(self, key_id: str, at: int) -> KeyRow | None:
        """Mark a key revoked; returns its row, or None for an unknown id. Idempotent."""


class BudgetAdmin(Protocol):
    """Budgets as operators and audits handle them; errors of AWS pass through.

    Reads are strongly consistent.
    """

    def teams(self) -> list[str]:
        """Return every team that ever had a key."""

    def budgets_of(self, team: str) -> list[Budget]:
        """Return the budgets in use of a team and of its keys."""

    def change(self, seen: Sequence[Budget], after: Sequence[Budget], row: AuditRow) -> bool:
        """Write all pieces of a changed budget and the audit row, or nothing.

        False where a piece is not as seen any more, or another call was in the way: decide anew.
        What was spent and held meanwhile stays counted. Done once, however often it is sent.
        """

    def audit_rows(self, month: str) -> list[AuditRow]:
        """Return what was changed in a month (``2026-11``), oldest first."""

    def booked(self, team: str, day: str) -> Iterator[Booked]:
        """Yield what was booked into a day (``2026-11-22``) for a team."""

    def settled_late(self, team: str, day: str) -> int:
        """Return what late settlements of a day moved for a team, in nano-dollars.

        With the rows that are not late, it is what calls cost by the time of their settlement.
        """
