"""A day in fast-forward: what on-call hears while money runs out, is raised, and begins anew."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from shared.domain.budgets.changes import Raise, SetTerms
from shared.domain.money import NANO_PER_USD
from tests.system.guarded import GuardedStack, guarded_stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(1500)]
NOBODY_ELSE = "environment:day"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedStack]:
    with guarded_stack(tmp_path_factory.mktemp("day")) as found:
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


def test_a_day_from_the_first_call_to_the_next_day(
    day: GuardedStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert day.wait() == []
    day.fill(50)
    assert day.wait()[0] == "environment:day has reached 50 %"
    day.fill(80)
    assert day.wait()[0] == "environment:day has reached 80 %"
    day.fill(86)
    assert day.ask(400, model="auto")["x-sluice-tier"] == "nano", "the ladder's cheapest tier"
    assert day.refusal()["type"] == "budget_exceeded"

    day.budgets.change("environment", SetTerms(ladder=(70, 99, 99)), "to the end, then")
    for size in (4000, 1000, 100):
        while day.used_percent() < 100 - (size / 600):
            day.ask(size)
    day.fill(99, size=100)
    assert "environment:day is used up" in day.wait()
    assert day.refusal(model="auto")["code"] == "budget_exceeded"

    until = int(day.stack.now()) + 6 * 3600
    day.budgets.change("environment", Raise("day", NANO_PER_USD, until), "a raise")
    day.ask()
    assert "All clear: environment:day is back under 100 %" in day.wait()
    day.fill(80)
    assert "environment:day has reached 80 %" in day.wait(), "thresholds follow the new cap"

    day.wait(1500)
    assert day.states()["budget-refusals"] == "OK"
    to_midnight = 86_400 - day.stack.now() % 86_400
    told = day.wait(to_midnight + 600)
    assert "All clear: environment:day begins anew" in " ".join(told)
    day.ask()

    assert [each for each in budgets_told(day) if each.startswith(NOBODY_ELSE)] == [
        "environment:day 50",
        "environment:day 80",
        "environment:day 100",
        "environment:day clear",
        "environment:day 80",
        "environment:day clear",
    ]
    ids = Counter(post["json"]["message_id"] for post in day.webhooks())
    assert set(ids.values()) == {1}, "no message twice"
    assert len({body["body"] for body in day.mails()}) == len(day.mails())
    kept = {post["json"]["message_id"] for post in day.webhooks()}
    mailed = {
        each["body"].rpartition("Message ")[2] for each in day.mails() if "Message " in each["body"]
    }
    assert kept == mailed, "none missing on either channel"
    audited = day.stack.look("/metrics?name=AuditFindings")
    assert [(each["count"], each["maximum"]) for each in audited] == [(1, 0.0)]
    told = [f"--- {mail['subject']}\n{mail['body']}" for mail in day.mails()]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *day.story, "", *told, ""]))
    assert day.stack.look("/denials") == []
    assert day.stack.look("/problems") == []
