"""The queue that wakes the dispatcher, and the one where messages end that nobody could handle.

A message names a job and holds nothing that it asks, so SQS's own encryption is enough for it.
Losing one loses only time: the collector looks through the waiting rooms every time it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from infra.settings import StackSettings
from shared.resources import JOBS_DEAD_LETTERS, JOBS_QUEUE, resource_name

MAX_MESSAGE_BYTES: Final = 1024 * 1024
"""What SQS takes; Pulumi would say a quarter of it."""
DISPATCHER_SECONDS: Final = 600
"""How long a dispatcher may run: a call at once takes up to five minutes, and one that is not begun
in time is left to the next."""
WINDOW_SECONDS: Final = 2
"""How long Lambda gathers messages: it costs a caller two seconds, and saves most invocations when
many calls come together."""
VISIBILITY_SECONDS: Final = 6 * DISPATCHER_SECONDS + WINDOW_SECONDS
"""AWS's rule (Lambda developer guide, "Configuring an Amazon SQS queue to use with Lambda"). The
dispatcher shows a message that it could not handle again sooner than that."""
RECEIVES: Final = 5
DEAD_LETTER_SECONDS: Final = 14 * 24 * 3600
"""SQS's longest."""
MESSAGE_SECONDS: Final = 4 * 24 * 3600


@dataclass(frozen=True)
class JobQueue:
    """The queue, and its dead letters."""

    messages: aws.sqs.Queue
    dead: aws.sqs.Queue


def declare_job_queue(stack: StackSettings) -> JobQueue:
    """Declare both. A standard queue is fair to its message groups, which are the teams."""
    dead = _queue(stack, JOBS_DEAD_LETTERS, message_retention_seconds=DEAD_LETTER_SECONDS)
    messages = _queue(
        stack,
        JOBS_QUEUE,
        message_retention_seconds=MESSAGE_SECONDS,
        visibility_timeout_seconds=VISIBILITY_SECONDS,
        redrive_policy=pulumi.Output.json_dumps(
            {"deadLetterTargetArn": dead.arn, "maxReceiveCount": RECEIVES}
        ),
    )
    aws.sqs.RedriveAllowPolicy(
        JOBS_DEAD_LETTERS,
        queue_url=dead.id,
        redrive_allow_policy=pulumi.Output.json_dumps(
            {"redrivePermission": "byQueue", "sourceQueueArns": [messages.arn]}
        ),
    )
    return JobQueue(messages, dead)


def _queue(stack: StackSettings, role: str, **settings: object) -> aws.sqs.Queue:
    return aws.sqs.Queue(
        role,
        name=resource_name(stack.environment, role),
        max_message_size=MAX_MESSAGE_BYTES,
        sqs_managed_sse_enabled=True,
        tags=stack.tags,
        **settings,
    )
