"""Usage rows added up with all of them in memory, to compare the tally with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.domain.rollups import Cell, Cells, Sums, added
from shared.domain.success import RETRY_SECONDS, Verdict, verdict
from shared.domain.usage_rows import Feedback, UsageRow


def cells_of(
    rows: Iterable[UsageRow], evidence: Iterable[UsageRow], given: Mapping[str, Feedback]
) -> Cells:
    """Add rows up; ``evidence`` holds them and what came right after."""
    evidence = list(evidence)
    counted = (row for row in rows if row.entry.door != "count_tokens")
    return added({_cell(row): _sums(row, _verdict(row, evidence, given))} for row in counted)


def _verdict(row: UsageRow, evidence: Iterable[UsageRow], given: Mapping[str, Feedback]) -> Verdict:
    ended = row.entry.opened_at + row.settlement.milliseconds / 1000
    again = any(
        ended < each.entry.opened_at <= ended + RETRY_SECONDS
        for each in evidence
        if each.entry.cache != "hit" and each.settlement.outcome != "expired" and _alike(row, each)
    )
    return verdict(row, given.get(row.entry.request_id), asked_again=again)


def _alike(row: UsageRow, other: UsageRow) -> bool:
    one, two = row.entry, other.entry
    if one.request_digest is None:
        return False
    return (one.key_id, one.request_digest) == (two.key_id, two.request_digest)


def _cell(row: UsageRow) -> Cell:
    entry = row.entry
    return Cell(entry.key_id, entry.feature, entry.model, entry.tier, entry.task)


def _sums(row: UsageRow, judged: Verdict) -> Sums:
    settled = row.settlement
    return Sums(
        requests=1,
        cost_nano=settled.cost_nano,
        baseline_nano=settled.baseline_nano,
        aws_nano=settled.aws_nano,
        successes=int(judged == "success"),
        failures=int(judged == "failure"),
        unknown=int(judged == "unknown"),
        levers=settled.levers,
        tokens=settled.tokens,
    )
