"""What calls have cost lately, from the usage rows of the ledger table and from late settlements.

A row stands at the time of its call. One that was settled late (a deferred call, a line of a
batch) is left out, and what its settlements moved is read by their times instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from heapq import merge
from itertools import chain
from typing import Any, Final

from shared.adapters.dynamodb.reaching import Report, reaching
from shared.adapters.dynamodb.rows import Item, text
from shared.clock import utc
from shared.domain.errors import StoreUnavailable
from shared.domain.notices.spending import Rows, Spent
from shared.resources import late_partition, usage_partition

MOST_ROWS: Final = 20_000
"""Of all teams together, the latest: enough to say who spends it, in a few megabytes."""
MOST_SECONDS: Final = 20.0
"""A message waits no longer for it; one query more may be under way by then."""
_LEAST_PAGE: Final = 20
_TIME: Final = "%H:%M:%S.%f"
_FACTS: Final = ("key_id", "feature", "model", "cost_nano", "opened_at", "settled_at")
_LATE_FACTS: Final = ("key_id", "at", "parts")
_Partition = Callable[[str, str], str]


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
        self._first_page = MOST_ROWS

    def spent(self, teams: Sequence[str], since: float, until: float) -> Rows:
        """Query the days that the time lies in, and merge the teams' rows, the latest first.

        So what is left out is earlier than all that is there, whichever team's it is, except for
        the teams that there was no time to look at.
        """
        self._ends_at = self._timer() + MOST_SECONDS
        self._first_page = max(_LEAST_PAGE, MOST_ROWS // max(1, len(teams)))
        begun, unread = self._begun(teams, since, until)
        found: list[Spent] = []
        try:
            for row in _latest(begun):
                if len(found) == MOST_ROWS:
                    return _cut(found, teams, unread)
                found.append(row)
        except _OutOfTime:
            return _cut(found, teams, unread)
        if unread and not found:
            self._report("spent", "OutOfTime")
            raise StoreUnavailable("ledger")
        return Rows(tuple(found), since, unread=frozenset(unread), teams=len(teams))

    def _begun(
        self, teams: Sequence[str], since: float, until: float
    ) -> tuple[list[Iterator[Spent]], Sequence[str]]:
        """Return the rows of teams of which the first was read, and the teams left out of it."""
        begun: list[Iterator[Spent]] = []
        for number, team in enumerate(teams):
            rows = self._of_team(team, since, until)
            try:
                first = [next(rows)]
            except StopIteration:
                continue
            except _OutOfTime:
                return begun, teams[number:]
            begun.append(chain(first, rows))
        return begun, ()

    def _of_team(self, team: str, since: float, until: float) -> Iterator[Spent]:
        """Yield a team's rows and late money, the latest first."""
        rows = self._latest_first(usage_partition, _FACTS, _spent, team, since, until)
        late = self._latest_first(late_partition, _LATE_FACTS, _moved, team, since, until)
        return _latest([rows, late])

    def _latest_first(
        self,
        partition: _Partition,
        facts: Sequence[str],
        read: Callable[[str, Item], Iterable[Spent]],
        team: str,
        since: float,
        until: float,
    ) -> Iterator[Spent]:
        first, last = utc(since), utc(until)
        day = last.date()
        while day >= first.date():
            from_time = f"{first:{_TIME}}" if day == first.date() else "0"
            to_time = f"{last:{_TIME}}~" if day == last.date() else "~"
            place = partition(team, day.isoformat())
            for item in self._of_day(place, facts, from_time, to_time):
                # A call that began before midnight may stand at the end of the day after.
                yield from (each for each in read(team, item) if since <= each.at <= until)
            day -= timedelta(days=1)

    def _of_day(
        self, partition: str, facts: Sequence[str], from_time: str, to_time: str
    ) -> Iterator[Item]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :from AND :to",
            "ExpressionAttributeValues": {
                ":pk": text(partition),
                ":from": text(from_time),
                ":to": text(to_time),
            },
            "ProjectionExpression": ", ".join(f"#{name}" for name in facts),
            "ExpressionAttributeNames": {f"#{name}": name for name in facts},
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "Limit": self._first_page,
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
            asked.pop("Limit", None)


def _latest(each: Iterable[Iterator[Spent]]) -> Iterator[Spent]:
    return merge(*each, key=lambda row: row.at, reverse=True)


def _cut(found: Sequence[Spent], teams: Sequence[str], unread: Sequence[str]) -> Rows:
    since = found[-1].at
    return Rows(tuple(found), since, is_cut=True, unread=frozenset(unread), teams=len(teams))


def _spent(team: str, item: Item) -> Iterator[Spent]:
    if "settled_at" in item:
        return
    yield Spent(
        at=float(item["opened_at"]["S"]),
        team=team,
        key=item["key_id"]["S"],
        feature=item["feature"]["S"] if "feature" in item else None,
        model=item["model"]["S"],
        cost_nano=int(item["cost_nano"]["N"]),
    )


def _moved(team: str, item: Item) -> Iterator[Spent]:
    at, key = float(item["at"]["S"]), item["key_id"]["S"]
    for feature, model, nano in json.loads(item["parts"]["S"]):
        yield Spent(at, team, key, feature, model, nano)
