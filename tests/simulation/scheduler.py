"""Runs tasks one at a time; a seeded chance picks who goes next at every step.

A task is a thread that stops at each step (an AWS call, a provider call, a pause) until it is its
turn. What was sent and arrives later goes by itself, as a *stray*. After each step the judge
looks at the tables. One clock goes on a little with every step and now and then leaps; each task
sees it with a skew of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Leaps = tuple[tuple[float, float], ...]
"""How the clock leaps: each with its chance for each step, and how many seconds at most."""


class Crash(BaseException):
    """The process of a task is gone. No handler of ordinary exceptions sees it."""


class TaskBroke(AssertionError):
    """A task ended with an exception that it should have handled."""


@dataclass
class Clock:
    """The time of the world in epoch seconds: how far steps move it is left to chance."""

    now: float
    leaps: Leaps

    def step(self, chance: Random) -> None:
        """Let a step's time pass."""
        self.now += chance.random()
        draw = chance.random()
        for share, seconds in self.leaps:
            if draw < share:
                self.now += chance.random() * seconds
                return
            draw -= share


class Task:
    """One process: a caller, a sweeper, an operator; ``skew`` is its clock's error in seconds."""

    def __init__(self, name: str, skew: float, work: Callable[[Task], None]) -> None:
        self.name = name
        self.skew = skew
        self.is_over = False
        self.wakes_at = 0.0
        """It sleeps until then, in epoch seconds."""
        self.error: BaseException | None = None
        self._work = work
        self._turn = threading.Lock()
        self._done = threading.Lock()
        self.is_stopped = False
        self._turn.acquire()
        self._done.acquire()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Let the task run up to its first step."""
        self._thread.start()
        self._done.acquire()

    def go_on(self) -> None:
        """Let the task run up to its next step or its end."""
        self._turn.release()
        self._done.acquire()

    def wait(self) -> None:
        """Stop until it is this task's turn; called by the task itself."""
        self._done.release()
        self._turn.acquire()
        if self.is_stopped:
            raise Crash

    def stop(self) -> None:
        """End the task wherever it is."""
        self.is_stopped = True
        if not self.is_over:
            self.go_on()
        self._thread.join()

    def _run(self) -> None:
        try:
            self.wait()
            self._work(self)
        except Crash:
            pass
        except Exception as error:  # noqa: BLE001 - told to the judge, whatever it is
            self.error = error
        finally:
            self.is_over = True
            self._done.release()


class Scheduler:
    """Whose turn it is."""

    def __init__(self, chance: Random, clock: Clock, after_step: Callable[[], None]) -> None:
        self.clock = clock
        self.current: Task | None = None
        self._chance = chance
        self._after_step = after_step
        self._tasks: list[Task] = []
        self._strays: list[Callable[[], None]] = []

    def add(self, task: Task) -> None:
        """Let a task take part."""
        self._tasks.append(task)
        task.start()

    def add_stray(self, arrive: Callable[[], None]) -> None:
        """Let something that was sent arrive at some later step."""
        self._strays.append(arrive)

    @property
    def has_strays(self) -> bool:
        """Whether something that was sent has not arrived yet."""
        return bool(self._strays)

    def hand_over(self) -> None:
        """Let others go first; called by the task whose turn it is."""
        task = self.current
        if task is None:
            return
        task.wait()

    def run(self) -> None:
        """Run until every task is over and nothing is on its way."""
        try:
            while runnable := [task for task in self._tasks if not task.is_over]:
                self._step(runnable)
            while self._strays:
                self._arrive()
        finally:
            for task in self._tasks:
                task.stop()

    def _step(self, runnable: list[Task]) -> None:
        self.clock.step(self._chance)
        self.clock.now = max(self.clock.now, min(task.wakes_at for task in runnable))
        runnable = [task for task in runnable if task.wakes_at <= self.clock.now]
        if self._strays and self._chance.random() < 0.15:
            self._arrive()
            return
        task = self._chance.choice(runnable)
        self.current = task
        task.go_on()
        self.current = None
        if isinstance(task.error, AssertionError):
            raise task.error
        if task.error is not None:
            raise TaskBroke(f"{task.name}: {task.error!r}") from task.error
        self._after_step()

    def _arrive(self) -> None:
        self._strays.pop(self._chance.randrange(len(self._strays)))()
        self._after_step()
