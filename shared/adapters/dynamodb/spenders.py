"""What calls have cost lately, from the usage rows of the ledger table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from shared.adapters.dynamodb.reaching import Report, reaching
from shared.adapters.dynamodb.rows import Item, text
from shared.clock import utc
from shared.domain.notices.spending import Spent
from shared.resources import usage_partition

MOST_ROWS: Final = 20_000
"""Of one team, the latest: enough to say who spends it, and read in seconds."""
_TIME: Final = "%H:%M:%S.%f"
_FACTS: Final = ("key_id", "feature", "model", "cost_nano", "opened_at")


class DynamoSpenders:
    """Implements :class:`shared.ports.notices.Spenders`."""

    def __init__(self, client: Any, table: str, report: Report) -> None:
        self._client = client
        self._table = table
        self._report = report

    def spent(self, team: str, since: float, until: float) -> list[Spent]:
        """Query the days that the time lies in, the latest rows first."""
        return list(islice(self._latest_first(team, since, until), MOST_ROWS))

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
            with reaching(self._report, "spent"):
                page = self._client.query(**asked)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _spent(team: str, item: Item) -> Spent:
    return Spent(
        at=float(item["opened_at"]["S"]),
        team=team,
        key=item["key_id"]["S"],
        feature=item["feature"]["S"] if "feature" in item else None,
        model=item["model"]["S"],
        cost_nano=int(item["cost_nano"]["N"]),
    )
