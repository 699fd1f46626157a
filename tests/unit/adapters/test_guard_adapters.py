"""What the guard makes of AWS's answers: a publish that failed, an alarm that is silenced."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.adapters.people_topic import PeopleTopic
from shared.adapters.stack_alarms import CloudWatchAlarms
from shared.domain.notices.message import Message, NotTaken

MESSAGE = Message("m1", 0.0, "subject", "text", {})
TOPIC = "arn:aws:sns:us-east-1:1:alarms"


class Failing:
    """A topic that answers with a status."""

    def __init__(self, status: int) -> None:
        self._status = status

    def publish(self, **_: Any) -> None:
        answer: Any = {
            "Error": {"Code": "InternalError"},
            "ResponseMetadata": {"HTTPStatusCode": self._status},
        }
        raise ClientError(answer, "Publish")


@pytest.mark.parametrize(("status", "may_have_arrived"), [(400, False), (403, False), (500, True)])
def test_a_publish_that_a_server_failed_at_may_have_arrived(
    status: int, may_have_arrived: bool
) -> None:
    with pytest.raises(NotTaken) as raised:
        PeopleTopic(Failing(status), "arn").send(MESSAGE, is_repeat=False)
    assert raised.value.may_have_arrived is may_have_arrived


class Described:
    """CloudWatch with three alarms, of which one is silenced and one another stack's."""

    def get_paginator(self, _: str) -> Described:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        alarm: dict[str, Any] = {
            "StateValue": "ALARM",
            "StateUpdatedTimestamp": datetime.fromtimestamp(9, tz=UTC),
        }
        return [
            {
                "MetricAlarms": [
                    alarm | {"AlarmName": name, "AlarmActions": [topic], "ActionsEnabled": enabled}
                    for name, topic, enabled in (
                        ("heard", TOPIC, True),
                        ("silenced", TOPIC, False),
                        ("other", "arn:other", True),
                    )
                ]
            }
        ]


def test_an_alarm_whose_actions_are_disabled_is_not_told_of() -> None:
    standing = CloudWatchAlarms(Described(), "sluice-dev-", TOPIC).standing()
    assert [each.name for each in standing] == ["heard"]
