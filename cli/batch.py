"""``sluice batch``: a file of calls at half price, from its upload to its results."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.connection import gateway
from cli.tables import giving_way, number, one_line, print_table

if TYPE_CHECKING:  # the SDK takes seconds to import, and few commands need it
    from openai import OpenAI
    from openai.types import Batch

app = typer.Typer(help="Files of calls, answered within a day at half price.", no_args_is_help=True)
console = Console(highlight=False)
err = Console(stderr=True, highlight=False)

PART_BYTES: Final = 4 * 1024 * 1024
"""What the gateway takes in one request."""
_AT_REST: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_LONGEST_PAUSE_SECONDS: Final = 15.0
_INTERRUPTED: Final = 130
"""As shells have it: 128 and the number of the signal."""

Endpoint = Annotated[str | None, typer.Option(help="The gateway; else SLUICE_ENDPOINT.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
BatchId = Annotated[str, typer.Argument(help="The id of a batch.")]


def _writable(target: Path | None) -> Path | None:
    """Refuse a place that nothing can be written to, before anybody waits a day for it."""
    if target is not None and not target.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {target.parent}")
    return target


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .jsonl of calls.")],
    watch: Annotated[bool, typer.Option("--watch", help="Wait for the end of it.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            callback=_writable,
            help="Where the answers go once it has ended; implies --watch.",
        ),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(
            callback=_writable,
            help="Where the errors go once it has ended; implies --watch.",
        ),
    ] = None,
    url: Annotated[
        str, typer.Option(help="What its lines ask: this or /v1/messages.")
    ] = "/v1/chat/completions",
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> None:
    """Upload a file and make a batch of it."""
    with _client(endpoint) as client:
        made = client.batches.create(
            input_file_id=_uploaded(client, file),
            endpoint=url,  # type: ignore[arg-type]
            completion_window="24h",
            extra_headers={"Idempotency-Key": secrets.token_hex(16)},
        )
        if watch or output or errors:
            made = _watched(client, made)
            _saved(client, made.output_file_id, output)
            _saved(client, made.error_file_id, errors)
        _tell(made, as_json=as_json)
    if made.status == "failed":
        raise typer.Exit(1)


@app.command()
def get(
    batch_id: BatchId,
    watch: Annotated[bool, typer.Option("--watch", help="Wait for the end of it.")] = False,
    output: Annotated[Path | None, typer.Option(help="Where its answers go.")] = None,
    errors: Annotated[Path | None, typer.Option(help="Where its errors go.")] = None,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> None:
    """Show a batch, and fetch what it brought."""
    with _client(endpoint) as client:
        found = client.batches.retrieve(batch_id)
        found = _watched(client, found) if watch else found
        _saved(client, found.output_file_id, output)
        _saved(client, found.error_file_id, errors)
        _tell(found, as_json=as_json)


@app.command()
def cancel(batch_id: BatchId, endpoint: Endpoint = None, as_json: AsJson = False) -> None:
    """Have a batch stopped; what was answered by then is kept, and paid."""
    with _client(endpoint) as client:
        _tell(client.batches.cancel(batch_id), as_json=as_json)


@app.command("list")
def list_batches(
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many, newest first.")] = 20,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> None:
    """List the batches of your team."""
    with _client(endpoint) as client:
        found = client.batches.list(limit=limit).data
    if as_json:
        typer.echo(json.dumps([each.to_dict() for each in found], indent=2))
        return
    numbers = map(number, ("done", "cost $", "saved $"))
    columns = (one_line("batch"), giving_way("status"), *numbers)
    print_table(console, columns, list(map(_row, found)))


@contextmanager
def _client(endpoint: str | None) -> Iterator[OpenAI]:
    """Yield the SDK; what the gateway refuses is told and ends the command."""
    from openai import APIError, OpenAI  # noqa: PLC0415

    from cli.ask import told  # noqa: PLC0415

    target = gateway(endpoint, None)
    try:
        with OpenAI(base_url=target.endpoint + "/v1", api_key=target.api_key) as client:
            yield client
    except APIError as error:
        err.print(told(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _uploaded(client: OpenAI, file: Path) -> str:
    if file.stat().st_size <= PART_BYTES:
        return client.files.create(file=file, purpose="batch").id
    upload = client.uploads.upload_file_chunked(
        file=file, mime_type="application/jsonl", purpose="batch", part_size=PART_BYTES
    )
    if upload.file is None:
        raise typer.BadParameter("the upload became no file")
    return upload.file.id


def _watched(client: OpenAI, batch: Batch) -> Batch:
    """Wait for the end of a batch, and show how far it is; whoever stops waiting is told how on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    err.print(batch.id, soft_wrap=True)
    pause = 1.0
    try:
        with Progress(*columns, TimeElapsedColumn(), console=err) as progress:
            task = progress.add_task(batch.status, total=None)
            while True:
                counts = batch.request_counts
                if counts is not None and counts.total:
                    ended = counts.completed + counts.failed
                    progress.update(task, total=counts.total, completed=ended)
                progress.update(task, description=batch.status)
                if batch.status in _AT_REST:
                    return batch
                time.sleep(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 1.3)
                batch = _looked_at(client, batch)
    except KeyboardInterrupt:
        err.print(f"The batch goes on: sluice batch get {batch.id} --watch", soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None


def _looked_at(client: OpenAI, batch: Batch) -> Batch:
    """Return a batch as it is now; a gateway that is away for a while ends no watch of a day."""
    from openai import APIConnectionError, InternalServerError  # noqa: PLC0415

    try:
        return client.batches.retrieve(batch.id)
    except (APIConnectionError, InternalServerError):
        return batch


def _saved(client: OpenAI, file_id: str | None, target: Path | None) -> None:
    if target is None:
        return
    if file_id is None:
        err.print(f"nothing to write to {target}", soft_wrap=True)
        return
    with client.files.with_streaming_response.content(file_id) as content:
        content.stream_to_file(target)
    err.print(f"wrote {target}", soft_wrap=True)


def _row(batch: Batch) -> tuple[str, ...]:
    money = _money(batch)
    told = (money.get("cost_usd", ""), money.get("saved_usd", ""))
    return (batch.id, batch.status, _done(batch), *told)


def _done(batch: Batch) -> str:
    """Return how many lines have their end, of how many."""
    counts = batch.request_counts
    return f"{counts.completed + counts.failed}/{counts.total}" if counts else "0/0"


def _tell(batch: Batch, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(batch.to_dict(), indent=2))
        return
    console.print(f"{batch.id}  {batch.status}", soft_wrap=True)
    for each in batch.errors.data or [] if batch.errors else []:
        where = f"line {each.line}: " if each.line else ""
        console.print(f"  {where}{each.code}: {each.message}", soft_wrap=True, style="red")
    if batch.request_counts is not None:
        counts = batch.request_counts
        answered = f"{counts.completed} answered, {counts.failed} without an answer"
        console.print(f"  {counts.total} lines, {answered}")
    for name in ("output_file_id", "error_file_id"):
        if (file_id := getattr(batch, name)) is not None:
            console.print(f"  {name.removesuffix('_file_id')} file {file_id}")
    _tell_money(_money(batch))


def _tell_money(money: dict[str, Any]) -> None:
    if not money:
        return
    baseline, saved = Decimal(money["baseline_usd"]), Decimal(money["saved_usd"])
    percent = f" ({100 * saved / baseline:.1f} %)" if baseline else ""
    console.print(
        f"  cost ${money['cost_usd']}, saved ${money['saved_usd']}{percent} of "
        f"${money['baseline_usd']}",
        soft_wrap=True,
    )


def _money(batch: Batch) -> dict[str, Any]:
    found: dict[str, Any] = (batch.model_extra or {}).get("sluice") or {}
    return found
