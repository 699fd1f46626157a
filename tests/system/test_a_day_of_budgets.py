"""A day in fast-forward: what on-call hears while money runs out, is raised, and begins anew."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from shared.domain.budgets.changes import Raise, SetTerms
from shared.domain.money import NANO_PER_USD
from tests.system.guarded import CHECK_SECONDS, GuardedStack, guarded_stack

HOUR = 3600
PREFIX = "sluice-guarded-"
pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedStack]:
    with guarded_stack(tmp_path_factory.mktemp("day"), HOUR) as found:
        yield found


def budgets_told(day: GuardedStack) -> list[str]:
    """What people were told of budgets, one notice each, in order; from the webhook's facts."""
    told = []
    for post in day.webhooks():
        for notice in post["json"].get("notices", []):
            if notice["kind"] == "alarm" or "alarm" in notice:
                continue
            what = "clear" if notice["kind"] == "all_clear" else notice["threshold_percent"]
            told.append(f"{notice['budget']} {what}")
    return told


def alarms_told(day: GuardedStack) -> dict[str, tuple[int, bool]]:
    """How often people were told that each alarm went off, and whether it last was."""
    told: dict[str, tuple[int, bool]] = {}
    for post in day.webhooks():
        for notice in post["json"].get("notices", []):
            if "alarm" in notice:
                name = notice["alarm"].removeprefix(PREFIX)
                times, _ = told.get(name, (0, False))
                told[name] = (times + notice["went_off"], notice["state"] == "ALARM")
    return told


def alarms_gone_off(day: GuardedStack) -> dict[str, tuple[int, bool]]:
    """The same as the alarms themselves have it, of those that the guard tells of."""
    gone_off: dict[str, tuple[int, bool]] = {}
    for change in day.stack.look("/alarms/history"):
        name = change["name"].removeprefix(PREFIX)
        topics = [arn.rpartition("-")[2] for arn in change["told"]]
        if "alarms" not in topics or name.startswith("budget-day") or "budget-month" in name:
            continue
        times, _ = gone_off.get(name, (0, False))
        is_off = change["new"] == "ALARM"
        gone_off[name] = (times + is_off, is_off)
    return {name: found for name, found in gone_off.items() if found[0]}


def test_a_day_from_the_first_call_to_the_next_day(
    day: GuardedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert day.wait() == []
    day.fill(50)
    assert "environment:day has reached 50 % and 1 more" in day.wait()
    day.fill(80)
    assert "environment:day has reached 80 % and 1 more" in day.wait()
    day.fill(86)
    assert day.ask(400, model="auto")["x-sluice-tier"] == "nano", "the ladder's cheapest tier"
    assert day.refusal()["type"] == "budget_exceeded"

    day.budgets.change("team:demo", SetTerms(ladder=(70, 99, 99)), "to the end, then")
    # The most that a call may cost must fit, which is more than it does cost.
    day.fill(95, size=500)
    day.fill(98.5, model="gpt-6.1-terra")
    day.fill(99, size=400, model="gpt-6.1-terra")
    assert "environment:day is used up and 1 more" in day.wait()
    assert day.refusal(model="auto")["code"] == "budget_exceeded"

    until = int(day.stack.now()) + 6 * 3600
    for name in ("environment", "team:demo"):
        day.budgets.change(name, Raise("day", NANO_PER_USD, until), "a raise")
    day.ask()
    assert "All clear: environment:day is back under 100 % and 1 more" in day.wait()
    day.fill(80)
    assert "environment:day has reached 80 % and 1 more" in day.wait(), "under the new cap"

    day.wait(1500)
    assert day.states()["budget-refusals"] == "OK"
    to_midnight = 86_400 - day.stack.now() % 86_400
    told = day.wait(to_midnight + 600)
    assert "All clear: environment:day begins anew" in " ".join(told)
    day.ask()
    told += day.wait(HOUR + CHECK_SECONDS)
    assert alarms_told(day) == alarms_gone_off(day), "no alarm missing, and none told twice"
    for name, times in Counter(each for each in told if "Alarm" in each).items():
        assert times <= 3, f"a storm: {name}"

    for name in ("environment:day", "team:demo:day"):
        assert [each.removeprefix(name) for each in budgets_told(day) if each.startswith(name)] == [
            " 50",
            " 80",
            " 100",
            " clear",
            " 80",
            " 100",
            " clear",
        ]  # fmt: skip -- the second 100: the raise ends at six, with more spent than the cap
    ids = Counter(post["json"]["message_id"] for post in day.webhooks())
    assert set(ids.values()) == {1}, "no message twice"
    assert len({body["body"] for body in day.mails()}) == len(day.mails())
    kept = {post["json"]["message_id"] for post in day.webhooks()}
    mailed = {
        each["body"].rpartition("Message ")[2] for each in day.mails() if "Message " in each["body"]
    }
    assert kept == mailed, "none missing on either channel"
    for metric in ("AuditFindings", "LedgerGapPermille"):
        audited = day.stack.look(f"/metrics?name={metric}")
        assert [(each["count"], each["maximum"]) for each in audited] == [(1, 0.0)]
    told = [f"--- {mail['subject']}\n{mail['body']}" for mail in day.mails()]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *day.story, "", *told, ""]))
    assert day.stack.look("/denials") == []
    assert day.stack.look("/problems") == []
