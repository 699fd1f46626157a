"""``sluice jobs``: deferred calls, and the messages of theirs that nobody could handle."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from cli.connection import Stack, stack_of
from cli.dead_letters import DeadLetter, DeadLetters
from cli.keys import AsJson, Environment, Local
from cli.tables import giving_way, number, one_line, print_table, table_of
from shared.adapters.blobs import S3Blobs
from shared.adapters.dynamodb.budget_admin import DynamoBudgetAdmin
from shared.adapters.dynamodb.jobs import DynamoJobs
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.adapters.job_queue import SqsJobQueue
from shared.adapters.telemetry import PowertoolsMeter
from shared.clock import utc
from shared.domain.api_keys import KeyLimits
from shared.domain.budgets.seeds import Seeds
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.job import Job
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.money import format_usd
from shared.resources import JOBS_TABLE
from shared.usecases.holding import Holding, HoldPolicy
from shared.usecases.jobs.operating import JobOperator, NoSuchJob

app = typer.Typer(
    help="See deferred calls, cancel them, send lost messages again.", no_args_is_help=True
)
console = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_AWS_ERRORS: Final = (BotoCoreError, ClientError, StoreUnavailable)
_NO_FILES: Final = ""

Team = Annotated[str, typer.Argument(help="Whose job it is.")]
JobId = Annotated[str, typer.Argument(help="The job's id: job_…")]


@app.command("list")
def list_jobs(
    team: Annotated[str | None, typer.Option(help="One team only.")] = None,
    newest: Annotated[int, typer.Option(min=1, max=1000, help="So many of each team.")] = 20,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """List the newest jobs, the provider batches that are open, and the dead letters."""
    stack = stack_of(environment, local)
    try:
        jobs = _newest(stack, team, newest)
        batches, dead = _store(stack).open_batches(), DeadLetters(stack).look()
    except _AWS_ERRORS as error:
        raise _refused(error) from None
    if as_json:
        found = {
            "jobs": [_job_facts(each) for each in jobs],
            "open_batches": [_batch_facts(each) for each in batches],
            "dead_letters": [each.facts() for each in dead],
        }
        typer.echo(json.dumps(found, indent=2))
        return
    _print_jobs(jobs)
    _print_batches(batches)
    _print_dead(dead)


@app.command()
def show(
    team: Team,
    job: JobId,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of a job, but what it asks and what it was answered."""
    stack = stack_of(environment, local)
    try:
        found = _operator(stack).job(team, job)
        batch = None if found.batch is None else _store(stack).batch(found.batch)
    except (NoSuchJob, *_AWS_ERRORS) as error:
        raise _refused(error) from None
    facts = _job_facts(found) | {"batch": None if batch is None else _batch_facts(batch)}
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    batch_facts = facts.pop("batch") or {}
    for name, value in {**facts, **{f"batch {k}": v for k, v in batch_facts.items()}}.items():
        if value is not None:
            console.print(f"[dim]{name:<24}[/dim] {escape(str(value))}", soft_wrap=True)


