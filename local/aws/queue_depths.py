"""How deep the queues are, as SQS tells CloudWatch; the age stands in no API of moto's."""

from __future__ import annotations

from moto.sqs.models import Queue, sqs_backends

from local.aws import ACCOUNT
from shared.clock import Clock


def queue_depths(clock: Clock) -> dict[str, dict[str, float]]:
    """Return each queue's gauges by its ARN, under the names of the AWS/SQS metrics."""
    return {
        queue.queue_arn: _depths(queue, clock())
        for backend in sqs_backends[ACCOUNT].values()
        for queue in backend.queues.values()
    }


def _depths(queue: Queue, now: float) -> dict[str, float]:
    # Everything not yet deleted, in flight or not, counts for the age (SQS developer guide).
    sent = [message.sent_timestamp / 1000 for message in queue._messages]  # noqa: SLF001
    return {
        "ApproximateNumberOfMessagesVisible": float(queue.approximate_number_of_messages),
        "ApproximateNumberOfMessagesNotVisible": float(
            queue.approximate_number_of_messages_not_visible
        ),
        "ApproximateNumberOfMessagesDelayed": float(queue.approximate_number_of_messages_delayed),
        "ApproximateAgeOfOldestMessage": max([0.0, *(now - moment for moment in sent)]),
    }
