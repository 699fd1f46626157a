"""The stack's alarms as they stand, asked of CloudWatch at every check of the guard."""

from __future__ import annotations

from typing import Any

from shared.domain.notices import AlarmChange


class CloudWatchAlarms:
    """Implements :class:`shared.ports.notices.Alarms`.

    ``prefix`` is how the stack's names begin. Another stack's may begin so too: this one's are
    those that go to ``topic``, which only the guard hears. One whose actions an operator disabled
    is silenced: it is told of again when they are enabled.
    """

    def __init__(self, client: Any, prefix: str, topic: str) -> None:
        self._client = client
        self._prefix = prefix
        self._topic = topic

    def standing(self) -> list[AlarmChange]:
        """Page through what has the prefix."""
        pages = self._client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=self._prefix, AlarmTypes=["MetricAlarm"]
        )
        found = [alarm for page in pages for alarm in page["MetricAlarms"]]
        return [
            _change(alarm)
            for alarm in found
            if self._topic in alarm["AlarmActions"] and alarm.get("ActionsEnabled", True)
        ]


def _change(alarm: dict[str, Any]) -> AlarmChange:
    at = alarm.get("StateTransitionedTimestamp", alarm["StateUpdatedTimestamp"])
    return AlarmChange(
        alarm["AlarmName"],
        alarm["StateValue"],
        round(at.timestamp() * 1000),
        alarm.get("AlarmDescription", ""),
        alarm.get("StateReason", ""),
    )
