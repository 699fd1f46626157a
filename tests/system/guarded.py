"""A running stack with every alarm, and what its people hear."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from cli.budget_stack import BudgetStack
from cli.connection import local_stack
from shared.clock import utc
from shared.usecases.budget_admin import Budgets
from tests.system.conftest import Stack, running_stack, until

FILE = Path(__file__).with_name("Pulumi.guarded.yaml")
CHECK_SECONDS = 300
_A_DAY_S_WORK = 3 * 3600
"""What the longest story needs of a day."""
STEP_SECONDS = 1500
"""Less than the half hour after which a guard that does not run is an alarm."""


def caps_of(file: Path) -> dict[str, str]:
    """The caps of a stack file, for the router whose tests otherwise have none."""
    config = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
    return {"SLUICE_BUDGETS": json.dumps(config["sluice:budgets"])}


@dataclass
class GuardedStack:
    """The stack, its callers, its operator, and its people's inbox."""

    stack: Stack
    asked: int = 0
    read: int = 0
    story: list[str] = field(default_factory=list)

    def ask(self, size: int = 4000, model: str = "gpt-6-astra", feature: str = "chat") -> Any:
        """Make a call of about so many tokens; returns its answer headers."""
        self.asked += 1
        answer = self.stack.client().chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": "!" * size + str(self.asked)}],
            max_completion_tokens=20,
            extra_headers={"x-sluice-feature": feature},
        )
        return answer.headers

    def refusal(self, size: int = 4000, model: str = "gpt-6-astra") -> dict[str, Any]:
        """Make a call that must be refused with 402; returns the error's facts."""
        with pytest.raises(openai.APIStatusError) as refused:
            self.ask(size, model)
        assert refused.value.status_code == 402
        body: Any = refused.value.body
        return dict(body)

    @property
    def budgets(self) -> Budgets:
        ground = self.stack.world.ground
        outputs = dict(ground.deployment.outputs)
        clock = ground.state.clock
        admin = ground.admin
        return BudgetStack(local_stack(admin.endpoint_url, admin.region, outputs, clock)).budgets

    def used_percent(self) -> float:
        [budget] = self.budgets.show("environment")
        return budget.day.spent * 100 / budget.day.limit

    def fill(self, percent: float, size: int = 4000, model: str = "gpt-6-astra") -> None:
        """Ask until so much of the environment's day is spent."""
        while self.used_percent() < percent:
            self.ask(size, model)

    def wait(self, seconds: float = CHECK_SECONDS) -> list[str]:
        """Let time pass in steps and return what people were told meanwhile."""
        while seconds > 0:
            self.stack.advance(min(seconds, STEP_SECONDS))
            seconds -= STEP_SECONDS
            self.rest()
        return self.news()

    def rest(self) -> None:
        """Wait until the guard has done what is due."""
        until(self._is_quiet, 240)

    def news(self) -> list[str]:
        """Return the subjects of what people got by e-mail since they last looked."""
        mails = self.mails()
        new, self.read = mails[self.read :], len(mails)
        subjects = [str(each["subject"]) for each in new]
        self.story += [f"{utc(each['at']):%d %H:%M} {each['subject']}" for each in new]
        return [each.removeprefix("[sluice guarded] ") for each in subjects]

    def mails(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stack.look("/mailbox")
        return [each for each in found if each["kind"] == "email"]

    def webhooks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stack.look("/webhooks")
        return found

    def states(self) -> dict[str, str]:
        prefix = "sluice-guarded-"
        return {
            each["name"].removeprefix(prefix): each["state"] for each in self.stack.look("/alarms")
        }

    def _is_quiet(self) -> bool:
        """Whether no schedule is due and no event is under way, twice in a row."""
        if not self._is_idle():
            return False
        time.sleep(0.3)
        return self._is_idle()

    def _is_idle(self) -> bool:
        self.stack.look("/alarms")
        schedules = self.stack.look("/schedules")
        now = self.stack.now()
        due = [each for each in schedules if each["next"] and _epoch(each["next"]) <= now]
        return not due and not under_way(self.stack.look("/functions"))


def under_way(functions: Any) -> int:
    """How many events are under way or wait, and how many processes are at work."""
    at_work = [
        each for function in functions for each in function["instances"] if not each["stopped"]
    ]
    return len(at_work) + sum(int(function["events_under_way"]) for function in functions)


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@contextmanager
def guarded_stack(state: Path, collector_seconds: float) -> Iterator[GuardedStack]:
    """Run it; the day that begins with it ends at the midnight of the stack's clock.

    The collector has nothing to do with the guard, and is woken seldom: each time is a process.
    """
    with running_stack(
        state,
        stack_file=FILE,
        router_environment=caps_of(FILE),
        collector_seconds=collector_seconds,
    ) as stack:
        found = GuardedStack(stack)
        if 86_400 - stack.now() % 86_400 < _A_DAY_S_WORK:
            stack.advance(_A_DAY_S_WORK)
        found.rest()
        found.wait(CHECK_SECONDS)
        found.story.clear()
        yield found
