"""The providers' own books: who was billed what, told by what was asked and by nothing of ours."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

from tests.deferral import BATCH_COST, FULL_COST


def topic_of(body: bytes) -> str:
    """Return what a request is about: the text of its question."""
    text: str = json.loads(body)["messages"][-1]["content"]
    return text


@dataclass
class Books:
    """What each question has cost, in nano-dollars, and how often it was billed."""

    costs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    bills: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def bill_line(self, body: bytes) -> None:
        """Bill a line of a batch."""
        self._bill(body, BATCH_COST)

    def bill_call(self, body: bytes) -> None:
        """Bill a call."""
        self._bill(body, FULL_COST)

    def _bill(self, body: bytes, nano: int) -> None:
        topic = topic_of(body)
        self.costs[topic] += nano
        self.bills[topic] += 1
