"""Deferred calls: the dispatcher, which messages wake, and the collector, which the clock does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import pulumi_aws as aws

from infra.bundle.recipe import COLLECTOR, DISPATCHER, FunctionCode
from infra.call_settings import call_settings
from infra.clock import every, wake_by_the_clock
from infra.encryption import Encryption
from infra.grants.workers import Reach, collector_policy, dispatcher_policy
from infra.job_queue import DISPATCHER_SECONDS, WINDOW_SECONDS, JobQueue
from infra.plain_function import Policy, Size, declare_plain_function
from infra.provider_keys import ProviderKeys
from infra.settings import StackSettings
from infra.stores import Stores
from shared.settings import WorkerSettings

BATCH_SIZE: Final = 100
"""Messages in one call of the dispatcher: it asks the cache for each, and calls the near ones eight
at a time, so more would make them wait for one another. Lambda takes 10,000."""
DISK_MB: Final = 4096
"""A batch is planned, uploaded and put together by way of ``/tmp``: its lines (200 MB), what each
model is asked, and its results, which may be longer than its lines. A collector that runs for a
second each minute pays half a cent a month for it."""
COLLECTOR_SECONDS: Final = 900
"""Lambda's longest: the results of 50,000 lines take minutes. A run that does not get through them
is continued by the next."""
_RETRIES: Final = {"maximum_event_age_in_seconds": 60, "maximum_retry_attempts": 0}
"""The next run does what a failed one left undone."""


@dataclass(frozen=True)
class Workers:
    """Both functions."""

    dispatcher: aws.lambda_.Function
    collector: aws.lambda_.Function


def declare_deferred_calls(
    stack: StackSettings,
    stores: Stores,
    queue: JobQueue,
    keys: ProviderKeys,
    webhooks: aws.secretsmanager.Secret | None,
    encryption: Encryption | None,
) -> Workers:
    """Declare the functions and what wakes them.

    Their memory is a setting: the providers' SDKs want 150 MB of it, and a start of a second or
    three, which memory shortens because CPU comes with it. A dispatcher waits for providers most
    of the time, and is paid for by memory meanwhile.
    """
    reach = _reach(stack, stores, queue, keys, encryption)
    secret = webhooks.arn if webhooks else None

    def declare(
        code: FunctionCode, policy: Policy, seconds: int, **told: Any
    ) -> aws.lambda_.Function:
        return declare_plain_function(
            stack,
            code,
            settings=call_settings(
                WorkerSettings,
                stack,
                stores,
                queue,
                keys,
                memory_mb=stack.worker_memory_mb,
                dispatcher_concurrency=stack.dispatcher_concurrency,
                **told,
            ),
            policy=policy,
            size=Size(stack.worker_memory_mb, seconds, DISK_MB),
            encryption=encryption,
        )

    dispatcher = declare(DISPATCHER, lambda log: dispatcher_policy(reach, log), DISPATCHER_SECONDS)
    collector = declare(
        COLLECTOR,
        lambda log: collector_policy(reach, log, secret),
        COLLECTOR_SECONDS,
        webhook_secret=secret,
        webhook_hosts=stack.webhook_hosts if secret is not None else (),
    )
    _wake_by_messages(stack, queue, dispatcher)
    wake_by_the_clock(
        stack,
        collector,
        "collector",
        {"collect": (every(stack.collector_minutes), json.dumps({"run": "collect"}))},
        retries=_RETRIES,
    )
    return Workers(dispatcher, collector)


def _reach(
    stack: StackSettings,
    stores: Stores,
    queue: JobQueue,
    keys: ProviderKeys,
    encryption: Encryption | None,
) -> Reach:
    return Reach(
        cache=stores.cache.arn,
        ledger=stores.ledger.arn,
        jobs=stores.jobs.arn,
        batches=stores.batches.arn,
        jobs_queue=queue.messages.arn,
        provider_secrets=list(keys.values()),
        region=stack.region,
        customer_key=encryption.key.arn if encryption else None,
    )


def _wake_by_messages(
    stack: StackSettings, queue: JobQueue, dispatcher: aws.lambda_.Function
) -> None:
    aws.lambda_.EventSourceMapping(
        "dispatcher",
        event_source_arn=queue.messages.arn,
        function_name=dispatcher.arn,
        batch_size=BATCH_SIZE,
        maximum_batching_window_in_seconds=WINDOW_SECONDS,
        function_response_types=["ReportBatchItemFailures"],
        # Not reserved concurrency, which a mapping does not heed: it would receive messages only
        # to have them turned away, and each counts towards the dead letters.
        scaling_config={"maximum_concurrency": stack.dispatcher_concurrency},
        tags=stack.tags,
    )
