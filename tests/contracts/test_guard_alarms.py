"""What people are told of alarms, and what is held back: in memory and on DynamoDB (moto) alike."""

from __future__ import annotations

from typing import Any

from shared.domain.notices import AlarmChange, AlarmTold
from tests.contracts.guards import BURNS, OF_BUDGET, PAGE, SMOULDERS, MadeGuard
from tests.contracts.test_budget_admin import HOUR, client, make
from tests.contracts.test_guard import AT, USD, made, ten_dollars

__all__ = ["client", "made", "make"]

HOUR_MS = HOUR * 1000


def test_an_alarm_is_told_once_and_cleared_once(made: MadeGuard) -> None:
    day = made()
    assert day.alarm("ALARM", AT) == ["Alarm: latency"]
    assert "docs/runbook.md#latency" in day.last.text
    assert day.alarm("ALARM", AT) == []
    day.bench.time[0] += HOUR
    assert day.check() == [], "it is still on, as people know"
    assert day.alarm("OK", AT + HOUR_MS) == ["All clear: latency"], "at once after a quiet hour"
    assert "it went off at 2026-11-22 12:00 UTC" in day.last.text
    assert day.alarm("OK", AT + HOUR_MS) == []
    assert day.alarm("ALARM", AT) == [], "delivered again, late"
    assert day.alarm("ALARM", AT + HOUR_MS + 1) == ["Alarm: latency"], "people thought all was well"


def test_an_end_within_the_hour_is_held_back_and_told_at_its_end(made: MadeGuard) -> None:
    day = made()
    day.alarm("ALARM", AT)
    assert day.alarm("OK", AT + 60_000) == []
    day.bench.time[0] += HOUR - 1
    assert day.check() == []
    day.bench.time[0] += 1
    assert day.check() == ["All clear: latency"]
    assert day.check() == []


def test_an_alarm_that_comes_and_goes_is_told_once_an_hour_with_how_often(made: MadeGuard) -> None:
    day = made()
    heard = []
    for minute in range(0, 180, 10):
        at = AT + minute * 60_000
        heard += day.alarm("ALARM", at) + day.alarm("OK", at + 300_000)
        day.bench.time[0] += 600
        heard += day.check()
    assert heard == [
        "Alarm: latency",
        "All clear: latency went off 5 times more",
        "Alarm: latency went off 6 times",
        "Alarm: latency went off 6 times",
    ]
    told = [n for m, _ in day.people[0].heard for n in m.facts["notices"]]
    assert sum(each["went_off"] for each in told) == 18, "none is lost"
    assert "It is over since" in day.last.text


def test_what_is_still_on_when_the_hour_is_over_is_told(made: MadeGuard) -> None:
    day = made()
    for state, at in (("ALARM", 0), ("OK", 1), ("ALARM", 2), ("OK", 3), ("ALARM", 4)):
        day.alarm(state, AT + at)
    day.bench.time[0] += HOUR
    assert day.check() == ["Alarm: latency went off 2 times more"]
    assert "docs/runbook.md#latency" in day.last.text
    assert day.last.facts["notices"][0]["state"] == "ALARM"


def test_burn_rates_of_one_incident_are_told_together(made: MadeGuard) -> None:
    day = made()
    burning = [f"burn-day-{each}" for each in ("30m", "2h", "8h")]
    assert day.alarm("ALARM", AT, name=burning[0], says=BURNS) == [f"Alarm: {burning[0]}"]
    for number, name in enumerate(burning[1:], 1):
        assert day.alarm("ALARM", AT + number, name=name, says=BURNS) == []
    assert day.alarm("ALARM", AT) == ["Alarm: latency"], "another alarm is another incident"
    day.bench.time[0] += HOUR
    assert day.check() == [f"Alarm: {burning[1]} and 1 more"]
    for name in burning:
        assert day.alarm("OK", AT + 60_000, name=name, says=BURNS) == []
    day.bench.time[0] += HOUR
    assert day.check() == [f"All clear: {burning[0]} and 2 more"]


def test_a_page_is_not_held_back_by_a_ticket(made: MadeGuard) -> None:
    day = made()
    assert day.alarm("ALARM", AT, name="burn-day-8h", says=SMOULDERS) == ["Alarm: burn-day-8h"]
    assert day.alarm("ALARM", AT, name="burn-month-3d", says=SMOULDERS) == []
    assert day.alarm("ALARM", AT, name="burn-day-30m", says=BURNS) == [
        "Alarm: burn-day-30m and 1 more"
    ]
    assert day.alarm("ALARM", AT, name="burn-day-2h", says=BURNS) == []


