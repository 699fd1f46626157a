"""Creates SNS topics."""

from __future__ import annotations

from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list


def topic(creation: Creation) -> Created:
    """``aws:sns/topic:Topic``."""
    name = creation.physical_name()
    arn = creation.aws.sns.create_topic(Name=name, Tags=as_tag_list(creation.inputs.get("tags")))[
        "TopicArn"
    ]
    return Created(arn, {"name": name, "arn": arn})


CREATORS = {"aws:sns/topic:Topic": topic}
