"""The steps of a world, kept as they were and put into words only when somebody asks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from tests.simulation.faults import EVERY_FAULT

_NAMES = {fault.name for fault in EVERY_FAULT}
_FAULTS = _NAMES - {
    "CONFLICT",
    "SENT_TWICE",
    "SENT_TWICE_IN_VAIN",
    "ARRIVES_AGAIN",
}
"""Those after which a call may fail; the others are to be got over."""
_SHOWN = 45


class Trace:
    """What happened, in order."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, str, str, dict[str, Any], str]] = []
        self.reports: list[tuple[str, str]] = []
        self.noticed: Counter[str] = Counter()
        """What came to pass, by its name: faults, endings, refusals."""
        self._faults: Counter[str] = Counter()
        self._now = 0.0

    def add(self, now: float, who: str, what: str, asked: dict[str, Any], how: str) -> None:
        """Note a call."""
        self._now = now
        self.steps.append((now, who, what, asked, how))
        fault = how.split(":", maxsplit=1)[0]
        if fault in _NAMES:
            self.noticed[fault] += 1
        if fault in _FAULTS:
            self._faults[who] += 1

    def say(self, who: str, what: str) -> None:
        """Note something that is no call."""
        self.steps.append((self._now, who, what, {}, ""))

    def notice(self, what: str) -> None:
        """Count something that came to pass."""
        self.noticed[what] += 1

    def report(self, operation: str, code: str) -> None:
        """Note what the ledger reported to its operators."""
        self.reports.append((operation, code))

    def faults(self, who: str) -> int:
        """Return how many faults a task has met in its calls."""
        return self._faults[who]

    def told(self, seed: int) -> str:
        """Return the last steps in words."""
        lines = [_told(*step) for step in self.steps[-_SHOWN:]]
        return "\n".join([f"seed {seed}, the last of {len(self.steps)} steps:", *lines])


def _told(now: float, who: str, what: str, asked: dict[str, Any], how: str) -> str:
    at = datetime.fromtimestamp(now, UTC).strftime("%d. %H:%M:%S")
    return f"  {at} {who:10} {what} {'; '.join(_touched(asked))} {how}".rstrip()


def _touched(asked: dict[str, Any]) -> list[str]:
    if "TransactItems" in asked:
        actions = [next(iter(item.items())) for item in asked["TransactItems"]]
        return [f"{kind} {_place(action)}" for kind, action in actions]
    if "RequestItems" in asked:
        wanted = [key for each in asked["RequestItems"].values() for key in each["Keys"]]
        return [_place({"Key": key}) for key in wanted]
    return [_place(asked)] if "Key" in asked or "Item" in asked else []


def _place(asked: dict[str, Any]) -> str:
    key = asked.get("Key") or asked["Item"]
    changed = asked.get("UpdateExpression", "")
    values = asked.get("ExpressionAttributeValues", {})
    for name in sorted(values, key=len, reverse=True):
        changed = changed.replace(name, str(next(iter(values[name].values()))))
    return f"{key['pk']['S']}|{key['sk']['S']} {changed}".strip()
