"""Reads a request log for ``sluice replay``: its calls by time, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from shared.domain.errors import UnknownModel, UnpricedModel
from shared.domain.replay.calls import LoggedCall, counted, is_whole, may_wait, prepared
from shared.domain.replay.facts import Facts
from shared.domain.replay.reading import BadLine, Record, read_line
from shared.domain.replay.scenarios import Wishes
from shared.domain.routing import AUTO, TIERS


@dataclass(frozen=True)
class Reading:
    """How a log is read.

    ``baseline_model`` stands in where a line names none, ``auto`` or a tier. ``output_tokens``
    are assumed where neither usage nor an answer is logged. Calls without a time are spread
    evenly over ``spread_seconds`` of the day of the replay.
    """

    baseline_model: str
    output_tokens: int
    spread_seconds: int
    tenant_field: str | None = None


@dataclass
class Log:
    """The calls of a log by time, and what could not be replayed, by line or by reason."""

    calls: list[LoggedCall] = field(default_factory=list)
    lines: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)
    unpriced: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    untimed: int = 0
    unnamed: int = 0


def read_log(path: Path, facts: Facts, reading: Reading, wishes: Wishes) -> Log:
    """Return what a log holds. A line that cannot be replayed is counted, never an error."""
    log = Log()
    records = []
    for number, text in _lines(path):
        log.lines += 1
        try:
            records.append(read_line(number, text, tenant_field=reading.tenant_field))
        except BadLine as error:
            log.bad.append((number, str(error)))
    times = _times(records, reading, wishes)
    for record, at in zip(records, times, strict=True):
        _take(log, record, at, facts, reading)
    log.calls.sort(key=lambda call: (call.at, call.line))
    return log


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    # Bytes that are no UTF-8 make one bad line, not an unreadable log.
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for number, text in enumerate(file, start=1):
            if text.strip():
                yield number, text


def _times(records: list[Record], reading: Reading, wishes: Wishes) -> list[datetime]:
    """Return a time for each record; those without one are spread over the day, in order."""
    midnight = datetime.combine(wishes.day, time(), UTC)
    missing = sum(record.at is None for record in records)
    step = timedelta(seconds=reading.spread_seconds) / max(1, missing)
    found, untimed = [], 0
    for record in records:
        found.append(record.at or midnight + untimed * step)
        untimed += record.at is None
    return found


def _take(log: Log, record: Record, at: datetime, facts: Facts, reading: Reading) -> None:
    if record.failed and record.usage is None:
        log.failed += 1
        return
    named = record.body.get("model")
    if not isinstance(named, str) or named in {AUTO, *TIERS}:
        log.unnamed += 1
        named = reading.baseline_model
    try:
        model = facts.model(named)
        model.price(at)
        tokens = counted(record, facts.dialect(model), reading.output_tokens)
    except (UnknownModel, UnpricedModel):
        log.unpriced[named] += 1
        return
    except BadLine as error:
        log.bad.append((record.line, str(error)))
        return
    log.untimed += record.at is None
    ready = prepared(record, model.id)
    log.calls.append(
        LoggedCall(
            line=record.line,
            at=at,
            door=record.door,
            tenant=record.tenant,
            body=ready.body,
            request=ready.request,
            refusal=ready.refusal,
            model=model.id,
            counted=tokens,
            cache=ready.controls.cache,
            task=ready.controls.task or record.task,
            label=record.label or ready.controls.feature or ready.controls.task or "",
            may_wait=may_wait(record),
            is_whole=is_whole(record),
            latency=record.latency or 0.0,
        )
    )
