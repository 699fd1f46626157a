"""Sluice, drawn in the order a request meets it.

    caller ── edge ── router ──┬── provider      (with the key that its secret holds)
              (REST, (Lambda,  ├── cache         (answers, disposable)
              STREAM) streams) └── ledger        (keys and usage, retained)

What a part looks like stands in the file it is imported from; what it may touch in grants.py.
"""

from __future__ import annotations

import pulumi

from infra.edge import declare_edge
from infra.provider_keys import declare_provider_keys
from infra.router import declare_router
from infra.settings import read_settings
from infra.stores import declare_stores
from shared.catalog import policy_version

stack = read_settings()

stores = declare_stores(stack)
keys = declare_provider_keys(stack)
router = declare_router(stack, stores, keys)
edge = declare_edge(stack, router)

pulumi.export("endpoint", edge.endpoint)
pulumi.export("rest_api_id", edge.api.id)
pulumi.export("router_function", router.function.name)
pulumi.export("cache_table", stores.cache.name)
pulumi.export("ledger_table", stores.ledger.name)
pulumi.export("provider_secrets", keys)
pulumi.export("environment", stack.environment)
pulumi.export("region", stack.region)
pulumi.export("policy_version", policy_version())