def test_two_guards_that_hear_two_burn_rates_at_once_tell_one_incident_once(
    made: MadeGuard,
) -> None:
    day = made()
    write = day.notices.write
    others: list[Any] = []

    def overtaken(*arguments: Any) -> bool:
        if not others:
            others.append("is told")
            day.alarm("ALARM", AT, name="burn-day-2h", says=BURNS)
        done: bool = write(*arguments)
        return done

    day.notices.write = overtaken
    day.alarm("ALARM", AT, name="burn-day-30m", says=BURNS)
    assert day.heard == ["Alarm: burn-day-2h"]
    day.bench.time[0] += HOUR
    assert day.check() == ["Alarm: burn-day-30m"]


def test_a_lost_event_of_an_alarm_is_made_up_for_at_the_next_check(made: MadeGuard) -> None:
    day = made()
    assert day.alarm("ALARM", AT) == ["Alarm: latency"]
    day.bench.time[0] += HOUR
    day.states["latency"] = "OK"
    assert day.check() == ["All clear: latency"]
    assert day.alarm("OK", AT + 60_000) == [], "it came after all"
    day.states["latency"] = "ALARM"
    assert day.check() == [], "the event may still be on its way"
    day.bench.time[0] += 120
    assert day.check() == ["Alarm: latency"]
    assert day.check() == []
    assert day.alarm("ALARM", AT + 200_000) == []


def test_an_alarm_that_has_never_gone_off_is_not_written_down(made: MadeGuard) -> None:
    day = made()
    day.states = {"latency": "OK", "doubt": "INSUFFICIENT_DATA"}
    assert day.check() == []
    assert not any(isinstance(each, AlarmTold) for each in day.notices.told())
    assert {each.name for each in day.notices.told()} == {"audit", "gap"}


def test_an_alarm_whose_end_arrives_first_is_told_with_its_end(made: MadeGuard) -> None:
    day = made()
    assert day.alarm("OK", AT + 60_000) == []
    assert day.alarm("ALARM", AT) == ["Alarm: latency"]
    assert "It is over since 2026-11-22 12:01 UTC" in day.last.text
    assert day.alarm("ALARM", AT) == []


def test_what_never_went_off_needs_no_all_clear(made: MadeGuard) -> None:
    day = made()
    assert day.alarm("OK", AT) == []
    assert day.alarm("INSUFFICIENT_DATA", AT + 1) == []


def test_an_alarm_of_a_budget_only_wakes_the_guard_which_asks_the_ledger(made: MadeGuard) -> None:
    day = ten_dollars(made)
    assert day.alarm("ALARM", AT, name="budget-day-80", says=OF_BUDGET) == []
    for _ in range(8):
        day.bench.spend(USD)
    assert day.alarm("ALARM", AT + 1, name="budget-day-80", says=OF_BUDGET) == [
        "environment:day has reached 80 %"
    ]
    assert day.check() == []


def test_an_alarm_about_spending_says_who_spends_and_which_budgets_are_tight(
    made: MadeGuard,
) -> None:
    day = ten_dollars(made)
    day.bench.spend(USD)
    assert day.alarm("ALARM", AT, name="burn-day-30m", says=BURNS) == ["Alarm: burn-day-30m"]
    assert "By key: search.1f $1 (new)" in day.last.text
    assert "environment:day: 10.0 % of $10, step normal" in day.last.text


def test_what_one_batch_of_events_finds_over_several_incidents_is_one_message(
    made: MadeGuard,
) -> None:
    day = made()
    changes = [
        AlarmChange("latency", "ALARM", AT, PAGE, "3 points"),
        AlarmChange("burn-day-8h", "ALARM", AT, SMOULDERS, "3 points"),
        AlarmChange("burn-day-30m", "ALARM", AT, BURNS, "3 points"),
    ]
    assert day.guard.alarms(changes).messages == 1
    assert day.heard == ["Alarm: burn-day-30m and 2 more"], "pages first"
    for name in ("latency", "burn-day-30m"):
        day.alarm("OK", AT + 60_000, name=name, says=PAGE if name == "latency" else BURNS)
    day.bench.time[0] += HOUR
    assert day.check() == ["All clear: burn-day-30m and 1 more"]
