"""Callers' batches with one thing wrong at a time; among them the naive ways to run them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

from shared.adapters.dynamodb.batch_ledger import LINE_CONDITIONS
from shared.adapters.dynamodb.caller_batches import CALLER_BATCH_CONDITIONS
from shared.domain.batches.batch import Batch
from shared.domain.batches.records import Record
from shared.usecases.batches.merging import Merger, _with_twins
from shared.usecases.batches.money import BatchMoney
from shared.usecases.batches.running import BatchRunner
from shared.usecases.batches.taking import BatchTaker
from shared.usecases.holding import Holding
from tests.simulation.mutants import without_condition

Mutation = Callable[[], AbstractContextManager[Any]]
_ALWAYS = "attribute_exists(pk) OR attribute_not_exists(pk)"


@contextmanager
def _without(conditions: dict[Any, str], name: str) -> Iterator[None]:
    before = conditions[name]
    conditions[name] = f"({before}) OR {_ALWAYS}"
    try:
        yield
    finally:
        conditions[name] = before


def _every_record(self: Merger, batch: Batch, given_up: Sequence[Record]) -> Iterator[Record]:
    """Let a line that was written down twice stand twice in the results."""
    twins, seen = self._twins(batch), set[int]()
    for record in (*self._recorded(batch), *given_up):
        seen.add(record.number)
        yield from _with_twins(record, twins)
    for record in self._never_begun(batch):
        if record.number not in seen:
            yield from _with_twins(record, twins)


def _recorded_only(self: Merger, batch: Batch) -> Iterator[Record]:
    """Leave out what no provider has said a word of."""
    return iter(())


def _stand_first(self: BatchRunner, batch: Batch) -> Batch:
    """Put parts under names of the moment, and name them in the batch after."""
    parts = tuple(
        replace(part, batch=f"bat_{int(self._clock()):08x}{part.batch[12:]}")
        for part in self._splitter.parts(batch)
    )
    for part in parts:
        self._splitter.stand(batch, part)
    return self._move(batch, is_split=True, parts=parts)


def _release_first(self: BatchRunner, batch: Batch) -> Batch | None:
    """Give the hold back as soon as the parts stand."""
    self._money.release(batch.hold())
    return _look_after(self, batch)


_look_after = BatchRunner._look_after


def _end_as_it_is(self: BatchTaker, batch: Batch) -> None:
    """Forget a batch whose creator is gone, and what it holds."""
    self._batches.delete(batch)


def _forget_as_seen(self: BatchTaker, batch: Batch) -> None:
    """Give a batch's hold back though its move may have arrived, or still be on its way."""
    self._room.give_up(batch)
    self._batches.delete(batch)


STRUCTURAL: dict[str, Mutation] = {
    "a line that was kept twice stands twice": partial(
        patch.object, Merger, "_ends", _every_record
    ),
    "lines that nobody spoke of are left out": partial(
        patch.object, Merger, "_never_begun", _recorded_only
    ),
    "parts stand before they are named": partial(patch.object, BatchRunner, "_split", _stand_first),
    "a hold is given back before its lines end": partial(
        patch.object, BatchRunner, "_look_after", _release_first
    ),
    "the rest of a hold is kept": partial(patch.object, BatchMoney, "release", lambda *_: None),
    "a hold's place is not closed": partial(patch.object, Holding, "close_place", lambda *_: None),
    "a batch is forgotten with its hold": partial(
        patch.object, BatchTaker, "forget", _end_as_it_is
    ),
    "a batch is forgotten though it was taken": partial(
        patch.object, BatchTaker, "forget", _forget_as_seen
    ),
}


def mutations() -> dict[str, Mutation]:
    """Return every mutation by its name."""
    batches: dict[str, Mutation] = {
        name: partial(_without, CALLER_BATCH_CONDITIONS, name) for name in CALLER_BATCH_CONDITIONS
    }
    lines: dict[str, Mutation] = {
        f"line.{name}": partial(_without, LINE_CONDITIONS, name) for name in LINE_CONDITIONS
    }
    return (
        batches | lines | {"end.row_none": partial(without_condition, "end.row_none")} | STRUCTURAL
    )
