"""Where a command finds the gateway or the ledger: the local world, or an AWS environment."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import typer
import yaml

from shared.adapters.dynamodb.keys import DynamoKeyAdmin
from shared.clock import offset_clock, system_clock
from shared.resources import LEDGER_TABLE
from shared.usecases.keys import Keys

LOCAL_FACTS: Final = Path(__file__).parents[1] / ".sluice" / "local.json"
ENDPOINT_VARIABLE: Final = "SLUICE_ENDPOINT"
KEY_VARIABLE: Final = "SLUICE_API_KEY"


@dataclass(frozen=True)
class Gateway:
    """A gateway to call and a key to call it with."""

    endpoint: str
    api_key: str


def gateway(endpoint: str | None, api_key: str | None) -> Gateway:
    """Return the gateway named by options, by the environment, or by the running local world."""
    endpoint = endpoint or os.environ.get(ENDPOINT_VARIABLE)
    api_key = api_key or os.environ.get(KEY_VARIABLE)
    if endpoint is None or api_key is None:
        facts = local_facts()
        if facts is None:
            raise typer.BadParameter(
                f"no gateway to call: start one with `make run`, or set {ENDPOINT_VARIABLE} "
                f"and {KEY_VARIABLE}"
            )
        endpoint, api_key = endpoint or facts["endpoint"], api_key or facts["api_key"]
    return Gateway(str(endpoint).rstrip("/").removesuffix("/v1"), str(api_key))


def keys_of(environment: str | None) -> Keys:
    """Return the keys of an AWS environment, or of the running local world where none is named.

    On AWS the caller's own credentials decide; there is no admin route on the data plane.
    """
    if environment is not None:
        client = boto3.client("dynamodb", region_name=_region_of(environment))
        return _keys(client, LEDGER_TABLE.name(environment), environment, None)
    facts = local_facts()
    if facts is None:
        raise typer.BadParameter(
            "no local world runs here: name an AWS environment with --env, or `make run`"
        )
    return _local_keys(facts)


def local_keys(aws_endpoint_url: str, region: str, outputs: dict[str, Any], clock: Path) -> Keys:
    """Return the keys of a local world."""
    from local.admin import Admin  # noqa: PLC0415 - only where a local world is meant

    client = Admin(aws_endpoint_url, region).dynamodb
    return _keys(client, outputs["ledger_table"], outputs["environment"], clock)


def local_facts() -> dict[str, Any] | None:
    """Return what the running local world left in ``.sluice/local.json``."""
    if not LOCAL_FACTS.exists():
        return None
    facts: dict[str, Any] = json.loads(LOCAL_FACTS.read_text(encoding="utf-8"))
    return facts


def _region_of(environment: str) -> str | None:
    """Return the region of the environment's stack file, or None for the caller's own."""
    stack_file = LOCAL_FACTS.parents[1] / f"Pulumi.{environment}.yaml"
    if not stack_file.exists():
        return None
    config = yaml.safe_load(stack_file.read_text(encoding="utf-8"))["config"]
    return str(config["aws:region"])


def _local_keys(facts: dict[str, Any]) -> Keys:
    clock = LOCAL_FACTS.parent / "clock"
    return local_keys(facts["aws_endpoint_url"], facts["region"], facts["outputs"], clock)


def _keys(client: Any, table: str, environment: str, clock: Path | None) -> Keys:
    now = offset_clock(clock) if clock else system_clock
    return Keys(DynamoKeyAdmin(client, table), environment, now)
