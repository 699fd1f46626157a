"""``sluice prices``: what models cost, where that is known from, and whether it still holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console

from cli.price_compiler import NotInstalled, Uncompilable, compile_table, differences, installed
from cli.price_compiler import render as render_table
from shared import catalog
from shared.catalog import CatalogError, Model
from shared.catalog.files import PRICE_TABLE
from shared.catalog.models import model_rows
from shared.catalog.rows import ModelRow, PriceTable
from shared.domain.errors import UnpricedModel
from shared.domain.prices import PriceRow, Rates

STALE_AFTER_DAYS: Final = 30
_CLASSES: Final = ("input", "cache_read", "cache_write", "cache_write_long", "output")
TABLE_FILE: Final = Path(catalog.__file__).with_name(PRICE_TABLE)

app = typer.Typer(help="Show, compile and check the prices of models.", no_args_is_help=True)
console = Console(highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(
    model: Annotated[str | None, typer.Argument(help="One model, with all its dated rows.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what models cost now, in USD per million tokens, or every row of one model."""
    try:
        facts = catalog.load(catalog.known_providers())
    except CatalogError as error:
        raise _refused(error) from None
    if model is not None and model not in facts.priced:
        raise typer.BadParameter(f"the catalog has no model {model!r}")
    rows = _now(facts.priced.values()) if model is None else _history(facts.priced[model])
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    _print(rows)
    age = facts.price_age_days(datetime.now(UTC))
    console.print(f"[dim]oldest check of a callable model: {age} days ago[/dim]")


@app.command("compile")
def compile_prices() -> None:
    """Compile the price table anew from the genai-prices that is installed."""
    try:
        fresh = _fresh(datetime.now(UTC).date())
    except (NotInstalled, Uncompilable, CatalogError) as error:
        raise _refused(error) from None
    TABLE_FILE.write_text(render_table(fresh), encoding="utf-8")
    console.print(f"{len(fresh.models)} models of genai-prices {fresh.genai_prices}")


@app.command()
def check() -> None:
    """List where the prices differ from genai-prices or are older than 30 days; 1 if any."""
    today = datetime.now(UTC).date()
    try:
        fresh, committed = _fresh(today), _committed()
        found = [*differences(committed, fresh), *needless(model_rows(), fresh), *stale(today)]
    except (NotInstalled, Uncompilable, CatalogError) as error:
        raise _refused(error) from None
    for finding in found:
        console.print(finding, soft_wrap=True)
    if found:
        raise typer.Exit(1)
    console.print("Every price is as genai-prices has it, or younger than 30 days.")


def needless(rows: Sequence[ModelRow], fresh: PriceTable) -> Iterator[str]:
    """Yield a sentence for each fact written by hand that the fresh table has too."""
    for row in rows:
        compiled = fresh.models[row.genai].rows if row.genai is not None else []
        if row.batch is not None and any(each.variant == "batch" for each in compiled):
            yield f"{row.id}: genai-prices has batch prices now: is `batch` still needed?"
        taken = {(each.variant, each.start or row.released) for each in compiled}
        for price in row.prices:
            if price.peak is None and (price.variant, price.start) in taken:
                yield f"{row.id}: the row of {price.start} hides one of genai-prices"


def stale(today: date) -> Iterator[str]:
    """Yield a sentence for each model in use whose newest prices were not checked lately."""
    facts = catalog.load(catalog.known_providers())
    for model in facts.models.values():
        age = (today - model.checked).days
        if age > STALE_AFTER_DAYS:
            yield f"{model.id}: prices were last checked {age} days ago, on {model.checked}"


def _fresh(today: date) -> PriceTable:
    """Compile; the date of the check moves only when genai-prices does."""
    providers, version = installed()
    old = _committed() if TABLE_FILE.exists() else None
    checked = old.checked if old is not None and old.genai_prices == version else today
    names = [row.genai for row in model_rows() if row.genai is not None]
    return compile_table(names, providers, version, checked)


def _committed() -> PriceTable:
    try:
        return msgspec.json.decode(TABLE_FILE.read_bytes(), type=PriceTable)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CatalogError(f"{PRICE_TABLE}: {error}") from error


def _now(models: Iterable[Model]) -> list[dict[str, Any]]:
    at = datetime.now(UTC)
    rows = []
    for model in models:
        row = model.price(at)
        facts = {"model": model.id, "provider": model.provider, "tier": model.tier}
        retired = model.retired.isoformat() if model.retired else None
        rows.append({**facts, **_facts(row), "batch": _has_batch(model, at), "retired": retired})
    return rows


def _history(model: Model) -> list[dict[str, Any]]:
    return [
        {
            **_facts(each.row),
            "variant": each.row.variant,
            "peak_hours": _hours(each.row),
            "source": each.source,
            "checked": each.checked.isoformat(),
        }
        for each in model.sourced
    ]


def _facts(row: PriceRow) -> dict[str, Any]:
    steps = {f"over {step.above}": _usd(step.rates) for step in row.long_prompts}
    return {"start": row.start.isoformat(), **_usd(row.rates), "long_prompts": steps}


def _usd(rates: Rates) -> dict[str, str]:
    """Return picodollars per token as USD per million tokens."""
    return {name: _million(getattr(rates, name)) for name in _CLASSES}


def _million(pico: int) -> str:
    whole, fraction = divmod(pico, 1_000_000)
    return f"{whole}.{fraction:06d}".rstrip("0").rstrip(".")


def _hours(row: PriceRow) -> list[str]:
    windows = row.peak.windows if row.peak is not None else ()
    return [
        f"{first // 60:02d}:{first % 60:02d}-{end // 60:02d}:{end % 60:02d}"
        for first, end in windows
    ]


def _has_batch(model: Model, at: datetime) -> bool:
    try:
        model.price(at, "batch")
    except UnpricedModel:
        return False
    return True


def _print(rows: Sequence[dict[str, Any]]) -> None:
    console.print(f"{'':<34}{'in / read / write / long write / out':<38}", soft_wrap=True)
    for row in rows:
        prices = " / ".join(row[name] for name in _CLASSES)
        line = f"{row.get('model', row['start']):<34}{prices:<38}{', '.join(_remarks(row))}"
        console.print(line.rstrip(), soft_wrap=True)


def _remarks(row: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(row[name]) for name in ("tier", "variant") if row.get(name))
    yield from row["long_prompts"]
    if row.get("batch"):
        yield "batch"
    if row.get("retired"):
        yield f"retired {row['retired']}"
    yield from row.get("peak_hours", ())


def _refused(error: Exception) -> typer.Exit:
    Console(stderr=True, highlight=False).print(f"[red]{error}[/red]", soft_wrap=True)
    return typer.Exit(1)
