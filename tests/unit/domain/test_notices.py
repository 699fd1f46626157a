"""What people are told, decided and worded: pure."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.budgets import NO_CAP, Budget, Counter
from shared.domain.budgets.scopes import slice_scope, team_scope
from shared.domain.money import NANO_PER_USD
from shared.domain.notices import AlarmChange, AlarmTold, BudgetTold, budget_notice, level_of
from shared.domain.notices.alarm_notices import NoAlarm, heard, parse_alarm
from shared.domain.notices.budget_notices import used_percent
from shared.domain.notices.incidents import IncidentTold, decide
from shared.domain.notices.message import LEASE_SECONDS, Message
from shared.domain.notices.spending import Spending, Spent, exhausted_at
from shared.domain.notices.wording import Place, Worded, alarm_worded, budget_worded

USD = NANO_PER_USD
NOON = 1_795_348_800.0
DAY = "2026-11-22"
PLACE = Place("--stack prod", "docs/runbook.md")
PAGE = "Something is wrong. [page] What to do: docs/runbook.md#latency"
patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PUBLISHED: dict[str, Any] = {
    "AlarmName": "sluice-dev-latency",
    "AlarmDescription": PAGE,
    "AWSAccountId": "123456789012",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 3 datapoints were greater than the threshold.",
    "StateChangeTime": "2026-11-22T12:00:00.123+0000",
    "Region": "US East (N. Virginia)",
    "OldStateValue": "OK",
    "Trigger": {"MetricName": "Latency", "Namespace": "Sluice"},
}


def budget(used: int, cap: int = 100, **terms: Any) -> Budget:
    """A team's budget of which so many dollars are spent."""
    limit = cap * USD if cap < NO_CAP else NO_CAP
    day = Counter(DAY, limit, limit - used * USD, spent=used * USD)
    month = Counter("2026-11", NO_CAP, NO_CAP - used * USD, spent=used * USD)
    scope = terms.pop("scope", team_scope("search"))
    return Budget(scope, day, month, **terms)


def filled(used: int) -> Worded:
    notice = budget_notice(budget(used, on_limit="stop"), "day", None)
    assert notice is not None
    row = Spent(NOON - 60, "search", "search.1f", "chat", "gpt-6-luna", USD)
    return budget_worded(notice, Spending(NOON, (row,)), PLACE)


def an_alarm() -> Worded:
    news = heard(AlarmChange("latency", "ALARM", int(NOON) * 1000, PAGE, "3 points"), None)
    assert news is not None
    return alarm_worded(news, PLACE)


@pytest.mark.parametrize(
    ("used", "terms", "level"),
    [
        (49, {}, 0),
        (50, {}, 50),
        (79, {}, 50),
        (80, {}, 80),
        (94, {}, 80),
        (95, {}, 100),  # nothing but the cache is served
        (95, {"on_limit": "stop"}, 80),
        (99, {"on_limit": "stop"}, 100),  # hardly any call fits
        (99, {"on_limit": "warn"}, 80),
        (100, {"on_limit": "warn"}, 100),
        (150, {"on_limit": "warn"}, 100),
        (95, {"ladder": (70, 98, 99)}, 80),
    ],
)
def test_the_last_threshold_is_reached_when_money_no_longer_buys_anything(
    used: int, terms: dict[str, Any], level: int
) -> None:
    assert level_of(budget(used, **terms), "day") == level


def test_what_has_no_cap_has_no_level() -> None:
    assert level_of(budget(99, cap=NO_CAP), "day") == 0
    assert used_percent(budget(99), "month") == 0


def test_a_soft_budget_may_be_used_by_more_than_all_of_it() -> None:
    assert used_percent(budget(150, on_limit="warn"), "day") == 150
    assert used_percent(budget(100), "day") == 100


def test_the_half_of_a_key_is_no_news() -> None:
    from shared.domain.budgets.scopes import key_scope

    assert level_of(budget(50, scope=key_scope("search", "d")), "day") == 0
    assert level_of(budget(50, scope=slice_scope(0)), "day") == 50


def test_a_counter_that_was_read_before_its_day_ended_tells_nothing_of_yesterday() -> None:
    told = BudgetTold("team:search", "day", "2026-11-23", 0, 4)
    assert budget_notice(budget(80), "day", told) is None


@patiently
@given(st.lists(st.tuples(st.integers(0, 120), st.sampled_from([50, 100, 200])), max_size=20))
def test_what_people_know_follows_the_budget_and_never_repeats_itself(
    history: list[tuple[int, int]],
) -> None:
    told: BudgetTold | None = None
    for used, cap in history:
        now = budget(used, cap)
        notice = budget_notice(now, "day", told)
        known = told.threshold if told else 0
        assert (notice is None) == (known == level_of(now, "day"))
        if notice is not None:
            assert notice.is_clear == (notice.threshold < known)
            told = notice.after
            assert budget_notice(now, "day", told) is None


def test_a_published_alarm_is_read() -> None:
    change = parse_alarm(json.dumps(PUBLISHED))
    assert change == AlarmChange(
        "sluice-dev-latency", "ALARM", 1_795_348_800_123, PAGE, PUBLISHED["NewStateReason"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AWS Budgets: you have spent a lot",
        "[]",
        "null",
        json.dumps({**PUBLISHED, "NewStateValue": "MAYBE"}),
        json.dumps({**PUBLISHED, "StateChangeTime": "today"}),
        json.dumps({key: value for key, value in PUBLISHED.items() if key != "AlarmName"}),
    ],
)
def test_what_is_no_alarm_is_told_apart(text: str) -> None:
    with pytest.raises(NoAlarm):
        parse_alarm(text)


