"""What every function that asks providers is told: the same of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pulumi

from infra.job_queue import JobQueue
from infra.provider_keys import ProviderKeys
from infra.settings import StackSettings
from infra.stores import Stores
from shared.catalog import policy_version
from shared.settings import CallSettings

Settings = TypeVar("Settings", bound=CallSettings)


def call_settings(
    make: Callable[..., Settings],
    stack: StackSettings,
    stores: Stores,
    queue: JobQueue,
    keys: ProviderKeys,
    **own: Any,
) -> pulumi.Output[Settings]:
    """Return the settings that ``make`` makes of what AWS calls everything, and of ``own``."""
    promised = {name: value for name, value in own.items() if isinstance(value, pulumi.Output)}

    def made(known: Mapping[str, str]) -> Settings:
        return make(
            environment=stack.environment,
            cache_table=known["cache"],
            ledger_table=known["ledger"],
            jobs_table=known["jobs"],
            batches_bucket=known["batches"],
            jobs_queue=known["queue"],
            providers=stack.providers,
            provider_secrets={provider: known[f"key:{provider}"] for provider in keys},
            policy_version=policy_version(),
            baseline_model=stack.baseline_model,
            budgets=stack.budgets,
            max_share_percent=stack.max_share_percent,
            key_limits=stack.key_limits,
            **{**own, **{name: known[f"own:{name}"] for name in promised}},
        )

    arns = {f"key:{provider}": arn for provider, arn in keys.items()}
    names = {
        "cache": stores.cache.name,
        "ledger": stores.ledger.name,
        "jobs": stores.jobs.name,
        "batches": stores.batches.bucket,
        "queue": queue.messages.url,
    }
    outputs = {f"own:{name}": value for name, value in promised.items()}
    settings: pulumi.Output[Settings] = pulumi.Output.all(**names, **arns, **outputs).apply(made)
    return settings
