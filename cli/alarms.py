"""``sluice alarms``: which alarms are off, and what people were told."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Column
from rich.text import Text

from cli import budget_options as options
from cli.connection import Stack, stack_of
from cli.keys import AsJson, Environment, Local
from cli.tables import giving_way, one_line, print_table, table_of
from shared.adapters.dynamodb.notices import DynamoNotices
from shared.clock import utc
from shared.domain.budgets.changes import months_back
from shared.domain.errors import StoreUnavailable
from shared.domain.notices import Message
from shared.domain.notices.alarm_notices import WHAT_TO_DO
from shared.resources import resource_name

app = typer.Typer(help="See which alarms are off, and what people were told.", no_args_is_help=True)
console = Console(highlight=False)

_STATES: Final = ("ALARM", "INSUFFICIENT_DATA", "OK")
_COLOURS: Final = {"ALARM": "red", "INSUFFICIENT_DATA": "yellow", "OK": "green"}
_WEEK_SECONDS: Final = 7 * 24 * 3600
_KEPT_MONTHS: Final = 13


@app.command("list")
def list_alarms(
    environment: Environment = None, local: Local = None, as_json: AsJson = False
) -> None:
    """List the alarms of a stack, those that are off first, with what to read."""
    alarms = [_facts(each) for each in _alarms(stack_of(environment, local))]
    alarms.sort(key=lambda each: (_STATES.index(each["state"]), each["alarm"]))
    if as_json:
        typer.echo(json.dumps(alarms, indent=2))
        return
    rows = [
        (a["alarm"], Text(a["state"], _COLOURS[a["state"]]), a["since"], _section(a["what_to_do"]))
        for a in alarms
    ]
    columns = (
        one_line("alarm"),
        giving_way("state"),
        giving_way("since (UTC)"),
        one_line("runbook"),
    )
    print_table(console, columns, rows)


@app.command()
def messages(
    since: Annotated[
        int | None,
        typer.Option(parser=options.duration, metavar="TIME", help="How far back; 7d without it."),
    ] = None,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Show what people were told, oldest first, and whether it reached them."""
    stack = stack_of(environment, local)
    found = _messages(stack, stack.clock() - (since or _WEEK_SECONDS))
    if as_json:
        typer.echo(json.dumps([_message_facts(each) for each in found], indent=2))
        return
    subject = Column("subject", overflow="fold")
    rows = [
        (facts["at"], facts["status"], ", ".join(facts["reached"]) or "-", facts["subject"])
        for facts in map(_message_facts, found)
    ]
    console.print(table_of(("when (UTC)", "status", "reached", subject), rows))


def _section(address: str) -> str:
    """Return the section alone: the page is the same for all, and a narrow terminal cuts both."""
    _, mark, section = address.rpartition("#")
    return mark + section


def _alarms(stack: Stack) -> list[dict[str, Any]]:
    prefix = resource_name(stack.environment, "")
    pages = stack.client("cloudwatch").get_paginator("describe_alarms")
    try:
        return [
            alarm
            for page in pages.paginate(AlarmNamePrefix=prefix)
            for alarm in page["MetricAlarms"]
        ]
    except (ClientError, BotoCoreError) as error:
        raise _failed(str(error)) from None


def _facts(alarm: dict[str, Any]) -> dict[str, Any]:
    says, _, next_step = alarm.get("AlarmDescription", "").partition(WHAT_TO_DO)
    since = alarm.get("StateTransitionedTimestamp", alarm["StateUpdatedTimestamp"])
    return {
        "alarm": alarm["AlarmName"],
        "state": alarm["StateValue"],
        "since": f"{since:%Y-%m-%d %H:%M:%S}",
        "says": says,
        "reason": alarm.get("StateReason", ""),
        "what_to_do": next_step,
    }


def _messages(stack: Stack, since: float) -> list[Message]:
    troubles: list[str] = []
    client = stack.client("dynamodb")
    notices = DynamoNotices(
        client, stack.ledger_table, lambda operation, code: troubles.append(f"{operation}: {code}")
    )
    first = f"{utc(since):%Y-%m}"
    months = [
        month
        for month in months_back(f"{utc(stack.clock()):%Y-%m}", _KEPT_MONTHS)
        if month >= first
    ]
    try:
        found = [each for month in reversed(months) for each in notices.messages(month)]
    except StoreUnavailable:
        raise _failed("; ".join(troubles)) from None
    return [each for each in found if each.at >= since]


def _message_facts(message: Message) -> dict[str, Any]:
    progress = message.progress
    return {
        "at": f"{utc(message.at):%Y-%m-%d %H:%M:%S}",
        "message_id": message.message_id,
        "status": progress.status,
        "reached": sorted(progress.sent),
        "tries": progress.tries,
        "subject": message.subject,
        "text": message.text,
    }


def _failed(text: str) -> typer.Exit:
    Console(stderr=True, highlight=False).print(f"[red]{escape(text)}[/red]", soft_wrap=True)
    return typer.Exit(1)
