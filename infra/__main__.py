"""Sluice, drawn in the order a request meets it.

    caller ── edge ── router ──┬── provider      (with the key that its secret holds)
              (REST, (Lambda,  ├── cache         (answers, disposable)
              STREAM) streams) └── ledger        (keys and usage, retained)

    by setting: a firewall before the edge, a KMS key under all that is stored, alarms on a release

What a part looks like stands in the file it is imported from; what it may touch in grants.py.
"""

from __future__ import annotations

import pulumi

from infra.edge import declare_edge
from infra.encryption import declare_encryption
from infra.firewall import declare_firewall
from infra.provider_keys import declare_provider_keys
from infra.release_alarms import declare_release_alarms
from infra.router import declare_router
from infra.settings import read_settings
from infra.stores import declare_stores
from shared.catalog import policy_version

stack = read_settings()

encryption = declare_encryption(stack)
stores = declare_stores(stack, encryption)
keys = declare_provider_keys(stack, encryption)
router = declare_router(stack, stores, keys, encryption)
edge = declare_edge(stack, router, encryption)
declare_firewall(stack, edge.stage)
declare_release_alarms(stack, router, edge)

pulumi.export("endpoint", edge.endpoint)
pulumi.export("rest_api_id", edge.api.id)
pulumi.export("router_function", router.function.name)
pulumi.export("router_version", router.function.version)
pulumi.export("live_version", router.alias.function_version)
pulumi.export("cache_table", stores.cache.name)
pulumi.export("ledger_table", stores.ledger.name)
pulumi.export("provider_secrets", keys)
pulumi.export("environment", stack.environment)
pulumi.export("region", stack.region)
pulumi.export("policy_version", policy_version())
