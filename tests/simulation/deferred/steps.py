"""One step of a process: others may go first, and something may go wrong.

A process is a function's invocation. It is killed once it has lasted longer than a function may,
whatever it is about to do; a dead one does nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.simulation.calls import Calls
from tests.simulation.faults import Fault
from tests.simulation.scheduler import Crash, Scheduler, Task

FUNCTION_SECONDS = 900.0


class Steps:
    """Carries out what processes do outside themselves, one at a time."""

    def __init__(self, scheduler: Scheduler, note: Callable[[str, str], None]) -> None:
        self.calls: Calls
        self._scheduler = scheduler
        self._note = note
        self._until: dict[str, float] = {}
        self._dead: set[str] = set()
        self._late: list[tuple[float, Callable[[], None]]] = []

    def begin(self, task: Task, seconds: float = FUNCTION_SECONDS) -> None:
        """Let a task be a new invocation that may last so long."""
        self._until[task.name] = self._scheduler.clock.now + seconds
        self._dead.discard(task.name)

    def send(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Send a call of boto3's."""
        self._check()
        self.arrive()
        try:
            return self.calls.send(operation, asked)
        except Crash:
            self._die()
            raise

    def step(self, what: str, possible: Sequence[Fault]) -> Fault:
        """Let others go first, and say what goes wrong; a crash before is carried out here."""
        self._check()
        self._scheduler.hand_over()
        self._check()
        self.arrive()
        task = self._scheduler.current
        fault = self.calls.next_fault(tuple(possible)) if task else Fault.NONE
        self._note(task.name if task else "judge", f"{what}: {fault.name}")
        if fault is Fault.CRASH_BEFORE:
            self.crash()
        return fault

    def crash(self) -> None:
        """End the process that is at work."""
        self._die()
        raise Crash

    def later(self, at: float, happens: Callable[[], None]) -> None:
        """Let something arrive at an epoch second."""
        self._late.append((at, happens))

    def arrive(self) -> None:
        """Let arrive what is due."""
        now = self._scheduler.clock.now
        due = [each for each in self._late if each[0] <= now]
        self._late = [each for each in self._late if each[0] > now]
        for _, happens in due:
            happens()

    def awaits(self) -> bool:
        """Whether something is still on its way."""
        return bool(self._late)

    def _check(self) -> None:
        task = self._scheduler.current
        if task is None:
            return
        is_late = self._scheduler.clock.now > self._until.get(task.name, 0.0)
        if task.name in self._dead or is_late:
            self.crash()

    def _die(self) -> None:
        task = self._scheduler.current
        if task is not None:
            self._dead.add(task.name)
