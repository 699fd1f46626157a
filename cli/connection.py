"""Where a command finds the gateway or the ledger: the local world, or an AWS environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import boto3
import typer
import yaml
from botocore.exceptions import BotoCoreError

from cli.pulumi_stack import CHECKOUT, stack_outputs
from shared.adapters.dynamodb.keys import DynamoKeyAdmin
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.clock import Clock, offset_clock, system_clock
from shared.resources import LEDGER_TABLE
from shared.usecases.keys import Keys
from shared.usecases.usage_reader import UsageReader

LOCAL_FACTS: Final = CHECKOUT / ".sluice" / "local.json"
ENDPOINT_VARIABLE: Final = "SLUICE_ENDPOINT"
KEY_VARIABLE: Final = "SLUICE_API_KEY"


@dataclass(frozen=True)
class Gateway:
    """A gateway to call and a key to call it with."""

    endpoint: str
    api_key: str


def gateway(endpoint: str | None, api_key: str | None, *, local: str | None = None) -> Gateway:
    """Return the gateway named by options, by the environment, or by the running local world.

    ``local`` names one of several stacks in the local world, and leaves the environment aside.
    """
    if local is None:
        endpoint = endpoint or os.environ.get(ENDPOINT_VARIABLE)
        api_key = api_key or os.environ.get(KEY_VARIABLE)
    if endpoint is None or api_key is None:
        facts = local_facts(local)
        if facts is None:
            raise typer.BadParameter(
                f"no gateway to call: start one with `make run`, or set {ENDPOINT_VARIABLE} "
                f"and {KEY_VARIABLE}"
            )
        endpoint, api_key = endpoint or facts["endpoint"], api_key or facts["api_key"]
    return Gateway(_base(endpoint), str(api_key))


def deployed_gateway(stack: str, api_key: str | None) -> Gateway:
    """Return the gateway of a stack on AWS; Pulumi knows where it is, the operator has the key."""
    api_key = api_key or os.environ.get(KEY_VARIABLE)
    if api_key is None:
        raise typer.BadParameter(
            f"no key: make one with `sluice keys create smoke --stack {stack}`, and give it as "
            f"--key or in {KEY_VARIABLE}"
        )
    return Gateway(_base(stack_outputs(stack)["endpoint"]), api_key)


@dataclass(frozen=True)
class Stack:
    """One environment as its operator reaches it: on AWS, or in the local world.

    ``client`` makes the client of an AWS service. On AWS the caller's own credentials decide what
    may be done; there is no admin route on the data plane.
    """

    environment: str
    client: Callable[[str], Any]
    clock: Clock

    @property
    def ledger_table(self) -> str:
        """The table of keys, budgets and usage."""
        return LEDGER_TABLE.name(self.environment)

    @property
    def keys(self) -> Keys:
        """The environment's gateway keys."""
        admin = DynamoKeyAdmin(self.client("dynamodb"), self.ledger_table)
        return Keys(admin, self.environment, self.clock)


def stack_of(environment: str | None, local: str | None = None) -> Stack:
    """Return an AWS environment, or the running local world where none is named.

    ``local`` names one of several stacks there.
    """
    if environment is not None:
        session = _session_of(environment)
        return Stack(environment, session.client, system_clock)  # type: ignore[arg-type]
    facts = local_facts(local)
    if facts is None:
        raise typer.BadParameter(
            "no local world runs here: name a stack on AWS with --stack, or `make run`"
        )
    clock = LOCAL_FACTS.parent / "clock"
    return local_stack(facts["aws_endpoint_url"], facts["region"], facts["outputs"], clock)


def _session_of(environment: str) -> boto3.Session:
    """Return the operator's own session; exits where the profile that is named is none."""
    try:
        return boto3.Session(region_name=_region_of(environment))
    except BotoCoreError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def local_stack(aws_endpoint_url: str, region: str, outputs: dict[str, Any], clock: Path) -> Stack:
    """Return a stack of a local world, with the rights of who runs it."""
    from local.admin import DIRECT  # noqa: PLC0415 - only where a local world is meant
    from local.aws import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY  # noqa: PLC0415

    session = boto3.Session(ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY, region_name=region)
    client = partial(session.client, endpoint_url=aws_endpoint_url, config=DIRECT)
    return Stack(str(outputs["environment"]), client, offset_clock(clock))


def keys_of(environment: str | None, local: str | None = None) -> Keys:
    """Return the keys of an AWS environment, or of the running local world."""
    return stack_of(environment, local).keys


@dataclass(frozen=True)
class UsageSource:
    """An environment's usage, under the operator's own credentials.

    ``troubles`` gathers the AWS errors of calls that failed.
    """

    environment: str
    ledger: DynamoLedger
    clock: Clock
    troubles: list[str]

    @property
    def reader(self) -> UsageReader:
        """What adds usage up."""
        return UsageReader(self.ledger, self.clock)


def usage_of(environment: str | None, local: str | None = None) -> UsageSource:
    """Return the usage of an AWS environment, or of the local world where none is named."""
    troubles: list[str] = []

    def report(operation: str, code: str) -> None:
        troubles.append(f"{operation}: {code}")

    if environment is not None:
        client: Any = _session_of(environment).client("dynamodb")
        ledger = DynamoLedger(client, LEDGER_TABLE.name(environment), report)
        return UsageSource(environment, ledger, system_clock, troubles)
    facts = local_facts(local)
    if facts is None:
        raise typer.BadParameter(
            "no local world runs here: name a stack on AWS with --stack, or `make run`"
        )
    from local.admin import Admin  # noqa: PLC0415 - only where a local world is meant

    outputs = facts["outputs"]
    client = Admin(facts["aws_endpoint_url"], facts["region"]).dynamodb
    ledger = DynamoLedger(client, outputs["ledger_table"], report)
    clock = offset_clock(LOCAL_FACTS.parent / "clock")
    return UsageSource(outputs["environment"], ledger, clock, troubles)


def local_keys(aws_endpoint_url: str, region: str, outputs: dict[str, Any], clock: Path) -> Keys:
    """Return the keys of a local world."""
    return local_stack(aws_endpoint_url, region, outputs, clock).keys


def local_facts(stack: str | None = None) -> dict[str, Any] | None:
    """Return what the running local world left in ``.sluice/local.json``, or None without one.

    Of several stacks it is the named one's facts, else the first one's. Raises
    ``typer.BadParameter`` for a stack that does not run.
    """
    if not LOCAL_FACTS.exists():
        return None
    facts: dict[str, Any] = json.loads(LOCAL_FACTS.read_text(encoding="utf-8"))
    stacks = facts.get("stacks", {facts["outputs"]["environment"]: {}})
    if stack is not None and stack not in stacks:
        raise typer.BadParameter(f"no stack {stack} runs here, only {', '.join(stacks)}")
    return facts | stacks[stack] if stack is not None else facts


def _base(endpoint: object) -> str:
    return str(endpoint).rstrip("/").removesuffix("/v1")


def _region_of(environment: str) -> str | None:
    """Return the region of the environment's stack file, or None for the caller's own."""
    stack_file = CHECKOUT / f"Pulumi.{environment}.yaml"
    if not stack_file.exists():
        return None
    config = yaml.safe_load(stack_file.read_text(encoding="utf-8"))["config"]
    return str(config["aws:region"])
