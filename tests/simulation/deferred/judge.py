"""Looks at the tables after every step, and at everything once all is quiet.

Knows the format of the items and what was ordered; nothing of the code that wrote them but how a
job is read back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from shared.adapters.dynamodb.job_rows import batch_in, job_in
from shared.domain.jobs.job import Job
from tests.simulation.deferred.books import Books
from tests.simulation.judge import Broken
from tests.simulation.small_dynamo import Key, Snapshot

Item = Mapping[str, Any]


def is_row(partition: str) -> bool:
    """Whether a partition holds usage rows, and not what late settlements moved."""
    return "/usage/" in partition and not is_late(partition)


def is_late(partition: str) -> bool:
    """Whether a partition holds what late settlements moved."""
    return "/usage/" in partition and partition.endswith("/late")


def check_late(snapshot: Snapshot) -> None:
    """Check that what late settlements moved is what the rows cost that were settled late."""
    moved = sum(_number(i, "cost_nano") for (p, _), i in snapshot.items() if is_late(p))
    rows = [item for (partition, _), item in snapshot.items() if is_row(partition)]
    cost = sum(_number(item, "cost_nano") for item in rows if "settled_at" in item)
    _require(moved == cost, f"late settlements moved {moved}, their rows cost {cost}")


def _number(item: Item, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


class JobsJudge:
    """Holds the world to what deferred calls promise."""

    def __init__(self, books: Books, topics: Mapping[str, str]) -> None:
        self.books = books
        self.topics = topics
        """What each request is about."""
        self.accepted: dict[str, tuple[str, float]] = {}
        """The jobs that a caller was promised: their team, and their deadline."""
        self.again: Counter[str] = Counter()
        """How often a question was asked once more because nobody could know better."""
        self.covered: dict[str, int] = defaultdict(int)
        """What holds and usage rows have for each that is billed, kept up with every change."""
        self._budgets: dict[str, Item] = {}
        """The budgets that changed since the last look."""

    def look(self) -> None:
        """Check what is true at every step."""
        for partition, item in self._budgets.items():
            self._check_budget(partition, item)
        self._budgets.clear()
        for name, cost in self._billed().items():
            covered = self.covered[name]
            _require(covered >= cost, f"{name!r} was billed {cost} of {covered}")

    def changed(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Follow a change, and check that none was lost."""
        self._follow(key, before, -1)
        self._follow(key, after, 1)
        self._check_revisions(key, before, after)

    def _follow(self, key: Key, item: Item | None, sign: int) -> None:
        partition, _ = key
        if item is None:
            return
        if partition.endswith("/budget") or partition.startswith("-/budget/"):
            self._budgets[partition] = item
        elif partition.endswith("/holds") and "held_nano" in item:
            self.covered[self._covers(key, item)] += sign * _number(item, "held_nano")
        elif is_row(partition):
            self.covered[self._covers(key, item)] += sign * _number(item, "cost_nano")

    def _billed(self) -> Mapping[str, int]:
        return self.books.costs

    def _covers(self, key: Key, item: Item) -> str:
        return self._topic(item)

    def _check_revisions(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Check that each change of a job, batch or lane builds on the last."""
        is_watched = key[0].endswith("/jobs") or key[0] in {"-/lanes", "-/batches/open"}
        if is_watched and before is not None and after is not None and before != after:
            step = _number(after, "revision") - _number(before, "revision")
            is_next = "revision" in before and step == 1
            _require(is_next, f"{key} went from {dict(before)} to {dict(after)}")

    def check_quiet(self, snapshot: Snapshot) -> None:
        """Check what must be true before anything is swept: a batch's holds end with its lines."""
        for (partition, sort), item in snapshot.items():
            is_hold = partition.endswith("/holds") and "held_nano" in item
            _require(not (is_hold and "variant" in item), f"the hold of a line is left: {sort}")

    def check_end(self, snapshot: Snapshot) -> None:
        """Check what must be true once all is quiet and swept."""
        for partition, sort in snapshot:
            _require(not partition.startswith("-/waiting/"), f"somebody still waits: {sort}")
        batches = [batch_in(i) for (p, _), i in snapshot.items() if p == "-/batches/open"]
        _require(not batches, f"open batches are left: {batches}")
        self._check_jobs(snapshot)
        self._check_holds(snapshot)
        self._check_books(snapshot)

    def jobs(self, snapshot: Snapshot) -> list[Job]:
        """Return all jobs."""
        found = [job_in(dict(i)) for (p, _), i in snapshot.items() if p.endswith("/jobs")]
        return [job for job in found if job is not None]

    def _check_jobs(self, snapshot: Snapshot) -> None:
        jobs = {job.id: job for job in self.jobs(snapshot)}
        for name, (team, _) in self.accepted.items():
            _require(name in jobs, f"{name} is lost")
            _require(jobs[name].team == team, f"{name} has changed hands")
        for job in jobs.values():
            _require(job.is_at_rest, f"{job.id} has not ended: {job}")
            _require(job.calling is None, f"{job.id} is still being called")
            if job.answer is not None:
                place = f"{job.team}/contents/{job.id}", f"answer-{job.answer}"
                _require(place in snapshot, f"{job.id} is done without an answer")
            else:
                _require(job.error is not None, f"{job.id} has neither answer nor error")

    def _check_holds(self, snapshot: Snapshot) -> None:
        for (partition, sort), item in snapshot.items():
            is_hold = partition.endswith("/holds") and "held_nano" in item
            _require(not is_hold, f"a hold is left: {sort}")
            if partition.endswith("/budget") or partition.startswith("-/budget/"):
                held = _number(item, "day_held"), _number(item, "month_held")
                _require(held == (0, 0), f"{partition} still holds {held}")

    def _check_books(self, snapshot: Snapshot) -> None:
        """Compare what each question was billed with what its rows say."""
        check_late(snapshot)
        costs: dict[str, int] = defaultdict(int)
        is_exact: dict[str, bool] = defaultdict(lambda: True)
        unknown: Counter[str] = Counter()
        for (partition, _), item in snapshot.items():
            if is_row(partition):
                topic = self._topic(item)
                costs[topic] += _number(item, "cost_nano")
                if item["usage_source"]["S"] in {"held", "estimated"}:
                    is_exact[topic] = False
                    unknown[topic] += 1
        for topic in costs.keys() | self.books.costs.keys():
            billed, charged = self.books.costs.get(topic, 0), costs[topic]
            is_right = charged == billed if is_exact[topic] else charged >= billed
            _require(is_right, f"{topic!r} was billed {billed} and charged {charged}")
        for topic, bills in self.books.bills.items():
            asked = sum(each == topic for each in self.topics.values())
            most = asked + self.again[topic] + unknown[topic]
            _require(bills <= most, f"{topic!r} was billed {bills} times, of at most {most}")

    def _check_budget(self, partition: str, item: Item) -> None:
        for period in ("day", "month"):
            parts = sum(_number(item, f"{period}_{part}") for part in ("avail", "spent", "held"))
            limit = _number(item, f"{period}_cap") + _number(item, f"{period}_raised")
            _require(parts == limit, f"{partition} {period}: {parts} is not {limit}")

    def _topic(self, item: Item) -> str:
        return self.topics[item["request_id"]["S"]]


def _require(is_so: bool, what: str) -> None:
    if not is_so:
        raise Broken(what)
