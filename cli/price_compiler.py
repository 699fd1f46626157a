"""Compiles the catalog's price table out of genai-prices, and says how the two differ.

genai-prices is read here only, when a person runs it; the functions never import it. A fact
that the table cannot hold is an error: such a model's rows are written by hand in
``models.toml``.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib import metadata
from typing import Any, Final

import msgspec

from shared.catalog.rows import CompiledModel, CompiledPrice, PriceTable, StepFields
from shared.domain.money import rate_from_usd_per_million

CLASSES: Final = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_long",
}
"""The prices of genai-prices that the table holds, and our names for them."""
UNUSED: Final = {
    "cache_audio_read_mtok",
    "input_audio_mtok",
    "output_audio_mtok",
    "storage_searches_kcount",
    "web_searches_kcount",
}
"""Prices of what no request through the gateway can buy: hosted tools and audio."""
BATCH: Final = {"processing": "batch"}
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NotInstalled(RuntimeError):
    """genai-prices is missing; says how to get it."""

    def __init__(self) -> None:
        super().__init__(
            "genai-prices is not installed here. It is part of the development dependencies: "
            "run `make install`, or `pip install genai-prices` into this environment."
        )


class Uncompilable(ValueError):
    """A model of genai-prices that the table cannot hold; names it and says why."""


def installed() -> tuple[Sequence[Any], str]:
    """Return the providers and the version of genai-prices; raises :class:`NotInstalled`."""
    try:
        data = importlib.import_module("genai_prices.data")
        return data.providers, metadata.version("genai-prices")
    except ModuleNotFoundError as error:
        raise NotInstalled from error


def compile_table(
    names: Iterable[str], providers: Sequence[Any], version: str, checked: date
) -> PriceTable:
    """Return the table of the named models, such as ``openai:gpt-6-luna``.

    Raises :class:`Uncompilable` for a model that is missing or does not fit.
    """
    models = {name: _model(name, providers) for name in sorted(set(names))}
    return PriceTable(genai_prices=version, checked=checked, models=models)


def render(table: PriceTable) -> str:
    """Return the table as JSON for people to read: one line a row, always in the same order."""
    models = ",\n".join(_render_model(name, model) for name, model in sorted(table.models.items()))
    head = {"genai_prices": table.genai_prices, "checked": table.checked.isoformat()}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    return "\n".join(["{", *lines, '  "models": {', models, "  }", "}", ""])


def differences(committed: PriceTable, fresh: PriceTable) -> Iterator[str]:
    """Yield a sentence for each model in which two tables differ."""
    if committed.genai_prices != fresh.genai_prices:
        yield f"the table is of genai-prices {committed.genai_prices}, not {fresh.genai_prices}"
    for name in sorted(committed.models.keys() | fresh.models.keys()):
        old, new = committed.models.get(name), fresh.models.get(name)
        if old is None or new is None:
            yield f"{name} is only in the {'fresh' if old is None else 'committed'} table"
        elif old != new:
            yield f"{name} differs: {_change(old, new)}"


def _model(name: str, providers: Sequence[Any]) -> CompiledModel:
    provider_id, _, model_id = name.partition(":")
    for provider in providers:
        for model in provider.models if provider.id == provider_id else ():
            if model.id == model_id:
                rows = [*_standard(name, model), *_batch(name, model)]
                return CompiledModel(source=provider.pricing_urls[0], rows=rows)
    raise Uncompilable(f"genai-prices has no model {name}")


def _standard(name: str, model: Any) -> Iterator[CompiledPrice]:
    for start in _starts(name, _conditions(model)):
        yield _row(name, model.get_prices(_moment(start)), start, "standard")


def _batch(name: str, model: Any) -> Iterator[CompiledPrice]:
    """Yield a row from each day on which the batch price or what it rests on changes."""
    variants = [each for each in model.price_variants or () if each.when == BATCH]
    if not variants:
        return
    offered = _starts(name, [each.constraint for each in variants])
    for start in _starts(name, [*(each.constraint for each in variants), *_conditions(model)]):
        if _moment(start) >= _moment(offered[0]):
            yield _row(name, model.get_prices(_moment(start), BATCH), start, "batch")


def _conditions(model: Any) -> list[Any]:
    prices = model.prices
    return [each.constraint for each in prices] if isinstance(prices, list) else [None]


def _starts(name: str, constraints: Iterable[Any]) -> list[date | None]:
    """Return the first days of dated prices in order; None stands for the first of all."""
    starts: set[date | None] = set()
    for constraint in constraints:
        if constraint is not None and not hasattr(constraint, "start_date"):
            raise Uncompilable(f"{name} has prices by the hour: write its rows by hand")
        starts.add(None if constraint is None else constraint.start_date)
    return sorted(starts, key=_moment)


def _moment(start: date | None) -> datetime:
    return _LONG_AGO if start is None else datetime.combine(start, time(), tzinfo=UTC)


def _row(name: str, price: Any, start: date | None, variant: str) -> CompiledPrice:
    amounts = {key: value for key, value in vars(price).items() if value is not None}
    if strange := sorted(amounts.keys() - CLASSES.keys() - UNUSED):
        raise Uncompilable(f"{name} has prices that the table cannot hold: {', '.join(strange)}")
    by_class = {CLASSES[key]: value for key, value in amounts.items() if key in CLASSES}
    bounds = sorted({tier.start for each in by_class.values() for tier in _tiers(each)})
    steps = [{**_bound(bound), **_rates(by_class, bound)} for bound in bounds]
    fields = {"start": start, "variant": variant, "long": steps, **_rates(by_class, -1)}
    return msgspec.convert(fields, CompiledPrice)


def _rates(by_class: Mapping[str, Any], above: int) -> dict[str, int]:
    """Return picodollars per token for prompts just over so many tokens."""
    return {key: _pico(_amount(value, above)) for key, value in by_class.items()}


def _amount(value: Any, above: int) -> Decimal:
    reached = [tier.price for tier in _tiers(value) if tier.start <= above]
    amount = reached[-1] if reached else getattr(value, "base", value)
    if not isinstance(amount, Decimal):
        raise Uncompilable(f"not an amount: {amount!r}")
    return amount


def _tiers(value: Any) -> Sequence[Any]:
    tiers: Sequence[Any] = getattr(value, "tiers", ())
    return tiers


def _bound(start: int) -> dict[str, int]:
    """Return a step's bound; genai-prices writes "200,000 or more" as "over 199,999"."""
    return {"from": start + 1} if start % 1_000 == 999 else {"over": start}


def _pico(amount: Decimal) -> int:
    return rate_from_usd_per_million(str(amount))


def _render_model(name: str, model: CompiledModel) -> str:
    rows = ",\n".join(f"        {json.dumps(_plain(row))}" for row in model.rows)
    head = f'    {json.dumps(name)}: {{\n      "source": {json.dumps(model.source)},\n'
    return f'{head}      "rows": [\n{rows}\n      ]\n    }}'


def _plain(row: CompiledPrice | StepFields[int]) -> dict[str, Any]:
    """Return a row without what it leaves out, its dates and bounds first."""
    fields = msgspec.to_builtins(row)
    order = ("start", "variant", "over", "from", *CLASSES.values())
    kept = {key: fields[key] for key in order if fields.get(key) is not None}
    if steps := getattr(row, "long", []):
        kept["long"] = [_plain(step) for step in steps]
    return kept


def _change(old: CompiledModel, new: CompiledModel) -> str:
    before = {json.dumps(_plain(row)) for row in old.rows}
    after = {json.dumps(_plain(row)) for row in new.rows}
    gone = [f"no longer {row}" for row in sorted(before - after)]
    come = [f"now {row}" for row in sorted(after - before)]
    return "; ".join([*gone, *come]) or f"its source is now {new.source}"
