"""What calls have cost lately, from the usage rows of the ledger table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from heapq import merge
from typing import Any, Final

from shared.adapters.dynamodb.reaching import Report, reaching
from shared.adapters.dynamodb.rows import Item, text
from shared.clock import utc
from shared.domain.errors import StoreUnavailable
from shared.domain.notices.spending import Rows, Spent
from shared.resources import usage_partition

MOST_ROWS: Final = 20_000
"""Of all teams together, the latest: enough to say who spends it, in a few megabytes."""
MOST_SECONDS: Final = 20.0
"""A message waits no longer for it; one query more may be under way by then."""
_TIME: Final = "%H:%M:%S.%f"
_FACTS: Final = ("key_id", "feature", "model", "cost_nano", "opened_at")


class _OutOfTime(Exception):
    """No more queries."""


class DynamoSpenders:
    """Implements :class:`shared.ports.notices.Spenders`. ``timer`` is in seconds, from anywhere."""

    def __init__(self, client: Any, table: str, report: Report, timer: Callable[[], float]) -> None:
        self._client = client
        self._table = table
        self._report = report
        self._timer = timer
        self._ends_at = 0.0

    def spent(self, teams: Sequence[str], since: float, until: float) -> Rows:
        """Query the days that the time lies in, and merge the teams' rows, the latest first.

        So what is left out is earlier than all that is there, whichever team's it is.
        """
        self._ends_at = self._timer() + MOST_SECONDS
        found: list[Spent] = []
        try:
            for row in self._merged(teams, since, until):
                if len(found) == MOST_ROWS:
                    return _cut(found)
                found.append(row)
        except _OutOfTime:
            if not found:
                self._report("spent", "OutOfTime")
                raise StoreUnavailable("ledger") from None
            return _cut(found)
        return Rows(tuple(found), since)

    def _merged(self, teams: Sequence[str], since: float, until: float) -> Iterator[Spent]:
        each = (self._latest_first(team, since, until) for team in teams)
        return merge(*each, key=lambda row: row.at, reverse=True)

    def _latest_first(self, team: str, since: float, until: float) -> Iterator[Spent]:
        first, last = utc(since), utc(until)
        day = last.date()
        while day >= first.date():
            from_time = f"{first:{_TIME}}" if day == first.date() else ""
            to_time = f"{last:{_TIME}}~" if day == last.date() else "~"
            for item in self._of_day(team, day.isoformat(), from_time, to_time):
                spent = _spent(team, item)
                # A call that began before midnight may stand at the end of the day after.
                if since <= spent.at <= until:
                    yield spent
            day -= timedelta(days=1)

    def _of_day(self, team: str, day: str, from_time: str, to_time: str) -> Iterator[Item]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :from AND :to",
            "ExpressionAttributeValues": {
                ":pk": text(usage_partition(team, day)),
                ":from": text(from_time or "0"),
                ":to": text(to_time),
            },
            "ProjectionExpression": ", ".join(_FACTS),
            "ConsistentRead": True,
            "ScanIndexForward": False,
        }
        while True:
            if self._timer() > self._ends_at:
                raise _OutOfTime
            with reaching(self._report, "spent"):
                page = self._client.query(**asked)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _cut(found: Sequence[Spent]) -> Rows:
    return Rows(tuple(found), found[-1].at, is_cut=True)


def _spent(team: str, item: Item) -> Spent:
    return Spent(
        at=float(item["opened_at"]["S"]),
        team=team,
        key=item["key_id"]["S"],
        feature=item["feature"]["S"] if "feature" in item else None,
        model=item["model"]["S"],
        cost_nano=int(item["cost_nano"]["N"]),
    )
