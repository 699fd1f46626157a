"""The execution environments of one function: idle ones stopped, busy ones with one request each.

A request takes an idle instance, or a new one while the pool is below its maximum, or waits its
turn; past the waiting limit it is refused, as Lambda refuses beyond its concurrency. An instance
that dies, or is discarded for taking too long, is replaced.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from local.instance import Instance, InstanceFailed

AnyInstance = TypeVar("AnyInstance", bound=Instance)


class PoolFull(RuntimeError):
    """Every instance is busy and the queue is at its limit."""


@dataclass(frozen=True)
class PoolLimits:
    """Instances kept (``minimum``), instances at most, and requests that may wait for one."""

    minimum: int = 2
    maximum: int = 6
    waiting: int = 100


class InstancePool(Generic[AnyInstance]):
    """Hands out instances. All methods run on the event loop that opened the pool."""

    def __init__(
        self,
        start: Callable[[], Awaitable[AnyInstance]],
        limits: PoolLimits,
        report: Callable[[str], None],
    ) -> None:
        self._start = start
        self._limits = limits
        self._report = report
        self._idle: deque[AnyInstance] = deque()
        self._waiting: deque[asyncio.Future[AnyInstance]] = deque()
        self._starting = 0
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._retired: set[AnyInstance] = set()
        self.instances: list[AnyInstance] = []

    async def open(self) -> None:
        """Start the minimum number of instances; raises :class:`InstanceFailed`."""
        wanted = range(self._limits.minimum)
        started = await asyncio.gather(*(self._start() for _ in wanted), return_exceptions=True)
        for outcome in started:
            if isinstance(outcome, Instance):
                self._admit(outcome)
        for outcome in started:
            if isinstance(outcome, BaseException):
                raise outcome

    async def renew(self) -> None:
        """Put new instances in the place of all, as a new version going live does on Lambda.

        A busy one ends its answer first. Raises :class:`InstanceFailed`, with the old ones kept.
        """
        before = list(self.instances)
        await self.open()
        self._retired.update(old for old in before if old in self.instances)
        idle = [instance for instance in self._idle if instance in self._retired]
        for instance in idle:
            self._idle.remove(instance)
            self.instances.remove(instance)
        await asyncio.gather(*(instance.kill() for instance in idle))

    async def close(self) -> None:
        """Kill every instance and refuse those who wait."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        for future in self._waiting:
            future.cancel()
        await asyncio.gather(*(instance.kill() for instance in self.instances))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def acquire(self) -> AnyInstance:
        """Return a running instance that is the caller's alone until it is released.

        Raises :class:`PoolFull`, or :class:`InstanceFailed` if the instance that was started
        for a waiting request did not come up.
        """
        if self._idle:
            instance = self._idle.popleft()
            instance.resume()
            return instance
        if self._room <= 0 and self._unserved >= self._limits.waiting:
            raise PoolFull
        future: asyncio.Future[AnyInstance] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._grow()
        return await future

    def release(self, instance: AnyInstance) -> None:
        """Take back an instance whose answer has been read to its end."""
        if instance in self._retired:
            self._keep(asyncio.create_task(instance.kill()))
            return
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(instance)
                return
        instance.stop()
        self._idle.append(instance)

    async def discard(self, instance: AnyInstance) -> None:
        """Kill an instance that must not serve again; its replacement starts on its own."""
        await instance.kill()

    @property
    def _room(self) -> int:
        return self._limits.maximum - len(self.instances) - self._starting

    @property
    def _unserved(self) -> int:
        """Those who wait and for whom no instance is starting."""
        return sum(not future.done() for future in self._waiting) - self._starting

    def _grow(self) -> None:
        if self._room > 0 and self._unserved > 0 and not self._closing:
            self._starting += 1
            self._keep(asyncio.create_task(self._add()))

    async def _add(self) -> None:
        try:
            instance = await self._start()
        except InstanceFailed as failure:
            self._report(str(failure))
            self._refuse_next(failure)
        else:
            self._admit(instance)
        finally:
            self._starting -= 1

    def _refuse_next(self, failure: InstanceFailed) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(failure)
                return

    def _admit(self, instance: AnyInstance) -> None:
        self.instances.append(instance)
        self._keep(asyncio.create_task(self._watch(instance)))
        self.release(instance)

    async def _watch(self, instance: AnyInstance) -> None:
        status = await instance.child.wait()
        if self._closing:
            return
        if instance in self._retired:
            self._retired.remove(instance)
        else:
            self._report(f"{instance.child.name} (pid {instance.pid}) ended with status {status}")
        if instance in self.instances:
            self.instances.remove(instance)
        if instance in self._idle:
            self._idle.remove(instance)
        self._replace()

    def _replace(self) -> None:
        if len(self.instances) + self._starting < self._limits.minimum:
            self._starting += 1
            self._keep(asyncio.create_task(self._add()))
        else:
            self._grow()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
