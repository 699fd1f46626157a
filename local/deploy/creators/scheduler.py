"""Creates EventBridge schedules and their groups."""

from __future__ import annotations

from typing import Any

from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list
from local.deploy.inputs import Inputs

_OPTIONAL = {
    "actionAfterCompletion": "ActionAfterCompletion",
    "description": "Description",
    "endDate": "EndDate",
    "kmsKeyArn": "KmsKeyArn",
    "scheduleExpressionTimezone": "ScheduleExpressionTimezone",
    "startDate": "StartDate",
    "state": "State",
}


def schedule(creation: Creation) -> Created:
    """``aws:scheduler/schedule:Schedule``."""
    name, inputs = creation.physical_name(), creation.inputs
    group = inputs.get("groupName", "default")
    made = creation.aws.scheduler.create_schedule(
        Name=name,
        GroupName=group,
        ScheduleExpression=inputs["scheduleExpression"],
        FlexibleTimeWindow={"Mode": inputs.part("flexibleTimeWindow")["mode"]},
        Target=_target(inputs.part("target")),
        **inputs.chosen(_OPTIONAL),
    )
    return Created(f"{group}/{name}", {"name": name, "arn": made["ScheduleArn"]})


def group(creation: Creation) -> Created:
    """``aws:scheduler/scheduleGroup:ScheduleGroup``."""
    name = creation.physical_name()
    made = creation.aws.scheduler.create_schedule_group(
        Name=name, Tags=as_tag_list(creation.inputs.get("tags"))
    )
    return Created(name, {"name": name, "arn": made["ScheduleGroupArn"]})


def _target(target: Inputs) -> Any:
    retry = target.part("retryPolicy").chosen(
        {
            "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
            "maximumRetryAttempts": "MaximumRetryAttempts",
        }
    )
    dead_letter = target.part("deadLetterConfig").chosen({"arn": "Arn"})
    text = target.get("input")
    return {
        "Arn": target["arn"],
        "RoleArn": target["roleArn"],
        **({"Input": text} if text is not None else {}),
        **({"RetryPolicy": retry} if retry else {}),
        **({"DeadLetterConfig": dead_letter} if dead_letter else {}),
    }


CREATORS = {
    "aws:scheduler/schedule:Schedule": schedule,
    "aws:scheduler/scheduleGroup:ScheduleGroup": group,
}