@patiently
@given(st.data())
def test_of_alarms_in_any_order_and_number_the_last_state_is_known(data: st.DataObject) -> None:
    episodes = data.draw(st.integers(1, 4))
    history = [
        AlarmChange("latency", "ALARM" if number % 2 == 0 else "OK", 1000 + number, PAGE, "")
        for number in range(2 * episodes - data.draw(st.integers(0, 1)))
    ]
    again = data.draw(st.lists(st.sampled_from(history), max_size=5))
    told: AlarmTold | None = None
    for change in data.draw(st.permutations([*history, *again])):
        told = heard(change, told) or told
    assert told is not None
    assert told.is_off == (history[-1].state == "ALARM")
    assert 1 <= told.untold <= episodes


@patiently
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5000)), min_size=1, max_size=30))
def test_people_are_told_seldom_of_what_comes_and_goes_and_in_the_end_what_is_so(
    flaps: list[tuple[bool, int]],
) -> None:
    known: dict[str, AlarmTold] = {}
    quiet: IncidentTold | None = None
    told_at: list[float] = []
    now, firings, told = NOON, 0, 0

    def look(changes: list[AlarmChange]) -> None:
        nonlocal quiet, told
        decided = decide("latency", known, quiet, changes, now)
        if decided is None:
            return
        for row in decided.rows:
            assert row.version == (known[row.name].version if row.name in known else 0) + 1
            known[row.name] = row
        if decided.news:
            quiet = decided.incident
            told_at.append(now)
            told += sum(row.untold for row in decided.news)

    for is_off, seconds in flaps:
        was_off = "latency" in known and known["latency"].is_off
        believed = "latency" in known and known["latency"].told_off
        was_quiet = quiet is not None and now * 1000 < quiet.quiet_until
        look([AlarmChange("latency", "ALARM" if is_off else "OK", round(now * 1000), PAGE, "")])
        firings += is_off and not was_off
        if is_off and not was_off and not was_quiet:
            assert told_at[-1] == now, "a firing that nothing was told of is told at once"
            assert not believed or told == firings
        now += seconds
        look([])
    now += 3600
    look([])
    assert told == firings, "none is lost"
    assert not known["latency"].is_news
    for first, third in zip(told_at, told_at[2:], strict=False):
        assert third - first >= 3600, "a firing or what was held back, and an end"


def test_a_message_is_claimed_by_one_and_again_after_its_lease() -> None:
    message = Message("m1", NOON, "subject", "text", {})
    channels = frozenset({"people", "webhook:chat"})
    claimed = message.claimed(NOON, channels, "a")
    assert claimed is not None
    assert claimed.claimed(NOON + LEASE_SECONDS - 1, channels, "b") is None
    sent = claimed.delivered("people")
    again = sent.claimed(NOON + LEASE_SECONDS, channels, "b")
    assert again is not None
    assert again.progress.sent == {"people"}
    assert again.progress.open == {"webhook:chat"}
    done = again.delivered("webhook:chat").ended(NOON, channels)
    assert done.progress.status == "sent"
    assert done.claimed(NOON + 10**6, channels, "c") is None


def test_a_forecast_goes_by_the_last_hour() -> None:
    row = Spent(NOON - 60, "search", "search.1f", None, "gpt-6-luna", 10 * USD)
    old = dataclasses.replace(row, at=NOON - 4000)
    spending = Spending(NOON, (row, old))
    assert exhausted_at(budget(80), "day", spending) == NOON + 2 * 3600
    assert exhausted_at(budget(80), "month", spending) is None
    assert exhausted_at(budget(80), "day", Spending(NOON, (old,))) is None


def test_what_was_read_of_an_hour_is_scaled_to_one_and_is_the_least_that_was_spent() -> None:
    row = Spent(NOON - 60, "search", "search.1f", None, "gpt-6-luna", 10 * USD)
    quarter = Spending(NOON, (row,), cut_at=NOON - 900)
    assert (quarter.is_least, quarter.hourly_nano) == (True, 40 * USD)
    assert exhausted_at(budget(80), "day", quarter) == NOON + 1800
    assert [share.change for share in quarter.top("key")] == ["?"]
    whole_hour = Spending(NOON, (row,), cut_at=NOON - 4000)
    assert (whole_hour.is_least, whole_hour.hourly_nano) == (False, 10 * USD)


@pytest.mark.parametrize(
    ("last", "before", "change"),
    [(3, 2, "+50 %"), (1, 2, "-50 %"), (2, 2, "±0 %"), (1, 0, "new")],
)
def test_a_change_is_against_the_hour_before(last: int, before: int, change: str) -> None:
    rows = [
        Spent(at, "search", "search.1f", None, "m", nano * USD)
        for at, nano in ((NOON - 1, last), (NOON - 3601, before))
    ]
    [share] = Spending(NOON, tuple(rows)).top("key")
    assert share.change == change


def test_only_the_dearest_three_are_named() -> None:
    rows = [Spent(NOON, "t", f"t.{n}", f"f{n}", "m", n) for n in range(1, 6)]
    assert [share.name for share in Spending(NOON, tuple(rows)).top("key")] == ["t.5", "t.4", "t.3"]
