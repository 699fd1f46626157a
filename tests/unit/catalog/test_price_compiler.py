"""The compiler of the price table, on models made up here and on the real genai-prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from math import ceil
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from cli import price_compiler
from cli.price_compiler import Uncompilable, compile_table, differences, render
from shared import catalog
from shared.catalog import files
from shared.catalog.models import model_rows
from shared.catalog.rows import CompiledPrice, PriceTable
from shared.domain.errors import UnpricedModel
from shared.domain.money import nano_from_pico
from shared.domain.prices import PriceRow, TokenCounts, Variant, price_at

TODAY = date(2026, 11, 22)
MAY = date(2026, 5, 1)
COMMITTED: PriceTable = files.read(files.PRICE_TABLE, PriceTable)


@dataclass
class FromDay:
    """Stands for genai-prices' ``StartDateConstraint``."""

    start_date: date

    def active(self, at: datetime) -> bool:
        return at.date() >= self.start_date


@dataclass
class FakeModel:
    """Answers as a genai-prices model does: the last active price counts, variants lie on top."""

    id: str
    prices: list[SimpleNamespace]
    price_variants: list[SimpleNamespace] = field(default_factory=list)

    def get_prices(self, at: datetime, context: Any = None) -> SimpleNamespace:
        found = [p for p in self.prices if p.constraint is None or p.constraint.active(at)][-1]
        resolved = dict(vars(found.prices))
        for variant in reversed(self.price_variants):
            begun = variant.constraint is None or variant.constraint.active(at)
            if begun and variant.when == context:
                resolved |= vars(variant.prices)
        return SimpleNamespace(**resolved)


def priced(constraint: Any = None, **amounts: Any) -> SimpleNamespace:
    return SimpleNamespace(constraint=constraint, prices=SimpleNamespace(**amounts))


def batched(constraint: Any = None, **amounts: Any) -> SimpleNamespace:
    return SimpleNamespace(
        when={"processing": "batch"}, constraint=constraint, prices=SimpleNamespace(**amounts)
    )


def tiered(base: str, start: int, price: str) -> SimpleNamespace:
    return SimpleNamespace(
        base=Decimal(base), tiers=[SimpleNamespace(start=start, price=Decimal(price))]
    )


def compiled(model: FakeModel) -> list[CompiledPrice]:
    provider = SimpleNamespace(id="p", pricing_urls=["https://p.example/prices"], models=[model])
    return compile_table(["p:m"], [provider], "1", TODAY).models["p:m"].rows


def test_amounts_become_picodollars_and_hosted_tools_are_left_out() -> None:
    model = FakeModel(
        "m",
        [
            priced(
                input_mtok=Decimal("0.1"), output_mtok=Decimal(5), web_searches_kcount=Decimal(10)
            )
        ],
    )
    assert compiled(model) == [CompiledPrice(input=100_000, output=5_000_000)]


def test_a_row_starts_on_each_day_on_which_the_price_changes() -> None:
    model = FakeModel(
        "m",
        [
            priced(input_mtok=Decimal(2), output_mtok=Decimal(3)),
            priced(FromDay(MAY), input_mtok=Decimal(1), output_mtok=Decimal(3)),
        ],
    )
    assert [(row.start, row.input) for row in compiled(model)] == [
        (None, 2_000_000),
        (MAY, 1_000_000),
    ]


def test_a_batch_starts_with_its_variant_and_keeps_what_the_variant_does_not_name() -> None:
    june = date(2026, 6, 1)
    model = FakeModel(
        "m",
        [
            priced(input_mtok=Decimal(2), cache_read_mtok=Decimal(1), output_mtok=Decimal(4)),
            priced(
                FromDay(june),
                input_mtok=Decimal(2),
                cache_read_mtok=Decimal(1),
                output_mtok=Decimal(8),
            ),
        ],
        [batched(FromDay(MAY), input_mtok=Decimal(1))],
    )
    batch = [row for row in compiled(model) if row.variant == "batch"]
    assert [(row.start, row.input, row.cache_read, row.output) for row in batch] == [
        (MAY, 1_000_000, 1_000_000, 4_000_000),
        (june, 1_000_000, 1_000_000, 8_000_000),
    ]


