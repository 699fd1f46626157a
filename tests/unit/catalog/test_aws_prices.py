"""What a request costs at AWS, estimated from dated prices."""

from __future__ import annotations

from datetime import date

import pytest

from shared.catalog import files
from shared.catalog.aws_prices import load_own_cost
from shared.catalog.files import CatalogError

TODAY = date(2026, 11, 22)


def test_a_hit_of_20_milliseconds_is_worked_out_by_hand() -> None:
    # Lambda: 0.02 s x 0.5 GB x $13.3334 per million  =   133.334 nano-dollars, and 200 to begin
    # API Gateway 3,500; DynamoDB 5 x 125 + 8 x 625 = 5,625; log 1,500 bytes x 0.5 = 750
    cost = load_own_cost(TODAY).nano("hit", milliseconds=20, memory_mb=512)
    assert cost == 134 + 200 + 3_500 + 625 + 5_000 + 750


def test_waiting_costs_by_time_and_memory() -> None:
    own = load_own_cost(TODAY)
    short, long = (own.nano("miss", milliseconds=ms, memory_mb=1024) for ms in (0, 10_000))
    assert long - short == 133_334
    assert short == 200 + 3_500 + 625 + 21 * 625 + 750
    assert own.nano("uncached", milliseconds=0, memory_mb=1024) < short


def test_a_deferred_call_and_a_line_of_a_batch_are_worked_out_by_hand() -> None:
    own = load_own_cost(TODAY)
    # 0.09 s x 0.5 GB; two calls of 200 and 3,500; two messages of 400; 13 reads, 37 writes
    deferred = own.nano("deferred", milliseconds=0, memory_mb=512)
    assert deferred == 601 + 2 * 3_700 + 2 * 400 + 1_625 + 23_125 + 750
    # 0.015 s x 0.5 GB; no call of its own; 6 writes
    assert own.nano("batch_line", milliseconds=0, memory_mb=512) == 101 + 3_750 + 750


def test_a_day_before_a_price_is_refused_by_name() -> None:
    with pytest.raises(CatalogError, match="no price of lambda_gb_second on 2020-01-01"):
        load_own_cost(date(2020, 1, 1))


def test_a_later_row_holds_from_its_day_on(monkeypatch: pytest.MonkeyPatch) -> None:
    text = files.content(files.AWS_PRICES).decode()
    dearer = '[[price]]\nunit = "api_request"\nstart = 2027-01-01\nusd = "0.000004"\n'
    dearer += 'source = "s"\nchecked = 2026-11-22\n'
    monkeypatch.setattr(files, "content", lambda _: (text + dearer).encode())
    before, after = (load_own_cost(day).rates for day in (date(2026, 12, 31), date(2027, 1, 1)))
    assert (before["api_request"], after["api_request"]) == (3_500_000, 4_000_000)


def test_a_price_that_is_not_exact_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = files.content(files.AWS_PRICES).decode().replace("0.0000035", "0.00000350000001")
    monkeypatch.setattr(files, "content", lambda _: text.encode())
    with pytest.raises(CatalogError, match="api_request is not exact"):
        load_own_cost(TODAY)
