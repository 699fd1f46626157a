"""Writes ``docs/benchmarks.md`` from the runs that are kept: medians, and ratios within rounds.

Milliseconds depend on the machine; ratios of contenders that took turns depend on it far less.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.contenders import BEFORE, FLOOR, ROUTER
from benchmarks.measures import CALLERS
from benchmarks.report_deferred import section
from benchmarks.results import Deferred, Machine, Measured, Result
from benchmarks.scenarios import COMPARED, SCENARIOS

DOCUMENT: Final = Path(__file__).parents[1] / "docs/benchmarks.md"
_INTRODUCTION: Final = Path(__file__).with_name("introduction.md")

START_CPU_SECONDS: Final = 0.9
START_MODULES: Final = 700
HIT_CPU_MS: Final = 4.0


def document(results: Mapping[str, Result], deferred: Mapping[str, Deferred]) -> str:
    """Return the whole document, the latest run first; of deferred calls only the latest."""
    newest_first = sorted(results.items(), reverse=True)
    sections = [f"## {each.title}\n\n{tables(each)}" for _, each in newest_first]
    sections += [section(deferred[name]) for name in sorted(deferred)[-1:]]
    return "\n\n".join([_INTRODUCTION.read_text(encoding="utf-8").rstrip(), *sections]) + "\n"


def tables(result: Result) -> str:
    """Return the tables of one run."""
    parts = [
        _where(result),
        _limits(result.contenders[ROUTER]),
        "### Calls to AWS and the provider, per request\n\n" + _calls(result),
        "### CPU milliseconds per request\n\n" + _cpu(result),
        "### Latency, and what is added to the floor\n\n" + _latency(result),
        "### Streams: milliseconds to the first byte\n\n" + _first_bytes(result),
        "### Start of a process\n\n" + _starts(result),
    ]
    return "\n\n".join(parts)


def _where(result: Result) -> str:
    here: Machine = result.machine
    versions = ", ".join(f"{name} {version}" for name, version in here.versions.items())
    who = "\n".join(f"- *{name}*: {each.about}" for name, each in result.contenders.items())
    return (
        f"Taken {result.taken} in {result.rounds} rounds on {here.cores} cores of {here.cpu}, "
        f"{here.memory_mib // 1024} GiB, Linux {here.kernel}, Python {here.python}; load "
        f"{here.load_before:.1f} before and {here.load_after:.1f} after. {versions}.\n\n{who}"
    )


def _limits(router: Measured) -> str:
    starts, hit = router.starts, _median(router.alone["hit"].cpu_ms)
    start = _median(starts.cpu_seconds)
    rows = [
        ["CPU of a hit", f"{hit:.2f} ms", f"{HIT_CPU_MS:g} ms", _verdict(hit <= HIT_CPU_MS)],
        [
            "CPU of a start",
            f"{start:.2f} s",
            f"{START_CPU_SECONDS:g} s",
            _verdict(start <= START_CPU_SECONDS),
        ],
        [
            "modules at the start",
            str(starts.modules),
            str(START_MODULES),
            _verdict(starts.modules <= START_MODULES),
        ],
        [
            "provider SDKs, after traffic",
            ", ".join(starts.provider_sdks) or "none",
            "none",
            _verdict(not starts.provider_sdks),
        ],
    ]
    return _table(["limit", "measured", "at most", ""], rows)


def _calls(result: Result) -> str:
    rows = []
    for name in _routers(result):
        for scenario, sample in result.contenders[name].alone.items():
            each = {call: count / sample.requests for call, count in sample.asked.items()}
            said = ", ".join(f"{call} {_count(n)}" for call, n in sorted(each.items()) if n > 0.05)
            about = SCENARIOS[scenario].about
            rows.append([name, f"{scenario}: {about}", said or "none"])
    return _table(["", "request", "calls"], rows)


def _cpu(result: Result) -> str:
    rows = []
    for scenario in result.contenders[ROUTER].alone:
        samples = _samples(result, scenario)
        cells = [f"{_median(samples[n]):.2f}" if n in samples else "" for n in result.contenders]
        rows.append([scenario, *cells, *_ratios(samples)])
    return _table(["request", *result.contenders, *_ratio_names(result)], rows)


def _samples(result: Result, scenario: str) -> dict[str, list[float]]:
    return {
        name: each.alone[scenario].cpu_ms
        for name, each in result.contenders.items()
        if scenario in each.alone
    }


def _latency(result: Result) -> str:
    rows: list[list[str]] = []
    for scenario in ("hit", "miss"):
        for callers in (1, *CALLERS):
            rows += _latency_rows(result, scenario, callers)
    head = ["request", "callers", "", "processes", "median ms", "added ms", "p95 ms", "a second"]
    return _table(head, rows)


def _latency_rows(result: Result, scenario: str, callers: int) -> Iterable[list[str]]:
    floor = _whole_ms(result.contenders[FLOOR], scenario, callers)
    for name, found in result.contenders.items():
        own = _whole_ms(found, scenario, callers)
        added = _median([a - b for a, b in zip(own, floor, strict=True)])
        yield [
            scenario,
            str(callers),
            name,
            str(min(callers, found.processes)),
            f"{_median(own):.1f}",
            "" if name == FLOOR else f"{added:.1f}",
            *_crowd(found, f"{scenario}@{callers}"),
        ]


def _whole_ms(found: Measured, scenario: str, callers: int) -> list[float]:
    if callers == 1:
        return found.alone[scenario].whole_ms
    return found.together[f"{scenario}@{callers}"].median_ms


def _crowd(found: Measured, name: str) -> list[str]:
    sample = found.together.get(name)
    if sample is None:
        return ["", ""]
    return [f"{_median(sample.p95_ms):.1f}", f"{_median(sample.per_second):.0f}"]


def _first_bytes(result: Result) -> str:
    rows = []
    for scenario in COMPARED:
        if SCENARIOS[scenario].is_stream:
            samples = {
                name: each.alone[scenario].first_byte_ms for name, each in result.contenders.items()
            }
            cells = [f"{_median(each):.1f}" for each in samples.values()]
            rows.append([scenario, *cells, *_ratios(samples)])
    return _table(["request", *result.contenders, *_ratio_names(result)], rows)


def _starts(result: Result) -> str:
    rows = [
        [
            name,
            f"{_median(each.starts.cpu_seconds):.2f}",
            f"{_median(each.starts.ready_seconds):.2f}",
            f"{_median(each.starts.resident_mib):.0f}",
            str(each.starts.modules),
            str(each.starts.modules_after_traffic),
        ]
        for name, each in result.contenders.items()
    ]
    head = ["", "CPU s", "ready after s", "RSS MiB", "modules", "modules after traffic"]
    return _table(head, rows)


def _routers(result: Result) -> list[str]:
    return [name for name in (BEFORE, ROUTER) if name in result.contenders]


def _others(result: Result) -> list[str]:
    return [name for name in result.contenders if name != ROUTER]


def _ratio_names(result: Result) -> list[str]:
    return [f"÷ {name}" for name in _others(result)]


def _ratios(samples: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the router's figures divided by each other's, round by round, as a median."""
    own = samples[ROUTER]
    return [_ratio(own, samples[name]) for name in samples if name != ROUTER]


def _ratio(own: Sequence[float], other: Sequence[float]) -> str:
    return f"{_median([a / b for a, b in zip(own, other, strict=True) if b]):.2f}"


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def _count(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _verdict(is_kept: bool) -> str:
    return "kept" if is_kept else "**not kept**"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    width = len(head)
    lines = [head, ["---"] * width, *([*row, *[""] * (width - len(row))] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