@pytest.mark.parametrize(
    ("start", "over", "at_least"), [(272_000, 272_000, None), (199_999, None, 200_000)]
)
def test_a_long_prompt_step_names_its_bound_as_the_provider_does(
    start: int, over: int | None, at_least: int | None
) -> None:
    model = FakeModel("m", [priced(input_mtok=tiered("1", start, "2"), output_mtok=Decimal(3))])
    (row,) = compiled(model)
    (step,) = row.long
    assert (step.over, step.at_least, step.input, step.output) == (
        over,
        at_least,
        2_000_000,
        3_000_000,
    )


def test_a_price_by_the_hour_is_refused() -> None:
    model = FakeModel("m", [priced(SimpleNamespace(start_time=1), input_mtok=Decimal(1))])
    with pytest.raises(Uncompilable, match="by hand"):
        compiled(model)


def test_a_price_that_the_table_cannot_hold_is_refused() -> None:
    model = FakeModel(
        "m",
        [priced(input_mtok=Decimal(1), output_mtok=Decimal(1), requests_kcount=Decimal(5))],
    )
    with pytest.raises(Uncompilable, match="requests_kcount"):
        compiled(model)


def test_a_model_that_genai_prices_lacks_is_refused() -> None:
    with pytest.raises(Uncompilable, match="p:other"):
        compile_table(["p:other"], [], "1", TODAY)


def test_the_table_reads_back_as_it_was_written() -> None:
    assert msgspec.json.decode(render(COMMITTED), type=PriceTable) == COMMITTED
    assert render(COMMITTED).encode() == files.content(files.PRICE_TABLE)


def test_tables_that_differ_are_told_apart_by_model_and_row() -> None:
    changed: PriceTable = msgspec.json.decode(render(COMMITTED), type=PriceTable)
    luna = changed.models["openai:gpt-6-luna"]
    luna.rows[0] = msgspec.structs.replace(luna.rows[0], input=123)
    del changed.models["openai:gpt-5"]
    found = list(differences(COMMITTED, changed))
    assert len(found) == 2
    assert "openai:gpt-5 is only in the committed table" in found
    assert any("openai:gpt-6-luna" in each and '"input": 123' in each for each in found)
    assert list(differences(COMMITTED, COMMITTED)) == []


@pytest.mark.skipif(find_spec("genai_prices") is None, reason="genai-prices is not installed")
def test_the_committed_table_is_what_the_compiler_makes() -> None:
    providers, version = price_compiler.installed()
    names = [row.genai for row in model_rows() if row.genai is not None]
    fresh = compile_table(names, providers, version, COMMITTED.checked)
    assert list(differences(COMMITTED, fresh)) == []
    assert render(fresh).encode() == files.content(files.PRICE_TABLE)


@pytest.mark.skipif(find_spec("genai_prices") is None, reason="genai-prices is not installed")
@pytest.mark.parametrize("prompt", [90_000, 200_000, 300_000])
@pytest.mark.parametrize("variant", ["standard", "batch"])
def test_compiled_prices_bill_as_genai_prices_does(prompt: int, variant: Variant) -> None:
    usage_of = import_module("genai_prices").Usage

    providers, _ = price_compiler.installed()
    at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    context = {"processing": "batch"} if variant == "batch" else None
    compared = 0
    for provider, model, id_here in theirs(providers):
        writes = 10_000 if model.get_prices(at).cache_write_mtok is not None else 0
        usage = usage_of(
            input_tokens=prompt,
            cache_read_tokens=20_000,
            cache_write_tokens=writes,
            output_tokens=777,
        )
        tokens = TokenCounts(prompt - 20_000 - writes, 20_000, writes, 777)
        bill = model.calc_price(
            usage, provider, genai_request_timestamp=at, price_context=context
        ).total_price
        row = ours(id_here, at, variant)
        if row is not None:
            assert nano_from_pico(row.applicable(prompt).pico(tokens)) == ceil(bill * 10**9)
            compared += 1
    assert compared >= 20


def theirs(providers: Sequence[Any]) -> Iterator[tuple[Any, Any, str]]:
    """Yield the models of genai-prices that the catalog compiles, and their ids here."""
    ids = {row.genai: row.id for row in model_rows() if row.genai is not None}
    for provider in providers:
        for model in provider.models:
            if f"{provider.id}:{model.id}" in ids:
                yield provider, model, ids[f"{provider.id}:{model.id}"]


def ours(model: str, at: datetime, variant: Variant) -> PriceRow | None:
    """Return our row, or None where ours is no compiled one or there is none."""
    known = catalog.load([]).priced[model]
    rows = [each.row for each in known.sourced if not each.written]
    try:
        return price_at(model, rows, at, variant)
    except UnpricedModel:
        return None