@app.command()
def cancel(
    team: Team,
    job: JobId,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """End a job without an answer, and give its hold back.

    A line that a provider works on already is still paid, and its hold ends with it.
    """
    try:
        after = _operator(stack_of(environment, local)).cancel(team, job)
    except (NoSuchJob, *_AWS_ERRORS) as error:
        raise _refused(error) from None
    if as_json:
        typer.echo(json.dumps(_job_facts(after), indent=2))
        return
    console.print(f"{after.id} is {after.state}.")


@app.command()
def redrive(
    discard_unreadable: Annotated[
        bool, typer.Option(help="Delete the messages that name no job, which never can be handled.")
    ] = False,
    environment: Environment = None,
    local: Local = None,
    as_json: AsJson = False,
) -> None:
    """Send the dead letters that name a job again, and take them out of the dead letters."""
    letters = DeadLetters(stack_of(environment, local))
    try:
        done = letters.redrive(discard_unreadable=discard_unreadable)
    except _AWS_ERRORS as error:
        raise _refused(error) from None
    if as_json:
        typer.echo(json.dumps(done, indent=2))
        return
    console.print(", ".join(f"{what}: {count}" for what, count in done.items()))
    if done["unreadable"] and not discard_unreadable:
        err.print("Some name no job: read them above, then use --discard-unreadable.")


def _store(stack: Stack) -> DynamoJobs:
    blobs = S3Blobs(stack.client("s3"), _NO_FILES, _ignore)
    table = JOBS_TABLE.name(stack.environment)
    return DynamoJobs(stack.client("dynamodb"), table, blobs, _ignore, stack.clock)


def _operator(stack: Stack) -> JobOperator:
    ledger = DynamoLedger(stack.client("dynamodb"), stack.ledger_table, _ignore)
    # Holds are only given back here, so what bounds a new one does not matter.
    policy = HoldPolicy(Seeds(), max_share_percent=100, key_limits=KeyLimits())
    queue = SqsJobQueue(stack.client("sqs"), _NO_FILES, _ignore)
    holding = Holding(ledger, stack.clock, policy, time.sleep)
    return JobOperator(_store(stack), queue, holding, stack.clock, _meter(stack))


def _meter(stack: Stack) -> PowertoolsMeter:
    return PowertoolsMeter(stack.environment, stack.clock, service="operator")


def _newest(stack: Stack, team: str | None, newest: int) -> list[Job]:
    store = _store(stack)
    admin = DynamoBudgetAdmin(stack.client("dynamodb"), stack.ledger_table)
    teams = [team] if team is not None else sorted(admin.teams())
    found = [job for each in teams for job in store.list_jobs(each, newest=newest)]
    return sorted(found, key=lambda job: job.created_at, reverse=True)


def _job_facts(job: Job) -> dict[str, Any]:
    """Return what an operator may see: nothing of what was asked or answered."""
    return {
        "job": job.id,
        "team": job.team,
        "key_id": job.entry.key_id,
        "state": job.state,
        "mode": job.mode,
        "model": job.entry.model,
        "provider": job.entry.provider,
        "created": _time(job.created_at),
        "deadline": _time(job.deadline),
        "goes_at": _time(job.go_at) if job.state == "queued" else None,
        "finished": None if job.finished_at is None else _time(job.finished_at),
        "tries": job.tries,
        "held_usd": None if job.held is None else format_usd(job.held.nano),
        "cost_usd": job.notes.get("cost_usd"),
        "saved_usd": job.notes.get("saved_usd"),
        "provider_batch": job.batch,
        "error": None if job.error is None else f"{job.error.code}: {job.error.message}",
    }


def _batch_facts(batch: ProviderBatch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "provider": batch.provider,
        "at_the_provider": batch.provider_batch,
        "model": batch.model,
        "state": batch.state,
        "lines": batch.lines,
        "created": _time(batch.created_at),
        "first_deadline": _time(batch.first_deadline),
        "next_poll": _time(batch.poll_at) if batch.state == "submitted" else None,
        "reason": batch.reason or None,
    }


def _print_jobs(jobs: list[Job]) -> None:
    rows = []
    for each in jobs:
        facts = _job_facts(each)
        cost = facts["cost_usd"] or "-"
        state = facts["state"] if each.mode == "batch" else f"{facts['state']} ({each.mode})"
        rows.append((each.id, each.team, state, each.entry.model, facts["deadline"], cost))
    texts = [giving_way(name) for name in ("team", "state", "model", "deadline (UTC)")]
    print_table(console, (one_line("job"), *texts, number("cost")), rows)


def _print_batches(batches: list[ProviderBatch]) -> None:
    if not batches:
        return
    rows = [
        (b.id, b.provider, b.model, b.state, str(b.lines), _time(b.first_deadline)) for b in batches
    ]
    names = ("provider", "model", "state", "lines", "first deadline (UTC)")
    print_table(console, (one_line("open batch"), *map(giving_way, names)), rows)


def _print_dead(dead: list[DeadLetter]) -> None:
    if not dead:
        return
    rows = []
    for facts in (each.facts() for each in dead):
        job = facts["job"] or Text("unreadable", "red")
        rows.append(
            (facts["message_id"], facts["team"] or "-", job, facts["sent"], str(facts["received"]))
        )
    names = ("dead letter", "team", "job", "sent (UTC)", "received")
    console.print(table_of(list(map(giving_way, names)), rows))


def _time(at: float) -> str:
    return f"{utc(at):%Y-%m-%d %H:%M:%S}"


def _ignore(_operation: str, _code: str) -> None:
    """Say nothing: what AWS refuses ends the command with its own words."""


def _refused(error: Exception) -> typer.Exit:
    err.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
    return typer.Exit(1)
