"""The section of ``docs/benchmarks.md`` on deferred calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from benchmarks.results import Deferred

_PARTS: Final = {
    "accept": "router, to accept it",
    "dispatch": "dispatcher, its message",
    "submit": "collector, into a batch",
    "collect": "collector, its result",
}
_CALLS: Final = (
    "BatchGetItem", "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem",
    "TransactWriteItems", "GetObject", "PutObject", "DeleteObject", "SendMessageBatch",
)  # fmt: skip


def section(found: Deferred) -> str:
    """Return the section of one run."""
    here, figures = found.machine, found.figures
    return "\n\n".join(
        [
            "## Deferred calls",
            "Written by `python -m benchmarks deferred --name N`; `benchmarks/deferred.py` says "
            f"how. Taken {found.taken} on {here.cores} cores of {here.cpu}, Python {here.python}; "
            f"load {here.load_before:.1f} before and {here.load_after:.1f} after.",
            "### Jobs per CPU second\n\n" + _rates(figures),
            "The gateway's own work, without AWS's clients: with them it is the calls below that "
            "cost. The dispatcher looks at a hundred messages in one read where all of them wait.",
            f"### Memory at {figures['memory_lines']:,.0f} jobs\n\n" + _memory(figures),
            "They are in several batches, of 20,000 lines at most. The process has imported what "
            "the collector imports, with the providers' SDKs and AWS's clients, and the stores lie "
            "on disk: it is what a function of the least size, 256 MB, must bear, and the "
            "benchmark fails where it is more.",
            "### Calls for 1,000 jobs\n\n" + _calls(figures),
            f"Counted on {figures['counted_jobs']:.0f} jobs in one batch, and multiplied, those "
            "of a round or a batch too (queries, files): they are no more for 1,000 jobs. The "
            f"provider was called {figures['provider_calls']:.0f} times for the batch.",
            "### A round of the collector that finds nothing\n\n"
            f"{figures['idle_reads']:.0f} reads and {figures['idle_writes']:.0f} writes of "
            f"DynamoDB, none of SQS or S3: ${figures['idle_usd_a_month']:.3f} a month at one round "
            "a minute with one provider.",
        ]
    )


def _rates(figures: Mapping[str, float]) -> str:
    rows = [[what, f"{figures[f'{name}_jobs_per_cpu_s']:,.0f}"] for name, what in _PARTS.items()]
    through = f"{figures['through_jobs_per_cpu_s']:,.0f}"
    return _table(["", "jobs"], [*rows, ["**dispatcher and collector**", through]])


def _memory(figures: Mapping[str, float]) -> str:
    names = {"before": "before", "submit": "most, until sent", "collect": "most, until collected"}
    rows = [[what, f"{figures[f'memory_{name}_mib']:.0f}"] for name, what in names.items()]
    return _table(["", "MiB"], rows)


def _calls(figures: Mapping[str, float]) -> str:
    rows = [
        [call, *(_count(figures.get(f"{part}_{call}", 0.0)) for part in _PARTS)]
        for call in _CALLS
        if any(f"{part}_{call}" in figures for part in _PARTS)
    ]
    return _table(["", *_PARTS], rows)


def _count(number: float) -> str:
    return f"{number:,.0f}" if number else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
