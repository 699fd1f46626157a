"""Turns compiled and written rows into the domain's dated prices.

A written row replaces the compiled row of the same start, variant and peak, and stands beside
the others. A batch discount adds batch rows to a model that the table has none for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from shared.catalog.files import MODELS, PRICE_TABLE, CatalogError
from shared.catalog.rows import (
    WEEKDAYS,
    Amount,
    BatchDiscount,
    CompiledModel,
    ModelRow,
    PeakFields,
    PriceTable,
    RateFields,
    StepFields,
    WrittenPrice,
)
from shared.domain.money import rate_from_usd_per_million
from shared.domain.prices import (
    MINUTES_PER_DAY,
    LongPrompt,
    Peak,
    PriceRow,
    Rates,
    Variant,
    percent_of,
)


class SourcedPrice(NamedTuple):
    """A price row with where it comes from and when that was last looked at."""

    row: PriceRow
    source: str
    checked: date
    written: bool
    """Whether a person wrote the row, rather than the compiler."""


def priced_rows(model: ModelRow, long_write: int | None, table: PriceTable) -> list[SourcedPrice]:
    """Return a model's rows, oldest first; raises :class:`CatalogError` where it has none."""
    try:
        rows = [*_compiled(model, long_write, table), *_written(model, long_write)]
        found = {_place(each): each for each in rows}
        found |= {_place(each): each for each in _discounted(model.batch, list(found.values()))}
    except ValueError as error:
        raise CatalogError(f"{MODELS}: {model.id}: {error}") from error
    if not any(_is_plain(each) for each in found.values()):
        raise CatalogError(f"{MODELS}: {model.id} has no standard price without peak hours")
    return sorted(found.values(), key=lambda each: (each.row.start, each.row.variant))


def _compiled(model: ModelRow, long_write: int | None, table: PriceTable) -> Iterator[SourcedPrice]:
    if model.genai is None:
        return
    if model.genai not in table.models:
        raise CatalogError(f"{PRICE_TABLE} has no {model.genai}: run `make prices`")
    found: CompiledModel = table.models[model.genai]
    for entry in found.rows:
        start = entry.start or model.released
        if start is None:
            raise CatalogError("an undated price needs the day of the model's release")
        steps = _steps(entry.long, int, long_write)
        row = PriceRow(start, _rates(entry, int, long_write), steps, entry.variant)
        yield SourcedPrice(row, found.source, table.checked, written=False)


def _written(model: ModelRow, long_write: int | None) -> Iterator[SourcedPrice]:
    for entry in model.prices:
        row = PriceRow(
            entry.start,
            _rates(entry, rate_from_usd_per_million, long_write),
            _steps(entry.long, rate_from_usd_per_million, long_write),
            entry.variant,
            _peak(entry),
        )
        yield SourcedPrice(row, entry.source, entry.checked, written=True)


def _discounted(
    batch: BatchDiscount | None, rows: Sequence[SourcedPrice]
) -> Iterator[SourcedPrice]:
    """Yield a batch row for each standard row that is in force when the discount is."""
    if batch is None:
        return
    standard = [each.row for each in rows if each.row.variant == "standard"]
    first = max((row.start for row in standard if row.start <= batch.start), default=batch.start)
    for row in standard:
        if row.start >= first:
            start = max(row.start, batch.start)
            scaled = row.scaled(batch.percent, start, "batch")
            yield SourcedPrice(scaled, batch.source, batch.checked, written=True)


def _place(each: SourcedPrice) -> tuple[Variant, date, Peak | None]:
    return each.row.variant, each.row.start, each.row.peak


def _is_plain(each: SourcedPrice) -> bool:
    return each.row.variant == "standard" and each.row.peak is None


def _rates(
    fields: RateFields[Amount], pico: Callable[[Amount], int], long_write: int | None
) -> Rates:
    plain = pico(fields.input)
    write = _or(fields.cache_write, pico, plain)
    long_lived = write if long_write is None else percent_of(plain, long_write)
    return Rates(
        input=plain,
        cache_read=_or(fields.cache_read, pico, plain),
        cache_write=write,
        output=pico(fields.output),
        cache_write_long=_or(fields.cache_write_long, pico, long_lived),
    )


def _or(value: Amount | None, pico: Callable[[Amount], int], fallback: int) -> int:
    return fallback if value is None else pico(value)


def _steps(
    steps: Sequence[StepFields[Amount]], pico: Callable[[Amount], int], long_write: int | None
) -> tuple[LongPrompt, ...]:
    return tuple(LongPrompt(_bound(step), _rates(step, pico, long_write)) for step in steps)


def _bound(step: StepFields[Amount]) -> int:
    return step.over if step.over is not None else (step.at_least or 0) - 1


def _peak(entry: WrittenPrice) -> Peak | None:
    fields: PeakFields | None = entry.peak
    if fields is None:
        return None
    return Peak(
        windows=tuple(_window(hours) for hours in fields.hours),
        weekdays=frozenset(WEEKDAYS.index(day) for day in fields.weekdays),
        off_days=frozenset(fields.off_days),
    )


def _window(hours: str) -> tuple[int, int]:
    first, end = (_minute(time) for time in hours.split("-"))
    if not 0 <= first < end <= MINUTES_PER_DAY:
        raise ValueError(f"no window of one UTC day: {hours!r}")
    return first, end


def _minute(time: str) -> int:
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)
