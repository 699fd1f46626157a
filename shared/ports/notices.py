"""What the budget guard needs: alarms, who spent it, what people know, ways to tell them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from shared.domain.budgets import Budget
from shared.meters import Trouble

if TYPE_CHECKING:  # what only operators need stays out of the router
    from shared.domain.notices import AlarmChange, Message, Told
    from shared.domain.notices.spending import Rows


class Notices(Protocol):
    """What people have been told, and the messages on their way to them.

    Every method raises :class:`~shared.domain.errors.StoreUnavailable` when the ledger cannot be
    reached, and has one effect however often AWS's client sends it. Reads are consistent.
    """

    def told(self) -> list[Told]:
        """Return what is remembered of every budget, alarm and incident ever told of."""

    def write(self, message: Message | None, told: Sequence[Told]) -> bool:
        """Write a message down together with what people know once they have it, or nothing.

        False where somebody has been told meanwhile: decide anew.
        """

    def pending(self) -> list[Message]:
        """Return the messages that are still to be delivered, oldest first."""

    def save(self, message: Message) -> bool:
        """Write down how far a message has come; False where another sender has moved it on."""

    def messages(self, month: str) -> list[Message]:
        """Return what people were told in a month (``2026-11``), oldest first."""


class Spenders(Protocol):
    """What calls have cost lately, read from usage rows.

    Raises ``StoreUnavailable``, also where it would take too long to say anything.
    """

    def spent(self, teams: Sequence[str], since: float, until: float) -> Rows:
        """Return what teams' calls cost in a time, in epoch seconds, by when money moved.

        Only so many rows are read, and only for so long: the latest, of all teams alike. Teams
        that there was no time for are named.
        """


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """What it is remembered as having a message."""

    def send(self, message: Message, *, is_repeat: bool) -> None:
        """Deliver a message; ``is_repeat`` where an earlier try may have arrived.

        Raises :class:`~shared.domain.notices.message.NotTaken`.
        """


class Alarms(Protocol):
    """The stack's alarms as they stand. Errors of AWS pass through."""

    def standing(self) -> list[AlarmChange]:
        """Return the last change of each alarm that the guard is to tell of."""


class MetricTotals(Protocol):
    """What metrics add up to, for the audit. Errors of AWS pass through."""

    def cost_nano(self, since: float, until: float) -> int:
        """Return what calls cost by the metrics of a time, in nano-dollars."""


class GuardMeter(Protocol):
    """Where the budget guard's own metrics and troubles go."""

    def budget(self, budget: Budget) -> None:
        """Tell how much of the environment's budget is used, and what its caps are."""

    def audited(self, findings: int, price_age_days: int) -> None:
        """Tell what a day's audit found."""

    def gap(self, permille: int) -> None:
        """Tell how far a day's metrics are from its usage rows."""

    def audit_overdue(self, hours: int) -> None:
        """Tell for how many hours an audit has been overdue."""

    def undelivered(self, messages: int) -> None:
        """Tell how many messages are not delivered, after several tries, at this moment."""

    def trouble(self, what: Trouble, **facts: Any) -> None:
        """Record something an operator must know about; facts are identifiers, never content."""
