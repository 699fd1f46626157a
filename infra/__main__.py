"""Sluice, drawn in the order a request meets it.

    caller ── edge ── router ──┬── provider      (with the key that its secret holds)
              (REST, (Lambda,  ├── cache         (answers, disposable)
              STREAM) streams) ├── ledger        (keys and usage, retained)
                               └── jobs, bucket  (calls that may wait, and their files)

    router ── queue ── dispatcher ──┬── provider's batches
                    clock ── collector ──┘

    alarms ── topic ── budget guard ──┬── people (e-mail)
                  clock ──┘           └── webhooks

    by setting: a firewall before the edge, a KMS key under all that is stored, which alarms there
    are, a dashboard, a budget for the AWS bill

What a part looks like stands in the file it is imported from; what it may touch in grants/.
"""

from __future__ import annotations

import pulumi

from infra.alarms import declare_alarms, dimensions_by_subject
from infra.aws_budget import declare_aws_budget
from infra.budget_guard import declare_budget_guard
from infra.dashboard import declare_dashboard
from infra.deferred_calls import declare_deferred_calls
from infra.edge import declare_edge
from infra.encryption import declare_encryption
from infra.firewall import declare_firewall
from infra.job_queue import declare_job_queue
from infra.provider_keys import declare_provider_keys
from infra.router import declare_router
from infra.settings import read_settings
from infra.stores import declare_stores
from infra.topics import declare_topics
from shared.catalog import policy_version

stack = read_settings()

encryption = declare_encryption(stack)
stores = declare_stores(stack, encryption)
keys = declare_provider_keys(stack, encryption)
queue = declare_job_queue(stack)
router = declare_router(stack, stores, queue, keys, encryption)
workers = declare_deferred_calls(stack, stores, queue, keys, encryption)
edge = declare_edge(stack, router, encryption)
declare_firewall(stack, edge.stage)
topics = declare_topics(stack)
guard = declare_budget_guard(stack, stores, topics, encryption)
subjects = dimensions_by_subject(stack, router, edge, guard, workers, queue)
declare_alarms(stack, topics, subjects)
declare_dashboard(stack, subjects)
declare_aws_budget(stack, topics)

pulumi.export("endpoint", edge.endpoint)
pulumi.export("rest_api_id", edge.api.id)
pulumi.export("router_function", router.function.name)
pulumi.export("router_version", router.function.version)
pulumi.export("live_version", router.alias.function_version)
pulumi.export("cache_table", stores.cache.name)
pulumi.export("ledger_table", stores.ledger.name)
pulumi.export("jobs_table", stores.jobs.name)
pulumi.export("batches_bucket", stores.batches.bucket)
pulumi.export("jobs_queue", queue.messages.url)
pulumi.export("jobs_dead_letters", queue.dead.url)
pulumi.export("provider_secrets", keys)
pulumi.export("guard_function", guard.name)
pulumi.export("dispatcher_function", workers.dispatcher.name)
pulumi.export("collector_function", workers.collector.name)
pulumi.export("alarm_topic", topics.alarms.arn)
pulumi.export("people_topic", topics.people.arn)
pulumi.export("environment", stack.environment)
pulumi.export("region", stack.region)
pulumi.export("policy_version", policy_version())
