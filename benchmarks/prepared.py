"""Prints what one version of the router needs to be measured, composed by that version's code.

Run as a program with a checkout first on the path: table rows and digests change with the code,
so an older version must write its own. The output is one JSON object, see :func:`prepared`.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from typing import Any, Final

from shared.adapters.dynamodb import rows
from shared.catalog import policy_version
from shared.domain.api_keys import compose_key, key_digest
from shared.domain.cache_key import answer_digest
from shared.domain.entries import KeyRow, StoredAnswer
from shared.domain.prices import TokenCounts
from shared.settings import RouterSettings, as_environment

ENVIRONMENT: Final = "bench"
TEAM: Final = "search"
MODEL: Final = "gpt-6-luna"
_SECRET: Final = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bench"  # noqa: S105 no secret
_A_DAY: Final = 24 * 3600


def prepared(request: dict[str, Any]) -> dict[str, Any]:
    """Return ``environment`` (``SLUICE_*``), ``key``, ``tables`` and the rows that are stored.

    ``request`` holds the canned answer (``answer``) and the bodies under which it is stored
    (``stored``: a freshness tier and a body for each name). In ``answers`` each body's digest
    leads to its item; ``ledger_rows`` are the items of the gateway key and of its budgets.
    """
    settings = _settings(request["world"])
    key = compose_key(ENVIRONMENT, TEAM, bytes(24))
    key_row = KeyRow(f"{TEAM}.1", ENVIRONMENT, TEAM, key_digest(key), "benchmark", 1)
    return {
        "environment": as_environment(settings),
        "key": key,
        "tables": {"cache": settings.cache_table, "ledger": settings.ledger_table},
        "ledger_rows": [rows.key_row_item(key_row), *_budgets(key_row)],
        "answers": dict(
            _stored(settings, each["body"], each["freshness"], request["answer"])
            for each in request["stored"].values()
        ),
    }


def _budgets(key_row: KeyRow) -> list[dict[str, Any]]:
    """Return the budgets of the key, its team and the environment, capped and hardly used."""
    try:
        from shared.adapters.dynamodb.budget_rows import budget_item  # noqa: PLC0415
        from shared.domain.budgets.scopes import (  # noqa: PLC0415
            all_slices,
            key_scope,
            team_scope,
        )
        from shared.domain.budgets.seeds import Seed, Seeds  # noqa: PLC0415
    except ImportError:  # a revision without budgets
        return []
    seed = Seed(day_usd="1000", month_usd="10000")
    seeds = Seeds(environment=seed, team=seed, key=seed)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    scopes = [*all_slices(), team_scope(TEAM), key_scope(TEAM, key_row.digest)]
    return [budget_item(seeds.opened(scope, day, key_row.key_id)) for scope in scopes]


def _settings(world_url: str) -> RouterSettings:
    return RouterSettings(
        environment=ENVIRONMENT,
        cache_table="sluice-bench-cache",
        ledger_table="sluice-bench-ledger",
        jobs_table="sluice-bench-jobs",
        batches_bucket="sluice-bench-batches",
        jobs_queue=f"{world_url}/sluice-bench-jobs",
        providers=("openai",),
        provider_secrets={"openai": _SECRET},
        policy_version=policy_version(),
        baseline_model="gpt-6-astra",
        upstream_url=world_url,
    )


def _stored(
    settings: RouterSettings, body: dict[str, Any], freshness: Any, answer: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    digest = answer_digest(
        environment=ENVIRONMENT,
        team=TEAM,
        policy_version=settings.policy_version,
        door="chat",
        task=None,
        body=body,
    )
    now = int(time.time())
    stored = StoredAnswer(
        team=TEAM,
        digest=digest,
        body=json.dumps(answer, separators=(",", ":")).encode(),
        model=MODEL,
        tier="nano",
        tokens=TokenCounts(input=120, output=180),
        stored_at=now,
        expires_at=now + _A_DAY,
        freshness=freshness,
    )
    return digest, _on_the_wire(rows.answer_item(stored, now + 2 * _A_DAY))


def _on_the_wire(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as DynamoDB's protocol carries it: bytes in base64."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in item.items()
    }


if __name__ == "__main__":
    json.dump(prepared(json.load(sys.stdin)), sys.stdout)
