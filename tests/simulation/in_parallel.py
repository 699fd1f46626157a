"""Runs worlds over all processors; what comes back is what broke and what came to pass."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

Job = TypeVar("Job")


@dataclass
class Outcome:
    """What broke, in words, and how often what came to pass."""

    worlds: int = 0
    broken: list[str] = field(default_factory=list)
    noticed: Counter[str] = field(default_factory=Counter)

    def add(self, other: Outcome) -> None:
        """Add another outcome to this one."""
        self.worlds += other.worlds
        self.broken += other.broken
        self.noticed += other.noticed


def spread(work: Callable[[list[Job]], Outcome], jobs: Iterable[Job]) -> Outcome:
    """Share jobs out, every process taking every n-th, and add up what comes of them.

    Where tests run in several processes already, all of it runs in this one: the processors are
    taken, and a fresh interpreter would have all to import again.
    """
    processes = os.cpu_count() or 2
    every = list(jobs)
    if "PYTEST_XDIST_WORKER" in os.environ:
        return work(every)
    shares = [every[first::processes] for first in range(processes)]
    total = Outcome()
    # A fresh interpreter each: forking a process that has threads is not safe.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        for outcome in pool.map(work, shares):
            total.add(outcome)
    return total
