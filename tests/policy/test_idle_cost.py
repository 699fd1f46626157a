from __future__ import annotations

import re

import pytest

from infra.alarm_table import ALARMS
from shared.domain.money import NANO_PER_USD
from shared.meters import METRICS
from tests.infra.bare import ENVIRONMENTS, ROOT, BareMocks, Stack, declared, run, run_with
from tests.policy.idle_cost import UnpricedError, charges, idle_nano, read_prices
from tests.policy.idle_cost_table import (
    FILE,
    OPTIONS,
    cents,
    metrics_nano,
    metrics_of,
    option_nano,
    render,
)
from tests.policy.twin import STACK, TWIN


def test_dev_costs_about_a_dollar_a_month_while_nobody_calls() -> None:
    # Two providers' secrets at $0.40, three alarms at $0.10, the queue's polling at $0.2628.
    assert idle_nano(declared("dev")) == 1_362_800_000
    assert idle_nano(declared("dev")) < 1.5 * NANO_PER_USD


def test_staging_and_prod_cost_what_their_settings_say() -> None:
    # Secrets 3 x 0.40, alarms' metrics 44 x 0.10, key 1.00, firewall 5.00 + 2 rules x 1.00,
    # dashboard 3.00, the queue's polling 0.2628.
    assert idle_nano(declared("staging")) == 16_862_800_000
    assert idle_nano(declared("prod")) == 16_862_800_000


def test_an_alarm_costs_as_much_as_the_metrics_it_is_computed_from() -> None:
    alarms = {row.name: len(row.metrics) for row in ALARMS}
    assert (alarms["budget-day-80"], alarms["burn-day-30m"]) == (1, 2)
    none, few, every = (run_with("dev", alarms=each) for each in ("none", "few", "all"))
    assert idle_nano(few) - idle_nano(none) == 3 * 100_000_000
    of_release = sum(len(row.metrics) for row in ALARMS if row.chosen == "release")
    watched = sum(alarms.values()) - of_release
    assert idle_nano(every) - idle_nano(none) == watched * 100_000_000 == 4_100_000_000


def test_custom_metrics_are_counted_with_every_value_of_their_dimensions() -> None:
    # 28 names alone; Requests and Latency by 3 tiers; calls and failures by 2 providers.
    assert len(METRICS) == 28
    assert metrics_of("prod") == 28 + 2 * 3 + 2 * 2
    assert metrics_nano("prod") == 38 * 300_000_000
    most = 12 * NANO_PER_USD
    assert all(metrics_nano(each) <= most for each in ENVIRONMENTS)


def test_a_snapshot_is_paid_by_the_memory_it_holds() -> None:
    half = run_with("dev", snap_start=True, memory_mb=512)
    whole = run_with("dev", snap_start=True, memory_mb=1024)
    # 0.0000015046 USD x 730 h x 3600 s, per GB.
    assert idle_nano(whole) - idle_nano(declared("dev")) == 3_954_088_800
    assert idle_nano(half) - idle_nano(declared("dev")) == 3_954_088_800 // 2


def test_a_declared_type_without_a_price_fails_and_is_named() -> None:
    careless = run(TWIN, STACK, BareMocks())
    with pytest.raises(UnpricedError, match="aws:s3/bucketAcl:BucketAcl"):
        charges(careless)


def test_no_price_is_kept_for_what_no_environment_can_declare() -> None:
    extras = {"aws_budget_usd": 50, "alarm_emails": ["on-call@example.com"]}
    everything: Stack = run_with("dev", **OPTIONS, **extras)
    kinds = {kind for kind, _ in everything.declared}
    prices = read_prices()
    assert {price.type for price in prices.price} | set(prices.parts) == kinds


def test_every_price_has_its_source_and_the_day_it_was_checked() -> None:
    for price in read_prices().price:
        assert price.source.startswith(("https://aws.amazon.com/", "https://docs.aws.amazon.com/"))
        assert price.checked.year >= 2026
        assert price.nano >= 0


def test_the_page_says_what_the_program_and_the_prices_say() -> None:
    assert FILE.read_text(encoding="utf-8") == render(), "run `make idle-cost`"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("setting", OPTIONS)
def test_a_stack_file_tells_beside_each_paid_setting_what_it_costs(
    environment: str, setting: str
) -> None:
    lines = (ROOT / f"Pulumi.{environment}.yaml").read_text(encoding="utf-8").splitlines()
    (place,) = [n for n, line in enumerate(lines) if f"sluice:{setting}:" in line]
    told = re.search(r"\$(\d+(?:\.\d\d)?)", lines[place - 1])
    assert told is not None
    assert f"{float(told[1]):.2f}" == cents(option_nano(environment, setting)).removeprefix("$")
