"""The ledger of holds that are settled a few lines at a time; see ``shared.domain.budgets.lines``.

Each line's usage row is put on the condition that it is not there, in the transaction that moves
its money: a line is settled once whoever settles it, in whatever company.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.adapters.dynamodb.budget_rows import hold_key, hold_of
from shared.adapters.dynamodb.conditions import all_of, used
from shared.adapters.dynamodb.ledger import DynamoLedger, budgets_in
from shared.adapters.dynamodb.ledger_writes import (
    Write,
    budget_update,
    late_put,
    moved,
    of_period,
)
from shared.adapters.dynamodb.reaching import reaching
from shared.adapters.dynamodb.rows import number, text, usage_item, usage_key
from shared.domain.budgets import Budget, Hold, Scope
from shared.domain.budgets.lines import (
    LinesFound,
    SettledLine,
    Source,
    held_for,
    settling_lines,
    spent_by,
)

LINE_CONDITIONS: Final[dict[Source, str]] = {
    "hold": "budget_day = :day AND held_nano >= :held",
    "expired": "#status = :expired AND cost_nano >= :held",
}
"""What the money of lines is taken from: the hold, or the charge for one that expired."""

_CONDITIONAL: Final = "ConditionalCheckFailed"


class DynamoBatchLedger(DynamoLedger):
    """Implements :class:`shared.ports.ledger.BatchLedger`."""

    def settle_lines(
        self,
        hold: Hold,
        lines: Sequence[SettledLine],
        source: Source,
        budgets: Mapping[Scope, Budget],
        at: float,
    ) -> LinesFound | None:
        """Put the rows, and take their money from the hold or from the charge for it."""
        rows = [self._row(hold, line, at) for line in lines]
        late = [(line.entry, spent_by(source, line)) for line in lines]
        spent = [
            self._taken(hold, lines, source),
            *self._moves(hold, lines, source, budgets),
            late_put(self._table, hold, at, "lines", late),
        ]
        reasons = self._transact("settle_lines", [*rows, *spent])
        if reasons is None:
            return None
        pairs = zip(lines, reasons, strict=False)
        written = (line.entry.request_id for line, why in pairs if _failed(why))
        taken, *others = reasons[len(rows) :]
        found = [reason["Item"] for reason in others if reason.get("Item")]
        return LinesFound(
            source=_next_source(source) if _failed(taken) else source,
            written=frozenset(written),
            budgets={**budgets, **budgets_in(found)},
        )

    def standing_hold(self, hold: Hold) -> Hold | None:
        """Read the hold's row."""
        asked: Any = {self._table: {"Keys": [hold_key(hold)], "ConsistentRead": True}}
        with reaching(self._report, "standing_hold"):
            found = self._client.batch_get_item(RequestItems=asked)
        items = found["Responses"].get(self._table, [])
        return hold_of(items[0]) if items else None

    def _row(self, hold: Hold, line: SettledLine, at: float) -> Write:
        item = usage_item(line.entry, line.settlement, hold.day)
        return {
            "Put": {
                "TableName": self._table,
                "Item": item | {"held_nano": number(line.held), "settled_at": text(repr(at))},
                "ConditionExpression": all_of(["end.row_none"]),
            }
        }

    def _taken(self, hold: Hold, lines: Sequence[SettledLine], source: Source) -> Write:
        """Return the update that takes what was held for some lines from where it stands."""
        held = held_for(lines)
        values = {":day": text(hold.day), ":held": number(held), ":expired": text("expired")}
        if source == "hold":
            key, adding = hold_key(hold), "ADD held_nano :less"
        else:
            key, adding = (
                usage_key(hold.entry, hold.day),
                "ADD cost_nano :less, baseline_nano :less",
            )
        condition = LINE_CONDITIONS[source]
        asked: dict[str, Any] = {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": adding,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": used(values, condition) | {":less": number(-held)},
        }
        if "#status" in condition:
            asked["ExpressionAttributeNames"] = {"#status": "status"}
        return {"Update": asked}

    def _moves(
        self,
        hold: Hold,
        lines: Sequence[SettledLine],
        source: Source,
        budgets: Mapping[Scope, Budget],
    ) -> list[Write]:
        movement = settling_lines(source, lines)
        moves = []
        for scope in hold.scopes:
            periods = hold.periods_in(budgets.get(scope))
            if adds := moved(movement, periods):
                terms = of_period(hold, periods)
                moves.append(budget_update(self._table, scope, adds, {}, *terms))
        return moves


def _failed(reason: Mapping[str, Any]) -> bool:
    return reason.get("Code") == _CONDITIONAL


def _next_source(source: Source) -> Source:
    return "expired" if source == "hold" else "gone"
