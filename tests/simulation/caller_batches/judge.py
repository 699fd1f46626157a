"""Looks at the tables after every step of callers' batches, and at all of it in the end.

Knows the format of the items and what was ordered; nothing of the code that wrote them but how a
batch is read back, and how the request of a line is called.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from shared.adapters.memory_jobs import MemoryBlobs
from shared.domain.batches.batch import Batch
from shared.usecases.batches.line_plan import line_request_id
from tests.simulation.caller_batches.plans import BatchOrder, OrderedLine
from tests.simulation.deferred.books import Books
from tests.simulation.deferred.judge import Item, JobsJudge, _number, _require, check_late, is_row
from tests.simulation.small_dynamo import Key, Snapshot

_batch = msgspec.json.Decoder(Batch).decode
_OPEN = "-/caller-batches"
UNCOUNTED = "Hello!"
"""What a provider in a mood answers any line, with a usage that nobody can read."""


class BatchesJudge(JobsJudge):
    """Holds the world to what batches promise."""

    def __init__(self, books: Books, topics: Mapping[str, str]) -> None:
        super().__init__(books, topics)
        self.blobs: MemoryBlobs
        self.ordered: dict[str, BatchOrder] = {}
        """What each input file asks."""
        self.promised: dict[str, str] = {}
        """The batches that a caller was told of, and their team."""
        self.endings: Counter[str] = Counter()
        self._lines: dict[str, OrderedLine] = {}

    def _billed(self) -> Mapping[str, int]:
        """Return what each team was billed: a batch has one hold for all of its lines."""
        billed: dict[str, int] = defaultdict(int)
        for topic, cost in self.books.costs.items():
            billed[topic.partition(":")[0]] += cost
        return billed

    def _covers(self, key: Key, item: Item) -> str:
        return key[0].partition("/")[0]

    def _check_revisions(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Check that no change was lost, and learn which lines there are."""
        is_batch = key[0].endswith("/batches") and not key[0].startswith("-/")
        if is_batch and after is not None:
            batch = _batch(after["batch"]["S"])
            for number, line in enumerate(self.ordered[batch.input_file].lines, 1):
                self._lines[line_request_id(batch, number)] = line
            if before is not None and before != after:
                step = batch.revision - _batch(before["batch"]["S"]).revision
                _require(step == 1, f"{key} went from {dict(before)} to {dict(after)}")
            return
        super()._check_revisions(key, before, after)

    def check_quiet(self, snapshot: Snapshot) -> None:
        """Check what must be true before anything is swept: no batch at rest holds money."""
        for partition, sort in snapshot:
            _require(partition != _OPEN, f"a batch is still open: {sort}")
        self._check_holds(snapshot)

    def check_end(self, snapshot: Snapshot) -> None:
        """Check what must be true once all is quiet."""
        found = {batch.id: batch for batch in self._batches(snapshot)}
        for name, team in self.promised.items():
            _require(name in found, f"{name} is lost")
            _require(found[name].team == team, f"{name} has changed hands")
        self._check_books(snapshot)
        for batch in found.values():
            _require(batch.is_at_rest, f"{batch.id} has not ended: {batch}")
            self.endings[batch.status] += 1
            if batch.held is None:
                _require(not batch.output_file, f"{batch.id} has results without a plan")
            else:
                self._check_lines(batch, snapshot)

    def _batches(self, snapshot: Snapshot) -> list[Batch]:
        items = [item for (place, _), item in snapshot.items() if place.endswith("/batches")]
        return [_batch(item["batch"]["S"]) for item in items if "batch" in item]

    def _check_lines(self, batch: Batch, snapshot: Snapshot) -> None:
        """Check that each line stands once, in one of the files, and has the answer to it."""
        ordered = {line.name: line for line in self.ordered[batch.input_file].lines}
        output = list(self._read(batch, batch.output_file, snapshot))
        errors = list(self._read(batch, batch.error_file, snapshot))
        names = Counter(line["custom_id"] for line in [*output, *errors])
        _require(names == Counter(list(ordered)), f"{batch.id} of {set(ordered)} has {names}")
        for line in output:
            said = line["response"]["body"]["choices"][0]["message"]["content"]
            own = f"re: {ordered[line['custom_id']].topic}"
            _require(said in {own, UNCOUNTED}, f"{line} is another's")
        for line in errors:
            code = (line["error"] or line["response"]["body"]["error"])["code"]
            self.endings[f"line: {code}"] += 1
        ended = (batch.counts.total, batch.counts.succeeded, batch.counts.processing)
        _require(ended == (len(ordered), len(output), 0), f"{batch.id} counts {batch.counts}")
        self._check_money(batch, snapshot)

    def _check_money(self, batch: Batch, snapshot: Snapshot) -> None:
        """Compare what a batch says that it cost with the rows of its lines."""
        ours = {line_request_id(batch, n) for n in range(1, batch.counts.total + 1)}
        rows = [item for (place, _), item in snapshot.items() if is_row(place)]
        cost = sum(_number(row, "cost_nano") for row in rows if row["request_id"]["S"] in ours)
        _require(batch.money.cost == cost, f"{batch.id} says {batch.money.cost}, rows {cost}")

    def _read(self, batch: Batch, file_id: str | None, snapshot: Snapshot) -> Iterator[Any]:
        if file_id is None:
            return
        _require((f"{batch.team}/files", file_id) in snapshot, f"{file_id} is no file")
        content = self.blobs.files[f"{batch.team}/files/{file_id}"]
        yield from map(json.loads, content.splitlines())

    def _check_books(self, snapshot: Snapshot) -> None:
        """Compare what each question was billed with its rows, and how often with who asked it."""
        check_late(snapshot)
        costs: dict[str, int] = defaultdict(int)
        paid: Counter[str] = Counter()
        vague: set[str] = set()
        for (partition, _), item in snapshot.items():
            if is_row(partition):
                _require(item["request_id"]["S"] in self._lines, f"a row of no line: {item}")
                topic, cost = self._topic(item), _number(item, "cost_nano")
                costs[topic] += cost
                paid[topic] += cost > 0
                if item["usage_source"]["S"] in {"held", "estimated"}:
                    vague.add(topic)
        for topic in costs.keys() | self.books.costs.keys():
            billed, charged = self.books.costs.get(topic, 0), costs[topic]
            is_right = charged >= billed if topic in vague else charged == billed
            _require(is_right, f"{topic!r} was billed {billed} and charged {charged}")
            bills = self.books.bills.get(topic, 0)
            _require(bills == paid[topic], f"{topic!r}: {bills} bills, {paid[topic]} lines paid")

    def _topic(self, item: Item) -> str:
        return self._lines[item["request_id"]["S"]].topic
