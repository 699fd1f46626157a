"""``sluice account``: what is set up once per AWS account and region, outside every stack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from cli.account_setup import Account, Step

app = typer.Typer(help="What an AWS account needs once per region.", no_args_is_help=True)
console = Console(highlight=False)


@dataclass(frozen=True)
class Place:
    """Which account and region the credentials at hand lead to."""

    account_id: str
    region: str


@app.command()
def setup(
    region: Annotated[str | None, typer.Option(help="The region; else your own default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is missing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Let API Gateway write logs in this account and region. Does nothing where it may already."""
    try:
        place, target = _connect(region)
        told = [(step.what, _do(step, dry_run=dry_run)) for step in target.steps()]
    except (ClientError, BotoCoreError) as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(_facts(place, told), indent=2))
    else:
        _print(place, told)


def _connect(region: str | None) -> tuple[Place, Account]:
    session = boto3.Session(region_name=region)
    caller = session.client("sts").get_caller_identity()
    gateway = session.client("apigateway")
    place = Place(caller["Account"], gateway.meta.region_name)
    return place, Account(session.client("iam"), gateway)


def _do(step: Step, *, dry_run: bool) -> str:
    if step.is_there:
        return "was there"
    if dry_run:
        return "missing"
    step.make()
    return "made"


def _facts(place: Place, told: list[tuple[str, str]]) -> dict[str, object]:
    steps = [{"what": what, "state": state} for what, state in told]
    return {"account": place.account_id, "region": place.region, "steps": steps}


def _print(place: Place, told: list[tuple[str, str]]) -> None:
    console.print(f"Account {place.account_id}, {place.region}")
    for what, state in told:
        console.print(f"{state:>9}  {escape(what)}", soft_wrap=True)
