"""Translates what wakes the guard: an alarm that SNS delivers, or a schedule.

What it cannot read is logged and passed over: an error would only bring it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from shared.domain.notices.alarm_notices import NoAlarm, parse_alarm
from shared.settings import guard_settings
from shared.wiring.guard import BudgetGuard, build_guard


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one event with what was done.

    Raises what keeps it from being done, so that Lambda tries again and counts an error.
    """
    guard = _built()
    match event:
        case {"run": "check"}:
            return asdict(guard.guard.check())
        case {"run": "audit"}:
            return asdict(guard.audit())
        case {"run": "gap"}:
            return {"gap_permille": guard.gap()}
        case {"Records": [{"Sns": dict()}, *_] as records}:
            return _heard(guard, [record["Sns"] for record in records])
        case _:
            return {"ignored": True}


@cache
def _built() -> BudgetGuard:
    return build_guard(guard_settings())


def _heard(guard: BudgetGuard, published: list[dict[str, Any]]) -> dict[str, Any]:
    """Tell of alarms all at once, and pass on what is no alarm."""
    changes, answers = [], []
    for each in published:
        try:
            changes.append(parse_alarm(str(each.get("Message"))))
        except NoAlarm:
            answers.append(asdict(_relay(guard, each)))
    if changes:
        answers.append(asdict(guard.guard.alarms(changes)))
    return {"heard": answers}


def _relay(guard: BudgetGuard, published: dict[str, Any]) -> Any:
    subject = str(published.get("Subject") or "A message from AWS")
    at = datetime.fromisoformat(published["Timestamp"]).timestamp()
    return guard.guard.relay(
        subject[:100], str(published.get("Message"))[:4000], str(published["MessageId"]), at
    )
