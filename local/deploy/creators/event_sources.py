"""Creates what brings events to functions: mappings from queues, and asynchronous policies.

moto's own mappings either look for docker or swallow messages as if handled, so a mapping is
registered there disabled; :mod:`local.queue_poller` is what polls.
"""

from __future__ import annotations

from typing import Any

from local.deploy.creation import Created, Creation
from local.deploy.errors import DeployError

MAX_BATCH = 10_000
BATCH_WITHOUT_WINDOW = 10
MAX_WINDOW_SECONDS = 300
CONCURRENCY = range(2, 1001)


def mapping(creation: Creation) -> Created:
    """``aws:lambda/eventSourceMapping:EventSourceMapping``, from a queue."""
    inputs, client = creation.inputs, creation.aws.lambda_
    source, function = inputs["eventSourceArn"], inputs["functionName"]
    size = int(inputs.get("batchSize", BATCH_WITHOUT_WINDOW))
    window = int(inputs.get("maximumBatchingWindowInSeconds", 0))
    concurrency = inputs.part("scalingConfig").get("maximumConcurrency")
    scaling: dict[str, Any] = (
        {"ScalingConfig": {"MaximumConcurrency": concurrency}} if concurrency else {}
    )
    # The poller heeds the declared switch; here the mapping must stay off.
    inputs.get("enabled")
    _check(size, window, concurrency)
    _check_visibility(creation, source, function)
    made = client.create_event_source_mapping(
        EventSourceArn=source,
        FunctionName=function,
        BatchSize=size,
        MaximumBatchingWindowInSeconds=window,
        Enabled=False,
        FunctionResponseTypes=inputs.get("functionResponseTypes", []),
        Tags=inputs.get("tags", {}),
        **scaling,
    )
    arn = function if function.startswith("arn:") else made["FunctionArn"]
    return Created(
        made["UUID"],
        {
            "uuid": made["UUID"],
            "arn": creation.aws.arn("lambda", f"event-source-mapping:{made['UUID']}"),
            "functionArn": arn,
        },
    )


def _check(size: int, window: int, concurrency: int | None) -> None:
    """Refuse what Lambda refuses, in its limits (Lambda API, CreateEventSourceMapping)."""
    if not 1 <= size <= MAX_BATCH:
        raise DeployError(f"batch_size is {size}; a queue allows 1 to {MAX_BATCH}")
    if not 0 <= window <= MAX_WINDOW_SECONDS:
        raise DeployError(f"the batching window is {window} s; Lambda allows {MAX_WINDOW_SECONDS}")
    if size > BATCH_WITHOUT_WINDOW and window < 1:
        raise DeployError(f"batch_size {size} needs a batching window of at least a second")
    if concurrency is not None and concurrency not in CONCURRENCY:
        raise DeployError(f"maximum_concurrency is {concurrency}; Lambda allows 2 to 1000")


def _check_visibility(creation: Creation, source: str, function: str) -> None:
    """Refuse a queue that hands a message out again while the function may still work on it."""
    sqs = creation.aws.sqs
    url = sqs.get_queue_url(QueueName=source.rpartition(":")[2])["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    visible = int(attributes["Attributes"]["VisibilityTimeout"])
    made = creation.aws.lambda_.get_function_configuration(FunctionName=function)
    if visible < (timeout := made["Timeout"]):
        raise DeployError(
            f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} "
            "seconds"
        )


def invoke_config(creation: Creation) -> Created:
    """``aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig``."""
    inputs, function = creation.inputs, creation.inputs["functionName"]
    destinations = inputs.part("destinationConfig")
    ends = {
        api: {"Destination": destinations.part(key)["destination"]}
        for key, api in {"onFailure": "OnFailure", "onSuccess": "OnSuccess"}.items()
        if destinations.get(key)
    }
    declared: dict[str, Any] = {"DestinationConfig": ends} if ends else {}
    creation.aws.lambda_.put_function_event_invoke_config(
        FunctionName=function,
        **inputs.chosen(
            {
                "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
                "maximumRetryAttempts": "MaximumRetryAttempts",
                "qualifier": "Qualifier",
            }
        ),
        **declared,
    )
    return Created(function)


CREATORS = {
    "aws:lambda/eventSourceMapping:EventSourceMapping": mapping,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": invoke_config,
}
