"""The measures: each takes a contender that is up and adds a round's numbers to what was found."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.caller import Timing, ask_in_turn, ask_together
from benchmarks.contenders import Contender
from benchmarks.processes import Command, Started, running
from benchmarks.results import Alone, Measured, Together
from benchmarks.scenarios import COMPARED, SCENARIOS
from local.web_instance import free_port

CALLERS: Final = (8, 32)
"""How many ask at once; one at a time is measured as ``alone``."""
_TOGETHER: Final = ("hit", "miss")
_TOGETHER_REQUESTS: Final = 160
_WARM_REQUESTS: Final = 20
_PROBE: Final = Path(__file__).with_name("probe")
PICKED_UP: Final = frozenset({"certifi", "python_multipart", "sniffio", "watchfiles"})
"""Packages of the developer's environment that libraries import where they find them. No function
ships them, so they are not counted."""
PROVIDER_SDKS: Final = frozenset({"openai", "anthropic", "litellm", "google", "mistralai"})


@dataclass(frozen=True)
class Standing:
    """A contender with its processes up."""

    contender: Contender
    processes: list[Started]

    def places(self, callers: int) -> list[int]:
        """Return the ports that take requests: one at a time each, where that is their way."""
        if self.contender.one_at_a_time:
            return [each.port for each in self.processes[:callers]]
        return [self.processes[0].port] * callers


def warm(standing: Standing) -> None:
    """Let every process see every scenario: connections, caches, lazily imported modules."""
    for process in standing.processes:
        for name, request in standing.contender.requests.items():
            ask_in_turn(process.port, request, _WARM_REQUESTS, SCENARIOS[name].status)


def alone(standing: Standing, found: Measured) -> None:
    """Ask one process, one request at a time."""
    process, world = standing.processes[0], standing.contender.world
    for name, request in standing.contender.requests.items():
        scenario = SCENARIOS[name]
        world.counts()
        before = process.cpu_now()
        timings = ask_in_turn(process.port, request, scenario.requests, scenario.status)
        used = process.cpu_now() - before
        sample = found.alone.setdefault(name, Alone())
        sample.cpu_ms.append(1000 * used / scenario.requests)
        sample.whole_ms.append(_median_ms([each.whole for each in timings]))
        sample.first_byte_ms.append(_median_ms([each.first_byte for each in timings]))
        sample.asked = dict(Counter(sample.asked) + Counter(world.counts()))
        sample.requests += scenario.requests


def together(standing: Standing, found: Measured) -> None:
    """Ask with several callers at once, over all of the contender's processes."""
    for name in _TOGETHER:
        for callers in CALLERS:
            begun = time.perf_counter()
            timings = ask_together(
                standing.places(callers),
                standing.contender.requests[name],
                _TOGETHER_REQUESTS,
                callers,
                SCENARIOS[name].status,
            )
            seconds = time.perf_counter() - begun
            sample = found.together.setdefault(f"{name}@{callers}", Together())
            sample.median_ms.append(_median_ms([each.whole for each in timings]))
            sample.p95_ms.append(1000 * _quantile(timings, 95))
            sample.per_second.append(_TOGETHER_REQUESTS / seconds)


def start(contender: Contender, found: Measured) -> None:
    """Start one process and end it."""
    port = free_port()
    with running(contender.command(port), port) as process:
        found.starts.cpu_seconds.append(process.cpu_seconds)
        found.starts.ready_seconds.append(process.ready_seconds)
        found.starts.resident_mib.append(process.resident_mib)


def imported(contender: Contender, found: Measured, folder: Path) -> None:
    """Say how many modules a process has imported at its start, and after some traffic."""
    at_start, after = modules(contender, folder)
    found.starts.modules = len(at_start)
    found.starts.modules_after_traffic = len(after)
    found.starts.provider_sdks = sorted(after & PROVIDER_SDKS)


def modules(contender: Contender, folder: Path) -> tuple[set[str], set[str]]:
    """Return the names of the modules of a process that just came up, and after every scenario."""
    target, port = folder / f"{contender.name}.modules", free_port()
    with running(_probed(contender.command(port), target), port) as process:
        at_start = _modules(process, target)
        for name in COMPARED:
            ask_in_turn(port, contender.requests[name], 1, SCENARIOS[name].status)
        return at_start, _modules(process, target)


def _probed(command: Command, target: Path) -> Command:
    paths = [str(_PROBE), command.environment.get("PYTHONPATH", "")]
    return replace(
        command,
        environment={
            **command.environment,
            "PYTHONPATH": ":".join(filter(None, paths)),
            "SLUICE_BENCH_MODULES": str(target),
        },
    )


def _modules(process: Started, target: Path) -> set[str]:
    target.unlink(missing_ok=True)
    os.kill(process.pid, signal.SIGUSR1)
    until = time.monotonic() + 10
    while not target.exists():
        if time.monotonic() > until:
            raise TimeoutError("the process did not say what it has imported")
        time.sleep(0.01)
    names = set(target.read_text(encoding="utf-8").splitlines()) - {"sitecustomize"}
    return {name for name in names if name.partition(".")[0] not in PICKED_UP}


def _median_ms(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)


def _quantile(timings: list[Timing], percent: int) -> float:
    cuts = statistics.quantiles([each.whole for each in timings], n=100)
    return cuts[percent - 1]
