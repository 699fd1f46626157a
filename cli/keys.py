"""``sluice keys``: create, list and revoke gateway keys."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Column, Table

from cli.connection import keys_of
from shared.clock import utc
from shared.domain.api_keys import KeyLimits
from shared.domain.entries import KeyRow
from shared.usecases.keys import BadTeam, UnknownKey

app = typer.Typer(help="Create, list and revoke gateway keys.", no_args_is_help=True)
console = Console(highlight=False)

Environment = Annotated[
    str | None,
    typer.Option("--stack", "--env", help="A stack on AWS; without it, the local world."),
]
Local = Annotated[
    str | None, typer.Option("--local", help="One of several stacks in the local world.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_AWS_ERRORS = (ClientError, BotoCoreError)


@app.command()
def create(
    team: Annotated[str, typer.Argument(help="The team that the key belongs to and pays from.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Calls to providers a minute; else the stack's.")
    ] = None,
    tokens_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Tokens a minute; else the stack's.")
    ] = None,
    in_flight: Annotated[
        int | None, typer.Option(min=1, help="Calls at once; else the stack's.")
    ] = None,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for a team and print it, once: only its hash is stored."""
    limits = KeyLimits(
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        in_flight=in_flight,
    )
    try:
        made = keys_of(environment, local).create(team, name, limits)
    except (BadTeam, *_AWS_ERRORS) as error:
        raise _refused(error) from None
    if as_json:
        _print_json({"key": made.text, **_facts(made.row)})
        return
    console.print(made.text, soft_wrap=True)
    console.print(f"[dim]id {made.row.key_id}; it is not shown again.[/dim]")


@app.command("list")
def list_keys(
    team: Annotated[str | None, typer.Option(help="One team only.")] = None,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """List keys, oldest first."""
    try:
        rows = keys_of(environment, local).list_keys(team)
    except _AWS_ERRORS as error:
        raise _refused(error) from None
    if as_json:
        _print_json([_facts(row) for row in rows])
        return
    table = Table(Column("id", no_wrap=True), "team", "name", "limits", "created", "revoked")
    for row in rows:
        revoked = _time(row.revoked_at) if row.revoked_at else "-"
        limits = _limits(row.limits)
        table.add_row(row.key_id, row.team, row.name, limits, _time(row.created_at), revoked)
    console.print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a key: it stops working within 60 seconds."""
    try:
        row = keys_of(environment, local).revoke(key_id)
    except (UnknownKey, *_AWS_ERRORS) as error:
        raise _refused(error) from None
    if as_json:
        _print_json(_facts(row))
        return
    console.print(f"{row.key_id} is revoked; it stops working within 60 seconds.")


def _facts(row: KeyRow) -> dict[str, Any]:
    facts = asdict(row)
    del facts["digest"]
    return facts


def _limits(limits: KeyLimits) -> str:
    """Return the limits of a key's own; those of the environment stand in its settings."""
    told = {
        "calls/min": limits.requests_per_minute,
        "tokens/min": limits.tokens_per_minute,
        "at once": limits.in_flight,
    }
    return ", ".join(f"{most} {what}" for what, most in told.items() if most is not None) or "-"


def _time(at: int) -> str:
    return f"{utc(at):%Y-%m-%d %H:%M}"


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def _refused(error: Exception) -> typer.Exit:
    Console(stderr=True, highlight=False).print(f"[red]{error}[/red]", soft_wrap=True)
    return typer.Exit(1)
