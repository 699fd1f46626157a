"""A batch's lines on their way through, one step at a time, each at its moment of the clock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from local.simulator.batches.schedule import Schedule
from local.simulator.batches.spool import Pile
from local.simulator.prices import Usage

Unfinished = Literal["canceled", "expired"]
Ending = Literal["succeeded", "errored"] | Unfinished

EXPIRE = b"[expire]"
"""In a line: it has no turn before the batch expires (:mod:`local.simulator.directives`)."""


@dataclass(frozen=True)
class Result:
    """One line's end: the line of a results file, and what was used for it, if anything was."""

    ending: Ending
    line: bytes
    usage: Usage | None = None


class Crew(ABC):
    """Answers the lines of one batch in its protocol."""

    @abstractmethod
    def name(self, line: bytes) -> str:
        """Return the line's ``custom_id``."""

    @abstractmethod
    def answer(self, line: bytes, at: float, *, status: int | None) -> Result:
        """Answer a line and bill it; ``status`` is that of a scripted error instead."""

    @abstractmethod
    def unfinished(self, name: str, why: Unfinished) -> Result:
        """Return the result of a line that had no turn."""


@dataclass
class Tally:
    """How many lines ended in each way, and the tokens of those that were answered."""

    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0

    def count(self, result: Result) -> None:
        """Add one line."""
        setattr(self, result.ending, getattr(self, result.ending) + 1)
        if result.usage is not None:
            self.prompt += result.usage.prompt
            self.cached += result.usage.cached
            self.completion += result.usage.completion
            self.reasoning += result.usage.reasoning

    @property
    def unfinished(self) -> int:
        """Lines that had no turn."""
        return self.canceled + self.expired


class Run:
    """The lines of one valid batch; ``on_sealed`` is called once, when all of them have ended."""

    def __init__(
        self,
        schedule: Schedule,
        lines: Iterator[bytes],
        crew: Crew,
        on_sealed: Callable[[], None],
    ) -> None:
        self.schedule = schedule
        self.tally = Tally()
        self.good = Pile()
        self.bad = Pile()
        self.canceled_at: float | None = None
        self.sealed = False
        self._lines = lines
        self._crew = crew
        self._on_sealed = on_sealed
        self._place = 0
        self._left: list[str] = []

    @property
    def stop(self) -> float:
        """When lines that had no turn lose it."""
        expires = self.schedule.expires
        return expires if self.canceled_at is None else min(self.canceled_at, expires)

    @property
    def worked_until(self) -> float:
        """When the last line ended; sealed runs only."""
        if self.tally.unfinished:
            return self.stop
        return self.schedule.due(self.schedule.total - 1)

    @property
    def ends(self) -> float:
        """When the results are there; sealed runs only."""
        return self.worked_until + self.schedule.closing

    @property
    def next_due(self) -> float:
        """When there is something to do again."""
        if self._place < self.schedule.total:
            return min(self.schedule.due(self._place), self.stop)
        return self.stop if self._left else self.schedule.created

    def cancel(self, at: float) -> None:
        """Let no further line have its turn."""
        self.canceled_at = at

    def clear_away(self) -> None:
        """Let go of results that have been put out."""
        self.good, self.bad = Pile(), Pile()

    def step(self) -> None:
        """Do the next thing, whose time has come."""
        if self._place < self.schedule.total:
            self._take(next(self._lines))
        elif self._left:
            self._give_up(self._left.pop())
        else:
            self._seal()

    def _take(self, line: bytes) -> None:
        place, due = self._place, self.schedule.due(self._place)
        self._place += 1
        if due > self.stop:
            self._give_up(self._crew.name(line))
        elif EXPIRE in line:
            self._left.append(self._crew.name(line))
        else:
            course = self.schedule.course
            status = course.status if course.fails(place) else None
            self._end(self._crew.name(line), self._crew.answer(line, due, status=status))

    def _give_up(self, name: str) -> None:
        why: Unfinished = "expired" if self.canceled_at is None else "canceled"
        self._end(name, self._crew.unfinished(name, why))

    def _end(self, name: str, result: Result) -> None:
        self.tally.count(result)
        pile = self.good if result.ending == "succeeded" else self.bad
        pile.add(name, result.line)

    def _seal(self) -> None:
        self.sealed = True
        self._lines = iter(())
        self._on_sealed()
