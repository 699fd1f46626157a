"""What people are told, and how often: on the ledger in memory and on DynamoDB (moto) alike."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from shared.domain.budgets.changes import Raise, SetTerms
from shared.domain.budgets.seeds import Seed
from shared.domain.errors import StoreUnavailable
from shared.domain.money import NANO_PER_USD
from shared.domain.notices.message import GIVE_UP_SECONDS, LEASE_SECONDS, NotTaken
from shared.usecases.guarding.daily_audit import DailyAudit
from tests.contracts.guards import BURNS, Guarded, MadeGuard, People, guarded
from tests.contracts.operators import DAY, KEY, NOON, TEAM, settled
from tests.contracts.test_budget_admin import HOUR, Made, client, make
from tests.contracts.test_budget_audit import spoil, with_day

__all__ = ["client", "make"]

USD = NANO_PER_USD
AT = int(NOON * 1000)


class Unreadable:
    """``Spenders`` of a table that does not answer."""

    def spent(self, *_: Any) -> Any:
        raise StoreUnavailable("ledger")


@pytest.fixture
def made(make: Made) -> MadeGuard:
    return lambda **seeds: guarded(make(**seeds))


def ten_dollars(made: MadeGuard) -> Guarded:
    """An environment of $10 a day that hardly steps down before it stops."""
    found = made(environment=Seed(day_usd="10", on_limit="stop"))
    found.bench.budgets.change("environment", SetTerms(ladder=(99, 99, 99)), "")
    return found


def test_each_threshold_is_told_once_as_the_day_fills(made: MadeGuard) -> None:
    day = ten_dollars(made)
    assert day.check() == []
    told = []
    for _ in range(10):
        day.bench.spend(USD)
        told += [day.check(), day.check()]
    assert [each for each in told if each] == [
        ["environment:day has reached 50 %"],
        ["environment:day has reached 80 %"],
        ["environment:day is used up"],
    ]


def test_a_threshold_that_is_leapt_over_is_not_told_afterwards(made: MadeGuard) -> None:
    day = ten_dollars(made)
    for _ in range(9):
        day.bench.spend(USD)
    assert day.check() == ["environment:day has reached 80 %"]
    assert day.check() == []


def test_a_budget_that_serves_only_the_cache_is_used_up_whatever_is_left(made: MadeGuard) -> None:
    day = made(team=Seed(day_usd="10"))
    for _ in range(19):
        day.bench.spend(USD // 2)
    assert day.check() == ["team:search:day is used up"]
    served = "only answers from the cache and calls with a deadline are served"
    assert f"95.0 %. Step batch_only: {served}." in day.last.text


def test_thresholds_follow_a_raise_and_are_told_again_under_the_new_cap(made: MadeGuard) -> None:
    day = ten_dollars(made)
    for _ in range(8):
        day.bench.spend(USD)
    assert day.check() == ["environment:day has reached 80 %"]
    day.bench.budgets.change("environment", Raise("day", 10 * USD, int(NOON) + 8 * HOUR), "")
    assert day.check() == ["All clear: environment:day is back under 80 %"]
    assert day.check() == []
    for _ in range(2):
        day.bench.spend(USD)
    assert day.check() == ["environment:day has reached 50 %"]
    for _ in range(6):
        day.bench.spend(USD)
    assert day.check() == ["environment:day has reached 80 %"]
    assert "of $20 ($10 of it a raise): 80.0 %" in day.last.text


def test_a_new_day_clears_what_was_told_and_begins_anew(made: MadeGuard) -> None:
    day = ten_dollars(made)
    for _ in range(8):
        day.bench.spend(USD)
    day.check()
    day.bench.time[0] += 24 * HOUR
    assert day.check() == ["All clear: environment:day begins anew (2026-11-23)"]
    assert day.check() == []
    for _ in range(5):
        day.bench.spend(USD)
    assert day.check() == ["environment:day has reached 50 %"]
    day.bench.time[0] += 24 * HOUR
    assert day.check() == [], "that half was spent needs no all-clear"


def test_all_clears_of_keys_for_a_new_day_are_one_line(
    made: MadeGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.usecases.guarding.budgets.TOGETHER", 1)
    day = made(team=Seed(day_usd="10"), key=Seed(day_usd="2"))
    keys = [dataclasses.replace(KEY, key_id=f"search.{n}", digest=f"{n}" * 64) for n in range(4)]
    for key in keys:
        day.bench.keys.create(key)
        day.bench.spend(2 * USD, key=key)
    day.check()
    day.bench.time[0] += 24 * HOUR
    begun = "2026-11-23"
    assert day.check() == [f"All clear: team:search:day begins anew ({begun}) and 1 more"]
    line = f"All clear: 4 budgets of keys begin anew ({begun})\nkey:search.0:day, key:search.1:day"
    assert line in day.last.text
    assert [each["budget"] for each in day.last.facts["notices"]] == [
        "team:search:day",
        *(f"key:search.{n}:day" for n in range(4)),
    ]
    assert day.check() == []


def test_a_month_is_told_of_apart_from_its_days(made: MadeGuard) -> None:
    day = made(environment=Seed(month_usd="10", on_limit="stop"))
    for _ in range(8):
        day.bench.spend(USD)
    assert day.check() == ["environment:month has reached 80 %"]
    assert "--period month" in day.last.text
    day.bench.time[0] += 24 * HOUR
    assert day.check() == []


def test_teams_and_keys_are_told_of_without_an_alarm_and_together(made: MadeGuard) -> None:
    day = made(environment=Seed(day_usd="100"), team=Seed(day_usd="10"), key=Seed(day_usd="10"))
    for _ in range(5):
        day.bench.spend(USD)
    assert day.check() == ["team:search:day has reached 50 %"]
    for _ in range(3):
        day.bench.spend(USD)
    assert day.check() == ["team:search:day has reached 80 % and 1 more"]
    assert [each["budget"] for each in day.last.facts["notices"]] == [
        "team:search:day",
        f"key:{KEY.key_id}:day",
    ]


def test_an_uncapped_budget_is_told_of_once_it_has_a_cap(made: MadeGuard) -> None:
    day = made()
    day.bench.spend(8 * USD)
    assert day.check() == []
    day.bench.budgets.change("team:search", SetTerms(day=10 * USD), "")
    assert day.check() == ["team:search:day has reached 80 %"]
    day.bench.budgets.change("team:search", SetTerms(day=10**18), "")
    assert day.check() == ["All clear: team:search:day is back under 80 %"]


def test_a_message_says_who_spent_it_what_will_be_and_what_to_type(made: MadeGuard) -> None:
    day = ten_dollars(made)
    for _ in range(2):
        day.bench.spend(USD)
    day.bench.time[0] += HOUR + 60
    for _ in range(3):
        day.bench.spend(USD)
    day.check()
    lines = day.last.text.splitlines()
    assert lines == [
        "environment:day has reached 50 %",
        "Spent $5 and held $0 of $10: 50.0 %. Step normal: everything is served.",
        "The last hour spent $3; if that goes on, nothing is left by 2026-11-22 14:41 UTC. "
        "It begins anew at 2026-11-23T00:00:00Z.",
        "By key: search.1f $3 (+50 %)",
        "By feature: (none) $3 (+50 %)",
        "By model: gpt-6-luna $3 (+50 %)",
        "Next:",
        "  sluice budget show environment --stack dev",
        '  sluice budget raise environment --by 2 --for 4h --reason "…" --stack dev',
        "Runbook: docs/runbook.md#budget-50",
    ]
    [facts] = day.last.facts["notices"]
    assert (facts["spent_usd"], facts["cap_usd"], facts["threshold_percent"]) == ("5", "10", 50)
    assert facts["top"]["key"] == [{"name": "search.1f", "usd": "3", "before_usd": "2"}]
    day.bench.spend(3 * USD)
    day.check()
    freeze = '  sluice budget freeze key:search.1f --reason "…" --stack dev'
    assert [each for each in day.last.text.splitlines() if "freeze" in each] == [freeze]


def test_messages_link_to_the_runbook_where_its_address_is_known(made: MadeGuard) -> None:
    day = ten_dollars(made)
    day.runbook = "https://wiki.example.com/runbook"
    for _ in range(5):
        day.bench.spend(USD)
    day.check()
    assert day.last.text.splitlines()[-1] == "Runbook: https://wiki.example.com/runbook#budget-50"
    [facts] = day.last.facts["notices"]
    assert facts["runbook"] == "https://wiki.example.com/runbook#budget-50"


def test_people_are_told_without_who_spent_it_where_that_cannot_be_read(made: MadeGuard) -> None:
    day = ten_dollars(made)
    day.spenders = Unreadable()
    for _ in range(8):
        day.bench.spend(USD)
    assert day.check() == ["environment:day has reached 80 %"]
    assert "Who spent it could not be read in time." in day.last.text
    assert "sluice usage --by key,model --since 1h --stack dev" in day.last.text
    assert "sluice budget raise environment" in day.last.text
    [facts] = day.last.facts["notices"]
    assert (facts["spent_usd"], facts["last_hour_usd"], facts["top"]) == ("8", None, None)
    assert day.alarm("ALARM", AT, name="burn-day-30m", says=BURNS) == ["Alarm: burn-day-30m"]
    assert "environment:day: 80.0 % of $10" in day.last.text
    assert [what for what, _ in day.meter.troubles] == ["spenders_unread"] * 2


def test_spenders_are_read_once_for_all_that_is_told_together(
    made: MadeGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.usecases.guarding.budgets.TOGETHER", 1)
    day = made(environment=Seed(day_usd="10", on_limit="stop"), team=Seed(day_usd="10"))
    day.bench.spend(5 * USD)
    read = day.spenders.spent
    asked: list[Any] = []

    def counting(*arguments: Any) -> Any:
        asked.append(arguments)
        return read(*arguments)

    day.spenders.spent = counting
    assert len(day.check()) == 2
    assert len(asked) == 1


def test_what_another_service_publishes_is_passed_on_once(made: MadeGuard) -> None:
    day = made()
    for _ in range(2):
        day.guard.relay("AWS Budgets: aws-bill", "You have spent 80 %.", "sns-1", NOON)
    assert day.heard == ["AWS Budgets: aws-bill"]


def test_a_channel_that_fails_is_tried_again_and_the_others_are_not(made: MadeGuard) -> None:
    day = ten_dollars(made)
    chat = People("webhook:chat")
    chat.troubles = [NotTaken("status 400", may_have_arrived=False)]
    day.people.append(chat)
    day.bench.spend(5 * USD)
    day.check()
    assert (len(day.people[0].heard), len(chat.heard)) == (1, 0)
    day.check()
    assert chat.heard == [], "not at once again"
    day.bench.time[0] += 120
    day.check()
    assert (len(day.people[0].heard), len(chat.heard)) == (1, 1)
    assert [is_repeat for _, is_repeat in chat.heard] == [False]
    [(what, facts)] = day.meter.troubles
    assert (what, facts["channel"], facts["reason"]) == (
        "undelivered", "webhook:chat", "status 400",
    )  # fmt: skip


def test_a_channel_that_never_answered_gets_the_message_again_and_is_told_so(
    made: MadeGuard,
) -> None:
    day = ten_dollars(made)
    day.people[0].troubles = [NotTaken("ReadTimeoutError", may_have_arrived=True)]
    day.bench.spend(5 * USD)
    day.check()
    day.bench.time[0] += 120
    day.check()
    assert [is_repeat for _, is_repeat in day.people[0].heard] == [True]


def test_a_message_that_nobody_takes_is_counted_and_given_up_after_a_day(made: MadeGuard) -> None:
    day = ten_dollars(made)
    day.people[0].troubles = [NotTaken("status 500", may_have_arrived=True)] * 5
    day.bench.spend(5 * USD)
    for minutes in (2, 4, 8, 1):
        day.check()
        day.bench.time[0] += minutes * 60
    assert day.meter.undelivereds == [0, 0, 1, 1]
    day.check()
    day.check()
    assert day.meter.undelivereds[4:] == [1, 1], "at every look, while it rests until its next try"
    day.bench.time[0] += GIVE_UP_SECONDS
    day.check()
    assert day.meter.undelivereds[-1] == 1
    [kept] = day.notices.messages("2026-11")
    assert kept.progress.status == "undelivered"
    day.check()
    assert day.meter.undelivereds[-1] == 0


def test_a_sender_that_died_leaves_its_message_to_the_next_after_its_lease(
    made: MadeGuard,
) -> None:
    day = ten_dollars(made)
    day.people[0].troubles = [KeyboardInterrupt()]
    day.bench.spend(5 * USD)
    with pytest.raises(KeyboardInterrupt):
        day.check()
    assert day.check() == [], "the lease may be held by one that lives"
    day.bench.time[0] += LEASE_SECONDS
    assert day.check() == ["environment:day has reached 50 %"]
    assert day.people[0].heard[0][1] is True


def test_a_channel_that_fails_is_left_alone_for_the_rest_of_a_round(made: MadeGuard) -> None:
    day = made()
    day.people[0].troubles = [NotTaken("ReadTimeoutError", may_have_arrived=True)] * 2
    for number in range(3):
        day.guard.relay(f"news {number}", "text", f"sns-{number}", NOON + number)
        day.people[0].troubles = [NotTaken("ReadTimeoutError", may_have_arrived=True)]
    day.bench.time[0] += 120
    troubles = len(day.meter.troubles)
    day.check()
    assert len(day.meter.troubles) == troubles + 1, "one try, not three"
    day.bench.time[0] += 240
    assert day.check() == ["news 2", "news 1", "news 0"], "the newest first"


def test_messages_are_kept_with_who_got_them(made: MadeGuard) -> None:
    day = ten_dollars(made)
    day.people.append(People("webhook:chat"))
    day.bench.spend(5 * USD)
    day.check()
    [kept] = day.notices.messages("2026-11")
    assert kept.progress.status == "sent"
    assert kept.progress.sent == {"people", "webhook:chat"}
    assert kept.text == day.last.text
    assert day.notices.pending() == []


def test_two_guards_that_see_the_same_tell_it_once(made: MadeGuard) -> None:
    day = ten_dollars(made)
    day.bench.spend(5 * USD)
    told, write = day.notices.told, day.notices.write
    others: list[Any] = []

    def overtaken(*arguments: Any) -> bool:
        if not others:
            others.append("is told")
            day.guard.check()
        done: bool = write(*arguments)
        return done

    day.notices.write = overtaken
    day.check()
    assert day.heard == ["environment:day has reached 50 %"]
    assert len(told()) == 3, "the budget, and that both audits are waited for"


def test_what_expired_is_charged_and_measured(made: MadeGuard) -> None:
    day = ten_dollars(made)
    day.bench.reserve(USD, KEY)
    day.bench.time[0] += 961
    day.check()
    assert day.bench.charges == [USD]
    assert day.bench.budget(TEAM).day.doubt == USD


def test_a_daily_audit_measures_the_gap_between_rows_and_metrics(made: MadeGuard) -> None:
    day = made()
    day.bench.spend(10 * USD)
    day.bench.time[0] += 12 * HOUR + 20 * 60
    day.bench.spend(5 * USD)
    for metrics, permille in ((10 * USD, 0), (9_951_000_000, 0), (9 * USD, 100), (12 * USD, 200)):
        day.metrics_nano = metrics
        assert day.gap() == permille
    assert day.meter.gaps == [0, 0, 100, 200]
    whole_day = (NOON - 12 * HOUR, NOON + 12 * HOUR)
    assert set(day.metrics_asked) == {whole_day}, "its last ten minutes too"
    assert day.heard == []


def test_a_gap_counts_what_was_settled_late_on_the_day_of_its_settlement(made: MadeGuard) -> None:
    day = made()
    day.bench.spend(10 * USD)
    opened = day.bench.reserve(9 * USD)
    day.bench.time[0] += 14 * HOUR
    day.metrics_nano = 10 * USD
    assert day.gap() == 0, "what was only held by then is no cost of the day"
    day.bench.sweep()
    day.bench.holding.settle_later(opened.hold, settled(3 * USD))
    day.bench.time[0] += 24 * HOUR
    day.metrics_nano = 3 * USD
    assert day.gap() == 0
    assert sum(day.bench.charges) == 0, "charged in full, and given back"


def test_every_day_since_the_last_comparison_is_compared(made: MadeGuard) -> None:
    day = made()
    day.bench.spend(10 * USD)
    day.bench.time[0] += 14 * HOUR
    day.metrics_nano = 10 * USD
    assert day.gap() == 0
    day.bench.spend(2 * USD)
    day.bench.time[0] += 24 * HOUR
    day.bench.spend(10 * USD)
    day.bench.time[0] += 24 * HOUR
    assert day.gap() == 4000, "two days were over, and the first of them cost $2 by its rows"
    begun = [since for since, _ in day.metrics_asked]
    assert begun == [NOON - 12 * HOUR, NOON + 12 * HOUR, NOON + 36 * HOUR]
    day.bench.time[0] += 30 * 24 * HOUR
    day.gap()
    assert len(day.metrics_asked) == 10, "a week at most"


def test_what_is_held_is_not_left(made: MadeGuard) -> None:
    day = ten_dollars(made)
    day.bench.spend(5 * USD)
    day.bench.reserve(3 * USD)
    day.check()
    assert "if that goes on, nothing is left by 2026-11-22 12:24 UTC" in day.last.text


def test_an_audit_names_what_it_could_not_compare(made: MadeGuard) -> None:
    day = made()
    day.bench.spend(100)
    spoil(day.bench, with_day(day.bench.budget(TEAM), avail=1))
    late = DailyAudit(
        environment="dev",
        place=day.place,
        audit=lambda _: dataclasses.replace(day.bench.audit(DAY), moved_on=("environment",)),  # type: ignore[arg-type]
        price_age_days=lambda _: 7,
        notices=day.notices,
        delivery=day.delivery,
        meter=day.meter,
        clock=day.bench.clock,
    )
    late()
    assert "Not compared, since their next day has begun: environment.\n" in day.last.text
    assert day.last.facts["moved_on"] == ["environment"]


def test_books_that_do_not_add_up_are_told_once_a_day(made: MadeGuard) -> None:
    day = made()
    day.bench.spend(100)
    spoil(day.bench, with_day(day.bench.budget(TEAM), avail=1))
    for _ in range(2):
        day.audit()
    assert day.heard == [f"The books of {DAY} do not add up"]
    assert day.last.text.startswith("I2 team:search:day: its parts add up to")
    assert [what for what, _ in day.meter.troubles] == ["audit", "audit"]
    assert day.meter.audits[-1] == (1, 7)


def test_what_an_audit_found_is_given_up_a_day_after_it_was_written(made: MadeGuard) -> None:
    day = made()
    day.bench.spend(100)
    spoil(day.bench, with_day(day.bench.budget(TEAM), avail=1))
    day.bench.time[0] = NOON + 12 * HOUR - 600
    day.people[0].troubles = [NotTaken("status 500", may_have_arrived=False)]
    day.audit()
    day.bench.time[0] += 15 * 60
    day.check()
    assert day.heard == [f"The books of {DAY} do not add up"]


def test_people_are_told_before_a_sweep_that_fails_and_its_error_is_raised(
    made: MadeGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = ten_dollars(made)
    day.bench.spend(8 * USD)

    def failing(_: Any) -> Any:
        assert day.heard == ["environment:day has reached 80 %"]
        raise StoreUnavailable("ledger")

    monkeypatch.setattr("shared.usecases.budget_audit.Sweep.__call__", failing)
    with pytest.raises(StoreUnavailable):
        day.check()
    assert day.heard == ["environment:day has reached 80 %"]


def test_what_fails_first_keeps_nothing_else_from_being_done(
    made: MadeGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = ten_dollars(made)
    day.people[0].troubles = [NotTaken("status 500", may_have_arrived=False)]
    day.guard.relay("AWS Budgets", "You have spent 80 %.", "sns-1", NOON)
    day.bench.reserve(USD)
    day.bench.time[0] += 961

    def failing(_: Any) -> Any:
        raise StoreUnavailable("ledger")

    monkeypatch.setattr("shared.usecases.guarding.budgets.BudgetNews.tell", failing)
    with pytest.raises(StoreUnavailable):
        day.check()
    assert day.heard == ["AWS Budgets"], "delivered"
    assert day.bench.charges == [USD], "swept"
    assert ("check", {"error": "StoreUnavailable"}) in day.meter.troubles


def test_an_audit_that_does_not_come_is_measured_and_a_new_stack_waits_its_day(
    made: MadeGuard,
) -> None:
    day = made()
    day.check()
    assert day.meter.overdues == []
    for hours, overdue in ((24, 0), (25, 1), (30, 6)):
        day.bench.time[0] = NOON + hours * HOUR
        day.check()
        assert day.meter.overdues[-1] == overdue
    day.audit()
    day.check()
    assert day.meter.overdues[-1] == 6, "the gap of the day before is waited for too"
    day.gap()
    day.check()
    assert day.meter.overdues[-1] == 0
