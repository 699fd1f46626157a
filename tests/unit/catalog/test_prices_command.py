"""``sluice prices``, for people and for programs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from cli import prices
from cli.price_compiler import NotInstalled, render
from shared.catalog import files
from shared.catalog.models import model_rows
from shared.catalog.rows import PriceTable

COMMITTED: PriceTable = files.read(files.PRICE_TABLE, PriceTable)


def test_a_written_fact_that_genai_prices_has_too_is_pointed_out() -> None:
    rows = [row for row in model_rows() if row.id == "gpt-6-luna"]
    discount = next(row.batch for row in model_rows() if row.batch is not None)
    rows[0] = msgspec.structs.replace(rows[0], batch=discount)
    assert "still needed" in next(prices.needless(rows, COMMITTED))
    assert list(prices.needless(model_rows(), COMMITTED)) == []


def test_prices_are_stale_after_thirty_days() -> None:
    fresh = list(prices.stale(COMMITTED.checked + timedelta(days=30)))
    assert not any("gpt-6-luna" in each for each in fresh)
    assert any(
        "gpt-6-luna" in each for each in prices.stale(COMMITTED.checked + timedelta(days=31))
    )


def test_compiling_without_genai_prices_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise NotInstalled

    monkeypatch.setattr(prices, "installed", missing)
    for command in ("compile", "check"):
        result = CliRunner().invoke(prices.app, [command])
        assert result.exit_code == 1
        assert "make install" in result.stderr
    assert files.read(files.PRICE_TABLE, PriceTable) == COMMITTED


def test_prices_are_shown_for_people_and_for_programs() -> None:
    shown = CliRunner().invoke(prices.app, ["show"])
    assert "0.1 / 0.01 / 0.125 / 0.25 / 0.5" in shown.stdout
    rows = msgspec.json.decode(CliRunner().invoke(prices.app, ["show", "--json"]).stdout)
    luna = next(row for row in rows if row["model"] == "gpt-6-luna")
    assert luna["cache_write_long"] == "0.25"
    assert luna["batch"] is True


def test_one_model_is_shown_with_its_dated_rows_and_sources() -> None:
    text = CliRunner().invoke(prices.app, ["show", "deepseek-flash", "--json"]).stdout
    off_peak, peak = msgspec.json.decode(text)
    assert off_peak["peak_hours"] == []
    assert peak["peak_hours"] == ["01:00-04:00", "06:00-10:00"]
    assert peak["source"].startswith("https://api-docs.deepseek.com/")
    assert CliRunner().invoke(prices.app, ["show", "gpt-0"]).exit_code == 2


def test_checking_fails_with_each_difference_and_passes_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh: PriceTable = msgspec.json.decode(render(COMMITTED), type=PriceTable)
    monkeypatch.setattr(prices, "_fresh", lambda _: fresh)
    monkeypatch.setattr(prices, "stale", lambda _: iter(()))
    assert CliRunner().invoke(prices.app, ["check"]).exit_code == 0
    luna = fresh.models["openai:gpt-6-luna"]
    luna.rows[0] = msgspec.structs.replace(luna.rows[0], input=123)
    result = CliRunner().invoke(prices.app, ["check"])
    assert result.exit_code == 1
    assert "openai:gpt-6-luna differs" in result.stdout


@pytest.mark.parametrize(("version", "checked"), [("1", "2026-11-22"), ("2", "2026-12-24")])
def test_the_date_of_the_check_moves_only_with_a_new_genai_prices(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, checked: str
) -> None:
    table = tmp_path / "table.json"
    old = PriceTable(genai_prices="1", checked=date(2026, 11, 22), models={})
    table.write_text(render(old), encoding="utf-8")
    monkeypatch.setattr(prices, "TABLE_FILE", table)
    monkeypatch.setattr(prices, "installed", lambda: ([], version))
    monkeypatch.setattr(prices, "model_rows", list)
    assert prices._fresh(date(2026, 12, 24)).checked == date.fromisoformat(checked)
